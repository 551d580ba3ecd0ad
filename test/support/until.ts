import { setTimeout as sleep } from 'node:timers/promises';

/** Polls `check` until it returns something. For conditions without an event. */
export async function until<T>(
  check: () => T | false | null | undefined | Promise<T | false | null | undefined>,
): Promise<T> {
  for (;;) {
    const seen = await check();
    if (seen) return seen;
    await sleep(20);
  }
}
