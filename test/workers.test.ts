/** Several workers of one task queue, as processes of their own. The function writes each call to a file outside. */
import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { RunHandle } from '../src/index';
import { cli, startCli, type RunningCli } from './support/cli';
import { changed } from './support/files';
import { makeProject, type TestProject } from './support/project';

const FUNCTIONS = `
import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { definePartitionFunction } from 'partwise';

const note = ({ params, partitionId, attempt }) =>
  appendFileSync(params.calls, [partitionId, attempt, process.ppid].join(' ') + '\\n');
const workers = (calls) => new Set(readFileSync(calls, 'utf8').split('\\n').filter(Boolean).map((line) => line.split(' ')[2]));

/** Ends when as many workers as params.workers have begun a call. */
export const together = definePartitionFunction({
  name: 'together',
  async run(data, context) {
    note(context);
    while (workers(context.params.calls).size < context.params.workers) await sleep(20);
    return { n: data.rowCount };
  },
});

/** Partition 0 ends when the gate is there. */
export const gated = definePartitionFunction({
  name: 'gated',
  async run(data, context) {
    note(context);
    if (context.partitionId === '0') while (!existsSync(context.params.gate)) await sleep(20);
    return {};
  },
});
`;

let project: TestProject;
let calls: string;
let gate: string;
let started: RunningCli[];
beforeEach(async () => {
  project = await makeProject(FUNCTIONS);
  await project.execute('CREATE TABLE t AS SELECT range AS k FROM range(40)');
  calls = join(project.folder, 'calls');
  gate = join(project.folder, 'gate');
  await writeFile(calls, '');
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
  await worker.says('Executing');
  return worker;
};
const called = () =>
  readFileSync(calls, 'utf8')
    .split('\n')
    .filter(Boolean)
    .map((line) => {
      const [id, attempt, worker] = line.split(' ');
      return { id: id!, attempt: Number(attempt), worker: Number(worker) };
    });
const start = (name: string, params: object = {}): Promise<RunHandle> =>
  project.partwise.start(
    {
      function: name,
      source: { table: 't' },
      partitionBy: ['k'],
      params: { calls, gate, ...params },
      options: { maxConcurrency: 8, heartbeatTimeout: '3s', retry: { maximumAttempts: 1 } },
    },
    { runId: project.runId(name) },
  );
/** Every partition was called once, by these workers and no others. */
const expectSharedBy = (...workers: RunningCli[]) => {
  const all = called();
  expect(all.map(({ id }) => Number(id)).sort((a, b) => a - b)).toEqual(
    Array.from({ length: 40 }, (_, k) => k),
  );
  const pids = workers.map(({ process }) => process.pid!);
  expect([...new Set(all.map(({ worker }) => worker))].sort()).toEqual(pids.sort());
};

describe('workers of one task queue', () => {
  it('share the load of a run, and do nothing twice', async () => {
    const workers = [await startWorker('--runners', '1'), await startWorker('--runners', '1')];
    const run = await start('together', { workers: 2 });
    expect(await run.wait()).toMatchObject({ status: 'SUCCESS', counts: { DONE: 40 } });
    expectSharedBy(...workers);
  });

  it('may each do a part: workflows, all activities, or partitions alone', async () => {
    const workflows = await startWorker('--only', 'workflows');
    const activities = await startWorker('--only', 'activities', '--runners', '1');
    const units = await startWorker('--only', 'units', '--runners', '1');
    const run = await start('together', { workers: 2 });
    expect(await run.wait()).toMatchObject({ status: 'SUCCESS', counts: { DONE: 40 } });
    expectSharedBy(activities, units);
    // Without workflows, nothing begins; with them again, it does.
    workflows.process.kill('SIGTERM');
    expect((await workflows.finished).code).toBe(0);
    const waiting = await start('gated');
    await startWorker('--only', 'workflows');
    await writeFile(gate, '');
    expect(await waiting.wait()).toMatchObject({ status: 'SUCCESS' });
  });
});

describe('a worker that is told to end', () => {
  it('lets what runs end within the grace time, takes nothing more, and exits with 0', async () => {
    const worker = await startWorker('--runners', '1', '--grace', '1m');
    const run = await start('gated');
    await changed(calls, () => called().some(({ id }) => id === '0'));
    worker.process.kill('SIGTERM');
    await worker.says('Ending');
    const next = await startWorker('--runners', '1');
    await changed(calls, () => called().some((call) => call.worker === next.process.pid));
    await writeFile(gate, '');
    expect((await worker.finished).code).toBe(0);
    expect(await run.wait()).toMatchObject({ status: 'SUCCESS' });
    expectSharedBy(worker, next);
  });

  it('ends at once when it is told again, and another goes on', async () => {
    const worker = await startWorker('--grace', '1h');
    const run = await start('gated');
    await changed(calls, () => called().some(({ id }) => id === '0'));
    worker.process.kill('SIGTERM');
    await worker.says('Ending');
    worker.process.kill('SIGTERM');
    expect((await worker.finished).code).toBe(143);
    await writeFile(gate, '');
    await startWorker();
    expect(await run.wait()).toMatchObject({ status: 'SUCCESS', counts: { DONE: 40 } });
  });
});

describe('versions of a deployment', () => {
  it('keep a run on the workers that it began with, and give new runs to the current one', async () => {
    const deployment = project.taskQueue;
    /** The server learns of a version from polls, a moment after they began: nothing tells, so it is asked again. */
    const makeCurrent = async (buildId: string): Promise<void> => {
      const { workflowService } = project.client;
      const version = { namespace: 'default', deploymentName: deployment, buildId };
      for (;;) {
        try {
          await workflowService.setWorkerDeploymentCurrentVersion(version);
          return;
        } catch (error) {
          if (!/NOT_FOUND|FAILED_PRECONDITION/.test(String(error))) throw error;
          await sleep(50);
        }
      }
    };
    const versionOf = async ({ runId }: RunHandle) => {
      const { raw } = await project.client.workflow.getHandle(runId).describe();
      return raw.workflowExecutionInfo?.versioningInfo?.deploymentVersion?.buildId;
    };
    const first = await startWorker('--deployment', deployment, '--build-id', 'one');
    await makeCurrent('one');
    const begun = await start('gated');
    await changed(calls, () => called().some(({ id }) => id === '0'));
    const second = await startWorker('--deployment', deployment, '--build-id', 'two');
    await makeCurrent('two');
    await writeFile(gate, '');
    expect(await begun.wait()).toMatchObject({ status: 'SUCCESS' });
    expect(await versionOf(begun)).toBe('one');
    expectSharedBy(first);
    await writeFile(calls, '');
    const later = await start('gated');
    expect(await later.wait()).toMatchObject({ status: 'SUCCESS' });
    expect(await versionOf(later)).toBe('two');
    expectSharedBy(second);
  });

  it('I9 are named by both of their flags', async () => {
    const { code, stderr } = await cli(project.folder, ['worker', '--deployment', 'd']);
    expect({ code, stderr }).toEqual({
      code: 2,
      stderr: expect.stringContaining('Give --deployment and --build-id together'),
    });
  });
});
