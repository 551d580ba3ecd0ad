/** Rows that functions returned, read from the files that recorded outcomes name. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RowsFile } from '../../core/files';
import type { Column } from '../../core/plan';
import type { Stage } from '../../stage';
import { combinedRows, filesOf } from '../../rows/combined-rows';
import { storedTypes, storingClause, TYPES_METADATA } from '../../rows/storable';
import { withDatabase } from '../../duckdb/database-file';
import { literal } from '../../duckdb/quote';
import type { Row } from '../../core/row';
import type { ResultRows } from '../results-types';

/** Number of files fetched in parallel. */
const FILES_AT_ONCE = 8;

/** Rows of all partitions, or of the one at `ordinal`, in the order of the partitions' keys. */
export async function readRows(
  stage: Stage,
  files: readonly RowsFile[],
  keyColumns: readonly Column[],
  { ordinal = null, limit }: { ordinal?: number | null; limit?: number } = {},
): Promise<ResultRows> {
  if (files.length === 0) return withColumns([], [...keyColumns]);
  return withLocalRows(stage, files, (local) => readLocalRows(local, keyColumns, { ordinal, limit }));
}

/** Writes the rows of all partitions to a Parquet file, and returns its columns. */
export function saveRows(
  stage: Stage,
  files: readonly RowsFile[],
  keyColumns: readonly Column[],
  target: string,
): Promise<Column[]> {
  return withLocalRows(stage, files, (local) =>
    withDatabase(':memory:', 'read', async (connection) => {
      const { sql, columns } = await combinedRows(connection, keyColumns, local);
      await connection.run(
        `COPY (SELECT *${storingClause(columns)} FROM (${sql})) TO ${literal(target)} ` +
          `(FORMAT parquet, KV_METADATA {${TYPES_METADATA}: ${literal(storedTypes(columns))}})`,
      );
      return columns;
    }),
  );
}

/** The same as `readRows` for local Parquet files. */
export function readLocalRows(
  local: readonly RowsFile<string>[],
  keyColumns: readonly Column[],
  { ordinal = null, limit }: { ordinal?: number | null; limit?: number } = {},
): Promise<ResultRows> {
  return withDatabase(':memory:', 'read', async (connection) => {
    const only = ordinal === null ? null : [ordinal];
    // Rows of other partitions need not combine with these.
    const files = ordinal === null ? local : await filesOf(connection, local, ordinal);
    const { sql, columns } = await combinedRows(connection, keyColumns, files, only);
    // Not imported at the top, because it loads DuckDB.
    const { allRows }: typeof import('../../rows/slices') = require('../../rows/slices');
    const limited = limit === undefined ? sql : `${sql} LIMIT ${limit}`;
    return withColumns(await allRows(await connection.stream(limited), 'exact'), columns);
  });
}

/** Fetches local copies of files of rows while `use` runs. */
export async function withLocalRows<T>(
  stage: Stage,
  files: readonly RowsFile[],
  use: (local: RowsFile<string>[]) => Promise<T>,
): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'partwise-'));
  try {
    const local: RowsFile<string>[] = [];
    for (let i = 0; i < files.length; i += FILES_AT_ONCE) {
      const some = files.slice(i, i + FILES_AT_ONCE);
      local.push(
        ...(await Promise.all(
          some.map(async ({ file, except }) => ({ file: await stage.localFile(file, folder), except })),
        )),
      );
    }
    return await use(local);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Not enumerable, so that the rows compare and print as an array of objects. */
export function withColumns(rows: Row[], columns: Column[]): ResultRows {
  return Object.defineProperty(rows, 'columns', { value: columns }) as ResultRows;
}
