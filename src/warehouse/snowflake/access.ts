/** Implements `Warehouse.access`: the worker's sessions run the functions' queries. */
import { join } from 'node:path';
import type { WarehouseAccess } from '../../core/warehouse-access';
import type { SessionPool } from '../../snowflake';
import { columnNames, rowReader } from '../../snowflake/js-values';
import type { Warehouse } from '../warehouse';
import { LOAD_PARAMETERS } from './load-parameters';
import { queryPartition } from './query-partition';

const MAX_ROWS = 100_000;
const DEFAULT_TIMEOUT_MS = 3_600_000;

class TooManyRows extends Error {
  override name = 'TooManyRows';
  readonly nonRetryable = true;
}

export function warehouseAccess(
  pool: SessionPool,
  { pushDown, columns, snapshotTime }: Parameters<Warehouse['access']>[0],
  { timeoutMs, scratch }: { timeoutMs: number | null; scratch: string },
): WarehouseAccess {
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
          if (rows.length + batch.length > MAX_ROWS) {
            throw new TooManyRows(
              `The query returns more than ${MAX_ROWS.toLocaleString('en')} rows. Aggregate in the query, or read the partition's rows from data.`,
            );
          }
          for (const row of batch) rows.push(read(row));
        }
        return { names: columnNames(found), rows };
      }, signal),
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
