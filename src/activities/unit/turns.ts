/**
 * Allows one attempt of a unit at a time in a worker. A server that was unavailable, or has lost its last
 * seconds, starts another attempt while the previous one is still running here: the previous one ends within
 * the heartbeat timeout, and what it records is not run again.
 */

/**
 * Running and queued attempts, by the unit's folder on its stage: the promise settles when the last of them
 * has ended.
 */
const lines = new Map<string, Promise<unknown>>();

/**
 * Runs `work` after the unit's previous attempts have ended, or immediately if `signal` is aborted, because
 * then it runs nothing.
 */
export async function inTurn<T>(unit: string, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  const before = lines.get(unit) ?? Promise.resolve();
  const own = orAborted(before, signal).then(work);
  const line = Promise.allSettled([before, own]);
  lines.set(unit, line);
  void line.then(() => lines.get(unit) === line && lines.delete(unit));
  return own;
}

async function orAborted(promise: Promise<unknown>, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  let stop = (): void => undefined;
  const aborted = new Promise<void>((resolve) => (stop = resolve));
  signal.addEventListener('abort', stop, { once: true });
  await Promise.race([promise, aborted]);
  signal.removeEventListener('abort', stop);
}
