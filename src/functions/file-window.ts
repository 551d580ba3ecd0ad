/** Rows of several small files of one format, read by one query. */
import { type DuckDBConnection, type DuckDBInstance, VARCHAR } from '@duckdb/node-api';
import type { Column } from '../core/plan';
import type { CsvDialect } from '../duckdb/csv-dialect';
import { selectFiles, selectWholeFiles } from '../duckdb/file-columns';
import { foldersWithValues } from '../duckdb/folder-values';
import { PATH } from '../duckdb/file-texts';
import { vectorReader } from '../duckdb/vector-readers';
import type { HeldRows } from '../rows/partition-rows';
import { shapeOf, type Slice } from '../rows/slices';

const PATHS = vectorReader(VARCHAR);

export interface WindowFile {
  path: string;
  /** Null: as DuckDB finds it, which it does for each file by itself. */
  dialect: CsvDialect | null;
}

/** Runs a query with the rows of the files, file by file. */
export async function queryWindow<T>(
  connection: DuckDBConnection,
  files: readonly WindowFile[],
  columns: readonly Column[],
  run: (select: string) => Promise<T>,
): Promise<T> {
  const groups = groupsOf(files);
  const options = ({ dialect }: WindowFile) => ({ dialect, pathColumn: PATH });
  const paths = (group: readonly WindowFile[]): string[] => group.map(({ path }) => path);
  try {
    const selects = groups.map((group) => selectWholeFiles(paths(group), columns, options(group[0]!)));
    return await run(selects.join(' UNION ALL '));
  } catch {
    // A column may be missing in all of the files, which takes as long to find out as to read them.
    const selects: string[] = [];
    for (const group of groups)
      selects.push(await selectFiles(connection, paths(group), columns, options(group[0]!)));
    return run(selects.join(' UNION ALL '));
  }
}

/** Groups of files that DuckDB reads alike: it takes columns from the folders of all files of a query. */
function groupsOf(files: readonly WindowFile[]): WindowFile[][] {
  const groups = new Map<string, WindowFile[]>();
  for (const file of files) {
    const alike = JSON.stringify([file.dialect, foldersWithValues(file.path)]);
    const group = groups.get(alike) ?? [];
    group.push(file);
    groups.set(alike, group);
  }
  return [...groups.values()];
}

/** Reads all rows, by path. */
export async function readWindow(
  database: DuckDBInstance,
  files: readonly WindowFile[],
  columns: readonly Column[],
): Promise<Map<string, HeldRows>> {
  const connection = await database.connect();
  try {
    // Not streamed: DuckDB then returns a chunk, with room for 2,048 rows, for every file.
    const result = await queryWindow(connection, files, columns, (select) => connection.run(select));
    const shape = shapeOf(result, 1);
    const slices = new Map<string, Slice[]>(files.map(({ path }) => [path, []]));
    for (let chunk; (chunk = await result.fetchChunk()) !== null && chunk.rowCount > 0;) {
      const paths: string[] = [];
      PATHS.read(chunk.getColumnVector(0), 0, chunk.rowCount, paths);
      for (let from = 0, to = 0; from < paths.length; from = to) {
        while (to < paths.length && paths[to] === paths[from]) to++;
        slices.get(paths[from]!)!.push({ chunk, from, to });
      }
    }
    return new Map([...slices].map(([path, own]) => [path, { slices: own, shape }]));
  } finally {
    connection.closeSync();
  }
}
