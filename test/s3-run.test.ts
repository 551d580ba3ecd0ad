/**
 * A run on an S3 stage from the command line, as on several machines: every process connects to it
 * separately.
 */
import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { ListObjectsV2Command } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { cli, startCli, type RunningCli } from './support/cli';
import { startFaultProxy, type FaultProxy } from './support/fault-proxy';
import { changed } from './support/files';
import { GATED_FUNCTIONS, startGated } from './support/gated-runs';
import { makeProject, type TestProject } from './support/project';
import { describeS3, startS3, type TestS3 } from './support/s3';

const FUNCTIONS = `
import { appendFileSync, existsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { definePartitionFunction } from 'partwise';

export const sums = definePartitionFunction({
  name: 'sums',
  async run(data, context) {
    const { calls, gate } = context.params;
    appendFileSync(calls, context.partitionId + '\\n');
    console.log('called for ' + context.partitionId);
    if (context.partitionId === 'c') while (!existsSync(gate)) await sleep(20);
    if (context.partitionId === 'd' && !existsSync(gate + '.fixed')) throw new Error('not yet');
    const [sum] = await data.sql\`SELECT sum(v) AS total FROM data\`;
    await context.upload('sum.json', sum);
    await context.upload('rows.csv', await data.rows());
    await context.upload('rows.parquet', await data.rows());
    return sum;
  },
});

export const size = definePartitionFunction({
  name: 'size',
  run: (data) => ({ rows: data.rowCount }),
});
`;

describeS3('a run on S3', () => {
  let s3: TestS3;
  let proxy: FaultProxy;
  let project: TestProject;
  let worker: RunningCli;
  let calls: string;
  let gate: string;
  beforeAll(async () => {
    proxy = await startFaultProxy();
    s3 = await startS3({
      through: proxy.through,
    });
    project = await makeProject(FUNCTIONS, {
      config: { stage: `s3://${s3.bucket}/runs`, allow: { stages: ['s3://no-such-bucket/x'] } },
    });
    await project.write('rows.csv', 'k,v\na,1\na,2\nb,3\nc,4\nd,5\n');
    calls = join(project.folder, 'calls');
    gate = join(project.folder, 'gate');
    await writeFile(calls, '');
    await startWorker();
  });
  afterAll(async () => {
    worker.process.kill('SIGTERM');
    await worker.finished;
    await project.close();
    await s3.close();
    await proxy.close();
  });
  const partwise = (...args: string[]) => cli(project.folder, args, s3.env);
  const startWorker = async () => {
    worker = startCli(project.folder, ['worker'], s3.env);
    await worker.prints('Executing runs from');
  };
  const called = () => readFileSync(calls, 'utf8').split('\n').filter(Boolean).sort().join('');

  it('is killed midway, continues on another worker, is retried, and is read by another process', async () => {
    const args = [
      'run',
      'sums',
      '--from',
      'rows.csv',
      '--by',
      'k',
      '--run-id',
      'killed',
      '--output',
      'out.csv',
    ];
    const params = ['--param', `calls=${calls}`, '--param', `gate=${gate}`, '--maximum-attempts', '1'];
    const command = startCli(project.folder, [...args, ...params], s3.env);
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
    expect(await partwise('retry', 'killed')).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('4 DONE'),
    });
    expect(called()).toMatch(/^a+b+ccd+$/);
    expect(await project.read('out.csv')).toBe('k,total\na,3\nb,3\nc,4\nd,5\n');

    const { stdout } = await partwise('artifacts', 'get', 'killed', 'd', 'sum.json');
    expect(JSON.parse(stdout)).toEqual({ total: 5 });
    expect((await partwise('artifacts', 'get', 'killed', 'd', 'rows.csv')).stdout).toBe('k,v\nd,5\n');
    const { artifacts } = project.partwise.getRun('killed').partition('a');
    const expected = [
      { k: 'a', v: 1 },
      { k: 'a', v: 2 },
    ];
    expect(await artifacts.get('rows.parquet')).toEqual(expected);
    expect(await artifacts.get('rows.csv')).toEqual(expected);
    const logs = await partwise('logs', 'killed');
    expect(logs.stdout).toContain('called for d');
    const results = await partwise('results', 'killed', '--json');
    expect(JSON.parse(results.stdout)).toContainEqual({ k: 'a', total: 3 });
  });

  it('is cleaned up', async () => {
    expect(await partwise('clean', '--run', 'killed', '--yes')).toMatchObject({ code: 0 });
    expect((await partwise('artifacts', 'list', 'killed')).code).not.toBe(0);
  });

  it('uploads in parallel while it is planned, and makes three objects for each unit', async () => {
    const units = 6;
    proxy.requests.length = 0;
    // If an upload waited for the one before it, the second would never be held.
    proxy.next({ kind: 'hold', request: /^PUT .*plan-.*rows-/, times: 2 });
    const run = await project.partwise.start(
      {
        function: 'size',
        source: { query: `SELECT range AS k FROM range(${100 * units})` },
        partitionBy: ['k'],
        output: { file: 'sizes.csv' },
        options: { partitionsPerUnit: 100 },
      },
      { runId: 'batches' },
    );
    for (const release of [await proxy.held(), await proxy.held()]) release();
    expect(await run.wait()).toMatchObject({ status: 'SUCCESS', counts: { DONE: 100 * units } });
    const wanted = { Bucket: s3.bucket, Prefix: 'runs/batches/' };
    const { Contents = [] } = await s3.client.send(new ListObjectsV2Command(wanted));
    const objects = (name: RegExp) => Contents.filter(({ Key }) => name.test(Key!)).length;
    // A unit that takes longer than a second hands over more than once, and merges its rows at the end.
    const segments = objects(/\/segments\//);
    const merged = objects(/\/rows\.parquet$/);
    const ofRun = ['locator', 'index', 'unit plan', 'plan', 'archive'].length;
    expect(objects(/\/plan-.*\/rows-/)).toBe(units);
    expect(Contents).toHaveLength(ofRun + units + 2 * segments + merged);
    const requests = (name: RegExp) => proxy.requests.filter(({ request }) => name.test(request)).length;
    expect(requests(/^PUT .*\/batches\//)).toBe(Contents.length);
    expect(requests(/^GET .*\/plan-.*\/rows-/)).toBe(units);
    expect(requests(/^GET .*list-type=.*%2Fu\d+%2F/)).toBe(units);
  });

  it('is refused within seconds if its bucket does not exist (I9)', async () => {
    const args = ['run', 'sums', '--from', 'rows.csv', '--by', 'k', '--stage', 's3://no-such-bucket/x'];
    const { code, stderr } = await partwise(...args);
    expect({ code, stderr }).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('there is no bucket "no-such-bucket"'),
    });
  });

  it('reports within seconds that nothing answers at the endpoint of its worker', async () => {
    worker.process.kill('SIGTERM');
    await worker.finished;
    // The discard port: nothing listens there.
    worker = startCli(project.folder, ['worker'], { ...s3.env, AWS_ENDPOINT_URL_S3: 'http://127.0.0.1:9' });
    await worker.prints('Executing runs from');
    const command = startCli(
      project.folder,
      ['run', 'sums', '--from', 'rows.csv', '--by', 'k', '--run-id', 'unanswered'],
      s3.env,
    );
    expect(await command.prints('retrying opening the run')).toMatch(
      /retrying opening the run .* did not answer at http:\/\/127\.0\.0\.1:9 for/,
    );
    await partwise('cancel', 'unanswered');
    expect(await command.finished).toMatchObject({ code: 1 });
  });
});

describeS3('a worker whose access to the store is denied in the middle of a run', () => {
  let s3: TestS3;
  let proxy: FaultProxy;
  let project: TestProject;
  let forbidden: RunningCli;
  beforeAll(async () => {
    s3 = await startS3();
    proxy = await startFaultProxy();
    proxy.through(s3.url);
    project = await makeProject(GATED_FUNCTIONS, { config: { stage: `s3://${s3.bucket}/runs` } });
  });
  afterAll(async () => {
    forbidden.process.kill('SIGKILL');
    await forbidden.finished;
    await project.close();
    await proxy.close();
    await s3.close();
  });

  it('leaves its unit to another one, at no attempt for the partition', async () => {
    const other = await project.startWorker({ PARTWISE_RUNNERS: '1' });
    const env = { ...s3.env, AWS_ENDPOINT_URL_S3: proxy.url };
    forbidden = startCli(project.folder, ['worker', '--only', 'units', '--runners', '1'], env);
    await forbidden.prints('Executing');
    const { run, untilCalls, release } = await startGated(project, 'forbidden', {
      source: { query: 'SELECT range AS k FROM range(2)' },
      params: { wait: true },
      options: { retry: { maximumAttempts: 1, initialInterval: 10 } },
    });
    // One call per worker.
    await untilCalls(2);
    proxy.next({ kind: '403', times: Infinity });
    await release();
    expect(await run.wait()).toMatchObject({ status: 'SUCCESS', counts: { DONE: 2 } });
    expect((await run.partitions()).partitions).toMatchObject([{ attempts: 1 }, { attempts: 1 }]);
    const { events } = await project.client.workflow.getHandle(run.runId).fetchHistory();
    const again = events!.flatMap(({ activityTaskStartedEventAttributes: started }) =>
      started?.lastFailure ? [started] : [],
    );
    expect(again).toMatchObject([
      {
        identity: `${other.pid}@${hostname()}`,
        lastFailure: {
          message: expect.stringMatching(
            new RegExp(`${proxy.url} denied access to .*\\(worker ${forbidden.process.pid}@`),
          ),
        },
      },
    ]);
  });
});
