import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { timed, type Case } from './case';

export const pushdown: Case = {
  name: 'pushdown',
  work: '20 M rows, 1,000 partitions, sum with data.sql',
  ratio: 'time to write the sorted snapshot and read each partition once',
  target: { atMost: 2 },
  async prepare(world) {
    await world.execute(
      `CREATE TABLE amounts AS SELECT 'store ' || ((i * 7919) % 1000) AS store, i AS id, (hash(i) % 100000) / 100.0::DOUBLE AS amount,
         DATE '2024-01-01' + (hash(i, 1) % 365)::INTEGER AS day FROM range(20000000) t(i)`,
    );
    await world.startWorker();
    await world.warmUp();
  },
  async measure(world) {
    const folder = join(world.folder, 'sorted');
    mkdirSync(folder, { recursive: true });
    const least = await timed(() =>
      world.execute(
        `CREATE TEMP TABLE keys AS SELECT row_number() OVER (ORDER BY store) - 1 AS ord, store FROM (SELECT DISTINCT store FROM amounts)`,
        `COPY (SELECT keys.ord::INTEGER AS ord, amounts.* FROM amounts JOIN keys USING (store) ORDER BY ord) TO '${folder}/sorted.parquet'`,
        ...Array.from(
          { length: 1_000 },
          (_, i) => `SELECT sum(amount) FROM '${folder}/sorted.parquet' WHERE ord = ${i}`,
        ),
      ),
    );
    rmSync(folder, { recursive: true });
    const { seconds } = await world.run({
      function: 'pushdown',
      source: { table: 'amounts' },
      partitionBy: ['store'],
      output: { table: 'totals' },
    });
    return { ratio: seconds / least, details: { least, seconds } };
  },
};
