import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { World } from '../world';
import { timed, type Case } from './case';
import { byCustomer, events } from './events';

export const tiny2k: Case = {
  name: 'tiny-2k',
  work: '2,000 partitions × 20 rows: count, sum, median in JavaScript',
  ratio: 'throughput of one activity per partition on the raw SDK, 48 lanes, same server',
  target: { atLeast: 8 },
  async prepare(world) {
    await world.execute(events(2_000));
    await world.startWorker();
    await world.warmUp();
  },
  async measure(world) {
    const raw = await timeRaw(world, 2_000);
    const { seconds } = await world.run({ ...byCustomer, function: 'summary' });
    return { ratio: raw / seconds, details: { raw, seconds } };
  },
};

/** Seconds that the hand-written workflow takes, from the call to the result, with a warm worker. */
async function timeRaw(world: World, partitions: number): Promise<number> {
  const worker = fork(
    join(__dirname, 'raw-worker.cjs'),
    [world.address, 'raw', world.warehouse, join(__dirname, 'raw-workflow.cjs')],
    { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] },
  );
  await once(worker, 'message');
  const run = (n: number): Promise<unknown> =>
    world.client.workflow.execute('everyPartition', {
      taskQueue: 'raw',
      workflowId: `raw-${process.hrtime.bigint()}`,
      args: [n],
    });
  await run(4);
  const seconds = await timed(() => run(partitions));
  const exited = once(worker, 'exit');
  worker.kill('SIGTERM');
  await exited;
  return seconds;
}
