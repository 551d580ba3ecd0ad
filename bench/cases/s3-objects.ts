import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startS3, type CountedS3 } from '../s3';
import type { World } from '../world';
import type { Case } from './case';
import { byCustomer, events } from './events';

const SIZES = [100_000, 1_000_000];
const MAX_OBJECTS = 2_000;

export const s3Objects: Case = {
  name: 's3-objects',
  work: '100,000 and 1,000,000 partitions × 20 rows, count/sum/median into a table, with the stage on S3 (moto)',
  ratio: `number of objects that a million may leave (${MAX_OBJECTS.toLocaleString('en')})`,
  target: { atMost: 1 },
  prepare: () => Promise.resolve(),
  async measure(world) {
    const s3 = await startS3();
    const file = join(world.project, 'partwise.config.json');
    const config = JSON.parse(readFileSync(file, 'utf8')) as object;
    writeFileSync(file, JSON.stringify({ ...config, stage: s3.stage }));
    await world.startWorker();
    await world.warmUp();
    const details: Record<string, number> = {};
    let objects = 0;
    for (const size of SIZES) {
      const counted = await count(world, s3, size);
      for (const [name, value] of Object.entries(counted)) details[`${name} of ${size / 1_000}k`] = value;
      ({ objects } = counted);
    }
    await world.killWorker();
    await s3.end();
    return { ratio: objects / MAX_OBJECTS, details };
  },
};

async function count(
  world: World,
  s3: CountedS3,
  size: number,
): Promise<Record<string, number> & { objects: number }> {
  await world.execute(events(size));
  s3.requested();
  const { seconds, runId } = await world.run({
    ...byCustomer,
    function: 'summary',
    output: { table: 'summaries' },
    options: { maxPartitions: size },
  });
  const { methods, sent, received } = s3.requested();
  const objects = await s3.countObjects(runId);
  return { seconds, objects, ...methods, 'MB sent': sent / 1e6, 'MB received': received / 1e6 };
}
