import { join } from 'node:path';
import type { Case } from './case';
import { assertSame, timeFloor } from './compare-floor';

const FLIGHTS = join(__dirname, '../../../test/data/flights_2013.parquet');

export const real: Case = {
  name: 'real',
  work: 'flights of 2013 by tailnum (4,044 partitions), by dest (105), by carrier and origin (35): a summary function',
  ratio: 'time of the floor, all three together',
  target: { atMost: 1.2 },
  async prepare(world) {
    await world.execute(`CREATE TABLE flights AS FROM '${FLIGHTS}'`);
    await world.startWorker();
    await world.warmUp();
  },
  async measure(world) {
    const details: Record<string, number> = {};
    let [ours, theirs] = [0, 0];
    for (const keys of [['tailnum'], ['dest'], ['carrier', 'origin']]) {
      const name = keys.join('+');
      const floorSeconds = await timeFloor(world, keys, 'flights', 'summarizeFlights');
      const { seconds } = await world.run({
        function: 'flights',
        source: { table: 'flights' },
        partitionBy: keys,
        output: { table: 'by_key' },
      });
      await assertSame(world, 'by_key');
      await world.execute('DROP TABLE by_key');
      details[`${name}_floor`] = floorSeconds;
      details[name] = seconds;
      ours += seconds;
      theirs += floorSeconds;
    }
    return { ratio: ours / theirs, details };
  },
};
