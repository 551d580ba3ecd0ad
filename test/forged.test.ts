/**
 * What a user who can reach the port of an embedded server can forge: results, activities, shards, signals.
 */
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Client, Connection } from '@temporalio/client';
import { NativeConnection, Worker } from '@temporalio/worker';
import { Partwise, type RunHandle, type RunInput } from '../src/index';
import { asShardReport } from '../src/core/answers/shard-messages';
import { noCounts } from '../src/core/status';
import { endBackground } from '../src/temporal';
import { workerPid } from './support/embedded';
import { REPOSITORY } from './support/project';
import { describeStranger, makeStranger, type Stranger } from './support/stranger';
import { until } from './support/until';

const FUNCTIONS = `
import { existsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { definePartitionFunction } from 'partwise';
export const gated = definePartitionFunction({
  name: 'gated',
  async run(data, context) {
    while (context.params.gate && !existsSync(context.params.gate)) await sleep(20, undefined, { signal: context.signal });
    return { own: true };
  },
});
`;

let folder: string;
let partwise: Partwise;
/** A client as any user could create it, without a secret. */
let anybody: Client;
let native: NativeConnection;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'partwise-forged-'));
  await mkdir(join(folder, 'node_modules'));
  await symlink(REPOSITORY, join(folder, 'node_modules', 'partwise'));
  await writeFile(join(folder, 'functions.ts'), FUNCTIONS);
  await writeFile(join(folder, 'partwise.config.json'), '{"functions": "./functions.ts"}');
  partwise = await Partwise.connect({ projectDir: folder });
  anybody = new Client({ connection: await Connection.connect({ address: partwise.address }) });
  native = await NativeConnection.connect({ address: partwise.address });
});
afterAll(async () => {
  await native.close();
  await anybody.connection.close();
  await partwise.close();
  await endBackground(folder);
  await rm(folder, { recursive: true, force: true });
});

const input = (partitions: number, more: Partial<RunInput> = {}): RunInput => ({
  function: 'gated',
  source: { query: `SELECT range AS k FROM range(${partitions})` },
  partitionBy: ['k'],
  ...more,
});
const gated = (runId: string, partitions = 2): Promise<RunHandle> =>
  partwise.start(input(partitions, { params: { gate: join(folder, `${runId}.gate`) } }), { runId });
const openGate = (runId: string): Promise<void> => writeFile(join(folder, `${runId}.gate`), '');

/** The id of a pending activity of the run. */
const pending = (runId: string, type: string): Promise<string> =>
  until(async () => {
    // A shard starts a moment after its run.
    const described = await anybody.workflow
      .getHandle(runId)
      .describe()
      .catch(() => null);
    const found = described?.raw.pendingActivities?.find(({ activityType }) => activityType?.name === type);
    return found?.activityId;
  });

const FORGED = /was not written by this project's worker\. Another process .*partwise retry/s;
const UNIT_RESULT = {
  version: 1,
  unit: 0,
  counts: { DONE: 1, FAILED: 0, SKIPPED: 0, CANCELLED: 0, INTERNAL_ERROR: 0, PENDING: 0 },
  outcomes: [{ ordinal: 0, status: 'DONE', result: { own: false } }],
};

it("two projects that share a stage read each other's runs and never clean each other's files (I3)", async () => {
  const otherFolder = await mkdtemp(join(tmpdir(), 'partwise-forged-'));
  const config = { functions: join(folder, 'functions.ts'), stage: join(folder, 'stage') };
  await writeFile(join(otherFolder, 'partwise.config.json'), JSON.stringify(config));
  // Its secret is older than the run.
  const other = await Partwise.connect({ projectDir: otherFolder });
  try {
    const run = await partwise.start(input(2), { runId: 'shared' });
    expect((await run.wait()).status).toBe('SUCCESS');
    const read = other.getRun('shared');
    expect(await read.status()).toMatchObject({ status: 'SUCCESS', counts: { DONE: 2 }, archived: true });
    expect(await read.results()).toHaveLength(2);
    // Checkpoints are removed, since nothing references them.
    expect((await other.clean({ olderThan: '1d' })).unread).toEqual([]);
    expect(await run.results()).toHaveLength(2);
  } finally {
    await other.close();
    await endBackground(otherFolder);
    await rm(otherFolder, { recursive: true, force: true });
  }
});

describeStranger('another user of the machine', () => {
  let stranger: Stranger;
  beforeAll(async () => {
    stranger = await makeStranger(partwise.address);
  });
  afterAll(() => stranger.leave());

  it.each([
    ['complete', { result: JSON.stringify(UNIT_RESULT) }],
    ['fail', { reason: 'forged', detail: JSON.stringify(UNIT_RESULT) }],
  ])(
    'can only end the run when they %s a partition by hand, and clean keeps its files (I3, I4)',
    async (command, forged) => {
      const runId = `by-hand-${command}`;
      const run = await gated(runId);
      const activity = await pending(runId, 'processUnit');
      const done = await stranger.temporal(`activity ${command}`, {
        'workflow-id': runId,
        'activity-id': activity,
        ...forged,
      });
      expect(done).toMatchObject({ code: 0 });
      const { status, error } = await run.wait();
      expect({ status, type: error?.type, message: error?.message }).toEqual({
        status: 'FAILURE',
        type: 'Terminated',
        message: expect.stringMatching(FORGED),
      });
      await openGate(runId);
      const again = await run.retry();
      expect(await again.wait()).toMatchObject({ status: 'SUCCESS', counts: { DONE: 2 } });
      expect(await again.results()).toEqual([
        { k: 0, own: true },
        { k: 1, own: true },
      ]);
      const { unread } = await partwise.clean({ dryRun: true });
      expect(unread.find((each) => each.runId === runId)?.why).toMatch(/a secret other than the project's/);
    },
  );

  it('cannot start a shard by hand (I13)', async () => {
    const task = { version: 1, runId: 'x', shard: 0, partitions: 1, firstUnit: 0, plan: {}, settings: {} };
    await stranger.temporal('workflow start', {
      type: 'partitionShard',
      'task-queue': 'partwise',
      'workflow-id': 'x/execution-1/shard-0',
      input: JSON.stringify(task),
    });
    await expect(anybody.workflow.getHandle('x/execution-1/shard-0').result()).rejects.toMatchObject({
      cause: { type: 'NotTrusted', message: expect.stringContaining('not started by its run') },
    });
  });
});

describe("another user's workflow worker", () => {
  // A run whose history everyone can read.
  beforeAll(async () => {
    const run = await partwise.start(input(1), { runId: 'model' });
    await run.wait();
  });

  /** How their workflow ends if it schedules this activity of ours. */
  const schedule = async (
    workflowId: string,
    type: string,
    queue: string,
    task: unknown,
  ): Promise<string> => {
    const worker = await Worker.create({
      connection: native,
      taskQueue: 'rogue',
      workflowsPath: require.resolve('./support/rogue-workflows'),
    });
    return worker.runUntil(async () => {
      const handle = await anybody.workflow.start('rogue', {
        workflowId,
        taskQueue: 'rogue',
        args: [type, queue, task],
      });
      return handle.result().then(
        () => 'it ran',
        (error: Error) => `${error.message}: ${(error.cause as Error | undefined)?.message}`,
      );
    });
  };

  it('cannot get a unit run or a run planned with what it names (I13)', async () => {
    const { events } = await anybody.workflow.getHandle('model').fetchHistory();
    const taskOf = (type: string): unknown => {
      const scheduled = events!.find(
        (event) => event.activityTaskScheduledEventAttributes?.activityType?.name === type,
      )!.activityTaskScheduledEventAttributes!;
      return JSON.parse(Buffer.from(scheduled.input!.payloads![0]!.data!).toString());
    };
    // Identical to this worker's own.
    for (const [type, queue] of [
      ['processUnit', 'partwise.units'],
      ['planRun', 'partwise'],
      ['closeRun', 'partwise'],
    ] as const)
      expect(await schedule(`rogue-${type}`, type, queue, taskOf(type))).toMatch(FORGED);
  });

  it('cannot get a function run by forging the result of openRun in a run of the owner (I13)', async () => {
    const evil = join(folder, 'evil');
    await writeFile(
      join(folder, 'evil.mjs'),
      `import { writeFileSync } from 'node:fs'; writeFileSync(${JSON.stringify(evil)}, '');`,
    );
    const { events } = await anybody.workflow.getHandle('model').fetchHistory();
    const opened = events!.find((event) => event.activityTaskCompletedEventAttributes != null)!;
    const genuine = JSON.parse(
      Buffer.from(opened.activityTaskCompletedEventAttributes!.result!.payloads![0]!.data!).toString(),
    ) as { function: object };
    process.kill(await workerPid(folder), 'SIGSTOP');
    const pid = await workerPid(folder);
    const run = await partwise.start(input(1), { runId: 'taken-over' });
    const worker = await Worker.create({
      connection: native,
      taskQueue: 'partwise',
      workflowBundle: { codePath: join(REPOSITORY, 'dist/workflow-bundle.js') },
    });
    await worker.runUntil(async () => {
      const activityId = await pending('taken-over', 'openRun');
      const forged = {
        ...genuine,
        runId: 'taken-over',
        function: { ...genuine.function, digest: '../../evil' },
      };
      await anybody.workflowService.respondActivityTaskCompletedById({
        namespace: 'default',
        workflowId: 'taken-over',
        activityId,
        result: {
          payloads: [
            { metadata: { encoding: Buffer.from('json/plain') }, data: Buffer.from(JSON.stringify(forged)) },
          ],
        },
      });
      await pending('taken-over', 'planRun');
    });
    process.kill(pid, 'SIGCONT');
    const { status, error } = await run.wait();
    expect({ status, message: error?.message }).toEqual({
      status: 'FAILURE',
      message: expect.stringMatching(FORGED),
    });
    expect(existsSync(evil)).toBe(false);
  });
});

it('a run with shards ignores signals that others send in their name, and ends as it should (I13)', async () => {
  const run = await partwise.start(
    input(60, {
      params: { gate: join(folder, 'sharded.gate') },
      options: { maxConcurrency: 60, partitionsPerUnit: 1 },
    }),
    { runId: 'sharded' },
  );
  await pending('sharded/execution-1/shard-0', 'processUnit');
  const report = {
    version: 1,
    shard: 0,
    number: 1_000,
    counts: { ...noCounts(), DONE: 5 },
    waiting: { FAILED: 0, INTERNAL_ERROR: 0 },
    running: 0,
    alike: null,
    firstErrors: [],
  };
  // It is valid except for its author.
  expect(asShardReport(report, { 0: { partitions: 5 } })).toEqual(report);
  await anybody.workflow.getHandle('sharded').signal('shardReport', report);
  expect(await anybody.workflow.getHandle('sharded').query('progress')).toMatchObject({
    counts: { DONE: 0 },
  });
  await openGate('sharded');
  expect(await run.wait()).toMatchObject({ status: 'SUCCESS', counts: { DONE: 60 } });
});

it('losing the secret ends the open runs, with what to do, and they can be continued', async () => {
  const run = await gated('lost-secret');
  await pending('lost-secret', 'processUnit');
  const before = await readFile(join(folder, '.partwise', 'secret.json'), 'utf8');
  await rm(join(folder, '.partwise', 'secret.json'));
  process.kill(await workerPid(folder), 'SIGKILL');
  const { status, error } = await run.wait();
  expect({ status, message: error?.message }).toEqual({
    status: 'FAILURE',
    message: expect.stringMatching(/started before the project's secret .* was created: .* partwise retry/s),
  });
  expect(await readFile(join(folder, '.partwise', 'secret.json'), 'utf8')).not.toBe(before);
  expect((await readdir(join(folder, '.partwise'))).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  await openGate('lost-secret');
  const later = await Partwise.connect({ projectDir: folder });
  const again = await later.getRun('lost-secret').retry();
  expect(await again.wait()).toMatchObject({ status: 'SUCCESS', counts: { DONE: 2 } });
  await later.close();
});
