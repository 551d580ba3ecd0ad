/** A namespace that keeps ended runs for seconds: what the server then deletes is read from the archive. */
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { Connection } from '@temporalio/client';
import { makeProject, SUITE, type TestProject } from '../support/project';
import { cli } from '../support/cli';
import { until } from '../support/until';

const FUNCTIONS = `
import { existsSync } from 'node:fs';
import { definePartitionFunction } from 'partwise';
export const total = definePartitionFunction({
  name: 'total',
  async run(data, { partitionId, params }) {
    if (partitionId === 'b' && !existsSync(params.fixed)) throw new TypeError('not yet');
    return { n: data.rowCount };
  },
});
`;
const NAMESPACE = 'partwise-forgetful';
const RETENTION_S = 5;

let project: TestProject;
beforeAll(async () => {
  const connection = await Connection.connect({ address: SUITE.address });
  await connection.workflowService.registerNamespace({
    namespace: NAMESPACE,
    workflowExecutionRetentionPeriod: { seconds: RETENTION_S as never },
  });
  await connection.close();
  project = await makeProject(FUNCTIONS, { server: { address: SUITE.address, namespace: NAMESPACE } });
  await project.execute("CREATE TABLE t AS SELECT unnest(['a', 'b', 'c', 'c']) AS k");
  await project.startWorker();
});
afterAll(() => project.close());

it('a run that the namespace no longer keeps is read from its archive, and a retry calls only what failed', async () => {
  const run = await project.partwise.start(
    {
      function: 'total',
      source: { table: 't' },
      partitionBy: ['k'],
      params: { fixed: `${project.folder}/fixed` },
      output: { table: 'totals' },
    },
    { runId: project.runId('kept') },
  );
  const ended = await run.wait();
  expect(ended).toMatchObject({ status: 'PARTIAL_FAILURE', counts: { DONE: 2, FAILED: 1 }, archived: false });
  const partitions = await run.partitions();

  const execution = project.client.workflow.getHandle(run.runId);
  await until(() =>
    execution.describe().then(
      () => false,
      (error: Error) => error.name === 'WorkflowNotFoundError',
    ),
  );
  const again = project.partwise.getRun(run.runId);
  const { status, counts, error, rows } = ended;
  expect(await again.status()).toMatchObject({ status, counts, error, rows, archived: true });
  expect(await again.partitions()).toEqual(partitions);
  const listed = await cli(project.folder, ['list', '--archived']);
  expect(listed.stdout).toContain(run.runId);

  await project.write('fixed', '');
  const state = await (await again.retry()).wait();
  expect(state).toMatchObject({ status: 'SUCCESS', counts: { DONE: 3 } });
  expect(state.executions).toHaveLength(2);
  expect(await project.query('SELECT k, n::INTEGER AS n FROM totals ORDER BY k')).toEqual([
    { k: 'a', n: 1 },
    { k: 'b', n: 1 },
    { k: 'c', n: 2 },
  ]);
});
