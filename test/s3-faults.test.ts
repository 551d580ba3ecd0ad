/**
 * What a store on S3 may do during a run: answer slowly or not at all, be full, be killed. The function
 * writes each call to an external file, as a record of what really happened.
 */
import type { ChildProcess } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ListMultipartUploadsCommand } from '@aws-sdk/client-s3';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from '@jest/globals';
import type { RunHandle } from '../src/index';
import { openStage } from '../src/stage';
import { changed } from './support/files';
import { errorBody, startFaultProxy, type FaultProxy } from './support/fault-proxy';
import { makeProject, type TestProject } from './support/project';
import { describeGateway, describeS3, startS3, type TestS3 } from './support/s3';
import { describeOnSmallDisks, smallDisk, type SmallDisk } from './support/small-disk';
import { until } from './support/until';

const MIB = 1024 * 1024;

const FUNCTIONS = `
import { appendFileSync, existsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { definePartitionFunction } from 'partwise';

/** Uploads params.bytes; waits for params.gate if it is set. */
export const uploads = definePartitionFunction({
  name: 'uploads',
  async run(data, context) {
    const { calls, gate, bytes } = context.params;
    appendFileSync(calls, context.partitionId + '\\n');
    while (gate !== undefined && !existsSync(gate)) await sleep(20);
    await context.upload('bytes', Buffer.alloc(bytes, context.partitionId));
    return { n: data.rowCount };
  },
});
`;

// One proxy for the file: the client of this process is bound to it.
let proxy: FaultProxy;
let folder: string;
let calls: string;
beforeAll(async () => {
  proxy = await startFaultProxy();
});
afterAll(() => proxy.close());
const behindProxy = (options: { folder?: string } = {}): Promise<TestS3> =>
  startS3({
    ...options,
    through: proxy.through,
  });

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'partwise-s3-faults-'));
  calls = join(folder, 'calls');
  writeFileSync(calls, '');
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const called = (): string[] =>
  readFileSync(calls, 'utf8')
    .split('\n')
    .filter((line) => line !== '');
const firstCall = (): Promise<void> => changed(calls, () => called().length > 0);

/** A run of 12 partitions, whose functions may be called once. */
async function start(project: TestProject, params: { bytes: number; gate?: string }): Promise<RunHandle> {
  await project.execute('CREATE TABLE IF NOT EXISTS many AS SELECT range % 12 AS k FROM range(60)');
  return project.partwise.start(
    {
      function: 'uploads',
      source: { table: 'many' },
      partitionBy: ['k'],
      params: { calls, ...params },
      output: { table: 'sizes', mode: 'replace' },
      options: { retry: { maximumAttempts: 1 } },
    },
    { runId: project.runId('faults') },
  );
}

/** Every partition was called once, has its artifact, and is once in the output. */
async function succeeds(project: TestProject, run: RunHandle, bytes: number): Promise<void> {
  expect(await run.wait()).toMatchObject({ status: 'SUCCESS', counts: { DONE: 12 } });
  expect(called().sort()).toEqual(Array.from({ length: 12 }, (_, k) => String(k)).sort());
  const sums = await project.query(
    'SELECT count(*)::INTEGER AS partitions, count(DISTINCT k)::INTEGER AS k, sum(n)::INTEGER AS n FROM sizes',
  );
  expect(sums).toEqual([{ partitions: 12, k: 12, n: 60 }]);
  const artifact = await run.partition('7').artifacts.get('bytes');
  expect(Buffer.alloc(bytes, '7').equals(artifact as Uint8Array)).toBe(true);
}

const waits = (run: RunHandle) =>
  until(async () => {
    const { waiting } = await run.status();
    return waiting?.activity === 'processUnit' && waiting;
  });

describeS3('a store on S3 behind a network that fails', () => {
  let s3: TestS3;
  let project: TestProject;
  let worker: ChildProcess;
  beforeEach(async () => {
    s3 = await behindProxy();
    project = await makeProject(FUNCTIONS, { config: { stage: `s3://${s3.bucket}/runs` } });
    worker = await project.startWorker(s3.env);
  });
  afterEach(async () => {
    await project.close();
    await s3.close();
  });

  it('costs no call and no row while it is busy, breaks connections, and loses or cuts its answers (I4)', async () => {
    const gate = join(folder, 'gate');
    const run = await start(project, { bytes: 1_000, gate });
    await firstCall();
    const body = errorBody('SlowDown', 'Please reduce your request rate.');
    proxy.next({ kind: '503', body, request: /^PUT /, times: 8 });
    proxy.next({ kind: 'lost', request: /^PUT /, times: 4 });
    proxy.next({ kind: 'cut', request: /^GET .*(rows|list-type)/, times: 4 });
    proxy.next({ kind: 'reset', request: /^(GET|HEAD) /, times: 4 });
    writeFileSync(gate, '');
    await succeeds(project, run, 1_000);
    expect(new Set(proxy.met.map(({ kind }) => kind))).toEqual(new Set(['503', 'lost', 'cut', 'reset']));
  });

  it('makes its run wait and say why while its quota is used up, and calls no function again (I4)', async () => {
    const gate = join(folder, 'gate');
    const run = await start(project, { bytes: 1_000, gate });
    await firstCall();
    const body = errorBody('QuotaExceeded', 'Your request was denied due to quota exceeded.');
    const end = proxy.next({ kind: '403', body, request: /^PUT /, times: Infinity });
    writeFileSync(gate, '');
    expect(await waits(run)).toMatchObject({
      error: { type: 'StageUnavailable', message: expect.stringMatching(/ is full: .*raise the quota/) },
    });
    end();
    await succeeds(project, run, 1_000);
  });

  it('keeps parts of an upload that a killed worker was making until they are cleared (I3)', async () => {
    const end = proxy.next({ kind: 'hold', request: /partNumber=2/, times: Infinity });
    const run = await start(project, { bytes: 9 * MIB });
    const release = await proxy.held();
    worker.kill('SIGKILL');
    end();
    release();
    await project.startWorker(s3.env);
    expect(await run.wait()).toMatchObject({ status: 'SUCCESS', counts: { DONE: 12 } });
    const uploads = async () =>
      (await s3.client.send(new ListMultipartUploadsCommand({ Bucket: s3.bucket }))).Uploads ?? [];
    const left = (await uploads()).length;
    expect(left).toBeGreaterThan(0);
    const stage = openStage(`s3://${s3.bucket}/runs/`);
    expect(await stage.clearUnfinished(Date.now() + 3_600_000, false)).toHaveLength(left);
    expect(await uploads()).toEqual([]);
    expect(await run.partition('7').artifacts.get('bytes')).toHaveLength(9 * MIB);
  });
});

describeGateway('a real server that is killed', () => {
  let s3: TestS3;
  let project: TestProject;
  beforeEach(async () => {
    s3 = await behindProxy();
    project = await makeProject(FUNCTIONS, { config: { stage: `s3://${s3.bucket}/runs` } });
  });
  afterEach(async () => {
    await project.close();
    await s3.close();
  });

  it('makes its run wait, which continues when it is back (I4)', async () => {
    await project.startWorker(s3.env);
    const gate = join(folder, 'gate');
    const run = await start(project, { bytes: 9 * MIB, gate });
    await firstCall();
    const startAgain = await s3.gateway!.kill();
    writeFileSync(gate, '');
    expect((await waits(run)).error).toMatchObject({ message: expect.stringContaining('did not answer at') });
    await startAgain();
    await succeeds(project, run, 9 * MIB);
  });
});

describeGateway('a real server', () =>
  describeOnSmallDisks('on its own disk', () => {
    let disk: SmallDisk;
    let s3: TestS3;
    let project: TestProject;
    beforeEach(async () => {
      disk = smallDisk(8 * MIB);
      s3 = await behindProxy({ folder: disk.folder });
      project = await makeProject(FUNCTIONS, { config: { stage: `s3://${s3.bucket}/runs` } });
      await project.startWorker(s3.env);
    });
    afterEach(async () => {
      await project.close();
      await s3.close();
      disk.remove();
    });

    it('that a run fills makes the run wait, say why, call no function twice, and continue once there is space (I4)', async () => {
      const gate = join(folder, 'gate');
      const run = await start(project, { bytes: 60_000, gate });
      await firstCall();
      disk.fill();
      writeFileSync(gate, '');
      expect(await waits(run)).toMatchObject({
        error: {
          type: 'StageUnavailable',
          message: expect.stringMatching(/ is full: .*\(InsufficientStorage: .*Free up space there/),
        },
      });
      disk.makeRoom();
      await succeeds(project, run, 60_000);
    });
  }),
);
