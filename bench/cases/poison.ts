import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { timed, type Case } from './case';
import { isPoison } from '../arithmetic';
import { byCustomer, events } from './events';

const PARTITIONS = 10_000;

export const poison: Case = {
  name: 'poison',
  work: '10,000 partitions, 5 % of which fail, then a retry',
  ratio: 'time of a clean run',
  target: { atMost: 1.5 },
  async prepare(world) {
    await world.execute(events(PARTITIONS));
    await world.startWorker();
    await world.warmUp();
  },
  async measure(world) {
    const fixed = join(world.folder, 'fixed');
    const calls = join(world.folder, 'calls');
    rmSync(fixed, { force: true });
    const input = { ...byCustomer, function: 'poison', options: { retry: { maximumAttempts: 1 } } };
    const clean = (await world.run({ ...input, params: { fixed: '', calls } })).seconds;
    const { runId, seconds } = await world.run({ ...input, params: { fixed, calls } }, 'PARTIAL_FAILURE');
    writeFileSync(fixed, '');
    writeFileSync(calls, '');
    const retry = await timed(async () => {
      const run = await world.partwise.getRun(runId).retry();
      const { status } = await run.wait();
      if (status !== 'SUCCESS') throw new Error(`The retry ended as ${status}.`);
    });
    assertOnlyFailedCalled(readFileSync(calls, 'utf8'));
    return { ratio: (seconds + retry) / clean, details: { clean, failing: seconds, retry } };
  },
};

/** The retry must have called every failed partition once, and no other. */
function assertOnlyFailedCalled(calls: string): void {
  const called = calls.split('\n').filter((line) => line !== '');
  if (called.length === PARTITIONS / 20 && new Set(called).size === called.length && called.every(isPoison))
    return;
  throw new Error(
    `The retry made ${called.length} calls, of which ${called.filter((each) => !isPoison(each)).length} to good partitions.`,
  );
}
