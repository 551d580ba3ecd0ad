import type { DuckDBConnection, DuckDBValue } from '@duckdb/node-api';

/**
 * Returns a query's result by column. Chunk by chunk, since the values of millions of rows take seconds to
 * convert, in which the process could not even send a heartbeat.
 */
export async function readColumns(
  connection: DuckDBConnection,
  sql: string,
  values: readonly DuckDBValue[] = [],
): Promise<DuckDBValue[][]> {
  const result = await connection.stream(sql, [...values]);
  const columns: DuckDBValue[][] = Array.from({ length: result.columnCount }, () => []);
  for (let chunk; (chunk = await result.fetchChunk()) !== null && chunk.rowCount > 0;) {
    for (const [i, column] of columns.entries()) column.push(...chunk.getColumnValues(i));
  }
  return columns;
}
