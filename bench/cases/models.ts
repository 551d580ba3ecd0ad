import { trainAlone } from '../train-alone';
import { timed, type Case } from './case';

const MODELS = 1_000;
const ROWS = 500;
/** Trained by the process alone; the rest takes as long. */
const ALONE = 100;

export const models: Case = {
  name: 'models',
  work: '1,000 models of gradient-boosted trees × 500 rows',
  ratio: 'speed of one process that trains them one after the other',
  target: { atLeast: 1.8 },
  async prepare(world) {
    await world.startWorker();
    await world.warmUp();
  },
  async measure(world) {
    const query = `SELECT k, i % 24 AS a, i % 7 AS b, (i * 7 + k) % 24 + i % 7 AS y FROM range(${MODELS}) AS m(k), range(${ROWS}) AS r(i)`;
    // Loads the learner.
    await trainAlone(0, ROWS);
    const some = await timed(async () => {
      for (let k = 0; k < ALONE; k++) await trainAlone(k, ROWS);
    });
    const alone = (some * MODELS) / ALONE;
    const { seconds } = await world.run({
      function: 'trees.train',
      source: { query },
      partitionBy: ['k'],
      output: { model: 'trees' },
    });
    return { ratio: alone / seconds, details: { alone, seconds } };
  },
};
