/**
 * Lanes: items are taken in order, and only so many are worked on at once. Never more than 48 activities:
 * each completion may buffer two events while a workflow task runs, and the server fails the task at more
 * than 100 of them (I7).
 */
import { MAX_LANES } from '../core/live-settings';

/** What says how many items may be worked on. */
export interface LaneGate {
  /** 0: none is begun for the time being. */
  readonly width: number;
  /** None is begun any more. */
  readonly closed: boolean;
  /**
   * Calls back whenever `width` or `closed` has changed. A later listener takes the place of the one before.
   */
  onChange(listener: () => void): void;
}

/**
 * Works through `items`, as the gate allows. Resolves when all are done or, once the gate is closed, when
 * those that were begun are. `work` is expected to handle its failures: the first rejection closes the lanes
 * too, and is thrown when they have come to rest. Items that `isVoid` need no lane: they are passed over,
 * also while the gate lets none through. `most`: of items that are no activities.
 */
export async function throughLanes<T>(
  items: readonly T[],
  gate: LaneGate,
  work: (item: T) => Promise<void>,
  isVoid: (item: T) => boolean = () => false,
  most: number = MAX_LANES,
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
        if (!isVoid(item) && busy >= Math.min(gate.width, most)) break;
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
