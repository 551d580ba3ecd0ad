/** Rows as the content of a CSV or Parquet file, and back, by DuckDB. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DuckDBInstance, type DuckDBConnection } from '@duckdb/node-api';
import { memoryRows } from './memory-rows';
import { literal } from './quote';
import { allRows } from './slices';
import type { Row } from './types';

export type RowsFormat = 'csv' | 'parquet';

const FORMATS: Record<RowsFormat, { copy: string; read: (file: string) => string }> = {
  csv: { copy: '(FORMAT csv, HEADER)', read: (file) => `read_csv(${file}, header = true, sample_size = -1)` },
  parquet: { copy: '(FORMAT parquet)', read: (file) => `read_parquet(${file})` },
};

/** Throws `InvalidResult` for rows that no table can hold. */
export async function writeRows(rows: Row[], format: RowsFormat): Promise<Uint8Array> {
  // No rows, no columns, and no line that would name them.
  if (rows.length === 0 && format === 'csv') return new Uint8Array();
  return withFile(format, async (file, connection, database) => {
    const select = await (await memoryRows(database, rows)).view(connection);
    await connection.run(`COPY (${select}) TO ${literal(file)} ${FORMATS[format].copy}`);
    return readFile(file);
  });
}

/** CSV has no types: what looks like a number, a date or a boolean in every row becomes one. */
export async function readRows(content: Uint8Array, format: RowsFormat): Promise<Row[]> {
  if (content.length === 0) return [];
  return withFile(format, async (file, connection) => {
    await writeFile(file, content);
    return allRows(await connection.run(`SELECT * FROM ${FORMATS[format].read(literal(file))}`));
  });
}

async function withFile<T>(
  format: RowsFormat,
  use: (file: string, connection: DuckDBConnection, database: DuckDBInstance) => Promise<T>,
): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'partwise-rows-'));
  const database = await DuckDBInstance.create(':memory:', { threads: '1' });
  const connection = await database.connect();
  try {
    return await use(join(folder, `rows.${format}`), connection, database);
  } finally {
    connection.closeSync();
    database.closeSync();
    await rm(folder, { recursive: true, force: true });
  }
}
