import type { RunOptions } from '../../src/index';
import { historyOf } from '../history';
import { watchMemory, type World } from '../world';
import { timed, type Case } from './case';
import { assertSame, timeFloor } from './compare-floor';
import { byCustomer, events } from './events';

const summaries = { ...byCustomer, function: 'summary', output: { table: 'summaries' } };
const MAX_GIB = 2;
const MAX_HISTORY_MIB = 30;
/** Of the time without shards: what two runs of the same may differ by. */
const MAX_SHARDED = 1.05;

export const tiny1m: Case = {
  name: 'tiny-1m',
  work: '1,000,000 partitions × 20 rows, the same function, into a table, and again in shards',
  ratio: 'time of the floor',
  target: { atMost: 1.25 },
  async prepare(world) {
    await world.execute(events(1_000_000));
    await world.startWorker();
    await world.warmUp();
  },
  async measure(world) {
    const floorSeconds = await timeFloor(world, ['customer'], 'events', 'summarize');
    const groupBy = await timed(() =>
      world.execute(
        'CREATE OR REPLACE TABLE by_sql AS SELECT customer, count(*) AS n, sum(amount) AS total, median(amount) AS median FROM events GROUP BY customer',
      ),
    );
    const whole = await measureRun(world);
    // More than one history can have in flight.
    const sharded = await measureRun(world, { maxConcurrency: 96 });
    const missed: string[] = [];
    for (const [name, { GiB, historyMiB }] of Object.entries({
      'a run': whole,
      'a run in shards': sharded,
    })) {
      if (GiB > MAX_GIB) missed.push(`${name} takes more than ${MAX_GIB} GiB`);
      if (historyMiB > MAX_HISTORY_MIB)
        missed.push(`${name} has more than ${MAX_HISTORY_MIB} MiB of history`);
    }
    if (sharded.seconds > whole.seconds * MAX_SHARDED) missed.push('in shards, a run is slower');
    return {
      ratio: whole.seconds / floorSeconds,
      details: {
        floor: floorSeconds,
        groupBy,
        ...whole,
        ...Object.fromEntries(Object.entries(sharded).map(([name, value]) => [`${name} in shards`, value])),
      },
      missed,
    };
  },
};

async function measureRun(
  world: World,
  options: RunOptions = {},
): Promise<Record<'seconds' | 'GiB' | 'historyMiB' | 'events', number>> {
  const memory = watchMemory(world.workerPid);
  const { seconds, runId } = await world.run({
    ...summaries,
    options: { maxPartitions: 2_000_000, ...options },
  });
  const GiB = memory() / 2 ** 30;
  const { bytes, events } = await historyOf(world, runId);
  await assertSame(world, 'summaries');
  return { seconds, GiB, historyMiB: bytes / 2 ** 20, events };
}
