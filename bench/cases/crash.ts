import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { World } from '../world';
import { timed, type Case } from './case';

/** About 120 s on two runners. */
const PARTITIONS = 20_000;
const CALL_MS = 10;
/**
 * The default heartbeat timeout, which is also how long a Temporal server keeps a workflow for its last
 * worker.
 */
const HEARTBEAT = 10;
const STICKY = 10;

export const crash: Case = {
  name: 'crash',
  work: '20,000 partitions of 10 ms, the worker killed at 40 % and started again after 1 s',
  ratio: 'allowed extra time: heartbeat timeout + 10 s + start of the worker',
  target: { atMost: 1 },
  async prepare(world) {
    await world.startWorker();
    await world.warmUp();
  },
  async measure(world) {
    const undisturbed = await timed(() => slowRun(world, () => Promise.resolve()));
    let start = 0;
    const disturbed = await timed(() =>
      slowRun(world, async (calls) => {
        while (linesOf(calls).length < 0.4 * PARTITIONS) await sleep(100);
        await world.killWorker();
        await sleep(1_000);
        start = await timed(() => world.startWorker());
      }),
    );
    const extra = disturbed - undisturbed;
    const repeated = linesOf(callsIn(world)).length - PARTITIONS;
    const repeatedSeconds = (repeated * CALL_MS) / 1000 / RUNNERS;
    if (repeatedSeconds > 1)
      throw new Error(`${repeated} calls were repeated: ${repeatedSeconds.toFixed(1)} s of work per runner.`);
    return {
      ratio: extra / (HEARTBEAT + STICKY + start),
      details: { undisturbed, disturbed, extra, start, repeatedCalls: repeated, repeatedSeconds },
    };
  },
};

const RUNNERS = 2;

function callsIn(world: World): string {
  return join(world.folder, 'calls');
}

async function slowRun(world: World, meanwhile: (calls: string) => Promise<void>): Promise<void> {
  const calls = callsIn(world);
  rmSync(calls, { force: true });
  const source = { query: `SELECT range AS k FROM range(${PARTITIONS})` };
  const run = world.run({ function: 'slow', source, partitionBy: ['k'], params: { calls, ms: CALL_MS } });
  await Promise.all([run, meanwhile(calls)]);
}

function linesOf(file: string): string[] {
  try {
    return readFileSync(file, 'utf8')
      .split('\n')
      .filter((line) => line !== '');
  } catch {
    // No call has been made yet.
    return [];
  }
}
