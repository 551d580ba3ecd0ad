/**
 * Lanes: a fixed number of loops that take the next item of a shared queue. Never more than 48: each completion may buffer two
 * events while a workflow task runs, and the server fails the task at more than 100 of them (I7).
 */

/** Limit of activities in flight per workflow execution. */
export const MOST_LANES = 48;

/**
 * Works through `items` in order, at most `lanes` at once. `work` is expected to handle its failures; the first
 * rejection is thrown after every lane has come to rest, so that nothing is left running behind it.
 */
export async function throughLanes<T>(
  items: readonly T[],
  lanes: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < items.length) await work(items[next++]!);
  };
  // enforces I7
  const width = Math.min(lanes, MOST_LANES, items.length);
  const ended = await Promise.allSettled(Array.from({ length: width }, lane));
  for (const end of ended) if (end.status === 'rejected') throw end.reason;
}
