import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { RunInput } from '../src/index';
import { cli } from './support/cli';
import { makeProject, type TestProject } from './support/project';

const FUNCTIONS = `
import { definePartitionFunction } from 'partwise';

export const seen = definePartitionFunction({
  name: 'seen',
  async run(data, context) {
    const [{ days }] = await data.sql\`SELECT string_agg(DISTINCT day::VARCHAR, ' ') AS days FROM data\`;
    return { days, scheduled: context.scheduledTime?.toISOString() ?? null };
  },
});
`;

let project: TestProject;
beforeAll(async () => {
  project = await makeProject(FUNCTIONS);
  await project.execute(
    `CREATE TABLE sales AS SELECT region, day::DATE AS day
       FROM (VALUES ('North'), ('South')) r(region), range(DATE '2026-10-01', DATE '2026-12-01', INTERVAL 1 DAY) d(day)`,
  );
  await project.startWorker();
});
afterAll(() => project.close());

const DAILY: RunInput = {
  function: 'seen',
  source: { query: 'SELECT * FROM sales WHERE day = $scheduled_date' },
  partitionBy: ['region'],
};

describe('the scheduled time', () => {
  it('of an input reaches the query, the function and the state', async () => {
    const run = await project.partwise.start(
      { ...DAILY, scheduledTime: '2026-11-01T00:30', timeZone: 'Europe/Berlin' },
      { runId: project.runId('given') },
    );
    const scheduledTime = '2026-10-31T23:30:00.000Z';
    expect(await run.wait()).toMatchObject({ status: 'SUCCESS', scheduledTime });
    expect(await run.results()).toEqual([
      { region: 'North', days: '2026-11-01', scheduled: scheduledTime },
      { region: 'South', days: '2026-11-01', scheduled: scheduledTime },
    ]);
  });

  it('I9 that the query needs and the run does not have is asked for, before anything is started', async () => {
    const run = await project.partwise.start(DAILY, { runId: project.runId('not-given') });
    expect(await run.wait()).toMatchObject({
      status: 'FAILURE',
      scheduledTime: null,
      error: { type: 'InvalidInput', message: expect.stringContaining('--scheduled-time') },
    });
  });

  it('counts for a plan too', async () => {
    const args = ['plan', 'seen', '--by', 'region', '--json', '--from'];
    const query = 'query:SELECT * FROM sales WHERE day <= $scheduled_date';
    const planned = await cli(project.folder, [...args, query, '--scheduled-time', '2026-10-03']);
    expect(planned).toMatchObject({ code: 0 });
    expect(JSON.parse(planned.stdout)).toMatchObject({ partitions: 2, rows: 6 });
    const refused = await cli(project.folder, [...args, query]);
    expect(refused).toMatchObject({ code: 2, stderr: expect.stringContaining('--scheduled-time') });
  });
});
