/**
 * Several workers of one task queue, as separate processes. The run's history shows which of them did what.
 */
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { hostname } from 'node:os';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { cli, startCli, type RunningCli } from './support/cli';
import { GATED_FUNCTIONS, startGated, type GatedRun } from './support/gated-runs';
import { SUITE, makeProject, type TestProject } from './support/project';
import { until } from './support/until';

let project: TestProject;
let started: RunningCli[];
beforeEach(async () => {
  project = await makeProject(GATED_FUNCTIONS);
  started = [];
});
afterEach(async () => {
  for (const worker of started) worker.process.kill('SIGKILL');
  await Promise.all(started.map(({ finished }) => finished));
  await project.close();
});

const startWorker = async (...args: string[]): Promise<RunningCli> => {
  const worker = startCli(project.folder, ['worker', ...args]);
  started.push(worker);
  await worker.prints('Executing');
  return worker;
};
/** `wait`: partitions that wait until they are released. */
const start = (name: string, wait: string[] | true = []): Promise<GatedRun> =>
  startGated(project, name, {
    source: { query: 'SELECT range AS k FROM range(40)' },
    params: { wait },
    options: { maxConcurrency: 8 },
  });

const identity = ({ process: { pid } }: RunningCli): string => `${pid}@${hostname()}`;

/**
 * Identities of the workers that executed a run's workflow tasks, units and other activities, one entry each.
 */
async function doneBy({ run }: GatedRun) {
  const { events } = await project.client.workflow.getHandle(run.runId).fetchHistory();
  const done: Record<'workflow' | 'control' | 'units', string[]> = { workflow: [], control: [], units: [] };
  const units = new Set<string>();
  for (const event of events!) {
    const scheduled = event.activityTaskScheduledEventAttributes;
    if (scheduled?.activityType?.name === 'processUnit') units.add(String(event.eventId));
    const activity = event.activityTaskStartedEventAttributes;
    if (activity)
      done[units.has(String(activity.scheduledEventId)) ? 'units' : 'control'].push(activity.identity!);
    const task = event.workflowTaskCompletedEventAttributes;
    if (task) done.workflow.push(task.identity!);
  }
  return done;
}

/**
 * Every partition was called once, and its unit executed by one of these workers, each of which executed
 * some.
 */
const expectSharedBy = async (gated: GatedRun, ...workers: RunningCli[]) => {
  expect(
    gated
      .started()
      .map(Number)
      .sort((a, b) => a - b),
  ).toEqual(Array.from({ length: 40 }, (_, k) => k));
  const { units } = await doneBy(gated);
  expect([...new Set(units)].sort()).toEqual(workers.map(identity).sort());
};

describe('workers of one task queue', () => {
  it('start without a warning, share the load of a run, and do nothing twice', async () => {
    expect(await project.partwise.workers()).toEqual(
      ['workflows', 'activities', 'units'].map((work) => ({
        taskQueue: project.taskQueue,
        work,
        polled: false,
        pollers: [],
      })),
    );
    const alone = await cli(project.folder, ['doctor']);
    expect(alone.stdout).toContain('for workflows or activities or units: runs wait until there is one');
    const workers = [await startWorker('--runners', '1'), await startWorker('--runners', '1')];
    // Although the part of each that executes units has no workflows.
    for (const worker of workers) expect(await worker.prints('Executing')).not.toContain('[WARN]');
    const gated = await start('shared', true);
    // One call per worker.
    await gated.untilCalls(2);
    await gated.release();
    expect(await gated.run.wait()).toMatchObject({ status: 'SUCCESS', counts: { DONE: 40 } });
    await expectSharedBy(gated, ...workers);
  });

  it('may each do a part: workflows, all activities, or only partitions', async () => {
    const workflows = await startWorker('--only', 'workflows');
    const activities = await startWorker('--only', 'activities', '--runners', '1');
    const units = await startWorker('--only', 'units', '--runners', '1');
    const polls = async (work: string, bigTaskQueue: string) => {
      const queues = await project.partwise.workers({ bigTaskQueues: [bigTaskQueue] });
      expect(queues.at(-1)).toMatchObject({ taskQueue: bigTaskQueue, work: 'units', polled: false });
      const queue = queues.find((each) => each.work === work)!;
      return queue.polled ? queue.pollers.map((poller) => poller.identity) : [];
    };
    for (const [work, worker, other] of [
      ['workflows', workflows, units],
      ['activities', activities, workflows],
      ['units', units, workflows],
    ] as const) {
      await until(async () => (await polls(work, 'big')).includes(identity(worker)));
      expect(await polls(work, 'big')).not.toContain(identity(other));
    }
    const gated = await start('parts', true);
    await gated.untilCalls(2);
    await gated.release();
    expect(await gated.run.wait()).toMatchObject({ status: 'SUCCESS', counts: { DONE: 40 } });
    await expectSharedBy(gated, activities, units);
    const { workflow, control } = await doneBy(gated);
    expect([...new Set(workflow)]).toEqual([identity(workflows)]);
    expect([...new Set(control)]).toEqual([identity(activities)]);
    // Without a workflow worker nothing starts; with one again, it does.
    workflows.process.kill('SIGTERM');
    expect((await workflows.finished).code).toBe(0);
    const waiting = await start('waiting');
    const again = await startWorker('--only', 'workflows');
    expect(await waiting.run.wait()).toMatchObject({ status: 'SUCCESS' });
    expect([...new Set((await doneBy(waiting)).workflow)]).toEqual([identity(again)]);
  });

  it("accept options of Temporal's SDK, even one that conflicts with the slots of units", async () => {
    await project.startWorker({ SDK: JSON.stringify({ maxConcurrentWorkflowTaskExecutions: 5 }) });
    const { run } = await start('options');
    expect(await run.wait()).toMatchObject({ status: 'SUCCESS', counts: { DONE: 40 } });
  });
});

describe('a worker whose server goes away', () => {
  it('logs one JSON object per line, to standard error too, with --log-format json', async () => {
    const sockets: Socket[] = [];
    const [host, port] = SUITE.address.split(':');
    const proxy = createServer((socket) => {
      const server = connect(Number(port), host);
      for (const [from, to] of [
        [socket, server],
        [server, socket],
      ] as const)
        sockets.push(from.on('error', () => to.destroy()).pipe(to));
    });
    proxy.listen(0, '127.0.0.1');
    await once(proxy, 'listening');
    const address = `127.0.0.1:${(proxy.address() as AddressInfo).port}`;
    const worker = await startWorker('--address', address, '--log-format', 'json');
    const gated = await start('logged');
    await gated.run.wait();
    proxy.close();
    for (const socket of sockets) socket.destroy();
    await worker.prints('WARN');
    worker.process.kill('SIGTERM');
    await worker.prints('Shutting down');
    worker.process.kill('SIGTERM');
    const { stdout, stderr } = await worker.finished;
    const objects = (text: string) =>
      text
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line) as unknown);
    expect(objects(stdout)).toMatchObject([{ type: 'runStarted' }, { type: 'runEnded' }]);
    const messages = objects(stderr);
    expect(messages).toEqual(
      messages.map(() => expect.objectContaining({ at: expect.any(String), message: expect.any(String) })),
    );
    expect(messages).toContainEqual(
      expect.objectContaining({ level: 'WARN', details: expect.objectContaining({ sdkComponent: 'core' }) }),
    );
  });
});

describe('a worker that is asked to shut down', () => {
  it('lets running partitions finish within the grace period, takes no more, and exits with 0', async () => {
    const worker = await startWorker('--runners', '1', '--grace', '1m');
    const gated = await start('drained', ['0']);
    await gated.untilStarted('0');
    worker.process.kill('SIGTERM');
    await worker.prints('Shutting down');
    const taken = gated.started().length;
    const next = await startWorker('--runners', '1');
    await gated.untilCalls(taken + 1);
    await gated.release();
    expect((await worker.finished).code).toBe(0);
    expect(await gated.run.wait()).toMatchObject({ status: 'SUCCESS' });
    await expectSharedBy(gated, worker, next);
    const { units } = await doneBy(gated);
    expect(units.filter((who) => who === identity(worker))).toHaveLength(taken);
  });

  it('exits immediately on a second signal, and another continues', async () => {
    const worker = await startWorker('--grace', '1h');
    const gated = await start('cut-off', ['0']);
    await gated.untilStarted('0');
    worker.process.kill('SIGTERM');
    await worker.prints('Shutting down');
    worker.process.kill('SIGTERM');
    expect((await worker.finished).code).toBe(143);
    await gated.release();
    await startWorker();
    expect(await gated.run.wait()).toMatchObject({ status: 'SUCCESS', counts: { DONE: 40 } });
  });
});

describe('versions of a deployment', () => {
  it('keep a run on the workers that it started on, and give new runs to the current version', async () => {
    const deployment = project.taskQueue;
    const { workflowService, options } = project.client;
    /** The server learns of a version from polls, a moment after they start. */
    const makeCurrent = (buildId: string) =>
      until(() =>
        workflowService
          .setWorkerDeploymentCurrentVersion({
            namespace: options.namespace,
            deploymentName: deployment,
            buildId,
          })
          .catch((error: unknown) => {
            if (/NOT_FOUND|FAILED_PRECONDITION/.test(String(error))) return null;
            throw error;
          }),
      );
    const versionOf = async ({ run }: GatedRun) => {
      const { raw } = await project.client.workflow.getHandle(run.runId).describe();
      return raw.workflowExecutionInfo?.versioningInfo?.deploymentVersion?.buildId;
    };
    const first = await startWorker('--deployment', deployment, '--build-id', 'one');
    await makeCurrent('one');
    const ongoing = await start('ongoing', ['0']);
    await ongoing.untilStarted('0');
    const second = await startWorker('--deployment', deployment, '--build-id', 'two');
    await makeCurrent('two');
    await ongoing.release();
    expect(await ongoing.run.wait()).toMatchObject({ status: 'SUCCESS' });
    expect(await versionOf(ongoing)).toBe('one');
    await expectSharedBy(ongoing, first);
    const later = await start('later');
    expect(await later.run.wait()).toMatchObject({ status: 'SUCCESS' });
    expect(await versionOf(later)).toBe('two');
    await expectSharedBy(later, second);
  });

  it('are named by both of their flags (I9)', async () => {
    const { code, stderr } = await cli(project.folder, ['worker', '--deployment', 'd']);
    expect({ code, stderr }).toEqual({
      code: 2,
      stderr: expect.stringContaining('--deployment and --build-id go together'),
    });
  });
});
