/** Reads a query chunk by chunk on its own connection, so that other queries may run at the same time. */
import type { DuckDBInstance } from '@duckdb/node-api';
import { type Shape, shapeOf, type Slice } from './slices';

export async function* streamQuery(
  database: DuckDBInstance,
  sql: string,
): AsyncGenerator<{ slice: Slice; shape: Shape }, void, undefined> {
  const connection = await database.connect();
  try {
    const result = await connection.stream(sql);
    const shape = shapeOf(result, 0);
    for (let chunk; (chunk = await result.fetchChunk()) !== null && chunk.rowCount > 0;) {
      yield { slice: { chunk, from: 0, to: chunk.rowCount }, shape };
    }
  } finally {
    connection.closeSync();
  }
}
