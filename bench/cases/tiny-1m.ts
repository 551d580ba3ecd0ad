import { watchMemory, type World } from '../world';
import { timed, type Case } from './case';
import { assertSame, timeFloor } from './compare-floor';
import { byCustomer, events } from './events';

const summaries = { ...byCustomer, function: 'summary', output: { table: 'summaries' } };

export const tiny1m: Case = {
  name: 'tiny-1m',
  work: '1,000,000 partitions × 20 rows, the same function, into a table',
  ratio: 'time of the floor',
  target: { atMost: 2.5 },
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
    const memory = watchMemory(world.workerPid);
    const { seconds, runId } = await world.run({ ...summaries, options: { maxPartitions: 2_000_000 } });
    const gigabytes = memory() / 2 ** 30;
    const historyMegabytes = (await historyBytes(world, runId)) / 2 ** 20;
    await assertSame(world, 'summaries');
    return {
      ratio: seconds / floorSeconds,
      details: { floor: floorSeconds, groupBy, seconds, gigabytes, historyMegabytes },
    };
  },
};

async function historyBytes(world: World, runId: string): Promise<number> {
  const { raw } = await world.client.workflow.getHandle(runId).describe();
  return Number(
    (raw as { workflowExecutionInfo?: { historySizeBytes?: unknown } }).workflowExecutionInfo
      ?.historySizeBytes ?? 0,
  );
}
