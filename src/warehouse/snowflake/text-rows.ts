import { DuckDBDataChunk, VARCHAR, type DuckDBConnection } from '@duckdb/node-api';
import type { TextRow } from '../../snowflake';

/**
 * Fills a new temporary DuckDB table with rows from the driver: columns C0, C1, …, all of them text.
 */
export async function loadTexts(
  connection: DuckDBConnection,
  table: string,
  columns: number,
  batches: AsyncIterable<readonly TextRow[]>,
): Promise<void> {
  const declared = Array.from({ length: columns }, (_, i) => `C${i} VARCHAR`);
  await connection.run(`CREATE OR REPLACE TEMP TABLE ${table} (${declared.join(', ')})`);
  const appender = await connection.createAppender(table, 'main', 'temp');
  const types = Array.from({ length: columns }, () => VARCHAR);
  for await (const rows of batches) {
    const chunk = DuckDBDataChunk.create(types);
    chunk.setRows(rows.map((row) => [...row]));
    appender.appendDataChunk(chunk);
  }
  appender.closeSync();
}
