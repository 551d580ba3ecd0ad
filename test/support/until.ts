import { setTimeout as sleep } from 'node:timers/promises';

/**
 * What `look` sees, once there is something to see. For what nothing tells of: it is looked at again and
 * again.
 */
export async function until<T>(
  look: () => T | false | null | undefined | Promise<T | false | null | undefined>,
): Promise<T> {
  for (;;) {
    const seen = await look();
    if (seen) return seen;
    await sleep(20);
  }
}
