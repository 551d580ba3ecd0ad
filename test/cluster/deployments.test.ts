/** Worker deployments: a run ends on the version that it began on. */
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { startCli, type RunningCli } from '../support/cli';
import { GATED_FUNCTIONS, startGated } from '../support/gated-runs';
import { makeProject, type TestProject } from '../support/project';
import { until } from '../support/until';

let project: TestProject;
const workers: RunningCli[] = [];
beforeAll(async () => {
  project = await makeProject(GATED_FUNCTIONS);
  await project.execute("CREATE TABLE t AS SELECT unnest(['a', 'b']) AS k");
});
afterAll(async () => {
  for (const { process, finished } of workers) {
    process.kill('SIGTERM');
    await finished;
  }
  await project.close();
});

const DEPLOYMENT = 'sales';

async function deploy(buildId: string): Promise<void> {
  const worker = startCli(project.folder, ['worker', '--deployment', DEPLOYMENT, '--build-id', buildId]);
  workers.push(worker);
  await worker.prints('Executing runs');
}

/** As `temporal worker deployment set-current-version` does, once the server has seen a worker of it. */
async function setCurrent(buildId: string): Promise<void> {
  const { workflowService, options } = project.client;
  const { namespace } = options;
  await until(() =>
    workflowService
      .setWorkerDeploymentCurrentVersion({ namespace, deploymentName: DEPLOYMENT, buildId, identity: 'test' })
      .then(
        () => true,
        () => false,
      ),
  );
}

const versionOf = async (workflowId: string): Promise<string | null | undefined> => {
  const { raw } = await project.client.workflow.getHandle(workflowId).describe();
  return raw.workflowExecutionInfo?.versioningInfo?.deploymentVersion?.buildId;
};

it('a run ends on the version of the deployment that it began on, while new runs begin on the current one', async () => {
  await deploy('one');
  await setCurrent('one');
  const first = await startGated(project, 'first', { source: { table: 't' }, params: { wait: true } });
  await first.untilStarted('a');
  await deploy('two');
  await setCurrent('two');
  const second = await startGated(project, 'second', { source: { table: 't' } });
  expect(await second.run.wait()).toMatchObject({ status: 'SUCCESS' });
  await first.release();
  expect(await first.run.wait()).toMatchObject({ status: 'SUCCESS', counts: { DONE: 2 } });
  expect(await versionOf(first.run.runId)).toBe('one');
  expect(await versionOf(second.run.runId)).toBe('two');
  expect(first.started().sort()).toEqual(['a', 'b']);
});
