/** Interpreters that a flag, a variable or the configuration names. */
import { accessSync, constants, existsSync, statSync } from 'node:fs';
import { delimiter, join, resolve, sep } from 'node:path';
import { isFolder } from '../files/folders';

/** The path made absolute; unchanged if it is the name of a command. Undefined if nothing is named. */
export function namedInterpreter(folder: string, named: string | undefined): string | undefined {
  if (named === undefined || named === '') return undefined;
  const path = resolve(folder, named);
  return named.includes('/') || named.includes(sep) || existsSync(path) ? path : named;
}

/** The program of an absolute path, of an environment's folder or of a command; null if there is none. */
export function findNamed(named: string): string | null {
  if (!named.includes(sep)) return onPath(named);
  return isFolder(named) ? inEnvironment(named) : existsSync(named) ? named : null;
}

/** The interpreter of a virtual environment or a Conda environment; null if the folder has none. */
export function inEnvironment(folder: string): string | null {
  const path =
    process.platform === 'win32' ? join(folder, 'Scripts', 'python.exe') : join(folder, 'bin', 'python');
  return existsSync(path) ? path : null;
}

/** As a shell would find it. */
export function onPath(command: string): string | null {
  const places = (process.env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '');
  return places.map((folder) => join(folder, command)).find(isProgram) ?? null;
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
