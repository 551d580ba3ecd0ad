import type { DuckDBConnection } from '@duckdb/node-api';
import { describeColumns } from './describe-columns';

/** A type as DuckDB writes it: `decimal(9, 2)` → `DECIMAL(9,2)`; null if there is no such type. */
export async function canonicalType(connection: DuckDBConnection, given: string): Promise<string | null> {
  // It is pasted into SQL: without quotes and semicolons, it can name no file and begin no statement.
  if (!/^[\w ,()"[\]]+$/.test(given)) return null;
  const described = await describeColumns(connection, `(SELECT CAST(NULL AS ${given}) AS value)`).catch(
    () => [],
  );
  return described.length === 1 ? described[0]!.type : null;
}
