/**
 * `Promise.all`, which waits for the others too when one fails: nothing is still being written when its
 * caller hears of it.
 */
export async function allOf<T>(work: readonly Promise<T>[]): Promise<T[]> {
  await Promise.allSettled(work);
  return Promise.all(work);
}
