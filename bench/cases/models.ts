import { cpus } from 'node:os';
import { trainAlone } from '../train-alone';
import { processorSeconds } from '../world';
import { timed, type Case } from './case';

const MODELS = 1_000;
const ROWS = 500;
/** Models that a single process trains for comparison; the rest would take as long each. */
const ALONE = 100;

export const models: Case = {
  name: 'models',
  work: '1,000 models of gradient-boosted trees × 500 rows',
  ratio: 'CPU time of the whole machine, used by the worker and its runners',
  target: { atLeast: 0.9 },
  async prepare(world) {
    await world.startWorker();
    await world.warmUp();
    // Loads the learner.
    await trainAlone(0, ROWS);
  },
  async measure(world) {
    const query = `SELECT k, i % 24 AS a, i % 7 AS b, (i * 7 + k) % 24 + i % 7 AS y FROM range(${MODELS}) AS m(k), range(${ROWS}) AS r(i)`;
    const some = await timed(async () => {
      for (let k = 0; k < ALONE; k++) await trainAlone(k, ROWS);
    });
    const alone = (some * MODELS) / ALONE;
    const before = processorSeconds(world.workerPid);
    const { seconds } = await world.run({
      function: 'trees.train',
      source: { query },
      partitionBy: ['k'],
      output: { model: 'trees' },
    });
    const used = processorSeconds(world.workerPid) - before;
    return { ratio: used / (seconds * cpus().length), details: { alone, seconds, faster: alone / seconds } };
  },
};
