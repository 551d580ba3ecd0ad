/**
 * Many small files, such as those that are partitions. They are read at once, because waiting for the
 * system's threads takes several times as long as reading them.
 */
import { readFileSync, statSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { performance } from 'node:perf_hooks';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { inParallel } from '../core/in-parallel';
import { digestFile, sha256Of } from './digest';

const SMALL_BYTES = 64 * 1024;
/** Timers and messages of the process wait about this long at most. */
const YIELD_AFTER_MS = 10;

/** What a file's system says of it without reading it. */
export interface FileState {
  bytes: number;
  modifiedMs: number;
}

/** Throws if the file is missing or cannot be reached. */
export function stateOf(path: string): FileState {
  const { size, mtimeMs } = statSync(path);
  return { bytes: size, modifiedMs: mtimeMs };
}

export function contentOf(path: string, { bytes }: Pick<FileState, 'bytes'>): Buffer | Promise<Buffer> {
  return bytes <= SMALL_BYTES ? readFileSync(path) : readFile(path);
}

/** The sha256 of a file of any size. */
export async function sha256OfFile(path: string, { bytes }: Pick<FileState, 'bytes'>): Promise<string> {
  return bytes <= SMALL_BYTES ? sha256Of(readFileSync(path)) : (await digestFile(path)).sha256;
}

/** Like `inParallel`, for work that may not wait for anything: others get their turns in between. */
export async function eachFile<T>(
  files: readonly T[],
  work: (file: T, index: number) => void | Promise<void>,
): Promise<void> {
  let yieldedAt = performance.now();
  await inParallel(files, async (file, index) => {
    if (performance.now() - yieldedAt > YIELD_AFTER_MS) {
      await nextTurn();
      yieldedAt = performance.now();
    }
    await work(file, index);
  });
}
