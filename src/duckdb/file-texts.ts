/** The values of files as text, from which their types are found. */
import { statSync } from 'node:fs';
import type { DuckDBConnection } from '@duckdb/node-api';
import type { Column } from '../core/plan';
import type { CsvDialect } from './csv-dialect';
import { readerSql } from './file-reader';

/** The column with the path of each row's file. */
export const PATH = '__partwise_path';
const TABLE = '__partwise_texts';
/** The table takes a few times as much memory. */
const MAX_BYTES = 16 * 1024 * 1024;
/** How many files a query reads: DuckDB keeps some 30 KB for each until it has read all. */
const AT_ONCE = 500;

/** Files that have no types. */
export interface TextFiles {
  files: readonly string[];
  /** Of CSV files, if all have the same without doubt. */
  dialect: CsvDialect | null;
  /** A table of all their rows as text, with `PATH`; null if they are read each time. */
  texts: string | null;
}

/**
 * Reads the files into a table, if they are small: DuckDB takes longer to open one than to read it. Files of
 * a known dialect have no rows that cannot be read.
 */
export async function loadTexts(
  connection: DuckDBConnection,
  { files, dialect }: Pick<TextFiles, 'files' | 'dialect'>,
  columns: readonly Pick<Column, 'name'>[],
): Promise<string | null> {
  if (dialect === null || dialect.delimiter === null) return null;
  let bytes = 0;
  for (const file of files) bytes += statSync(file, { throwIfNoEntry: false })?.size ?? 0;
  if (bytes > MAX_BYTES) return null;
  const text = columns.map(({ name }) => ({ name, type: 'VARCHAR' }));
  for (let i = 0; i < files.length; i += AT_ONCE) {
    const from = readerSql(files.slice(i, i + AT_ONCE), { columns: text, dialect, pathColumn: PATH });
    const into = i === 0 ? `CREATE OR REPLACE TEMP TABLE ${TABLE} AS` : `INSERT INTO ${TABLE} BY NAME`;
    await connection.run(`${into} SELECT * FROM ${from}`);
  }
  return TABLE;
}
