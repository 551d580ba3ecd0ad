/** How the time, memory and history of a run grow with its number of partitions. */
import { historyOf } from '../history';
import { watchMemory, type World } from '../world';
import type { Case } from './case';
import { byCustomer, events } from './events';

const SIZES = [10_000, 100_000, 1_000_000];
/** Takes minutes, and some 10 GB of disk. */
const LARGEST = 3_000_000;
const sizes = process.env['BENCH_3M'] === undefined ? SIZES : [...SIZES, LARGEST];

type Figures = Record<'seconds' | 'GiB' | 'history KiB' | 'events', number>;

export const growth: Case = {
  name: 'growth',
  work: `${sizes.map((size) => size.toLocaleString('en')).join(', ')} partitions × 20 rows: count, sum, median, into a table`,
  ratio: 'growth of the number of partitions, both as logarithms, from 100,000 on (the exponent of time)',
  target: { atMost: 1.1 },
  prepare: () => Promise.resolve(),
  async measure(world) {
    const measured: Figures[] = [];
    for (const size of sizes) measured.push(await measureSize(world, size));
    const details: Record<string, number> = {};
    for (const [i, figures] of measured.entries())
      for (const [name, value] of Object.entries(figures))
        details[`${name} of ${sizes[i]! / 1_000}k`] = value;
    const exponent = (name: keyof Figures, from = 0): number =>
      slope(
        sizes.slice(from).map(Math.log),
        measured.slice(from).map((each) => Math.log(each[name])),
      );
    return {
      // What a run takes whatever its size would hide how a large one grows.
      ratio: exponent('seconds', 1),
      details: {
        ...details,
        'exponent of all': exponent('seconds'),
        'exponent of memory': exponent('GiB'),
      },
    };
  },
};

async function measureSize(world: World, partitions: number): Promise<Figures> {
  await world.execute(events(partitions));
  // One that has kept no memory from the size before.
  await world.startWorker();
  await world.warmUp();
  const memory = watchMemory(world.workerPid);
  const { seconds, runId } = await world.run({
    ...byCustomer,
    function: 'summary',
    output: { table: 'summaries' },
    options: { maxPartitions: partitions },
  });
  const bytes = memory();
  const history = await historyOf(world, runId);
  await world.killWorker();
  return { seconds, GiB: bytes / 2 ** 30, 'history KiB': history.bytes / 1024, events: history.events };
}

/** Of the straight line that is closest to these points (least squares). */
function slope(x: readonly number[], y: readonly number[]): number {
  const mean = (values: readonly number[]): number =>
    values.reduce((sum, each) => sum + each, 0) / values.length;
  const [meanX, meanY] = [mean(x), mean(y)];
  const along = x.reduce((sum, each, i) => sum + (each - meanX) * (y[i]! - meanY), 0);
  return along / x.reduce((sum, each) => sum + (each - meanX) ** 2, 0);
}
