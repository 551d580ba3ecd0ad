/** Waiting. */
import { setTimeout as sleep } from 'node:timers/promises';

/**
 * Time limit for any single wait in which nothing moves; then the seed has failed, and reports what it waited
 * for. Temporal's server unloads a task queue after five minutes in which it does nothing: one that loses
 * sight of a task when it is stopped for a minute hands it out then.
 */
const PATIENCE_MS = 420_000;

/**
 * Retries until it gets an answer: the server goes away and comes back. `moves`: a number that changes as
 * long as the wait is worth it.
 */
export async function patiently<T>(
  what: string,
  ask: () => Promise<T | undefined>,
  { everyMs = 50, moves = () => 0 }: { everyMs?: number; moves?: () => number } = {},
): Promise<T> {
  let giveUpAt = Date.now() + PATIENCE_MS;
  let before = moves();
  for (let problem: unknown = 'nothing'; ; await sleep(everyMs)) {
    try {
      const answer = await ask();
      if (answer !== undefined) return answer;
    } catch (error) {
      problem = error;
    }
    const now = moves();
    if (now !== before) giveUpAt = Date.now() + PATIENCE_MS;
    before = now;
    if (Date.now() > giveUpAt) throw new Error(`Waited too long for ${what} (last: ${String(problem)}).`);
  }
}
