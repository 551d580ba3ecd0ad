/**
 * Files and names that survive a power loss: without fsync, a file system may keep either in memory for half
 * a minute.
 */
import { constants } from 'node:fs';
import { copyFile, link, open, rename, rm, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';

/**
 * What file systems and platforms answer that cannot fsync this kind of thing: some network mounts, folders
 * on Windows.
 */
const NOT_SUPPORTED = new Set([
  'EINVAL',
  'ENOSYS',
  'ENOTSUP',
  'EOPNOTSUPP',
  'EPERM',
  'EACCES',
  'EISDIR',
  'EBADF',
]);

/** Forces a file's content to disk. */
export async function syncFile(path: string): Promise<void> {
  await sync(path, constants.O_RDWR);
}

/** Fsyncs of folders that have not begun: whoever asks meanwhile shares them. */
const waiting = new Map<string, Promise<void>>();
const running = new Map<string, Promise<void>>();

/** Forces the names in a folder to disk. Calls that come while one is running share the next one. */
export function syncFolder(path: string): Promise<void> {
  const shared = waiting.get(path);
  if (shared !== undefined) return shared;
  const before = running.get(path) ?? Promise.resolve();
  const mine = before
    .catch(() => {})
    .then(() => {
      waiting.delete(path);
      running.set(path, mine);
      return sync(path, constants.O_RDONLY);
    })
    .finally(() => {
      if (running.get(path) === mine) running.delete(path);
    });
  waiting.set(path, mine);
  return mine;
}

async function sync(path: string, flags: number): Promise<void> {
  await tolerant(async () => {
    const handle = await open(path, flags);
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  });
}

async function tolerant(fsync: () => Promise<void>): Promise<void> {
  try {
    await fsync();
  } catch (error) {
    if (!NOT_SUPPORTED.has((error as NodeJS.ErrnoException).code ?? '')) throw error;
  }
}

/** Writes a file that is not there yet, and forces its content to disk. */
export async function writeNew(path: string, content: Uint8Array): Promise<void> {
  const handle = await open(path, 'wx');
  try {
    await handle.writeFile(content);
    await tolerant(() => handle.sync());
  } finally {
    await handle.close();
  }
}

/** Replaces a file as a whole: after a power loss it has the old content or the new. */
export async function replaceFile(path: string, content: Uint8Array): Promise<void> {
  const partial = `${path}.${process.pid}-${Date.now()}.partial`;
  try {
    await writeNew(partial, content);
    await renameDurably(partial, path);
  } finally {
    await rm(partial, { force: true });
  }
}

/** Renames a file whose content is on disk, and forces its new name there. */
export async function renameDurably(from: string, to: string): Promise<void> {
  await rename(from, to);
  await syncFolder(dirname(to));
}

/** What `link` answers where two places are on two file systems, or on one without hard links. */
const NO_LINKS = new Set(['EXDEV', 'EPERM', 'EMLINK', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS']);

/** Gives a file a second name, or copies it where that cannot be. `from` stays. */
export async function linkOrCopy(from: string, to: string): Promise<void> {
  try {
    await link(from, to);
  } catch (error) {
    if (!NO_LINKS.has((error as NodeJS.ErrnoException).code ?? '')) throw error;
    await copyFile(from, to);
  }
}

/** Renames, or copies and removes where the places are on two file systems. */
export async function moveFile(from: string, to: string): Promise<void> {
  try {
    await rename(from, to);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EXDEV') throw error;
    await copyFile(from, to);
    await unlink(from);
  }
}
