/** What users are told whose access to a store is wrong, and which permissions are enough. */
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PutBucketPolicyCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { freePort } from '../src/temporal/ports';
import { HAS_OPENSSL, makeCertificates, type CertificateFiles } from './support/certificates';
import { cli, startCli, type RunningCli } from './support/cli';
import { makeProject, type TestProject } from './support/project';
import { describeGateway, describeS3, startS3, startStrictS3, type TestS3 } from './support/s3';

const itWithOpenssl = HAS_OPENSSL ? it : it.skip;

describeS3('doctor', () => {
  let s3: TestS3;
  let folder: string;
  beforeAll(async () => {
    s3 = await startS3();
    folder = await mkdtemp(join(tmpdir(), 'partwise-doctor-'));
    await writeFile(join(folder, 'partwise.config.json'), '{}');
  });
  afterAll(async () => {
    await s3.close();
    await rm(folder, { recursive: true });
  });
  const stageLine = async (env: NodeJS.ProcessEnv = {}, bucket = s3.bucket) => {
    const own = { ...s3.env, ...env, PARTWISE_STAGE: `s3://${bucket}/doctor` };
    const { stdout } = await cli(folder, ['doctor'], own);
    return /^. stage.*(?:\n .*)*/m.exec(stdout)![0].replaceAll(/\n +/g, ' ');
  };

  it('writes to the stage and reads from it', async () => {
    expect(await stageLine()).toBe(`✓ stage      s3://${s3.bucket}/doctor/ can be written and read`);
  });

  it('names a bucket that does not exist', async () => {
    expect(await stageLine({}, 'no-such-bucket')).toContain(
      `✗ stage      The stage s3://no-such-bucket/doctor/ cannot be used: there is no bucket "no-such-bucket" at ${s3.url}. Create it`,
    );
  });

  it('reports missing credentials', async () => {
    expect(await stageLine({ AWS_ACCESS_KEY_ID: '', AWS_SECRET_ACCESS_KEY: '' })).toMatch(
      /cannot be used: no credentials were found \(.+\)\. Set AWS_ACCESS_KEY_ID/,
    );
  });

  it('reports credentials that the store rejects', async () => {
    const strict = await startStrictS3();
    const line = await stageLine({ AWS_ENDPOINT_URL_S3: strict.url });
    await strict.end();
    expect(line).toMatch(
      new RegExp(`cannot be used: ${strict.url} (rejected the credentials|denied access)`),
    );
    expect(line).not.toContain('not a secret');
  });

  it('reports that nothing answers', async () => {
    const endpoint = `http://127.0.0.1:${await freePort()}`;
    expect(await stageLine({ AWS_ENDPOINT_URL_S3: endpoint })).toMatch(
      new RegExp(
        `did not answer at ${endpoint} for "doctor/.partwise-stage" \\(.*ECONNREFUSED.*Check the network`,
      ),
    );
  });

  it('reports an endpoint that is not a URL', async () => {
    expect(await stageLine({ AWS_ENDPOINT_URL_S3: '127.0.0.1:9000' })).toMatch(
      /cannot be used: the endpoint "127\.0\.0\.1:9000" is not a URL\. Set AWS_ENDPOINT_URL_S3 to one such as/,
    );
  });

  itWithOpenssl(
    'reports a certificate that has expired, or is not trusted, or is for another host',
    async () => {
      const { ca, server, expiredServer } = makeCertificates(folder);
      const withCertificate = async (files: CertificateFiles, host: string, env: NodeJS.ProcessEnv) => {
        const listening = createServer({ key: await readFile(files.key), cert: await readFile(files.cert) });
        listening.listen(0);
        await once(listening, 'listening');
        const endpoint = `https://${host}:${(listening.address() as AddressInfo).port}`;
        const line = await stageLine({ ...env, AWS_ENDPOINT_URL_S3: endpoint });
        listening.close();
        return line.replace(endpoint, 'it');
      };
      const trusted = { NODE_EXTRA_CA_CERTS: ca };
      expect(
        await Promise.all([
          withCertificate(server, 'localhost', {}),
          withCertificate(expiredServer, 'localhost', trusted),
          withCertificate(server, '127.0.0.2', trusted),
        ]),
      ).toEqual([
        expect.stringMatching(
          /cannot be used: the certificate of it is not trusted here .*NODE_EXTRA_CA_CERTS/,
        ),
        expect.stringContaining('cannot be used: the certificate of it has expired. Renew it there.'),
        expect.stringMatching(/cannot be used: the certificate of it is for another host \(.*127\.0\.0\.2/),
      ]);
    },
  );
});

const FUNCTIONS = `
import { definePartitionFunction } from 'partwise';

export const copies = definePartitionFunction({
  name: 'copies',
  async run(data, context) {
    await context.upload('large', Buffer.alloc(9 * 1024 * 1024, 1));
    return { rows: data.rowCount };
  },
});
`;

/** As docs/scaling.md lists them. */
const OF_OBJECTS = ['s3:GetObject', 's3:PutObject', 's3:DeleteObject', 's3:AbortMultipartUpload'];

describeGateway('a user of a real server', () => {
  const USER = { access: 'worker', secret: 'secret of the worker' };
  const asUser = { AWS_ACCESS_KEY_ID: USER.access, AWS_SECRET_ACCESS_KEY: USER.secret };
  let s3: TestS3;
  let project: TestProject;
  let worker: RunningCli;
  beforeAll(async () => {
    s3 = await startS3();
    await s3.gateway!.addUser(USER);
    project = await makeProject(FUNCTIONS, { config: { stage: `s3://${s3.bucket}/runs` } });
    await project.write('rows.csv', 'k,v\na,1\na,2\nb,3\n');
  });
  afterAll(async () => {
    await project.close();
    await s3.close();
  });

  const allow = (ofObjects: string[], ofBucket: string[] = ['s3:ListBucket']) => {
    const to = { Effect: 'Allow', Principal: [USER.access] };
    const bucket = `arn:aws:s3:::${s3.bucket}`;
    const Statement = [
      { ...to, Action: ofObjects, Resource: [`${bucket}/runs/*`] },
      { ...to, Action: ofBucket, Resource: [bucket] },
    ];
    return s3.client.send(
      new PutBucketPolicyCommand({ Bucket: s3.bucket, Policy: JSON.stringify({ Statement }) }),
    );
  };
  const withWorker = async <T>(env: NodeJS.ProcessEnv, work: () => Promise<T>): Promise<T> => {
    worker = startCli(project.folder, ['worker'], { ...s3.env, ...env });
    await worker.prints('Executing runs from');
    try {
      return await work();
    } finally {
      worker.process.kill('SIGTERM');
      await worker.finished;
    }
  };
  const partwise = (...args: string[]) => cli(project.folder, args, { ...s3.env, ...asUser });
  const run = (runId: string) =>
    partwise('run', 'copies', '--from', 'rows.csv', '--by', 'k', '--run-id', runId);

  it('needs no other permissions than those of the documentation, to run, read and clean', async () => {
    await allow(OF_OBJECTS);
    await withWorker(asUser, async () => {
      expect(await run('allowed')).toMatchObject({ code: 0, stdout: expect.stringContaining('2 DONE') });
      const { stdout } = await partwise('artifacts', 'get', 'allowed', 'a', 'large');
      expect(stdout).toHaveLength(9 * 1024 * 1024);
      expect(await partwise('clean', '--run', 'allowed', '--yes')).toMatchObject({ code: 0 });
      expect((await partwise('doctor')).stdout).toContain('can be written and read');
    });
  });

  it('who may only read is told so by doctor, by the command and by the run', async () => {
    await allow(['s3:GetObject']);
    const sentence =
      /denied access to "runs\/.+" \(AccessDenied\)\. The credentials must allow s3:GetObject, s3:PutObject/;
    expect((await partwise('doctor')).stdout.replaceAll(/\n +/g, ' ')).toMatch(sentence);
    const refused = await withWorker(asUser, () => run('readonly'));
    expect(refused).toMatchObject({ code: 2, stderr: expect.stringMatching(sentence) });
  });

  it('whose secret is wrong is told so by the command and by the run', async () => {
    await allow(OF_OBJECTS);
    const wrong = { ...asUser, AWS_SECRET_ACCESS_KEY: 'a wrong secret' };
    const refused = await withWorker(wrong, () => run('wrong'));
    expect(refused).toMatchObject({
      code: 2,
      stderr: expect.stringContaining(`${s3.url} rejected the credentials (SignatureDoesNotMatch`),
    });
    expect(refused.stderr).not.toContain('a wrong secret');
    const read = await cli(project.folder, ['clean', '--dry-run'], { ...s3.env, ...wrong });
    expect(read).toMatchObject({
      code: 2,
      stderr: expect.stringContaining(`${s3.url} rejected the credentials (SignatureDoesNotMatch`),
    });
  });

  it('is told which region the store expects', async () => {
    const { stdout } = await cli(project.folder, ['doctor'], { ...s3.env, AWS_REGION: 'eu-west-1' });
    expect(stdout.replaceAll(/\n +/g, ' ')).toMatch(/expects another region \(.+\)\. Set AWS_REGION/);
  });
});
