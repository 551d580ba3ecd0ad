/** Work that finds a disk full, and waits for room. */

/** DuckDB has no error codes. */
const TEXTS = /No space left on device|Disk quota exceeded/i;
/** What a retry needs. Doubled each time that it was not enough, since the size is unknown. */
const FIRST_BYTES = 1024 * 1024;

/** Repeats work that may find the disk full, until it does not. */
export type UntilRoom = <T>(work: () => Promise<T>) => Promise<T>;

/** `waitFor` resolves when this many bytes can be written, and rejects to give up. */
export function untilRoom(waitFor: (bytes: number) => Promise<unknown>): UntilRoom {
  return async (work) => {
    for (let bytes = FIRST_BYTES; ; bytes *= 2) {
      try {
        return await work();
      } catch (error) {
        if (!isFullDisk(error)) throw error;
        await waitFor(bytes);
      }
    }
  };
}

/** Whether Node or DuckDB could not write because a disk, or a quota of it, is used up. */
export function isFullDisk(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const { code } = error as NodeJS.ErrnoException;
  return code === 'ENOSPC' || code === 'EDQUOT' || (code === undefined && TEXTS.test(error.message));
}
