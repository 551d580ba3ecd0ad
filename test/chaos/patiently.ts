/** Waiting. */
import { setTimeout as sleep } from 'node:timers/promises';

/** Time limit for any single wait; then the seed has failed, and reports what it waited for. */
const PATIENCE_MS = 300_000;

/** Retries until it gets an answer: the server goes away and comes back. */
export async function patiently<T>(
  what: string,
  ask: () => Promise<T | undefined>,
  everyMs = 50,
): Promise<T> {
  const giveUpAt = Date.now() + PATIENCE_MS;
  for (let problem: unknown = 'nothing'; ; await sleep(everyMs)) {
    try {
      const answer = await ask();
      if (answer !== undefined) return answer;
    } catch (error) {
      problem = error;
    }
    if (Date.now() > giveUpAt) throw new Error(`Waited too long for ${what} (last: ${String(problem)}).`);
  }
}
