/**
 * Workers and runners that are killed in the middle of a run. The function writes each call to an external
 * file, as a record of what really happened.
 */
import type { ChildProcess } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { PartitionView, RunHandle, RunOptions } from '../src/index';
import { startNoted, type NotedRun } from './support/noted-runs';
import { gone, isAlive } from './support/processes';
import { end, makeProject, type TestProject } from './support/project';
import { until } from './support/until';

const FUNCTIONS = `
import { appendFileSync, existsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { definePartitionFunction } from 'partwise';

const note = (context, what) => appendFileSync(context.params.calls, [what, context.partitionId, context.attempt, process.pid].join(' ') + '\\n');
const opened = async (context) => {
  while (!existsSync(context.params.gate)) await sleep(20);
};

/** Partitions named in params.wait wait for the gate file; the others finish immediately. */
export const gated = definePartitionFunction({
  name: 'gated',
  async run(data, context) {
    note(context, 'begin');
    await context.upload('call.json', { attempt: context.attempt });
    if (context.params.wait.includes(context.partitionId)) await opened(context);
    note(context, 'end');
    return { attempt: context.attempt };
  },
});

/** Slow, so that checkpoints appear while a batch runs. */
export const slow = definePartitionFunction({
  name: 'slow',
  async run(data, context) {
    note(context, 'begin');
    await sleep(context.params.ms);
    note(context, 'end');
    return { k: Number(context.partitionId) };
  },
});

export const kills = definePartitionFunction({
  name: 'kills',
  async run(data, context) {
    note(context, 'begin');
    if (context.partitionId === context.params.killer) process.kill(process.pid, 'SIGKILL');
    return {};
  },
});

/** Ignores the signal. */
export const deaf = definePartitionFunction({
  name: 'deaf',
  async run(data, context) {
    note(context, 'begin');
    if (context.params.wait.includes(context.partitionId)) for (;;) await sleep(1000);
    return {};
  },
});
`;

const ONE_RUNNER = { PARTWISE_RUNNERS: '1' };
const TWO_RUNNERS = { PARTWISE_RUNNERS: '2' };

let project: TestProject;
/** Executes the runs of all tests; one that ends it starts the next. */
let worker: ChildProcess;
beforeAll(async () => {
  project = await makeProject(FUNCTIONS);
  await project.execute(
    "CREATE TABLE regions AS SELECT unnest(['a', 'b', 'c', 'd', 'e', 'f']) AS k",
    'CREATE TABLE many AS SELECT range AS k FROM range(600)',
  );
  worker = await project.startWorker(TWO_RUNNERS);
});
afterAll(() => project.close());

const start = (
  name: string,
  table: string,
  params: Record<string, unknown> = {},
  options: RunOptions = {},
): Promise<NotedRun> =>
  startNoted(project, name, table, params, { retry: { initialInterval: 10 }, ...options });

const sql = async (run: RunHandle) => (await run.results()).map(({ k }) => k);
const recorded = (run: RunHandle, done: number): Promise<void> =>
  new Promise((resolve, reject) => {
    (async () => {
      for await (const event of run.events())
        if (event.type === 'progress' && event.state.counts.DONE >= done) return resolve();
      reject(new Error('The run ended before that.'));
    })().catch(reject);
  });

/** There is no event when a checkpoint appears. */
const untilPartition = (
  run: RunHandle,
  id: string,
  holds: (partition: PartitionView) => boolean,
): Promise<PartitionView> =>
  until(async () => {
    const partition = await run.partition(id).describe();
    return holds(partition) && partition;
  });

describe('kill -9', () => {
  it('of the worker: another one finishes the run, and recorded partitions do not run again (I4)', async () => {
    const { run, calls, started, until, openGate } = await start(
      'gated-worker',
      'regions',
      { wait: ['c', 'f'] },
      { maxConcurrency: 2 },
    );
    await recorded(run, 2);
    await until((all) => all.some(({ what, id }) => what === 'begin' && id === 'c'));
    const runners = [...new Set(calls().map(({ pid }) => pid))];
    worker.kill('SIGKILL');
    const doneBefore = (await run.partitions({ status: 'DONE' })).partitions.map(({ id }) => id);
    expect(doneBefore.length).toBeGreaterThanOrEqual(2);
    worker = await project.startWorker(TWO_RUNNERS);
    await openGate();
    expect(await run.wait()).toMatchObject({ status: 'SUCCESS', counts: { DONE: 6 } });
    for (const id of doneBefore) expect(started(id)).toBe(1);
    expect(await sql(run)).toEqual(['a', 'b', 'c', 'd', 'e', 'f']);
    expect(runners.filter(isAlive)).toEqual([]);
    // The killed call left nothing visible.
    const { attempts } = await run.partition('c').describe();
    expect(await run.partition('c').artifacts.get('call.json')).toEqual({ attempt: attempts });
  });

  it('of a runner: its partition runs again, and the others are unaffected (I5)', async () => {
    const { run, calls, started, until, openGate } = await start('gated-runner', 'regions', { wait: ['b'] });
    await until((all) => all.some(({ what, id }) => what === 'begin' && id === 'b'));
    const { pid } = calls().find(({ id }) => id === 'b')!;
    process.kill(pid, 'SIGKILL');
    await openGate();
    expect(await run.wait()).toMatchObject({ status: 'SUCCESS', counts: { DONE: 6 } });
    expect(started('b')).toBe(2);
    for (const id of ['a', 'c', 'd', 'e', 'f']) expect(started(id)).toBe(1);
    expect(await run.partition('b').describe()).toMatchObject({ status: 'DONE', attempts: 2 });
  });

  it('of its own runner by a partition of a batch: only that partition is affected (I5)', async () => {
    const { run, started } = await start('kills-batch', 'many', { killer: '321' }, { toleratedFailures: 1 });
    const state = await run.wait();
    expect(state).toMatchObject({ status: 'PARTIAL_FAILURE', counts: { DONE: 599, INTERNAL_ERROR: 1 } });
    expect(await run.partition('321').describe()).toMatchObject({
      status: 'INTERNAL_ERROR',
      error: { type: 'RunnerKilled' },
    });
    expect(started('321')).toBe(3);
  });

  it('of the worker in the middle of a batch: the next attempt resumes after the last checkpoint (I4)', async () => {
    await end(worker);
    worker = await project.startWorker(ONE_RUNNER);
    const { run, calls, until } = await start(
      'slow-batch',
      'many',
      { ms: 15 },
      { maxConcurrency: 1, partitionsPerUnit: 600 },
    );
    await until((all) => all.filter(({ what }) => what === 'end').length >= 250);
    worker.kill('SIGKILL');
    const before = calls().filter(({ what }) => what === 'end').length;
    worker = await project.startWorker(ONE_RUNNER);
    expect(await run.wait()).toMatchObject({ status: 'SUCCESS', counts: { DONE: 600 } });
    const ended = calls().filter(({ what }) => what === 'end');
    // Checkpoints come about once a second, 66 partitions apart; on a loaded machine they may be later.
    expect(ended.length - 600).toBeLessThan(before);
    expect(new Set(ended.map(({ id }) => id)).size).toBe(600);
    expect(await sql(run)).toEqual(Array.from({ length: 600 }, (_, k) => k));
  });
});

describe('a shutdown', () => {
  it('in the middle of a batch hands over partitions that were not started or were interrupted, and nothing else', async () => {
    const { run, calls, until } = await start(
      'slow-handed',
      'many',
      { ms: 10 },
      { maxConcurrency: 1, partitionsPerUnit: 600 },
    );
    await until((all) => all.filter(({ what }) => what === 'end').length >= 150);
    worker.kill('SIGTERM');
    worker = await project.startWorker(ONE_RUNNER);
    expect(await run.wait()).toMatchObject({ status: 'SUCCESS', counts: { DONE: 600 } });
    // One may have been interrupted midway; none that ended runs again.
    const ended = calls().filter(({ what }) => what === 'end').length;
    expect(ended - 600).toBeLessThanOrEqual(1);
    expect(await sql(run)).toHaveLength(600);
  });

  it('hands partitions to another worker, at no attempt for them', async () => {
    const { run, until, openGate, started } = await start(
      'gated-shutdown',
      'regions',
      { wait: ['a'] },
      { retry: { maximumAttempts: 1, initialInterval: 10 } },
    );
    for (let deploys = 1; deploys <= 3; deploys++) {
      await until((all) => all.filter(({ what, id }) => what === 'begin' && id === 'a').length === deploys);
      const next = await project.startWorker(TWO_RUNNERS);
      worker.kill('SIGTERM');
      worker = next;
    }
    await until(() => started('a') >= 4);
    await openGate();
    expect(await run.wait()).toMatchObject({ status: 'SUCCESS', counts: { DONE: 6 } });
  });

  it('lets a function finish within the grace period, called once', async () => {
    const { run, started, until, openGate } = await start('gated-grace', 'regions', { wait: ['a'] });
    await recorded(run, 5);
    await until((all) => all.some(({ id }) => id === 'a'));
    worker.kill('SIGTERM');
    await openGate();
    worker = await project.startWorker(TWO_RUNNERS);
    expect((await run.wait()).status).toBe('SUCCESS');
    expect(started('a')).toBe(1);
  });
});

describe('a cancelled run', () => {
  it('closes when its functions have stopped, even unresponsive ones; finished partitions keep everything (I12)', async () => {
    const { run, calls, until } = await start(
      'deaf-cancel',
      'regions',
      { wait: ['c', 'd', 'e', 'f'] },
      { maxConcurrency: 2 },
    );
    await recorded(run, 2);
    await until((all) => ['c', 'd'].every((id) => all.some((call) => call.id === id)));
    const pids = calls()
      .filter(({ id }) => id === 'c' || id === 'd')
      .map(({ pid }) => pid);
    await run.cancel();
    const state = await run.wait();
    expect(pids.filter(isAlive)).toEqual([]);
    expect(state).toMatchObject({ status: 'CANCELLED', counts: { DONE: 2, CANCELLED: 4 } });
    expect((await project.client.workflow.getHandle(run.runId).describe()).status.name).toBe('CANCELLED');
    const { partitions } = await run.partitions();
    expect(partitions.map(({ id, status }) => [id, status])).toEqual([
      ['a', 'DONE'],
      ['b', 'DONE'],
      ['c', 'CANCELLED'],
      ['d', 'CANCELLED'],
      ['e', 'CANCELLED'],
      ['f', 'CANCELLED'],
    ]);
  });

  it('that is terminated stops its functions within the heartbeat timeout (I12)', async () => {
    const { run, calls, until } = await start('deaf-terminate', 'regions', { wait: ['a'] });
    await until((all) => all.some(({ id }) => id === 'a'));
    const { pid } = calls().find(({ id }) => id === 'a')!;
    await project.client.workflow.getHandle(run.runId).terminate('test');
    expect(await run.wait()).toMatchObject({ status: 'FAILURE', error: { type: 'Terminated' } });
    await gone(pid);
  });
});

describe('a running run', () => {
  it('shows no artifact before history names it, even if a checkpoint has recorded its partition as DONE (I3)', async () => {
    const { run, until, openGate } = await start(
      'gated-unnamed',
      'regions',
      { wait: ['f'] },
      { maxConcurrency: 1, partitionsPerUnit: 6 },
    );
    await until((all) => all.some(({ id }) => id === 'f'));
    const live = await untilPartition(run, 'a', ({ status }) => status === 'DONE');
    expect(live.artifacts).toEqual([]);
    expect((await run.status()).live).toBe(true);
    await openGate();
    expect((await run.wait()).status).toBe('SUCCESS');
    expect((await run.partition('a').describe()).artifacts).toMatchObject([{ name: 'call.json' }]);
  });

  it('shows which partitions are running, and that it asked the server (I2)', async () => {
    const { run, until, openGate } = await start('gated-live', 'regions', { wait: ['a'] });
    await until((all) => all.some(({ id }) => id === 'a'));
    await recorded(run, 5);
    expect(await run.status()).toMatchObject({
      status: 'IN_PROGRESS',
      live: true,
      counts: { RUNNING: 1, DONE: 5 },
    });
    expect((await run.progress()).RUNNING).toEqual(['a']);
    expect(await project.client.workflow.getHandle(run.runId).query('progress')).toMatchObject({
      status: 'IN_PROGRESS',
      counts: { total: 6, DONE: 5, RUNNING: 1 },
      running: ['a'],
    });
    await openGate();
    await run.wait();
  });
});
