/** A cluster with Temporal's default authorizer, which takes API keys. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { cli, startCli } from '../support/cli';
import { startCluster, type Cluster } from '../support/cluster/cluster';
import { startTokenIssuer, type TokenIssuer } from '../support/cluster/tokens';
import { makeProject, type TestProject } from '../support/project';

const FUNCTIONS = `
import { definePartitionFunction } from 'partwise';
export const count = definePartitionFunction({ name: 'count', run: (data) => ({ n: data.rowCount }) });
`;

let issuer: TokenIssuer;
let cluster: Cluster;
let project: TestProject;
beforeAll(async () => {
  issuer = await startTokenIssuer();
  const { authorization } = issuer;
  cluster = await startCluster({
    authorization,
    connection: { apiKey: issuer.token(['temporal-system:admin']), tls: false },
  });
  process.env.TEMPORAL_API_KEY = issuer.token([`${cluster.namespace}:write`]);
  process.env.TEMPORAL_TLS = 'false';
  project = await makeProject(FUNCTIONS, { server: cluster });
  await project.execute("CREATE TABLE t AS SELECT unnest(['a', 'b']) AS k");
});
afterAll(async () => {
  await project?.close();
  await cluster?.end();
  issuer.close();
});

const RUN = ['run', 'count', '--from', 't', '--by', 'k'];

describe('a cluster that requires API keys', () => {
  it('executes a run of a worker and a command that have a key for the namespace', async () => {
    const worker = startCli(project.folder, ['worker']);
    await worker.prints('Executing runs');
    const run = await cli(project.folder, [...RUN, '--run-id', 'with-key']);
    expect(run).toMatchObject({ code: 0 });
    const listed = await cli(project.folder, ['list']);
    expect(listed.stdout).toContain('with-key');
    expect(listed.stdout + listed.stderr + run.stderr).not.toContain(issuer.token([]).slice(0, 20));
    worker.process.kill('SIGTERM');
    await worker.finished;
  });

  it.each(['list', 'worker', 'doctor', 'status'])(
    'is explained by %s without the key, when that is wrong or has expired (I11)',
    async (command) => {
      const args = command === 'status' ? ['status', 'with-key'] : [command];
      const wrong = issuer.token(['temporal-system:admin']).slice(0, -4) + 'AAAA';
      const old = issuer.token(['temporal-system:admin'], -60);
      for (const key of [wrong, old]) {
        const { code, stdout, stderr } = await cli(project.folder, args, { TEMPORAL_API_KEY: key });
        expect(code).toBe(2);
        expect(stdout + stderr).toContain(
          `The Temporal server at "${cluster.address}" does not accept the API key (Request unauthorized.). It is wrong or has expired`,
        );
        expect(stdout + stderr).not.toContain(key.split('.')[2]!);
      }
    },
  );

  it.each(['list', 'worker', 'doctor', 'status'])(
    'is explained by %s when there is no key, or one for another namespace',
    async (command) => {
      const args = command === 'status' ? ['status', 'with-key'] : [command];
      const refused = `The Temporal server at "${cluster.address}" refuses access to the namespace "${cluster.namespace}" (Request unauthorized.).`;
      for (const [key, words] of [
        ['', 'It may require an API key: set TEMPORAL_API_KEY'],
        [issuer.token(['another:admin']), 'Use an API key that has access to it'],
      ] as const) {
        const { code, stdout, stderr } = await cli(project.folder, args, { TEMPORAL_API_KEY: key });
        expect(code).toBe(2);
        expect(stdout + stderr).toContain(`${refused} ${words}`);
      }
    },
  );

  it('explains that a key which may only read cannot start a run or a worker', async () => {
    const key = issuer.token([`${cluster.namespace}:read`]);
    const env = { TEMPORAL_API_KEY: key };
    expect(await cli(project.folder, ['status', 'with-key'], env)).toMatchObject({ code: 0 });
    const run = await cli(project.folder, RUN, env);
    expect(run).toMatchObject({
      code: 2,
      stderr: expect.stringContaining(
        'The Temporal server refuses this request (Request unauthorized.). The API key or certificate may only be allowed to read',
      ),
    });
    const worker = await cli(project.folder, ['worker'], env);
    expect(worker).toMatchObject({
      code: 2,
      stderr: expect.stringContaining(
        `its API key or certificate must be valid, and allowed to write to the namespace "${cluster.namespace}".`,
      ),
    });
    expect(worker.stderr).toContain('Request unauthorized.');
  });
});
