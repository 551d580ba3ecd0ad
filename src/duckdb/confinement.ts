/**
 * Restricts a DuckDB to certain files, for untrusted SQL: it can access no other file or network, load no
 * extension and change no setting.
 */
import { existsSync, realpathSync } from 'node:fs';
import { basename, dirname, resolve, sep } from 'node:path';
import type { DuckDBConnection } from '@duckdb/node-api';
import { literal } from './quote';

/** What a confined database may access. Paths are absolute, with links resolved. */
export interface Confinement {
  /**
   * Folders that it may read and write, including everything below; also URLs such as `s3://bucket/prefix/`.
   */
  readonly directories: readonly string[];
  /** Single files. */
  readonly paths: readonly string[];
  /** Extensions to load first, since none can be loaded afterwards. */
  readonly extensions: readonly string[];
  /** Folders whose entries are allowed one by one: a file that is not there is none of them. */
  readonly listed?: readonly string[];
}

/** Confines the database irrevocably, for as long as it is open. */
export async function confine(
  connection: DuckDBConnection,
  { directories, paths, extensions }: Confinement,
): Promise<void> {
  for (const name of extensions) await connection.run(`LOAD ${literal(name)}`);
  await connection.run(`SET allowed_directories = ${list(directories)}`);
  await connection.run(`SET allowed_paths = ${list(paths)}`);
  await connection.run('SET enable_external_access = false');
  await connection.run('SET lock_configuration = true');
}

/** Adds files and folders. */
export function widened(
  confinement: Confinement,
  { directories = [], paths = [] }: Partial<Pick<Confinement, 'directories' | 'paths'>>,
): Confinement {
  const all = { ...confinement, directories: [...new Set([...confinement.directories, ...directories])] };
  // The fewer paths differ between units of a run, the longer their database can be kept.
  return { ...all, paths: [...new Set([...all.paths, ...paths.filter((path) => !isWithin(all, path))])] };
}

/** Whether it allows access to a file. `path` is absolute, with links resolved. */
export function isWithin({ directories, paths }: Confinement, path: string): boolean {
  return paths.includes(path) || directories.some((directory) => isInside(directory, path));
}

/** Whether `path` is the folder, or below it. Both absolute. */
export function isInside(folder: string, path: string): boolean {
  return path === folder || path.startsWith(folder.endsWith(sep) ? folder : folder + sep);
}

/** The message for DuckDB's refusal of a file or extension, or null for other messages. */
export function accessProblem(message: string, confinement: Confinement | null = null): string | null {
  if (!/disabled (?:by|through) configuration/.test(message)) return null;
  const [, path] = /Cannot access (?:file|directory) "(.*)" - /s.exec(message) ?? [];
  if (path === undefined)
    return "A run's SQL may not load extensions: add them to allow.extensions in the worker's configuration.";
  if (confinement !== null && isMissing(path, confinement))
    return `There is no file "${path}" (looked for ${resolve(path)}).`;
  return outside(path);
}

/**
 * Whether a file of an allowed folder is not there. Not of hidden files, of which runs should learn nothing.
 */
function isMissing(path: string, { listed = [] }: Confinement): boolean {
  const whole = resolve(path);
  const [folder, name] = [dirname(whole), basename(whole)];
  if (name.startsWith('.') || /[*?[]/.test(name) || existsSync(whole)) return false;
  return listed.includes(existsSync(folder) ? realpathSync(folder) : folder);
}

/** The message for the refusal of one file. */
export function outside(path: string): string {
  return (
    `The file "${path}" is outside the files that runs may read and write on this worker: ` +
    "name it by its absolute path below the project folder, or add its folder to allow.files in the worker's configuration."
  );
}

function list(values: readonly string[]): string {
  return `[${values.map(literal).join(', ')}]::VARCHAR[]`;
}
