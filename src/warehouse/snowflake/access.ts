/** Implements `Warehouse.access`: the worker's sessions run the functions' queries. */
import { join } from 'node:path';
import { MAX_QUERY_ROWS, TooManyRows, type WarehouseAccess } from '../../core/warehouse-access';
import type { SessionPool } from '../../snowflake';
import { columnNames, rowReader } from '../../snowflake/js-values';
import type { AccessedUnit, AccessOptions } from '../warehouse';
import { LOAD_PARAMETERS } from './load-parameters';
import { queryPartition } from './query-partition';
import { queryToFile } from './query-to-file';

const DEFAULT_TIMEOUT_MS = 3_600_000;

export function warehouseAccess(
  pool: SessionPool,
  { pushDown, columns, snapshotTime }: AccessedUnit,
  { timeoutMs, scratch }: AccessOptions,
): WarehouseAccess {
  let queries = 0;
  const timeoutSeconds = Math.ceil((timeoutMs ?? DEFAULT_TIMEOUT_MS) / 1000);
  return {
    query: ({ sql, binds, partitionId, attempt }, signal) =>
      pool.lendFor(async (session) => {
        const tag = { partition: partitionId, attempt };
        const options = { binds, signal, timeoutSeconds, tag, parameters: LOAD_PARAMETERS };
        const { columns: found, batches } = await session.open(sql, options);
        const read = rowReader(found);
        const rows: unknown[][] = [];
        for await (const batch of batches) {
          if (rows.length + batch.length > MAX_QUERY_ROWS) throw new TooManyRows();
          for (const row of batch) rows.push(read(row));
        }
        return { names: columnNames(found), rows };
      }, signal),
    queryFile(query, signal) {
      const target = join(scratch, `query-${++queries}.parquet`);
      return queryToFile(pool, {
        ...query,
        target,
        timeoutSeconds,
        tempFolder: join(scratch, 'restore'),
        signal,
      });
    },
    async rows({ ordinal, partitionId, rows, attempt }, signal) {
      const target = join(scratch, `rows-${ordinal}-${attempt}.parquet`);
      const partition = { ordinal, id: partitionId, rows };
      const tempFolder = join(scratch, 'restore');
      await queryPartition(pool, {
        pushDown: pushDown!,
        columns,
        snapshotTime,
        partition,
        attempt,
        timeoutSeconds,
        target,
        tempFolder,
        signal,
      });
      return { file: target };
    },
  };
}
