/** Lets works of the same name run one after the other in this process. */

/** Running and queued works, by name: the promise settles when the last of them has ended. */
const lines = new Map<string, Promise<unknown>>();

/** Runs `work` after the previous ones of this name have ended, or immediately if `signal` is aborted. */
export async function inTurn<T>(name: string, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  const before = lines.get(name) ?? Promise.resolve();
  const own = orAborted(before, signal).then(work);
  const line = Promise.allSettled([before, own]);
  lines.set(name, line);
  void line.then(() => lines.get(name) === line && lines.delete(name));
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
