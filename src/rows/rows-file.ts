/** Converts rows to the content of a CSV or Parquet file, and back, with DuckDB. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { openDatabase } from '../duckdb/database';
import { memoryRows } from './memory-rows';
import { literal } from '../duckdb/quote';
import { toOutputRows } from './rows';
import { allRows } from './slices';
import type { Row } from '../core/row';

export type RowsFormat = 'csv' | 'parquet';

/** DuckDB spills beyond this. */
const MEMORY_BYTES = 256 * 1024 * 1024;

/** CSV files are written and read with the same options, so only types are detected. */
const CSV = `delim = ',', quote = '"', escape = '"'`;

const FORMATS: Record<RowsFormat, { copy: string; read: (file: string, bytes: number) => string }> = {
  csv: {
    copy: `(FORMAT csv, HEADER, ${CSV.replaceAll(' =', '')})`,
    read: (file, bytes) =>
      `read_csv(${file}, header = true, sample_size = -1, ${CSV}, allow_quoted_nulls = false, max_line_size = ${bytes + 2_000_000})`,
  },
  parquet: { copy: '(FORMAT parquet)', read: (file) => `read_parquet(${file})` },
};

/**
 * Throws `InvalidResult` for rows that a table cannot store. `scratch` is a folder for the temporary file.
 */
export async function writeRows(rows: Row[], format: RowsFormat, scratch: string): Promise<Uint8Array> {
  // Without rows there are no columns, and so no header.
  if (rows.length === 0 && format === 'csv') return new Uint8Array();
  // Copied before the first wait, since the caller may change its rows afterwards.
  const taken = toOutputRows(rows, {});
  return withFile(format, scratch, async (file, connection, database) => {
    const select = await (await memoryRows(database, taken)).view(connection);
    await connection.run(`COPY (${select}) TO ${literal(file)} ${FORMATS[format].copy}`);
    return readFile(file);
  });
}

/** CSV has no types: a column becomes numbers, dates or booleans if every row looks like one. */
export async function rowsInBytes(content: Uint8Array, format: RowsFormat, scratch: string): Promise<Row[]> {
  if (content.length === 0) return [];
  return withFile(format, scratch, async (file, connection) => {
    await writeFile(file, content);
    return allRows(
      await connection.run(`SELECT * FROM ${FORMATS[format].read(literal(file), content.length)}`),
    );
  });
}

async function withFile<T>(
  format: RowsFormat,
  scratch: string,
  use: (file: string, connection: DuckDBConnection, database: DuckDBInstance) => Promise<T>,
): Promise<T> {
  const folder = await mkdtemp(join(scratch, 'partwise-rows-'));
  const database = await openDatabase({ memoryBytes: MEMORY_BYTES, tempFolder: folder });
  const connection = await database.connect();
  try {
    return await use(join(folder, `rows.${format}`), connection, database);
  } finally {
    connection.closeSync();
    database.closeSync();
    await rm(folder, { recursive: true, force: true });
  }
}
