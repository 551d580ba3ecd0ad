import { join } from 'node:path';
import { startContestant } from '../contestant';
import { timeQueue } from '../queue/time-queue';
import type { World } from '../world';
import { timed, type Case } from './case';
import { byCustomer, events } from './events';

const PARTITIONS = 2_000;
/** Folder of PostgreSQL's programs. */
const POSTGRES = process.env.POSTGRES_PROGRAMS;

export const tiny2k: Case = {
  name: 'tiny-2k',
  work: '2,000 partitions × 20 rows: count, sum, median in JavaScript',
  ratio: 'throughput of one activity per partition on the raw SDK, 48 lanes, same server',
  target: { atLeast: 30 },
  async prepare(world) {
    if (POSTGRES === undefined)
      console.log('  No queue is measured: it needs PostgreSQL (on Debian: apt-get install postgresql).');
    await world.execute(events(PARTITIONS));
    await world.startWorker();
    await world.warmUp();
  },
  async measure(world) {
    const raw = await timeRaw(world, PARTITIONS);
    const queue = POSTGRES === undefined ? null : await timeQueue(POSTGRES, world.warehouse, PARTITIONS);
    const { seconds } = await world.run({ ...byCustomer, function: 'summary' });
    return {
      ratio: raw / seconds,
      details: {
        raw,
        ...(queue !== null && { queue }),
        seconds,
        '× raw': raw / seconds,
        ...(queue !== null && { '× queue': queue / seconds }),
      },
      missed:
        queue !== null && queue <= seconds ? ['graphile-worker on PostgreSQL is as fast, or faster'] : [],
    };
  },
};

/** Seconds that the hand-written workflow takes, from the call to the result, with a warm worker. */
async function timeRaw(world: World, partitions: number): Promise<number> {
  const workflow = join(__dirname, 'raw-workflow.cjs');
  const worker = await startContestant('raw-worker.cjs', [world.address, 'raw', world.warehouse, workflow]);
  const run = (n: number): Promise<unknown> =>
    world.client.workflow.execute('everyPartition', {
      taskQueue: 'raw',
      workflowId: `raw-${process.hrtime.bigint()}`,
      args: [n],
    });
  await run(4);
  const seconds = await timed(() => run(partitions));
  await worker.end();
  return seconds;
}
