import { allOf } from './all-of';

/** How many items are worked on at the same time. */
const AT_ONCE = 8;

/**
 * Runs `work`, which waits for a server or a disk, for all items, a few at a time. Starts no more after one
 * has failed, and rejects when all that were started have ended.
 */
export async function inParallel<T>(
  items: readonly T[],
  work: (item: T, index: number) => Promise<void>,
): Promise<void> {
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < items.length) {
      const index = next++;
      try {
        await work(items[index]!, index);
      } catch (error) {
        next = items.length;
        throw error;
      }
    }
  };
  await allOf(Array.from({ length: Math.min(AT_ONCE, items.length) }, lane));
}
