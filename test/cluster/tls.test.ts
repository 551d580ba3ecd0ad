/** A cluster that requires certificates of its clients; see also temporal-tls.test.ts. */
import { mkdtempSync, rmSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { makeCertificates, type CertificateFiles, type Certificates } from '../support/certificates';
import { cli, startCli } from '../support/cli';
import { startCluster, type Cluster } from '../support/cluster/cluster';
import { makeProject, type TestProject } from '../support/project';

const FUNCTIONS = `
import { definePartitionFunction } from 'partwise';
export const count = definePartitionFunction({ name: 'count', run: (data) => ({ n: data.rowCount }) });
`;
const COMMANDS = [['list'], ['status', 'over-tls'], ['worker'], ['doctor']];

let folder: string;
let certificates: Certificates;
let cluster: Cluster;
let project: TestProject;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'partwise-mtls-'));
  certificates = makeCertificates(folder);
  const { ca, server, client } = certificates;
  const files = ({ cert, key }: CertificateFiles) => ({ certFile: cert, keyFile: key });
  const tls = {
    serverRootCACertificate: readFileSync(ca),
    clientCertPair: { crt: readFileSync(client.cert), key: readFileSync(client.key) },
  };
  const trusting = { rootCaFiles: [ca], serverName: 'localhost' };
  cluster = await startCluster({
    tls: {
      frontend: {
        server: { ...files(server), requireClientAuth: true, clientCaFiles: [ca] },
        client: trusting,
      },
      systemWorker: { ...files(client), client: trusting },
    },
    connection: { tls },
  });
  Object.assign(process.env, environment(ca, client));
  project = await makeProject(FUNCTIONS, { server: cluster });
  await project.execute("CREATE TABLE t AS SELECT unnest(['a', 'b']) AS k");
});
afterAll(async () => {
  await project?.close();
  await cluster?.end();
  rmSync(folder, { recursive: true, force: true });
});

const environment = (ca: string, client: CertificateFiles | null): NodeJS.ProcessEnv => ({
  TEMPORAL_TLS_SERVER_CA_CERT_PATH: ca,
  TEMPORAL_TLS_CLIENT_CERT_PATH: client?.cert ?? '',
  TEMPORAL_TLS_CLIENT_KEY_PATH: client?.key ?? '',
});

describe('a cluster with mutual TLS', () => {
  it('executes a run of a worker and a command with a certificate', async () => {
    const worker = startCli(project.folder, ['worker']);
    await worker.prints('Executing runs');
    const run = await cli(project.folder, [
      'run',
      'count',
      '--from',
      't',
      '--by',
      'k',
      '--run-id',
      'over-tls',
    ]);
    expect(run).toMatchObject({ code: 0 });
    expect(await cli(project.folder, ['status', 'over-tls'])).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('SUCCESS'),
    });
    expect((await cli(project.folder, ['list'])).stdout).toContain('over-tls');
    expect((await cli(project.folder, ['doctor'])).stdout).toContain(cluster.address);
    worker.process.kill('SIGTERM');
    await worker.finished;
  });

  it.each(COMMANDS)(
    'is explained by %s where a certificate is not trusted, missing or expired',
    async (...args) => {
      const { ca, otherCa, client, expiredClient, stranger } = certificates;
      const problems = await Promise.all(
        [
          environment(otherCa, client),
          environment(ca, null),
          environment(ca, expiredClient),
          environment(ca, stranger),
        ].map(async (env) => {
          const { code, stdout, stderr } = await cli(project.folder, args, env);
          expect(code).toBe(2);
          return stdout + stderr;
        }),
      );
      const at = `the Temporal server at "${cluster.address}"`;
      for (const [i, words] of [
        `The certificate of ${at} is not signed by an authority in "${otherCa}"`,
        'requires a client certificate. Set TEMPORAL_TLS_CLIENT_CERT_PATH',
        `The client certificate "${expiredClient.cert}" expired on `,
        `rejects the client certificate "${stranger.cert}": it is not signed by an authority that the server trusts`,
      ].entries())
        expect(problems[i]).toContain(words);
    },
  );
});
