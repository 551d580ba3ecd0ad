/** The worker's scratch folder, where runners write what the worker puts on the stage. */
import { randomUUID } from 'node:crypto';
import { rm, statfs, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isFullDisk } from '../files/full-disk';
import { asUnavailable } from '../stage';

/** A quota shows only when something is written. More than this is not tried. */
const MAX_TRIED_BYTES = 16 * 1024 * 1024;

/**
 * Converts an error that says that the disk is full to `StageUnavailable`: like a full stage, it is nobody's
 * fault, and units wait for it.
 */
export function asScratchFull(error: unknown, folder: string): unknown {
  return isFullDisk(error) ? asUnavailable(error, `The worker's folder "${folder}"`) : error;
}

/** Throws `StageUnavailable` unless `bytes` can be written to the folder. */
export async function assertRoom(folder: string, bytes: number): Promise<void> {
  const { bavail, bsize } = await statfs(folder);
  const free = bavail * bsize;
  if (free < bytes)
    throw asScratchFull(
      Object.assign(new Error(`${bytes} bytes are needed, and ${free} are free`), { code: 'ENOSPC' }),
      folder,
    );
  const file = join(folder, `tried-${randomUUID()}`);
  try {
    await writeFile(file, Buffer.alloc(Math.min(bytes, MAX_TRIED_BYTES), 1));
  } catch (error) {
    throw asScratchFull(error, folder);
  } finally {
    await rm(file, { force: true });
  }
}
