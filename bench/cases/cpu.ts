import { spin } from '../arithmetic';
import { timed, type Case } from './case';

export const cpu: Case = {
  name: 'cpu',
  work: '200 partitions × 50 ms of CPU',
  ratio: 'speed of one process that calls the function 200 times',
  target: { atLeast: 1.8 },
  async prepare(world) {
    await world.startWorker();
    await world.warmUp();
  },
  async measure(world) {
    const source = { query: 'SELECT range AS k FROM range(200)' };
    const alone = await timed(async () => {
      for (let i = 0; i < 200; i++) spin(50);
    });
    const { seconds } = await world.run({ function: 'cpu', source, partitionBy: ['k'] });
    return { ratio: alone / seconds, details: { alone, seconds } };
  },
};
