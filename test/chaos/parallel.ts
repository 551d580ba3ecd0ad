/** Runs seeds in processes of their own, several at a time. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

/** The outcome of a seed, and its line in the log. */
export interface SeedEnd {
  ok: boolean;
  line: string;
}

/** `flags` are those that each seed gets. The next seed starts when one of the `width` running ends. */
export async function inProcesses(
  seeds: readonly number[],
  width: number,
  flags: readonly string[],
  ended: (seed: number, end: SeedEnd) => void,
): Promise<void> {
  const waiting = [...seeds];
  const lane = async (): Promise<void> => {
    for (let seed = waiting.shift(); seed !== undefined; seed = waiting.shift())
      ended(seed, await inProcess(seed, flags));
  };
  await Promise.all(Array.from({ length: width }, lane));
}

async function inProcess(seed: number, flags: readonly string[]): Promise<SeedEnd> {
  const child = fork(join(__dirname, '../../scripts/chaos.mjs'), ['--seed', `${seed}`, ...flags]);
  let end: SeedEnd | null = null;
  child.once('message', (message) => (end = message as SeedEnd));
  const [code, signal] = await once(child, 'exit');
  return end ?? { ok: false, line: `seed ${seed}: FAILED: its process ended with ${String(signal ?? code)}` };
}
