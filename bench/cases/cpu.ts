/** How well a run uses two processors. */
import { spin } from '../arithmetic';
import type { World } from '../world';
import { timed, type Case } from './case';

const SHAPES = [
  { partitions: 200, ms: 50 },
  { partitions: 40, ms: 250 },
] as const;
const AT_LEAST = 1.9;

export const cpu: Case = {
  name: 'cpu',
  work: '200 partitions × 50 ms of CPU, and 40 × 250 ms',
  ratio: 'speed of one process that calls the function as often, for the slower of the two',
  target: { atLeast: AT_LEAST },
  async prepare(world) {
    await world.startWorker();
    await world.warmUp();
  },
  async measure(world) {
    const ratios: number[] = [];
    const details: Record<string, number> = {};
    for (const { partitions, ms } of SHAPES) {
      const { ratio, ...others } = await measureShape(world, partitions, ms);
      ratios.push(ratio);
      for (const [name, value] of Object.entries({ ratio, ...others }))
        details[`${partitions} × ${ms} ms: ${name}`] = value;
    }
    return { ratio: Math.min(...ratios), details };
  },
};

/** `worker`, `runners` and `server` are the seconds of CPU that each used. */
async function measureShape(
  world: World,
  partitions: number,
  ms: number,
): Promise<Record<'ratio' | 'alone' | 'seconds' | 'worker' | 'runners' | 'server', number>> {
  const alone = await timed(async () => {
    for (let i = 0; i < partitions; i++) spin(ms);
  });
  const source = { query: `SELECT range AS k FROM range(${partitions})` };
  const before = world.used();
  const { seconds } = await world.run({ function: 'cpu', source, partitionBy: ['k'], params: { ms } });
  const after = world.used();
  return {
    ratio: alone / seconds,
    alone,
    seconds,
    worker: after.worker - before.worker,
    runners: after.runners - before.runners,
    server: after.server - before.server,
  };
}
