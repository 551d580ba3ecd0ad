/** Locks between processes. A process killed while it holds one costs the others seconds. */
import { errorText, TemporalUnavailable } from './problems';

const STALE_MS = 5_000;
const UPDATE_MS = 1_000;
const RETRY_MS = 100;
/** Long enough for somebody else's download. */
const PATIENCE_MS = 15 * 60_000;

/** Waits for the lock; returns what releases it. */
export async function lockFolder(
  folder: string,
  lockfile: string,
  signal?: AbortSignal,
): Promise<() => Promise<void>> {
  const deadline = Date.now() + PATIENCE_MS;
  for (;;) {
    signal?.throwIfAborted();
    const release = await tryLockFolder(folder, lockfile);
    if (release !== null) return release;
    if (Date.now() > deadline) {
      throw new TemporalUnavailable(
        `"${lockfile}" has been locked by another Partwise command for ${PATIENCE_MS / 60_000} minutes. End that command, then try again.`,
      );
    }
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
  }
}

/** Null when somebody else holds the lock. */
export async function tryLockFolder(folder: string, lockfile: string): Promise<(() => Promise<void>) | null> {
  // Loaded here, since most commands find a host and lock nothing.
  const { lock }: typeof import('proper-lockfile') = require('proper-lockfile');
  try {
    const release = await lock(folder, {
      lockfilePath: lockfile,
      realpath: false,
      stale: STALE_MS,
      update: UPDATE_MS,
      // The holder was stopped for seconds (a laptop's lid): what the lock guards is checked by other means
      // too.
      onCompromised: () => {},
    });
    // A compromised lock is no longer ours to release.
    return () => release().catch(() => {});
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ELOCKED') return null;
    throw new TemporalUnavailable(`"${lockfile}" cannot be made: ${errorText(error)}.`);
  }
}
