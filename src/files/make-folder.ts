import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Refusal } from '../core/refusal';
import { syncFolder } from './durable';

/**
 * `mkdir -p`, durable. Not Node's own, which never comes back from a file system that answers ENOENT to every
 * new folder, such as `/proc`. Throws a `Refusal` there. `mode`: of the last folder, when it is made.
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

/** Null: it is there now. */
async function tryToMake(path: string, mode: number): Promise<'ENOENT' | null> {
  try {
    await mkdir(path, { mode });
    await syncFolder(dirname(path));
    return null;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST') return null;
    if (code === 'ENOENT') return code;
    throw error;
  }
}
