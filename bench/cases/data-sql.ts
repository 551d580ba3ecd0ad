import { processorSeconds } from '../world';
import type { Case } from './case';
import { byCustomer, events } from './events';

const PARTITIONS = 100_000;
/** Microseconds that a query may take. */
const ALLOWED = 50;

export const dataSql: Case = {
  name: 'data-sql',
  work: '100,000 partitions × 20 rows, the same query with data.sql in each, and a function that does nothing',
  ratio: `processor time allowed for a query (${ALLOWED} µs)`,
  target: { atMost: 1 },
  async prepare(world) {
    await world.execute(events(PARTITIONS));
    await world.startWorker();
    await world.warmUp();
  },
  async measure(world) {
    const used = async (name: string): Promise<[number, number]> => {
      const before = processorSeconds(world.workerPid);
      const { seconds } = await world.run({ ...byCustomer, function: name });
      return [processorSeconds(world.workerPid) - before, seconds];
    };
    const [least, nothing] = await used('constant');
    const [most, seconds] = await used('queried');
    const micros = ((most - least) * 1e6) / PARTITIONS;
    return { ratio: micros / ALLOWED, details: { nothing, seconds, micros } };
  },
};
