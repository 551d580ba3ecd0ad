/**
 * Writes files and names so that they survive a power loss: without fsync, a file system may keep both in
 * memory for half a minute.
 */
import { constants } from 'node:fs';
import { copyFile, link, open, rename, rm, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';

/**
 * Error codes of file systems and platforms that do not support this fsync: some network mounts, and folders
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

/** Fsyncs of folders that have not started yet, which further calls share. */
const waiting = new Map<string, Promise<void>>();
const running = new Map<string, Promise<void>>();

/** Forces the names in a folder to disk. Calls during a running fsync share the next one. */
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

/** Writes a file that does not exist yet, and forces its content to disk. */
export async function writeNew(path: string, content: Uint8Array): Promise<void> {
  const handle = await open(path, 'wx');
  try {
    await handle.writeFile(content);
    await tolerant(() => handle.sync());
  } finally {
    await handle.close();
  }
}

/** Replaces a file atomically: after a power loss it has either the old content or the new. */
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

/** Error codes of `link` across file systems, or on one without hard links. */
const NO_LINKS = new Set(['EXDEV', 'EPERM', 'EMLINK', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS']);

/** Hard-links a file, or copies it where that is not possible. `from` stays. */
export async function linkOrCopy(from: string, to: string): Promise<void> {
  try {
    await link(from, to);
  } catch (error) {
    if (!NO_LINKS.has((error as NodeJS.ErrnoException).code ?? '')) throw error;
    await copyFile(from, to);
  }
}

/** Renames a file, or copies and removes it if the paths are on different file systems. */
export async function moveFile(from: string, to: string): Promise<void> {
  try {
    await rename(from, to);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EXDEV') throw error;
    await copyFile(from, to);
    await unlink(from);
  }
}
