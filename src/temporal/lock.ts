/** Locks between processes. If a process is killed while holding one, others wait a few seconds. */
import { errorText, TemporalUnavailable } from './problems';

const STALE_MS = 5_000;
const UPDATE_MS = 1_000;
const RETRY_MS = 100;
/** Long enough for another process to finish a download. */
const TIMEOUT_MS = 15 * 60_000;

/** Waits for the lock, and returns a function that releases it. */
export async function lockFolder(
  folder: string,
  lockfile: string,
  signal?: AbortSignal,
): Promise<() => Promise<void>> {
  const deadline = Date.now() + TIMEOUT_MS;
  for (;;) {
    signal?.throwIfAborted();
    const release = await tryLockFolder(folder, lockfile);
    if (release !== null) return release;
    if (Date.now() > deadline) {
      throw new TemporalUnavailable(
        `"${lockfile}" has been locked by another Partwise command for ${TIMEOUT_MS / 60_000} minutes. Stop that command, then try again.`,
      );
    }
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
  }
}

/** Null if another process holds the lock. */
export async function tryLockFolder(folder: string, lockfile: string): Promise<(() => Promise<void>) | null> {
  // Loaded lazily: most commands find a running host and need no lock.
  const { lock }: typeof import('proper-lockfile') = require('proper-lockfile');
  try {
    const release = await lock(folder, {
      lockfilePath: lockfile,
      realpath: false,
      stale: STALE_MS,
      update: UPDATE_MS,
      // The holder was suspended for seconds (a closed laptop lid). What the lock guards is also checked in
      // other ways.
      onCompromised: () => {},
    });
    // Releasing a compromised lock fails; it belongs to another process.
    return () => release().catch(() => {});
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ELOCKED') return null;
    throw new TemporalUnavailable(`"${lockfile}" cannot be created: ${errorText(error)}.`);
  }
}
