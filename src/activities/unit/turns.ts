/**
 * One attempt of a unit at a time in a worker. A server that was away, or has lost its last seconds, begins
 * another attempt while the one before is still at work here: that one ends within the heartbeat time-out,
 * and what it records is not run again.
 */

/**
 * The attempts at work and in line, by the unit's folder on its stage: settles when the last of them has
 * ended.
 */
const lines = new Map<string, Promise<unknown>>();

/**
 * Runs `work` when the attempts of the unit before it have ended; at once when `signal` is aborted, since
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
