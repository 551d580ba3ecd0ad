import { setTimeout as delay } from 'node:timers/promises';

/** What the promise resolves with; null if it takes longer than this. */
export function within<T>(ms: number, promise: Promise<T>): Promise<T | null> {
  return Promise.race([promise, delay(ms, null, { ref: false })]);
}
