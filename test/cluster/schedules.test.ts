/** A schedule over a night: the runs that it missed are started by backfill, in order. */
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { makeProject, type TestProject } from '../support/project';
import { until } from '../support/until';

const FUNCTIONS = `
import { definePartitionFunction } from 'partwise';
export const count = definePartitionFunction({
  name: 'count',
  run: (data, { scheduledTime }) => ({ n: data.rowCount, due: String(scheduledTime.toISOString()) }),
});
`;

let project: TestProject;
beforeAll(async () => {
  project = await makeProject(FUNCTIONS);
  await project.execute("CREATE TABLE t AS SELECT unnest(['a', 'b']) AS k");
  await project.startWorker();
});
afterAll(() => project.close());

it('a night of hourly runs is backfilled, each with its own time, and the next day is not', async () => {
  const id = project.runId('hourly');
  const { schedules } = project.partwise;
  await schedules.create(id, {
    input: { function: 'count', source: { table: 't' }, partitionBy: ['k'] },
    cron: '0 * * * *',
    timeZone: 'UTC',
  });
  const firings = await schedules.backfill(id, { from: '2026-03-01T20:00:00Z', to: '2026-03-02T06:00:00Z' });
  const due = Array.from({ length: 11 }, (_, n) => new Date(Date.UTC(2026, 2, 1, 20 + n)).toISOString());
  expect(firings.map(({ scheduledTime }) => scheduledTime)).toEqual(due);
  await until(async () => (await schedules.describe(id)).counts.started === due.length);
  for (const [n, { runId }] of firings.entries()) {
    const run = project.partwise.getRun(runId);
    expect(await run.wait()).toMatchObject({ status: 'SUCCESS', scheduledTime: due[n] });
    expect((await run.results()).map((row) => row['due'])).toEqual([due[n], due[n]]);
  }
  const listed = await until(async () => {
    const { runs } = await project.partwise.list({ schedule: id });
    return runs.length === due.length && runs;
  });
  expect(listed.map(({ runId }) => runId).sort()).toEqual(firings.map(({ runId }) => runId).sort());
  await schedules.delete(id);
});
