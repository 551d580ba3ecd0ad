/** Rows that functions returned, read from the files that recorded outcomes name. */
import type { Row } from '../functions/types';
import type { RunRecord } from '../history/fold';
import type { FileRef } from '../run/files';
import type { Column } from '../run/plan';
import type { Stage } from '../stage';
import { combinedRows } from '../warehouse/duckdb/combined-rows';
import { withDatabase } from '../warehouse/duckdb/database';

/** Files of rows that any unit of the run recorded. */
export function outputFiles(record: RunRecord): FileRef[] {
  return [...record.units.values()].flatMap(({ end }) => (end?.type === 'result' ? end.result.output : []));
}

/** Rows of all partitions, or of the one at `ordinal`, in the order of the partitions' keys. */
export async function readRows(
  stage: Stage,
  files: readonly FileRef[],
  keyColumns: readonly Column[],
  { ordinal = null, limit }: { ordinal?: number | null; limit?: number } = {},
): Promise<Row[]> {
  if (files.length === 0) return [];
  const local: string[] = [];
  for (const file of files) local.push(await stage.localFile(file));
  return readLocalRows(local, keyColumns, { ordinal, limit });
}

/** The same of local Parquet files. */
export function readLocalRows(
  local: readonly string[],
  keyColumns: readonly Column[],
  { ordinal = null, limit }: { ordinal?: number | null; limit?: number } = {},
): Promise<Row[]> {
  return withDatabase(':memory:', 'read', async (connection) => {
    const { sql } = await combinedRows(connection, keyColumns, local, ordinal);
    // Not on top: it loads DuckDB.
    const { allRows } = require('../functions/slices') as typeof import('../functions/slices');
    return allRows(await connection.stream(limit === undefined ? sql : `${sql} LIMIT ${limit}`));
  });
}
