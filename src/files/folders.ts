import { statSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Refusal } from '../core/refusal';
import { syncFolder } from './durable';

export function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

/**
 * A durable `mkdir -p`. Node's own never returns on a file system that reports ENOENT for every new folder,
 * such as `/proc`; this throws a `Refusal` there. `mode` applies to the last folder if it is created.
 */
export async function makeFolder(path: string, mode = 0o777): Promise<void> {
  const code = await tryToMake(path, mode);
  if (code === null) return;
  if (dirname(path) !== path) await makeFolder(dirname(path));
  if ((await tryToMake(path, mode)) === null) return;
  throw new Refusal('FileSystem', [
    `The folder "${path}" cannot be created: its file system does not accept new folders. Name another folder.`,
  ]);
}

/**
 * A `mkdir -p` that is not durable. Creates only folders inside `below`, and fails if that is missing.
 * Returns the first folder that it created, or undefined. If the disk is full, Node 20's own says that a
 * folder is missing; this throws the error of the file system.
 */
export async function makeFolders(path: string, below?: string): Promise<string | undefined> {
  const parent = dirname(path);
  try {
    return await makeOne(path);
  } catch (error) {
    if (codeOf(error) !== 'ENOENT' || parent === below || parent === path) throw error;
  }
  const first = await makeFolders(parent, below);
  const own = await makeOne(path);
  return first ?? own;
}

/** Not durable. Returns the path if it was created, and undefined if it exists. */
export async function makeOne(path: string, mode = 0o777): Promise<string | undefined> {
  try {
    await mkdir(path, { mode });
    return path;
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error;
    return undefined;
  }
}

/** Null if the folder exists now. */
async function tryToMake(path: string, mode: number): Promise<'ENOENT' | null> {
  try {
    if ((await makeOne(path, mode)) !== undefined) await syncFolder(dirname(path));
    return null;
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return 'ENOENT';
    throw error;
  }
}

function codeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException).code;
}
