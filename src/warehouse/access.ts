/** What functions get of a warehouse that they have no credentials for (I11): the worker's sessions ask for it. */
import { join } from 'node:path';
import type { UnitPlan } from '../core/plan';
import type { WarehouseAccess } from '../runners/protocol';
import { poolOf } from '../snowflake';
import { columnNames, rowReader } from '../snowflake/js-values';
import { LOAD_PARAMETERS } from './snowflake/load-parameters';

const MOST_ROWS = 100_000;
const DEFAULT_TIMEOUT_MS = 3_600_000;

class TooManyRows extends Error {
  override name = 'TooManyRows';
  readonly nonRetryable = true;
}

type Planned = Pick<UnitPlan, 'warehouse' | 'pushDown' | 'columns' | 'snapshotTime'>;

/**
 * Null: functions open the warehouse themselves. `timeoutMs`: of the partition, and so of its statements; null: an hour. `scratch`: for
 * rows of partitions.
 */
export function warehouseAccess(
  { warehouse, pushDown, columns, snapshotTime }: Planned,
  { timeoutMs, scratch }: { timeoutMs: number | null; scratch: string },
): WarehouseAccess | null {
  if (!warehouse.startsWith('snowflake:')) return null;
  const pool = poolOf(warehouse.slice('snowflake:'.length));
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
          if (rows.length + batch.length > MOST_ROWS) {
            throw new TooManyRows(
              `The query gives more than ${MOST_ROWS.toLocaleString('en')} rows. Aggregate in it, or read the partition's rows from data.`,
            );
          }
          for (const row of batch) rows.push(read(row));
        }
        return { names: columnNames(found), rows };
      }, signal),
    async rows({ ordinal, partitionId, rows, attempt }, signal) {
      // Not on top: it loads DuckDB.
      const {
        queryPartition,
      }: typeof import('./snowflake/query-partition') = require('./snowflake/query-partition');
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
