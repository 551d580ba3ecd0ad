/** Rows that functions returned, read from the files that recorded outcomes name. */
import type { Row } from '../functions/types';
import type { RowsFile } from '../run/carried';
import type { Column } from '../run/plan';
import type { Stage } from '../stage';
import { combinedRows, type LocalRows } from '../warehouse/duckdb/combined-rows';
import { withDatabase } from '../warehouse/duckdb/database';

/** Rows of all partitions, or of the one at `ordinal`, in the order of the partitions' keys. */
export async function readRows(
  stage: Stage,
  files: readonly RowsFile[],
  keyColumns: readonly Column[],
  { ordinal = null, limit }: { ordinal?: number | null; limit?: number } = {},
): Promise<Row[]> {
  if (files.length === 0) return [];
  const local = await localRows(stage, files);
  return readLocalRows(local, keyColumns, { ordinal, limit });
}

/** The same of local Parquet files. */
export function readLocalRows(
  local: readonly LocalRows[],
  keyColumns: readonly Column[],
  { ordinal = null, limit }: { ordinal?: number | null; limit?: number } = {},
): Promise<Row[]> {
  return withDatabase(':memory:', 'read', async (connection) => {
    const { sql } = await combinedRows(connection, keyColumns, local, ordinal === null ? null : [ordinal]);
    // Not on top: it loads DuckDB.
    const { allRows } = require('../functions/slices') as typeof import('../functions/slices');
    return allRows(await connection.stream(limit === undefined ? sql : `${sql} LIMIT ${limit}`));
  });
}

/** Local copies of files of rows. */
export async function localRows(stage: Stage, files: readonly RowsFile[]): Promise<LocalRows[]> {
  const local: LocalRows[] = [];
  for (const { file, except } of files) local.push({ file: await stage.localFile(file), except });
  return local;
}
