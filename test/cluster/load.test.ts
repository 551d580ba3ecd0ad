/** 96 activities in flight, through shards; 20,000 partitions are in large-run.test.ts. */
import { once } from 'node:events';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { GATED_FUNCTIONS, startGated } from '../support/gated-runs';
import { makeProject, type TestProject } from '../support/project';
import { until } from '../support/until';

const PARTITIONS = 1_000;
const IN_FLIGHT = 96;

let project: TestProject;
beforeAll(async () => {
  project = await makeProject(GATED_FUNCTIONS);
  await project.execute(`CREATE TABLE many AS SELECT range AS k FROM range(${PARTITIONS})`);
});
afterAll(() => project.close());

it('a run has 96 partitions in flight at a time, and loses or repeats nothing when its worker is killed', async () => {
  const worker = await project.startWorker({ PARTWISE_RUNNERS: '4' });
  const gated = await startGated(project, 'loaded', {
    source: { table: 'many' },
    output: { table: 'loaded' },
    options: { maxConcurrency: IN_FLIGHT, partitionsPerUnit: 1, retry: { maximumAttempts: 2 } },
  });
  const shards = await until(async () => {
    const { raw } = await project.client.workflow.getHandle(gated.run.runId).describe();
    const children = raw.pendingChildren ?? [];
    return children.length > 1 && children.map(({ workflowId }) => workflowId!);
  });
  await until(async () => {
    const pending = await Promise.all(
      shards.map(
        // A shard that has not been started yet has none.
        async (id) =>
          (
            await project.client.workflow
              .getHandle(id)
              .describe()
              .catch(() => null)
          )?.raw.pendingActivities,
      ),
    );
    return pending.flatMap((of) => of ?? []).length === IN_FLIGHT;
  });
  await gated.untilCalls(300);
  const done = (await gated.run.partitions({ status: 'DONE', limit: PARTITIONS })).partitions;
  const exited = once(worker, 'exit');
  worker.kill('SIGKILL');
  await exited;
  const before = gated.started().length;
  await project.startWorker({ PARTWISE_RUNNERS: '4' });

  expect(await gated.run.wait()).toMatchObject({ status: 'SUCCESS', counts: { DONE: PARTITIONS } });
  const recorded = new Set(done.map(({ id }) => id));
  expect(
    gated
      .started()
      .slice(before)
      .filter((id) => recorded.has(id)),
  ).toEqual([]);
  // Only what the killed worker was calling, on four runners, was called again.
  expect(gated.started().length - PARTITIONS).toBeLessThanOrEqual(4);
  const rows = await project.query<{ n: number }>('SELECT count(DISTINCT value)::INTEGER AS n FROM loaded');
  expect(rows).toEqual([{ n: PARTITIONS }]);
});
