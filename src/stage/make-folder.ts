import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Refusal } from '../run/refusal';

/**
 * `mkdir -p`. Not Node's own, which never comes back from a file system that answers ENOENT to every new folder, such as `/proc`.
 * Throws a `Refusal` there.
 */
export async function makeFolder(path: string): Promise<void> {
  const code = await tryToMake(path);
  if (code === null) return;
  if (dirname(path) !== path) await makeFolder(dirname(path));
  if ((await tryToMake(path)) === null) return;
  throw new Refusal('FileSystem', [
    `The folder "${path}" cannot be made: its file system takes no new folders. Name another folder.`,
  ]);
}

/** Null: it is there now. */
async function tryToMake(path: string): Promise<'ENOENT' | null> {
  try {
    await mkdir(path);
    return null;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST') return null;
    if (code === 'ENOENT') return code;
    throw error;
  }
}
