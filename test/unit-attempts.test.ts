/**
 * How calls count against a partition's attempts, with real workers: budgets by type of error, memory, lost
 * runners and workers, deploys, pauses. The function writes each call to an external file, as a record of
 * what really happened.
 */
import type { ChildProcess } from 'node:child_process';
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { RunHandle, RunOptions } from '../src/index';
import { startNoted, type NotedRun } from './support/noted-runs';
import { end, makeProject, type TestProject } from './support/project';
import { until } from './support/until';

const FUNCTIONS = `
import { appendFileSync, existsSync, readdirSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { definePartitionFunction } from 'partwise';

class RateLimited extends Error {}
class Busy extends Error { nextRetryDelay = 700; }

const noted = (context, what, text = '') =>
  appendFileSync(context.params.calls, [what, context.partitionId, context.attempt, process.pid, text].join(' ') + '\\n');

/** params.throws: by partition, the type of error and how often. */
export const throwing = definePartitionFunction({
  name: 'throwing',
  retry: { maximumAttempts: 2, initialInterval: 10, byErrorType: { RateLimited: { maximumAttempts: 3 } } },
  async run(data, context) {
    noted(context, 'begin');
    const [type, times] = context.params.throws[context.partitionId] ?? ['', 0];
    if (context.attempt > times) return { attempt: context.attempt };
    if (type === 'RateLimited') throw new RateLimited('slow down');
    if (type === 'Busy') throw new Busy('later');
    if (type === 'killed') process.kill(process.pid, 'SIGKILL');
    throw new Error('no');
  },
});

const hoard = async (megabytes) => {
  const held = [];
  for (let i = 0; i < megabytes; i += 4) {
    held.push(Buffer.alloc(4_000_000, 1));
    await sleep(1);
  }
  return held.length;
};

/** params.needs: megabytes by partition. */
const hungry = {
  memory: '160MB',
  async run(data, context) {
    noted(context, 'begin');
    const held = await hoard(context.params.needs[context.partitionId] ?? 0);
    while (context.partitionId === context.params.wait && !existsSync(context.params.gate)) await sleep(20);
    noted(context, 'end');
    return { held };
  },
};
export const hungryHere = definePartitionFunction({ name: 'hungryHere', ...hungry });
export const hungryElsewhere = definePartitionFunction({ name: 'hungryElsewhere', ...hungry, bigTaskQueue: 'BIG_QUEUE' });

/** Kills its runner in its first call; in later ones, waits for the gate. */
export const deadly = definePartitionFunction({
  name: 'deadly',
  async run(data, context) {
    noted(context, 'begin');
    if (context.attempt === 1) process.kill(process.pid, 'SIGKILL');
    while (!existsSync(context.params.gate)) await sleep(20);
    return { attempt: context.attempt };
  },
});

/** Waits in partitions named in params.wait until the gate is open; in others for params.ms. */
export const patient = definePartitionFunction({
  name: 'patient',
  async run(data, context) {
    noted(context, 'begin');
    const { wait = [], ms = 0, gate } = context.params;
    if (wait.includes(context.partitionId)) while (!existsSync(gate)) await sleep(20);
    else await sleep(ms);
    noted(context, 'end');
    return { attempt: context.attempt };
  },
});
`;

const TWO_RUNNERS = { PARTWISE_RUNNERS: '2' };

let project: TestProject;
/** Executes the runs of all tests; one that ends it starts the next. */
let worker: ChildProcess;
let bigQueue: string;
beforeAll(async () => {
  project = await makeProject('export {};');
  bigQueue = `${project.taskQueue}-big`;
  await project.write('functions.ts', FUNCTIONS.replace('BIG_QUEUE', bigQueue));
  await project.execute(
    "CREATE TABLE letters AS SELECT unnest(['a', 'b', 'c', 'd']) AS k",
    'CREATE TABLE many AS SELECT range AS k FROM range(300)',
    "CREATE TABLE lone AS SELECT 'a' AS k",
  );
  worker = await project.startWorker(TWO_RUNNERS);
});
afterAll(() => project.close());

const start = (
  name: string,
  params: Record<string, unknown>,
  options: RunOptions = {},
  table = 'letters',
): Promise<NotedRun> => startNoted(project, name, table, params, options);

const ends = async (run: RunHandle): Promise<string[]> =>
  (await run.partitions()).partitions.map(
    ({ id, status, attempts, error }) =>
      `${id} ${status} ${attempts}${error === null ? '' : ` ${error.type}`}`,
  );

/** What each partition's earlier calls met, as `attempt type: message`. */
const earlier = async (run: RunHandle): Promise<Record<string, string[]>> =>
  Object.fromEntries(
    (await run.partitions()).partitions.map(({ id, earlierErrors }) => [
      id,
      earlierErrors.map(({ attempt, type, message }) => `${attempt} ${type}: ${message}`),
    ]),
  );

/** Durations of the workflow's timers, in milliseconds. */
const timers = async (run: RunHandle): Promise<number[]> => {
  const { events } = await project.client.workflow.getHandle(run.runId).fetchHistory();
  return (events ?? []).flatMap(({ timerStartedEventAttributes: timer }) =>
    timer == null
      ? []
      : [
          Number(timer.startToFireTimeout?.seconds ?? 0) * 1000 +
            (timer.startToFireTimeout?.nanos ?? 0) / 1e6,
        ],
  );
};

describe('budgets by type of error', () => {
  const throws = { a: ['RateLimited', 4], b: ['Error', 9], c: ['Busy', 1] };
  const retry = { byErrorType: { RateLimited: { maximumAttempts: 6, initialInterval: 10 } } };

  it('apply to single partitions: the run’s rule before the function’s', async () => {
    const { run, started } = await start('throwing-single', { throws }, { retry });
    await run.wait();
    expect(await ends(run)).toEqual(['a DONE 5', 'b FAILED 2 Error', 'c DONE 2', 'd DONE 1']);
    expect(started('a')).toBe(5);
    // The last one is that of the partition itself.
    const ofA = ['1 RateLimited: slow down', '2 RateLimited: slow down', '3 RateLimited: slow down'];
    expect(await earlier(run)).toEqual({ a: ofA, b: ['1 Error: no'], c: ['1 Busy: later'], d: [] });
    const view = await run.partition('a').describe();
    const [unit] = await run.units();
    expect(view).toMatchObject({ returnedRows: 1, execution: 1, worker: unit!.worker });
    expect((await run.units()).map(({ activityId }) => activityId)).toContain(view.unit);
    expect(view.functionDigest).toMatch(/^[0-9a-f]{64}$/);
  });

  it('apply to batches, whose next round waits as long as an error asks for', async () => {
    const { run, started } = await start('throwing-batch', { throws }, { retry, partitionsPerUnit: 4 });
    await run.wait();
    expect(await ends(run)).toEqual(['a DONE 5', 'b FAILED 2 Error', 'c DONE 2', 'd DONE 1']);
    expect(started('b')).toBe(2);
    const ofA = ['1 RateLimited: slow down', '2 RateLimited: slow down', '3 RateLimited: slow down'];
    expect(await earlier(run)).toEqual({ a: ofA, b: ['1 Error: no'], c: ['1 Busy: later'], d: [] });
    const [first, ...others] = await timers(run);
    expect(first).toBe(700);
    expect(Math.max(...others)).toBeLessThan(700);
    const again = await run.retry({ only: ['b'] });
    await again.wait();
    // One call threw in each round of both executions; the last one is the partition's own error.
    expect(await earlier(again)).toEqual({
      a: ofA,
      b: ['1 Error: no', '2 Error: no', '3 Error: no'],
      c: ['1 Busy: later'],
      d: [],
    });
    expect(await again.partition('a').describe()).toMatchObject({ execution: 1, unit: null, worker: null });
    expect(await again.partition('b').describe()).toMatchObject({ execution: 2, attempts: 4 });
  });

  it('come from the function if the run has none', async () => {
    const { run } = await start('throwing-own', { throws }, {});
    await run.wait();
    expect((await ends(run))[0]).toBe('a FAILED 3 RateLimited');
  });
});

describe('a partition of a batch that killed its runner', () => {
  it('shows why when a later call in the same batch succeeded', async () => {
    const { run } = await start(
      'throwing-killed',
      { throws: { d: ['killed', 1] } },
      { partitionsPerUnit: 4 },
    );
    await run.wait();
    expect((await ends(run)).at(-1)).toBe('d DONE 2');
    expect((await earlier(run)).d).toEqual([expect.stringMatching(/^1 RunnerKilled: /)]);
  });
});

describe('maximumAttempts 1', () => {
  it('means one call, even of a partition that killed its runner', async () => {
    const throws = { a: ['killed', 9], b: ['Error', 9] };
    const options = { retry: { maximumAttempts: 1 } };
    const { run, started } = await start('throwing-once', { throws }, options);
    await run.wait();
    expect(await ends(run)).toEqual([
      'a INTERNAL_ERROR 1 RunnerKilled',
      'b FAILED 1 Error',
      'c DONE 1',
      'd DONE 1',
    ]);
    expect([started('a'), started('b')]).toEqual([1, 1]);
    const batch = await start('throwing-once', { throws }, { ...options, partitionsPerUnit: 4 });
    await batch.run.wait();
    expect(await ends(batch.run)).toEqual(await ends(run));
  });

  it('does not count the call of a lost worker', async () => {
    const {
      run,
      started,
      until: called,
      openGate,
    } = await start('patient-lost', { wait: ['b'] }, { retry: { maximumAttempts: 1 } });
    await called((all) => all.some(({ id }) => id === 'b'));
    worker.kill('SIGKILL');
    worker = await project.startWorker(TWO_RUNNERS);
    await openGate();
    expect(await run.wait()).toMatchObject({ status: 'SUCCESS' });
    expect(started('b')).toBe(2);
    // Nobody knows what the lost worker's call would have met.
    expect(await run.partition('b').describe()).toMatchObject({ attempts: 2, earlierErrors: [] });
  });
});

describe('out of memory', () => {
  it('retries a partition once, alone and with the memory of all runners (I5)', async () => {
    const needs = { a: 130, b: 2_000 };
    const { run, calls, until: called, openGate } = await start('hungryHere', { needs, wait: 'c' });
    // With two runners, one of the hungry ones starts while c waits.
    await called((all) => all.some(({ id }) => id === 'c') && all.some(({ id }) => id === 'a' || id === 'b'));
    await openGate();
    await run.wait();
    expect(await ends(run)).toEqual(['a DONE 2', 'b INTERNAL_ERROR 2 OutOfMemory', 'c DONE 1', 'd DONE 1']);
    // Nothing else is logged between the start and the end of a call that runs alone.
    const all = calls();
    const alone = all.findIndex(({ what, id, attempt }) => what === 'begin' && id === 'a' && attempt === 2);
    expect(all[alone + 1]).toMatchObject({ what: 'end', id: 'a', attempt: 2 });
  });

  it('moves a partition to the function’s big task queue, also from a batch', async () => {
    const big = await project.startWorker({ ...TWO_RUNNERS, PARTWISE_TASK_QUEUE: bigQueue });
    const needs = { a: 400, c: 400 };
    for (const options of [{}, { partitionsPerUnit: 4 }]) {
      const { run, calls } = await start('hungryElsewhere', { needs }, options);
      expect(await run.wait()).toMatchObject({ status: 'SUCCESS' });
      expect(await ends(run)).toEqual(['a DONE 2', 'b DONE 1', 'c DONE 2', 'd DONE 1']);
      expect((await earlier(run)).a).toEqual([expect.stringMatching(/^1 OutOfMemory: /)]);
      expect(calls().filter(({ what, id }) => what === 'begin' && id === 'a')).toHaveLength(2);
      expect(await run.results()).toHaveLength(4);
      const { events } = await project.client.workflow.getHandle(run.runId).fetchHistory();
      const queues = events!.flatMap(({ activityTaskScheduledEventAttributes: scheduled }) =>
        scheduled?.activityType?.name === 'processUnit' ? [scheduled.taskQueue?.name] : [],
      );
      expect(queues.filter((name) => name === `${bigQueue}.units`).length).toBeGreaterThan(0);
    }
    await end(big);
  });
});

describe('deploys', () => {
  it('three in a row cost neither a long partition nor a batch an attempt', async () => {
    const options = { retry: { maximumAttempts: 1 } };
    const long = await start('patient-long', { wait: ['a'] }, options, 'lone');
    const batch = await start('patient-batch', { ms: 20 }, { ...options, partitionsPerUnit: 300 }, 'many');
    for (let deploys = 1; deploys <= 3; deploys++) {
      await long.until((all) => all.length === deploys);
      await batch.until((all) => all.length >= 60 * deploys);
      const next = await project.startWorker(TWO_RUNNERS);
      worker.kill('SIGTERM');
      worker = next;
    }
    await long.until((all) => all.length === 4);
    await long.openGate();
    expect(await long.run.wait()).toMatchObject({ status: 'SUCCESS' });
    expect(await ends(long.run)).toEqual(['a DONE 1']);
    expect(long.calls().map(({ attempt }) => attempt)).toEqual([1, 1, 1, 1, 1]);
    expect(await batch.run.wait()).toMatchObject({ status: 'SUCCESS', counts: { DONE: 300 } });
    expect(new Set(batch.calls().map(({ attempt }) => attempt))).toEqual(new Set([1]));
    const { partitions } = await batch.run.partitions({ limit: 1_000 });
    expect(new Set(partitions.map(({ attempts }) => attempts))).toEqual(new Set([1]));
  });

  it('are no attempts of a partition whose rows turn out to be damaged afterwards', async () => {
    const { run, until: called } = await start('patient-damaged', { wait: ['a'] }, {}, 'lone');
    await called((all) => all.length === 1);
    await end(worker);
    const stage = join(project.folder, 'stage');
    const snapshots = readdirSync(stage, { recursive: true, encoding: 'utf8' }).filter(
      (path) => path.startsWith(run.runId) && path.endsWith('snapshot.parquet'),
    );
    expect(snapshots).toHaveLength(1);
    writeFileSync(join(stage, snapshots[0]!), 'damaged');
    worker = await project.startWorker(TWO_RUNNERS);
    expect(await run.wait()).toMatchObject({ counts: { INTERNAL_ERROR: 1 } });
    expect(await ends(run)).toEqual(['a INTERNAL_ERROR 1 StageDamaged']);
  });

  it('do not forget that a partition of a batch has killed its runner', async () => {
    const { run, calls, until: called, openGate } = await start('deadly', {}, { partitionsPerUnit: 4 });
    await called((all) => all.some(({ attempt }) => attempt === 2));
    const before = calls().length;
    const next = await project.startWorker(TWO_RUNNERS);
    worker.kill('SIGTERM');
    worker = next;
    await called((all) => all.length > before);
    expect(calls()[before]).toMatchObject({
      attempt: calls()[before]!.id === calls()[before - 1]!.id ? 2 : 1,
    });
    await openGate();
    expect(await run.wait()).toMatchObject({ status: 'SUCCESS', counts: { DONE: 4 } });
    expect(await ends(run)).toEqual(['a DONE 2', 'b DONE 2', 'c DONE 2', 'd DONE 2']);
    expect(calls().filter(({ attempt }) => attempt === 1)).toHaveLength(4);
  });

  it('let a batch finish its running partition and start no other, so that each is called once', async () => {
    await end(worker);
    worker = await project.startWorker({ PARTWISE_RUNNERS: '1', GRACE_MS: '20000' });
    const {
      run,
      calls,
      until: called,
      openGate,
    } = await start('patient-drained', { wait: ['50'] }, { partitionsPerUnit: 300 }, 'many');
    await called((all) => all.some(({ id }) => id === '50'));
    worker.kill('SIGTERM');
    worker = await project.startWorker({ PARTWISE_RUNNERS: '1' });
    await openGate();
    expect(await run.wait()).toMatchObject({ status: 'SUCCESS', counts: { DONE: 300 } });
    expect(calls().filter(({ what }) => what === 'begin')).toHaveLength(300);
    expect(new Set(calls().map(({ pid }) => pid)).size).toBeGreaterThanOrEqual(2);
  });
});

describe('a pause', () => {
  it('ends a batch after its running partition, at no attempt', async () => {
    const {
      run,
      calls,
      until: called,
    } = await start(
      'patient-paused',
      { ms: 20 },
      { partitionsPerUnit: 300, retry: { maximumAttempts: 1 } },
      'many',
    );
    await called((all) => all.length >= 20);
    await run.pause();
    await until(async () =>
      (await pending(run)).some(({ lastFailure }) => lastFailure?.message === 'The run is paused.'),
    );
    const { length } = calls();
    expect(length).toBeLessThan(600);
    // It has checked again, and is still paused.
    await until(async () => (await pending(run)).some(({ attempt }) => (attempt ?? 0) >= 3));
    expect(calls()).toHaveLength(length);
    await run.unpause();
    expect(await run.wait()).toMatchObject({ status: 'SUCCESS', counts: { DONE: 300 } });
    expect(calls()).toHaveLength(600);
    expect(new Set(calls().map(({ attempt }) => attempt))).toEqual(new Set([1]));
  });

  it('holds a partition that waits for its next attempt', async () => {
    const retry = { maximumAttempts: 3, initialInterval: 1_500 };
    const {
      run,
      started,
      until: called,
    } = await start('throwing-paused', { throws: { a: ['Error', 1] } }, { retry }, 'lone');
    await called(() => started('a') === 1);
    await run.pause();
    await until(async () => (await pending(run)).some(({ attempt }) => (attempt ?? 0) >= 4));
    expect(started('a')).toBe(1);
    expect(await run.partition('a').describe()).toMatchObject({
      attempts: 1,
      error: { message: 'The run is paused.' },
    });
    await run.unpause();
    expect(await run.wait()).toMatchObject({ status: 'SUCCESS' });
    expect(await ends(run)).toEqual(['a DONE 2']);
  });
});

async function pending(run: RunHandle) {
  const { raw } = await project.client.workflow.getHandle(run.runId).describe();
  return raw.pendingActivities ?? [];
}
