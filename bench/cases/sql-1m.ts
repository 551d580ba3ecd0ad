import type { Case } from './case';
import { assertSame } from './compare-floor';
import { byCustomer, events } from './events';

const PARTITIONS = 1_000_000;
const options = { maxPartitions: 2 * PARTITIONS };
const summaries = { ...byCustomer, output: { table: 'summaries' }, options };

export const sql1m: Case = {
  name: 'sql-1m',
  work: '1,000,000 partitions × 20 rows, count, sum and median by the function "sql", into a table',
  ratio: 'time of the same run with a function in TypeScript (tiny-1m)',
  target: { atMost: 1.5 },
  async prepare(world) {
    await world.execute(events(PARTITIONS));
    await world.startWorker();
    await world.warmUp();
  },
  async measure(world) {
    const { seconds: tiny } = await world.run({
      ...summaries,
      function: 'summary',
      output: { table: 'by_function' },
    });
    const { seconds } = await world.run({
      ...summaries,
      function: 'sql',
      sql: 'SELECT count(*) AS n, sum(amount) AS total, median(amount) AS median FROM data',
    });
    await assertSame(world, 'summaries', 'by_function');
    return { ratio: seconds / tiny, details: { tiny, seconds } };
  },
};
