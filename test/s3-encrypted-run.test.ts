/** A run whose stage is encrypted, in a versioned bucket, with payloads that are encrypted too. */
import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  GetObjectCommand,
  ListObjectsV2Command,
  ListObjectVersionsCommand,
  PutBucketVersioningCommand,
} from '@aws-sdk/client-s3';
import { afterAll, beforeAll, expect } from '@jest/globals';
import { cli, startCli, type RunningCli } from './support/cli';
import { changed } from './support/files';
import { forget } from './support/forget';
import { itLong } from './support/long';
import { makeProject, type TestProject } from './support/project';
import { describeS3, startS3, type TestS3 } from './support/s3';

const CANARY = 'a canary in the rows';

const FUNCTIONS = `
import { appendFileSync, existsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { definePartitionFunction } from 'partwise';

export const texts = definePartitionFunction({
  name: 'texts',
  async run(data, context) {
    const { calls, gate } = context.params;
    appendFileSync(calls, context.partitionId + '\\n');
    const rows = await data.rows();
    console.log('called with ' + rows[0].v);
    if (context.partitionId === 'c') while (!existsSync(gate)) await sleep(20);
    if (context.partitionId === 'd' && !existsSync(gate + '.fixed')) throw new Error('not yet');
    await context.upload('rows.csv', rows);
    // In several parts, and in many frames.
    await context.upload('large', Buffer.alloc(9 * 1024 * 1024, rows[0].v));
    return { text: rows[0].v };
  },
});
`;

describeS3('a run on an encrypted stage in a versioned bucket', () => {
  let s3: TestS3;
  let project: TestProject;
  let worker: RunningCli;
  let gate: string;
  let calls: string;
  beforeAll(async () => {
    s3 = await startS3();
    const VersioningConfiguration = { Status: 'Enabled' } as const;
    await s3.client.send(new PutBucketVersioningCommand({ Bucket: s3.bucket, VersioningConfiguration }));
    process.env.PARTWISE_KEY = '7'.repeat(64);
    project = await makeProject(FUNCTIONS, {
      config: { stage: `encrypted:s3://${s3.bucket}/runs` },
      encryption: { keys: [{ id: 'k', env: 'PARTWISE_KEY' }] },
    });
    const rows = ['a', 'b', 'c', 'd'].map((k) => `${k},${CANARY}`);
    await project.write('rows.csv', `k,v\n${rows.join('\n')}\n`);
    [gate, calls] = [join(project.folder, 'gate'), join(project.folder, 'calls')];
    await writeFile(calls, '');
    await startWorker();
  });
  afterAll(async () => {
    worker.process.kill('SIGTERM');
    await worker.finished;
    await project.close();
    await s3.close();
    delete process.env.PARTWISE_KEY;
  });
  const partwise = (...args: string[]) => cli(project.folder, args, s3.env);
  const startWorker = async () => {
    worker = startCli(project.folder, ['worker'], s3.env);
    await worker.prints('Executing runs from');
  };
  const called = () => readFileSync(calls, 'utf8').split('\n').filter(Boolean).sort().join('');
  const start = () => {
    const source = ['--from', 'rows.csv', '--by', 'k', '--output', 'out.csv'];
    const params = ['--param', `calls=${calls}`, '--param', `gate=${gate}`, '--maximum-attempts', '1'];
    return startCli(project.folder, ['run', 'texts', ...source, ...params, '--run-id', 'secret'], s3.env);
  };
  const objects = async () =>
    (await s3.client.send(new ListObjectsV2Command({ Bucket: s3.bucket, Prefix: 'runs/' }))).Contents ?? [];

  itLong('continues after its worker was killed, is retried, and is read by other processes', async () => {
    const command = start();
    await changed(calls, () => called() === 'abcd');
    worker.process.kill('SIGKILL');
    await worker.finished;
    await writeFile(gate, '');
    await startWorker();
    expect(await command.finished).toMatchObject({
      code: 1,
      stdout: expect.stringContaining('3 DONE, 1 FAILED'),
    });
    await writeFile(`${gate}.fixed`, '');
    expect(await partwise('retry', 'secret')).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('4 DONE'),
    });
    expect(called()).toMatch(/^a+b+ccd+$/);
    expect(await project.read('out.csv')).toBe(
      `k,text\n${['a', 'b', 'c', 'd'].map((k) => `${k},${CANARY}\n`).join('')}`,
    );
    const artifact = await partwise('artifacts', 'get', 'secret', 'd', 'rows.csv');
    expect(artifact.stdout).toBe(`k,v\nd,${CANARY}\n`);
    const large = await project.partwise.getRun('secret').partition('a').artifacts.get('large');
    expect(Buffer.alloc(9 * 1024 * 1024, CANARY).equals(large as Uint8Array)).toBe(true);
    expect((await partwise('logs', 'secret')).stdout).toContain(`called with ${CANARY}`);
  });

  itLong('is read from its archive once the server has forgotten it', async () => {
    const { executions } = await project.partwise.getRun('secret').status();
    expect(executions).toHaveLength(2);
    for (const { workflowRunId: runId } of executions)
      await forget(project.client, { workflowId: 'secret', runId });
    const { stdout } = await partwise('results', 'secret', '--json');
    expect(JSON.parse(stdout)).toContainEqual({ k: 'b', text: CANARY });
  });

  itLong('has nothing of its rows in the clear', async () => {
    const found = await objects();
    expect(found.length).toBeGreaterThan(10);
    for (const { Key } of found) {
      const { Body } = await s3.client.send(new GetObjectCommand({ Bucket: s3.bucket, Key }));
      const bytes = Buffer.from(await Body!.transformToByteArray());
      expect([Key, bytes.includes(CANARY), bytes.includes('canary')]).toEqual([Key, false, false]);
    }
  });

  itLong('is cleaned, and its id is used again, next to the versions that the bucket keeps', async () => {
    expect(await partwise('clean', '--run', 'secret', '--yes')).toMatchObject({ code: 0 });
    expect((await partwise('artifacts', 'list', 'secret')).code).not.toBe(0);
    const { Versions = [], DeleteMarkers = [] } = await s3.client.send(
      new ListObjectVersionsCommand({ Bucket: s3.bucket, Prefix: 'runs/secret/' }),
    );
    expect(DeleteMarkers.length).toBeGreaterThan(0);
    expect(Versions.length).toBeGreaterThanOrEqual(DeleteMarkers.length);
    expect(await start().finished).toMatchObject({ code: 0, stdout: expect.stringContaining('4 DONE') });
  });
});
