/**
 * Like `Promise.all`, but waits for all promises even if one rejects, so that nothing is still being written
 * afterwards.
 */
export async function allOf<T>(work: readonly Promise<T>[]): Promise<T[]> {
  await Promise.allSettled(work);
  return Promise.all(work);
}
