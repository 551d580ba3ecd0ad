/** The files that a source names. */
import { existsSync, readdirSync, statSync } from 'node:fs';
import { dirname, isAbsolute, join, resolve, sep } from 'node:path';
import type { DuckDBConnection } from '@duckdb/node-api';
import { queryRows } from '../../duckdb/database-file';
import { literal } from '../../duckdb/quote';
import { isFolder } from '../../files/folders';
import { isDataFile } from '../../core/file-format';
import { nearest } from '../../core/nearest';
import { literally } from '../../duckdb/file-reader';
import { Refusal } from '../../core/refusal';

export interface FilesSource {
  files: string;
  pattern?: string;
  types?: Record<string, string>;
}

/** The pattern that finds the files of a source without its own `pattern`. */
export function globOf(files: string, projectDir: string): string {
  // A project's folder is a path, never a pattern.
  return isAbsolute(files) ? files : join(literally(projectDir), files);
}

/** The files of a source that is one table, in order. Throws a `Refusal` if there are none. */
export async function listFiles(
  connection: DuckDBConnection,
  { files }: FilesSource,
  projectDir: string,
): Promise<string[]> {
  const path = resolve(projectDir, files);
  const found = statSync(path, { throwIfNoEntry: false });
  if (found?.isFile() === true) return [path];
  if (found?.isDirectory() === true) {
    throw new Refusal('InvalidInput', [
      `"${files}" is a folder: ${howToRead(path, files)}; ` +
        'to make each file a partition, leave out the columns to partition by ("partitionBy", --by).',
    ]);
  }
  const listed = await globbed(connection, globOf(files, projectDir));
  if (listed.length > 0) return listed;
  const folder = dirname(path);
  const hint =
    existsSync(folder) || /[*?[]/.test(folder) ? '' : ` The folder "${folder}" does not exist either.`;
  throw new Refusal('SourceMissing', [`There is no file "${files}" (looked for ${path}).${hint}`]);
}

/** Advice if the name of a table is a folder's, or almost a file's; otherwise, an empty string. */
export function nameHint(table: string, projectDir: string): string {
  // A run from elsewhere must not learn which folders there are outside the project.
  if (/[\\/]|^\.+$/.test(table)) return '';
  const path = resolve(projectDir, table);
  if (isFolder(path)) return ` There is a folder "${table}": ${howToRead(path, table)}.`;
  const files = readdirSync(projectDir).filter((file) => isDataFile(file));
  const byStem = new Map(files.map((file) => [file.replace(/\..*$/, ''), file]));
  const stem = nearest(table, [...byStem.keys()]);
  return stem === null ? '' : ` Did you mean the file "${byStem.get(stem)}"?`;
}

function howToRead(folder: string, name: string): string {
  const first = readdirSync(folder).find((file) => isDataFile(file));
  const ending = first === undefined ? '.csv' : /(\.[^.]+)(\.(gz|zst))?$/i.exec(first)![0];
  return `to read its files as one table, name them, such as "${join(name, `*${ending}`)}"`;
}

/**
 * The files that match a pattern of DuckDB's, in order. Hidden files, `_SUCCESS`, `_temporary/…` and the like
 * are not data, as Spark and Hive have it, unless the pattern names them.
 */
export async function globbed(connection: DuckDBConnection, pattern: string): Promise<string[]> {
  const listed = await queryRows<{ file: string }>(
    connection,
    `SELECT file FROM glob(${literal(pattern)}) ORDER BY file`,
  );
  return listed.map(({ file }) => file).filter((file) => !isAside(file, pattern));
}

/** A name that is not data's. Folders such as `_day=1` hold the values of a column. */
const ASIDE = /^(\.|_(?!.*=))/;
/** The beginning of a pattern that names such a file: `_SUCCESS`, `.*`, `[._]*`. */
const NAMES_ASIDE = /^([._]|\[[^\]]*[._])/;

/** Whether a wildcard of the pattern matches a name that is not data's. */
function isAside(path: string, pattern: string): boolean {
  const parts = partsOf(path);
  const segments = partsOf(pattern);
  const crawl = segments.indexOf('**');
  // `**` stands for any number of folders, and a pattern has one at most.
  const crawled = parts.length - segments.length + 1;
  return parts.some((part, i) => {
    if (!ASIDE.test(part)) return false;
    if (crawl === -1 || i < crawl) return !NAMES_ASIDE.test(segments[i]!);
    return i < crawl + crawled || !NAMES_ASIDE.test(segments[i - crawled + 1]!);
  });
}

function partsOf(path: string): string[] {
  return path.split(sep === '/' ? sep : /[\\/]/).filter((part) => part !== '' && part !== '.');
}
