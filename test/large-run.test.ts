/**
 * A run of 20,000 partitions with everything that happens to large runs. The function writes each call to an
 * external file.
 */
import { once } from 'node:events';
import { readFileSync, statSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { changed } from './support/files';
import { makeProject, type TestProject } from './support/project';

const PARTITIONS = 20_000;
const KILLER = 'customer 12345';

const FUNCTIONS = `
import { appendFileSync, existsSync } from 'node:fs';
import { definePartitionFunction } from 'partwise';

/** One in 200 throws and one kills its process, until the file params.fixed exists. */
export const total = definePartitionFunction({
  name: 'total',
  async run(data, { key, params }) {
    appendFileSync(params.calls, key.customer + '\\n');
    if (!existsSync(params.fixed)) {
      if (key.customer === '${KILLER}') process.kill(process.pid, 'SIGKILL');
      if (Number(key.customer.slice(9)) % 200 === 7) throw new Error('Not yet: ' + key.customer);
    }
    let sum = 0;
    for (const { amount } of await data.rows()) sum += amount;
    return { sum };
  },
});
`;

let project: TestProject;
beforeAll(async () => {
  project = await makeProject(FUNCTIONS);
  await project.execute(
    `CREATE TABLE sales AS SELECT 'customer ' || ((i * 7919) % ${PARTITIONS}) AS customer, (i % 1000)::DOUBLE AS amount
     FROM range(${PARTITIONS * 5}) t(i)`,
  );
});
afterAll(() => project.close());

describe('a run of 20,000 partitions, of which 100 fail and one kills its process', () => {
  it('has every other partition DONE although its worker is killed, and a retry calls only those 101', async () => {
    const runId = project.runId('large');
    const [calls, fixed] = [join(project.folder, 'calls'), join(project.folder, 'fixed')];
    await writeFile(calls, '');
    const called = (): string[] =>
      readFileSync(calls, 'utf8')
        .split('\n')
        .filter((line) => line !== '');
    const isBad = (customer: string): boolean =>
      customer === KILLER || Number(customer.slice('customer '.length)) % 200 === 7;

    const worker = await project.startWorker();
    const run = await project.partwise.start(
      {
        function: 'total',
        source: { table: 'sales' },
        partitionBy: ['customer'],
        params: { calls, fixed },
        output: { table: 'totals' },
        options: { heartbeatTimeout: '3s', retry: { maximumAttempts: 2, initialInterval: 10 } },
      },
      { runId },
    );
    // About 6,000 calls.
    await changed(calls, () => statSync(calls).size > 6_000 * 'customer 12345 '.length);
    const done = (await run.partitions({ status: 'DONE', limit: PARTITIONS })).partitions;
    const exited = once(worker, 'exit');
    worker.kill('SIGKILL');
    await exited;
    const before = called().length;
    await project.startWorker();

    const state = await run.wait();
    expect(state).toMatchObject({
      status: 'PARTIAL_FAILURE',
      counts: { total: PARTITIONS, DONE: PARTITIONS - 101, FAILED: 100, INTERNAL_ERROR: 1 },
    });
    const failed = await run.partitions({ status: 'FAILED', limit: 1_000 });
    expect(failed.partitions).toHaveLength(100);
    expect(
      failed.partitions.every(({ key, attempts }) => isBad(key.customer as string) && attempts === 2),
    ).toBe(true);
    const good = called().filter((customer) => !isBad(customer));
    expect(new Set(good).size).toBe(PARTITIONS - 101);
    // I4: partitions recorded in history or by a checkpoint when the worker was killed were not called again.
    expect(done.length).toBeGreaterThan(1_000);
    const calledAfterwards = new Set(called().slice(before));
    expect(done.filter(({ key }) => calledAfterwards.has(key.customer as string))).toEqual([]);

    await writeFile(fixed, '');
    await writeFile(calls, '');
    const retry = await run.retry();
    expect(await retry.wait()).toMatchObject({ status: 'SUCCESS', counts: { DONE: PARTITIONS } });
    expect(called().filter((customer) => !isBad(customer))).toEqual([]);
    expect(called()).toHaveLength(101);
    const [difference] = await project.query<{ n: number }>(
      `WITH plain AS (SELECT customer, sum(amount) AS sum FROM sales GROUP BY customer)
       SELECT count(*)::INTEGER AS n FROM ((FROM plain EXCEPT ALL SELECT customer, sum FROM totals)
         UNION ALL (SELECT customer, sum FROM totals EXCEPT ALL FROM plain))`,
    );
    expect(difference).toEqual({ n: 0 });
  });
});
