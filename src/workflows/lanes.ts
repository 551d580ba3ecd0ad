/**
 * Lanes: items are taken in order, with limited concurrency. At most 48 activities: each completion may
 * buffer two events while a workflow task runs, and the server fails the task at more than 100 buffered
 * events (I7).
 */
import { MAX_LANES } from '../core/live-settings';

/** Controls how many items may be in progress. */
export interface LaneGate {
  /** Maximum number of items in progress; 0 while none may start. */
  readonly width: number;
  /** Whether no more items are started. */
  readonly closed: boolean;
  /**
   * Calls `listener` whenever `width` or `closed` has changed. A new listener replaces the previous one.
   */
  onChange(listener: () => void): void;
}

/**
 * Works through `items` as the gate allows. Resolves when all are done or, once the gate is closed, when all
 * started items are done. `work` should handle its own failures: the first rejection also closes the lanes,
 * and is thrown when they are idle. Items for which `isVoid` is true are skipped, even while the gate is
 * closed. `maxWidth` limits concurrency for items that are not activities (shards).
 */
export async function throughLanes<T>(
  items: readonly T[],
  gate: LaneGate,
  work: (item: T) => Promise<void>,
  isVoid: (item: T) => boolean = () => false,
  maxWidth: number = MAX_LANES,
): Promise<void> {
  let next = 0;
  let busy = 0;
  const broken: unknown[] = [];
  await new Promise<void>((resolve) => {
    const lane = async (item: T): Promise<void> => {
      busy++;
      await work(item).catch((error: unknown) => broken.push(error));
      busy--;
      advance();
    };
    const advance = (): void => {
      const isClosed = (): boolean => gate.closed || broken.length > 0;
      while (!isClosed() && next < items.length) {
        const item = items[next]!;
        // enforces I7
        if (!isVoid(item) && busy >= Math.min(gate.width, maxWidth)) break;
        next++;
        if (!isVoid(item)) void lane(item);
      }
      if (busy === 0 && (isClosed() || next >= items.length)) resolve();
    };
    gate.onChange(advance);
    advance();
  });
  if (broken.length > 0) throw broken[0];
}
