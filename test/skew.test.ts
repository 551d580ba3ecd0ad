/** One partition that is far larger than the others, and than the memory of a runner. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { RunHandle } from '../src/index';
import { makeProject, type TestProject } from './support/project';

/** As JavaScript objects they take several times the runner's memory limit. */
const ROWS = 3_000_000;

const FUNCTIONS = `
import { definePartitionFunction } from 'partwise';

export const streamed = definePartitionFunction({
  name: 'streamed',
  memory: '300MB',
  async run(data) {
    let [n, total] = [0, 0];
    for await (const rows of data)
      for (const { amount } of rows) {
        n++;
        total += amount;
      }
    return { n, total };
  },
});

export const pushedDown = definePartitionFunction({
  name: 'pushedDown',
  memory: '300MB',
  async run(data) {
    const [row] = await data.sql\`SELECT count(*)::DOUBLE AS n, sum(amount)::DOUBLE AS total FROM data\`;
    return row;
  },
});

export const held = definePartitionFunction({
  name: 'held',
  memory: '300MB',
  async run(data) {
    const rows = await data.rows();
    return { n: rows.length, total: rows.reduce((sum, { amount }) => sum + amount, 0) };
  },
});
`;

let project: TestProject;
beforeAll(async () => {
  project = await makeProject(FUNCTIONS);
  await project.execute(
    // Store 19, last in key order, has most of the rows; a string makes each row an object of some size.
    `CREATE TABLE sales AS
       SELECT CASE WHEN i < ${ROWS} THEN 19 ELSE i % 20 END AS store, i AS id, (i % 100)::DOUBLE AS amount, 'receipt number ' || i AS note
       FROM range(${ROWS + 2_000}) t(i)`,
  );
  await project.startWorker({ PARTWISE_RUNNERS: '1' });
});
afterAll(() => project.close());

async function ended(name: string): Promise<RunHandle> {
  const run = await project.partwise.start(
    { function: name, source: { table: 'sales' }, partitionBy: ['store'] },
    { runId: project.runId(name) },
  );
  await run.wait();
  return run;
}

/** The task of the first unit that the workflow scheduled. */
async function firstScheduled(runId: string): Promise<unknown> {
  const { events } = await project.client.workflow.getHandle(runId).fetchHistory();
  const [first] = (events ?? []).flatMap(({ activityTaskScheduledEventAttributes: attributes }) =>
    attributes?.activityType?.name === 'processUnit' ? [attributes] : [],
  );
  return JSON.parse(Buffer.from(first!.input!.payloads![0]!.data!).toString('utf8'));
}

const LARGEST = {
  store: 19,
  n: ROWS + 100,
  // Amounts cycle through 0 to 99; every twentieth of the last 2,000 rows belongs to this store.
  total: (ROWS / 100) * 4_950 + 20 * (19 + 39 + 59 + 79 + 99),
};

describe('a partition larger than its runner’s memory', () => {
  it.each(['streamed', 'pushedDown'])(
    'is the first to be scheduled, and finishes if it is %s',
    async (name) => {
      const run = await ended(name);
      expect(await run.status()).toMatchObject({ status: 'SUCCESS', counts: { DONE: 20 } });
      // The server may dispatch activities that were scheduled at the same time in another order.
      const { ordinal } = await run.partition('19').describe();
      expect(await firstScheduled(run.runId)).toMatchObject({ from: ordinal, to: ordinal });
      const rows = await run.results();
      expect(rows.find(({ store }) => Number(store) === 19)).toMatchObject({
        n: LARGEST.n,
        total: LARGEST.total,
      });
    },
  );

  it('is INTERNAL_ERROR if all its rows are held in memory together, and says what to do', async () => {
    const run = await ended('held');
    expect(await run.status()).toMatchObject({
      status: 'PARTIAL_FAILURE',
      counts: { DONE: 19, INTERNAL_ERROR: 1 },
    });
    const { error } = await run.partition('19').describe();
    expect(error).toMatchObject({ type: 'OutOfMemory', message: expect.stringMatching(/for await/) });
  });
});
