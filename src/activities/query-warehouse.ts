/** Queries of functions, which have no credentials of their own (I11): run here, by the worker's sessions. */
import type { QueryWarehouse } from '../runners/protocol';
import { poolOf } from '../snowflake';
import { columnNames, rowReader } from '../snowflake/js-values';
import { LOAD_PARAMETERS } from '../warehouse/snowflake/load-parameters';

const MOST_ROWS = 100_000;
const DEFAULT_TIMEOUT_MS = 3_600_000;

class TooManyRows extends Error {
  override name = 'TooManyRows';
  readonly nonRetryable = true;
}

/** Null: functions open the warehouse themselves. `timeoutMs`: of the partition, and so of its queries; null: an hour. */
export function queryWarehouse(uri: string, timeoutMs: number | null): QueryWarehouse | null {
  if (!uri.startsWith('snowflake:')) return null;
  const pool = poolOf(uri.slice('snowflake:'.length));
  const timeoutSeconds = Math.ceil((timeoutMs ?? DEFAULT_TIMEOUT_MS) / 1000);
  return ({ sql, binds, partitionId, attempt }, signal) =>
    pool.lendFor(async (session) => {
      const tag = { partition: partitionId, attempt };
      const options = { binds, signal, timeoutSeconds, tag, parameters: LOAD_PARAMETERS };
      const { columns, batches } = await session.open(sql, options);
      const read = rowReader(columns);
      const rows: unknown[][] = [];
      for await (const batch of batches) {
        if (rows.length + batch.length > MOST_ROWS) {
          throw new TooManyRows(
            `The query gives more than ${MOST_ROWS.toLocaleString('en')} rows. Aggregate in it, or read the partition's rows from data.`,
          );
        }
        for (const row of batch) rows.push(read(row));
      }
      return { names: columnNames(columns), rows };
    }, signal);
}
