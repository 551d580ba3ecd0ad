/**
 * Changing a run while it is running: pause, concurrency, tolerance, skips; and cancelling it in each of
 * these states.
 */
import { hostname, userInfo } from 'node:os';
import type { ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { PAUSED_MEMO } from '../src/core/workflow';
import type { SkippedOrdinals } from '../src/index';
import { findTemporalBinary } from '../src/temporal/index';
import { cli, startCli } from './support/cli';
import { holdWarehouse } from './support/hold-warehouse';
import { GATED_FUNCTIONS, startGated, statuses, untilState, type GatedRun } from './support/gated-runs';
import { isAlive } from './support/processes';
import { SUITE, end, makeProject, type TestProject } from './support/project';
import { run as runProgram, type Ran } from './support/shell';
import { until } from './support/until';

let project: TestProject;
let worker: ChildProcess;
let temporal: string;
beforeAll(async () => {
  project = await makeProject(GATED_FUNCTIONS);
  await project.execute(
    "CREATE TABLE regions AS SELECT unnest(['a', 'b', 'c', 'd', 'e', 'f']) AS k",
    'CREATE TABLE many AS SELECT range AS k FROM range(600)',
    "CREATE TABLE kept AS SELECT unnest(['a', 'b']) AS k, 'old' AS value",
  );
  temporal = (await findTemporalBinary({ projectDir: project.folder, env: process.env })).path;
  worker = await project.startWorker({ PARTWISE_RUNNERS: '4' });
});
afterAll(() => project.close());

const regions = (name: string, input: Partial<Parameters<typeof startGated>[2]> = {}) =>
  startGated(project, name, { source: { table: 'regions' }, ...input });

/** 600 partitions in three batches. */
const batches = (name: string, input: Partial<Parameters<typeof startGated>[2]> = {}) =>
  startGated(project, name, {
    source: { table: 'many' },
    ...input,
    options: { partitionsPerUnit: 200, maxConcurrency: 1, ...input.options },
  });

const handleOf = ({ run }: GatedRun) => project.client.workflow.getHandle(run.runId);

/** Activities that the workflow has scheduled for units, by activity id. */
const scheduled = async (gated: GatedRun): Promise<string[]> => {
  const { events } = await handleOf(gated).fetchHistory();
  return (events ?? []).flatMap(({ activityTaskScheduledEventAttributes: attributes }) =>
    attributes?.activityType?.name === 'processUnit' ? [attributes.activityId!] : [],
  );
};

const eventTypes = async (gated: GatedRun): Promise<(string | number | null | undefined)[]> =>
  ((await handleOf(gated).fetchHistory()).events ?? []).map(({ eventType }) => eventType);

describe('a paused run', () => {
  it('starts nothing, lets running partitions finish, is shown as paused everywhere, and continues when unpaused', async () => {
    const gated = await regions('pause', { params: { wait: ['a', 'b'] }, options: { maxConcurrency: 2 } });
    await gated.untilStarted('a', 'b');
    await project.partwise.withIdentity('ann@example.com').getRun(gated.run.runId).pause();
    const paused = { paused: true, pausedBy: 'ann@example.com', status: 'IN_PROGRESS' };
    expect(await gated.run.status()).toMatchObject({ ...paused, pausedAt: expect.stringMatching(/^20/) });
    expect((await handleOf(gated).describe()).memo).toMatchObject({ [PAUSED_MEMO]: true });
    await gated.release();
    await untilState(gated.run, ({ counts }) => counts.DONE === 2);
    expect(await handleOf(gated).query('progress')).toMatchObject({
      status: 'IN_PROGRESS',
      paused: true,
      counts: { DONE: 2, PENDING: 4, RUNNING: 0 },
      running: [],
    });
    expect(await scheduled(gated)).toEqual(['0', '1']);
    const status = await cli(project.folder, ['status', gated.run.runId]);
    expect(status.stdout).toMatch(/^pause-\w+ {2}IN_PROGRESS {2}PAUSED {2}running for/);
    expect(status.stdout).toMatch(/^paused by ann@example\.com at 20/m);
    expect(status.stdout).toContain(`unpause ${gated.run.runId}`);
    await gated.run.unpause();
    const unpaused = { paused: false, pausedBy: null, pausedAt: null };
    expect(await gated.run.wait()).toMatchObject({ status: 'SUCCESS', ...unpaused, counts: { DONE: 6 } });
    expect((await handleOf(gated).describe()).memo).toMatchObject({ [PAUSED_MEMO]: false });
  });

  it('does not start a retry round', async () => {
    const gated = await batches('pause-retry', {
      params: { fails: { 5: 'once' }, wait: ['599'] },
      options: { retry: { maximumAttempts: 2, initialInterval: 10 } },
    });
    await gated.untilStarted('599');
    await gated.run.pause();
    await gated.release();
    await untilState(gated.run, ({ counts }) => counts.DONE === 599);
    expect((await gated.run.partition('5').describe()).error).toMatchObject({ message: 'once' });
    await gated.run.unpause();
    expect(await gated.run.wait()).toMatchObject({ counts: { DONE: 599, FAILED: 1 } });
    expect(await scheduled(gated)).toEqual(['0', '1', '2', 'r1.0']);
  });

  it('can be paused before planning finishes', async () => {
    // No worker polls here yet: the signal waits with the run.
    const other = await makeProject(GATED_FUNCTIONS);
    try {
      await other.execute("CREATE TABLE regions AS SELECT unnest(['a', 'b']) AS k");
      const gated = await startGated(other, 'early', { source: { table: 'regions' } });
      await other.client.workflow.getHandle(gated.run.runId).signal('pause');
      expect((await gated.run.status()).paused).toBe(true);
      await other.startWorker();
      await untilState(gated.run, ({ counts }) => counts.PENDING === 2);
      await gated.run.pause();
      expect(gated.started()).toEqual([]);
      await gated.run.unpause();
      expect((await gated.run.wait()).status).toBe('SUCCESS');
    } finally {
      await other.close();
    }
  });

  it('is cancelled like any other (I12)', async () => {
    const gated = await regions('pause-cancel', {
      params: { wait: ['a'], deaf: true },
      options: { maxConcurrency: 1 },
    });
    await gated.untilStarted('a');
    await gated.run.pause();
    await gated.run.cancel();
    expect(await gated.run.wait()).toMatchObject({ status: 'CANCELLED', counts: { CANCELLED: 6 } });
    expect(gated.calls().filter(({ pid }) => isAlive(pid))).toEqual([]);
    const idle = await regions('pause-cancel-idle', {
      params: { wait: ['a'] },
      options: { maxConcurrency: 1 },
    });
    await idle.untilStarted('a');
    await idle.run.pause();
    await idle.release();
    await untilState(idle.run, ({ counts }) => counts.DONE === 1);
    await idle.run.cancel();
    expect(await idle.run.wait()).toMatchObject({ status: 'CANCELLED', counts: { DONE: 1, CANCELLED: 5 } });
    expect(await handleOf(idle).query('progress')).toMatchObject({
      status: 'CANCELLED',
      counts: { DONE: 1, CANCELLED: 5, PENDING: 0 },
    });
  });

  it('is stopped by its timeout', async () => {
    const gated = await regions('pause-late', { options: { runTimeout: '5s' }, params: { wait: true } });
    await gated.run.pause();
    expect(await gated.run.wait()).toMatchObject({ status: 'FAILURE', error: { type: 'RunTimeout' } });
  });
});

describe('the concurrency of a run', () => {
  it('can be higher than the number of runners when it is cancelled (I12)', async () => {
    const gated = await regions('cancel-queued', { params: { wait: true }, options: { maxConcurrency: 6 } });
    await gated.untilCalls(4);
    await gated.run.cancel();
    expect(await gated.run.wait()).toMatchObject({ status: 'CANCELLED', counts: { CANCELLED: 6 } });
  });

  it('can be raised, effective immediately, and lowered, effective as units finish', async () => {
    const gated = await regions('concurrency', { params: { wait: true }, options: { maxConcurrency: 1 } });
    await gated.untilStarted('a');
    await gated.run.set({ maxConcurrency: 3 });
    await gated.untilStarted('a', 'b', 'c');
    expect(await gated.run.status()).toMatchObject({ maxConcurrency: 3 });
    await gated.run.set({ maxConcurrency: 1 });
    await gated.release('a', 'b');
    await untilState(gated.run, ({ counts }) => counts.DONE === 2);
    expect(await scheduled(gated)).toHaveLength(3);
    await gated.release('c');
    await gated.untilStarted('d');
    expect(await scheduled(gated)).toHaveLength(4);
    await gated.release();
    expect(await gated.run.wait()).toMatchObject({ status: 'SUCCESS', maxConcurrency: 1 });
  });

  it('can be set before planning finishes, and so can the tolerance', async () => {
    const other = await makeProject(GATED_FUNCTIONS);
    try {
      await other.execute("CREATE TABLE regions AS SELECT unnest(['a', 'b', 'c', 'd']) AS k");
      const gated = await startGated(other, 'early-set', {
        source: { table: 'regions' },
        params: { fails: { a: 'no', b: 'no' }, wait: true },
        options: { maxConcurrency: 1 },
      });
      const set = gated.run.set({ maxConcurrency: 4, toleratedFailures: '50%' });
      const skipped = gated.run.skip(['a']).catch((error: unknown) => error);
      await other.startWorker({ PARTWISE_RUNNERS: '4' });
      await set;
      // It arrived first, before or after the plan.
      await skipped;
      await gated.untilStarted('b', 'c', 'd');
      await gated.release();
      expect(await gated.run.wait()).toMatchObject({ error: null, maxConcurrency: 4, toleratedFailures: 2 });
    } finally {
      await other.close();
    }
  });
});

describe('the tolerance of a run', () => {
  it('decides how the run ends, by its value at the end (I8)', async () => {
    const gated = await regions('tolerance', { params: { fails: { a: 'no' }, wait: ['f'] } });
    await gated.untilStarted('f');
    await gated.run.set({ toleratedFailures: '17%' });
    expect((await gated.run.status()).toleratedFailures).toBe(1);
    await gated.release();
    expect(await gated.run.wait()).toMatchObject({ status: 'PARTIAL_FAILURE', error: null });
  });

  it('stops a failFast run when lowered below the number of failures (I8)', async () => {
    const gated = await regions('lowered', {
      params: { fails: { a: 'no' }, wait: ['b', 'c'] },
      options: { maxConcurrency: 2, failFast: true, toleratedFailures: 3 },
    });
    await gated.untilStarted('b', 'c');
    await gated.run.set({ toleratedFailures: 0 });
    expect(await gated.run.wait()).toMatchObject({
      counts: { FAILED: 1, CANCELLED: 2, SKIPPED: 3 },
      toleratedFailures: 0,
      error: { message: expect.stringContaining('and 0 are tolerated') },
    });
  });
});

describe('messages that arrive together', () => {
  it('that start a unit and stop the run leave the unit never started, for every reader (I8)', async () => {
    const gated = await regions('together', {
      params: { fails: { a: 'no' }, wait: ['b'] },
      options: { maxConcurrency: 1, failFast: true, toleratedFailures: 3 },
    });
    await gated.untilStarted('b');
    // Without a worker they wait on the server, and arrive in one workflow task.
    await end(worker);
    const handle = project.client.workflow.getHandle(gated.run.runId);
    const raised = handle.executeUpdate('setConcurrency', { args: [2] });
    await until(async () => (await handle.describe()).raw.pendingWorkflowTask != null);
    const lowered = handle.executeUpdate('setTolerance', { args: [0] });
    lowered.catch(() => {});
    // The server has accepted it once it answers the next call on this connection.
    await handle.describe();
    worker = await project.startWorker({ PARTWISE_RUNNERS: '4' });
    await Promise.all([raised, lowered]);
    const state = await gated.run.wait();
    expect(state.counts).toMatchObject({ FAILED: 1, CANCELLED: 1, SKIPPED: 4 });
    expect(await statuses(gated.run)).toMatchObject({ b: 'CANCELLED', c: 'SKIPPED', d: 'SKIPPED' });
    const { counts } = await handle.query<{ counts: object }>('progress');
    expect(counts).toMatchObject({ FAILED: 1, CANCELLED: 1, SKIPPED: 4 });
  });
});

describe('skipping', () => {
  it('leaves out waiting partitions and stops a running one; a run of DONE and SKIPPED is a SUCCESS (I8)', async () => {
    const gated = await regions('skip', {
      params: { wait: ['a', 'b'], deaf: true },
      options: { maxConcurrency: 2 },
      output: { table: 'kept', mode: 'partitions' },
    });
    await gated.untilStarted('a', 'b');
    const { pid } = gated.calls().find(({ id }) => id === 'b')!;
    await gated.run.skip(['b', 'd', 'e']);
    expect(isAlive(pid)).toBe(false);
    const counts = { SKIPPED: 3, CANCELLED: 0 };
    expect((await gated.run.status()).counts).toMatchObject(counts);
    expect(await handleOf(gated).query('progress')).toMatchObject({ counts });
    await gated.release();
    const state = await gated.run.wait();
    expect(state).toMatchObject({ status: 'SUCCESS', counts: { total: 6, DONE: 3, ...counts } });
    expect(await statuses(gated.run)).toEqual({
      a: 'DONE',
      b: 'SKIPPED',
      c: 'DONE',
      d: 'SKIPPED',
      e: 'SKIPPED',
      f: 'DONE',
    });
    expect((await gated.run.progress()).SKIPPED).toEqual(['b', 'd', 'e']);
    expect(gated.started().sort()).toEqual(['a', 'b', 'c', 'f']);
    expect((await gated.run.results()).map(({ k }) => k)).toEqual(['a', 'c', 'f']);
    expect(await handleOf(gated).result()).toMatchObject({ counts: { DONE: 3, ...counts } });
  });

  it('leaves the rows of skipped partitions in the table unchanged (I10)', async () => {
    const gated = await regions('skip-kept', {
      params: { wait: ['c'] },
      options: { maxConcurrency: 1 },
      output: { table: 'kept_here', mode: 'partitions' },
    });
    await project.execute("CREATE TABLE kept_here AS SELECT unnest(['d', 'e']) AS k, 'old' AS value");
    await gated.untilStarted('c');
    await gated.run.skip(['d']);
    await gated.release();
    expect((await gated.run.wait()).status).toBe('SUCCESS');
    const rows = await project.query("SELECT k, value FROM kept_here WHERE k IN ('d', 'e') ORDER BY k");
    expect(rows).toEqual([
      { k: 'd', value: 'old' },
      { k: 'e', value: 'e' },
    ]);
  });

  it('takes a partition out of back-off, even while the run is paused', async () => {
    const gated = await regions('skip-backoff', {
      params: { fails: { a: 'not yet' } },
      options: { retry: { maximumAttempts: 2, initialInterval: '1h', maximumInterval: '1h' } },
    });
    await untilState(gated.run, ({ counts }) => counts.DONE === 5);
    await gated.run.pause();
    // Nothing is left then, so the run ends although it is paused.
    await gated.run.skip(['a']);
    expect(await gated.run.wait()).toMatchObject({ status: 'SUCCESS', counts: { DONE: 5, SKIPPED: 1 } });
  });

  it('takes partitions out of waiting batches and out of retry rounds', async () => {
    const gated = await batches('skip-batch', {
      params: { wait: ['0'], fails: { 7: 'no', 8: 'no' } },
      options: { retry: { maximumAttempts: 2, initialInterval: 10 } },
    });
    await gated.untilStarted('0');
    // The whole last batch, and one partition of the second.
    const last = Array.from({ length: 200 }, (_, i) => `${400 + i}`);
    await gated.run.skip(['250', ...last]);
    expect((await gated.run.status()).counts).toMatchObject({ SKIPPED: 201 });
    await gated.run.pause();
    await gated.release();
    await untilState(gated.run, ({ counts }) => counts.DONE === 198);
    await gated.run.skip(['7']);
    await gated.run.unpause();
    const state = await gated.run.wait();
    expect(state).toMatchObject({ counts: { total: 600, DONE: 397, FAILED: 1, SKIPPED: 202, PENDING: 0 } });
    expect(await scheduled(gated)).toEqual(['0', '1', 'r1.0']);
    expect(gated.started()).not.toContain('250');
    expect(gated.started().filter((id) => id === '7')).toHaveLength(1);
    expect((await gated.run.partition('250').describe()).status).toBe('SKIPPED');
    expect(await gated.run.results()).toHaveLength(397);
    expect(await handleOf(gated).query('progress')).toMatchObject({ counts: { SKIPPED: 202, PENDING: 0 } });
  });

  it('selects thousands of partitions by number, which a preview shows first', async () => {
    const gated = await startGated(project, 'skip-ordinals', {
      source: { query: 'SELECT range AS k FROM range(12000)' },
      params: { wait: ['0'] },
      options: { maxConcurrency: 1 },
    });
    await gated.untilStarted('0');
    const ordinals = '2000-11998,11999';
    const preview = await gated.run.previewSkip({ ordinals, generation: 1 });
    expect(preview.partitions).toBe(10_000);
    expect([preview.ordinals[0], preview.ordinals.at(-1)]).toEqual([2_000, 11_999]);
    expect((await gated.run.status()).counts.SKIPPED).toBe(0);
    await gated.run.skip({ ordinals, generation: 1 });
    expect((await gated.run.status()).counts).toMatchObject({ SKIPPED: 10_000 });
    await expect(gated.run.previewSkip({ ordinals: '5000' })).rejects.toThrow(
      'Nothing can be skipped. Partition number 5000 is already skipped, or has just ended.',
    );
    await gated.release();
    expect((await gated.run.wait()).counts).toMatchObject({ total: 12_000, DONE: 2_000, SKIPPED: 10_000 });
    await expect(gated.run.previewSkip({ ordinals })).rejects.toMatchObject({ name: 'RunEnded' });
  });

  it.each<[SkippedOrdinals, string]>([
    [{ ordinals: '9-3' }, '"ordinals" is "9-3", in which "9-3" is out of place'],
    [{ ordinals: '0-600' }, '"ordinals" goes up to 600, but the run has the ordinals 0 to 599.'],
    [{ ordinals: '300', generation: 2 }, '"generation" is 2, but the run is in generation 1'],
    [
      { ordinals: `0${',2'.repeat(40_000)}` },
      'KiB can be passed through Temporal: skip them in several steps.',
    ],
  ])('refuses ordinals %j', async (selection, message) => {
    const gated = await batches('skip-wrong', { params: { wait: ['0'] } });
    await gated.untilStarted('0');
    await expect(gated.run.skip(selection)).rejects.toThrow(message);
    await expect(gated.run.previewSkip(selection)).rejects.toThrow(message);
    await gated.run.cancel();
    await gated.run.wait();
  });

  it('is refused without a trace in history, and followers of the run miss nothing', async () => {
    const gated = await regions('skip-untraced', { params: { wait: ['a'] }, options: { maxConcurrency: 1 } });
    await gated.untilStarted('a');
    const before = (await eventTypes(gated)).length;
    // The server shows events of a workflow task that it takes back when the workflow refuses the change.
    worker.kill('SIGSTOP');
    const refusal = gated.run.skip({ ordinals: '9' }).catch(({ name }: Error) => name);
    await until(async () => (await eventTypes(gated)).length > before || undefined);
    let isPlanned = false;
    const ended: string[] = [];
    const followed = gated.run.wait({
      onEvent(event) {
        if (event.type === 'planned') isPlanned = true;
        if (event.type === 'partition') ended.push(event.partition.id);
      },
    });
    await until(() => Promise.resolve(isPlanned || undefined));
    worker.kill('SIGCONT');
    expect(await refusal).toBe('UpdateRefused');
    expect(await eventTypes(gated)).toHaveLength(before);
    await gated.release();
    expect(await followed).toMatchObject({ status: 'SUCCESS', counts: { DONE: 6 } });
    expect(ended.sort()).toEqual(['a', 'b', 'c', 'd', 'e', 'f']);
  });

  it('is refused as a whole, with a reason for every id: unknown, ended, already skipped', async () => {
    const gated = await regions('skip-refused', {
      params: { wait: ['c'], fails: { b: 'no' } },
      options: { maxConcurrency: 1 },
    });
    await gated.untilStarted('c');
    const refusal = (...ids: string[]) =>
      gated.run.skip(ids).catch(({ name, message }: Error) => [name, message]);
    expect(await refusal('aa', 'nowhere', 'd')).toEqual([
      'UpdateRefused',
      'Nothing was skipped.\n- The run has no partition "aa". Did you mean "a"?\n- The run has no partition "nowhere".',
    ]);
    const many = Array.from({ length: 25 }, (_, i) => `${'x'.repeat(1_000)}${i}`);
    const [, message] = (await refusal(...many)) as string[];
    expect(message!.split('\n').at(-1)).toBe('- … and 5 more problems.');
    expect(message!.length).toBeLessThan(4_000);
    const ended = '\n- "a" has already ended: it is DONE.\n- "b" has already ended: it is FAILED.';
    for (const selection of [['a', 'b', 'd'], { ordinals: '0-1,3' }]) {
      await expect(gated.run.skip(selection)).rejects.toThrow(`Nothing was skipped.${ended}`);
      await expect(gated.run.previewSkip(selection)).rejects.toThrow(`Nothing can be skipped.${ended}`);
    }
    await expect(gated.run.previewSkip(['aa'])).rejects.toThrow(
      'The run has no partition "aa". Did you mean "a"?',
    );
    await gated.run.skip(['d']);
    await expect(gated.run.skip(['d', 'e'])).rejects.toThrow('Nothing was skipped. "d" is already skipped');
    expect((await gated.run.status()).counts).toMatchObject({ SKIPPED: 1 });
    await gated.run.cancel();
    expect((await gated.run.wait()).counts).toMatchObject({ DONE: 1, FAILED: 1, SKIPPED: 1, CANCELLED: 3 });
    await expect(gated.run.skip(['e'])).rejects.toMatchObject({ name: 'RunEnded' });
    await expect(gated.run.pause()).rejects.toMatchObject({ name: 'RunEnded' });
    await expect(gated.run.set({ maxConcurrency: 2 })).rejects.toMatchObject({ name: 'RunEnded' });
  });

  it('gets an answer even if the run is cancelled first (I12)', async () => {
    const gated = await regions('skip-cancel', {
      params: { wait: ['a'], deaf: true },
      options: { maxConcurrency: 1 },
    });
    await gated.untilStarted('a');
    const skipped = gated.run.skip(['a', 'b']);
    // "b" is skipped immediately; "a" once its unresponsive function has been killed.
    const oneSkipped = async (): Promise<boolean> =>
      (await handleOf(gated).query<{ counts: { SKIPPED: number } }>('progress')).counts.SKIPPED === 1;
    await until(oneSkipped);
    await gated.run.cancel();
    await skipped;
    expect(await gated.run.wait()).toMatchObject({
      status: 'CANCELLED',
      counts: { SKIPPED: 2, CANCELLED: 4, PENDING: 0 },
    });
    expect(gated.calls().filter(({ pid }) => isAlive(pid))).toEqual([]);
  });

  it('is refused for a partition in a batch in flight, and so is its preview', async () => {
    const gated = await batches('skip-in-batch', { params: { wait: ['0'] } });
    await gated.untilStarted('0');
    const why =
      'is in a batch that is being processed (0 … 199): partitions of a batch in flight cannot be skipped.';
    await expect(gated.run.skip(['100'])).rejects.toThrow(`Nothing was skipped. "100" ${why}`);
    await expect(gated.run.previewSkip(['100'])).rejects.toThrow(`Nothing can be skipped. "100" ${why}`);
    const byNumber = { ordinals: '100-101,300' };
    const both = `\n- Partition number 100 ${why}\n- Partition number 101 ${why}`;
    await expect(gated.run.skip(byNumber)).rejects.toThrow(`Nothing was skipped.${both}`);
    await expect(gated.run.previewSkip(byNumber)).rejects.toThrow(`Nothing can be skipped.${both}`);
    expect((await gated.run.status()).counts.SKIPPED).toBe(0);
    await gated.run.cancel();
    await gated.run.wait();
  });
});

describe('a cancel while rows are being written', () => {
  it('closes the run once the commit has stopped, and not before (I8)', async () => {
    const gated = await regions('uncommitted', { params: { wait: ['a'] }, output: { table: 'unwritten' } });
    await gated.untilStarted('a');
    const holder = await holdWarehouse(join(project.folder, 'w.duckdb'));
    try {
      await gated.release();
      await untilState(gated.run, ({ counts }) => counts.DONE === counts.total);
      await gated.run.cancel();
      expect(await gated.run.wait()).toMatchObject({ status: 'CANCELLED', commit: null });
    } finally {
      holder.kill('SIGKILL');
    }
    const events = (await handleOf(gated).fetchHistory()).events ?? [];
    const of = (type: string) =>
      events.find(
        ({ activityTaskScheduledEventAttributes: attributes }) => attributes?.activityType?.name === type,
      );
    const stopped = events.find(
      ({ activityTaskCanceledEventAttributes: attributes }) =>
        String(attributes?.scheduledEventId) === String(of('commitRun')?.eventId),
    );
    expect(Number(stopped?.eventId)).toBeLessThan(Number(of('closeRun')!.eventId));
  });
});

describe('a setting that cannot be changed', () => {
  it('is refused with an explanation, and leaves no trace in history (I9)', async () => {
    const gated = await regions('refused', { params: { wait: true }, options: { maxConcurrency: 1 } });
    await gated.untilStarted('a');
    const before = await eventTypes(gated);
    const handle = handleOf(gated);
    const update = (name: string, ...args: unknown[]) =>
      handle
        .executeUpdate(name, { args: args as [] })
        .catch((error: Error) => (error.cause as Error).message);
    expect(await update('setConcurrency', 100)).toBe(
      '"maxConcurrency" is 100; it takes a whole number from 1 to 48: the run was planned for 1 at a time, without shards, and that cannot change.',
    );
    expect(await update('setConcurrency')).toBe(
      '"maxConcurrency" is missing; it takes a whole number from 1 to 48.',
    );
    expect(await update('setTolerance', '5')).toBe(
      '"toleratedFailures" is "5"; it takes a whole number, 0 or more, or a percentage of all partitions, such as "5%".',
    );
    expect(await update('skip', 'a')).toBe(
      '"skip" is "a"; it takes a list of partition ids, such as ["North"], or {"ordinals": "3,7-9"}.',
    );
    expect(await update('skip', ['San Marcos', 3])).toContain('- "San Marcos" is not a partition id');
    expect(
      await update(
        'skip',
        Array.from({ length: 1_001 }, (_, i) => `${i}`),
      ),
    ).toContain('at most 1000');
    await expect(gated.run.set({ maxConcurrency: 0, toleratedFailures: -1 as number })).rejects.toThrow(
      /^- "maxConcurrency" is 0; .*\n- "toleratedFailures" is -1; /,
    );
    // Workflow tasks come and go; nothing else was added.
    const added = (await eventTypes(gated)).slice(before.length);
    expect(added.filter((type) => ![5, 6, 7].includes(type as number))).toEqual([]);
    await gated.release();
    expect((await gated.run.wait()).status).toBe('SUCCESS');
  });

  it('includes skipping a partition before planning finishes (I9)', async () => {
    const other = await makeProject(GATED_FUNCTIONS);
    try {
      await other.execute("CREATE TABLE regions AS SELECT unnest(['a', 'b']) AS k");
      const gated = await startGated(other, 'unplanned', {
        source: {
          query:
            'SELECT count(*) % 7 AS k FROM range(1000000) a, range(1000000) b WHERE a.range % 3 = b.range % 7',
        },
      });
      await other.startWorker();
      await expect(gated.run.skip(['a'])).rejects.toThrow('The run has no partitions yet');
      await gated.run.cancel();
      expect((await gated.run.wait()).status).toBe('CANCELLED');
      expect(await other.client.workflow.getHandle(gated.run.runId).query('progress')).toMatchObject({
        status: 'CANCELLED',
      });
    } finally {
      await other.close();
    }
  });
});

describe('the queries of a run that has finished', () => {
  it('report how it ended: refused (I8)', async () => {
    const gated = await regions('query-refused', { source: { table: 'nowhere' } });
    expect((await gated.run.wait()).status).toBe('FAILURE');
    expect(await handleOf(gated).query('progress')).toMatchObject({
      status: 'FAILURE',
      counts: { total: 0 },
    });
    expect(await handleOf(gated).query('partitions')).toEqual({ running: [], failed: [] });
  });
});

describe("Temporal's own CLI", () => {
  const workflow = (gated: GatedRun, ...args: string[]): Promise<Ran> =>
    runProgram(
      temporal,
      [
        'workflow',
        ...args,
        '--workflow-id',
        gated.run.runId,
        '--address',
        SUITE.address,
        '--namespace',
        SUITE.namespace,
        '--output',
        'json',
      ],
      project.folder,
    );

  it('pauses, unpauses and changes a run, and shows why a change is refused', async () => {
    const gated = await regions('temporal', { params: { wait: true }, options: { maxConcurrency: 1 } });
    await gated.untilStarted('a');
    const update = (name: string, input: string) =>
      workflow(gated, 'update', 'execute', '--name', name, '--input', input);
    expect((await workflow(gated, 'signal', '--name', 'pause')).code).toBe(0);
    expect((await gated.run.status()).paused).toBe(true);
    const set = await update('setConcurrency', '4');
    expect(set.code).toBe(0);
    expect(JSON.parse(set.stdout)).toMatchObject({ result: { maxConcurrency: 4 } });
    expect((await update('setTolerance', '"50%"')).code).toBe(0);
    expect((await update('skip', '["f"]')).code).toBe(0);
    expect(await gated.run.status()).toMatchObject({
      paused: true,
      maxConcurrency: 4,
      toleratedFailures: 3,
      counts: { SKIPPED: 1 },
    });
    expect(gated.started()).toEqual(['a']);

    const refused = await update('setConcurrency', '100');
    expect(refused.code).not.toBe(0);
    expect(refused.stderr).toContain(
      '"maxConcurrency" is 100; it takes a whole number from 1 to 48: the run was planned for 1 at a time',
    );
    expect((await update('skip', '["nowhere"]')).stderr).toContain('The run has no partition "nowhere".');
    expect((await update('setEverything', '1')).code).not.toBe(0);

    expect((await workflow(gated, 'signal', '--name', 'unpause')).code).toBe(0);
    await gated.untilStarted('a', 'b', 'c', 'd');
    await gated.release();
    expect(await gated.run.wait()).toMatchObject({ status: 'SUCCESS', counts: { DONE: 5, SKIPPED: 1 } });
  });
});

describe('the commands', () => {
  it('pause, set, skip and unpause a run, and watch shows it', async () => {
    const gated = await regions('commands', { params: { wait: true }, options: { maxConcurrency: 1 } });
    const { runId } = gated.run;
    await gated.untilStarted('a');
    const watch = startCli(project.folder, ['watch', runId]);
    const paused = await cli(project.folder, ['pause', runId]);
    expect([paused.code, paused.stderr]).toEqual([
      0,
      'Paused: partitions that are running finish, and no others are started.\n',
    ]);
    expect(paused.stdout).toMatch(/IN_PROGRESS {2}PAUSED[^]*1 at a time[^]*unpause commands-/);
    const user = `${userInfo().username}@${hostname()}`;
    await watch.prints(`PAUSED by ${user}: no more partitions are started.`);

    const set = await cli(project.folder, [
      'set',
      runId,
      '--max-concurrency',
      '4',
      '--tolerated-failures',
      '50%',
      '--json',
    ]);
    expect(set.code).toBe(0);
    expect(JSON.parse(set.stdout)).toMatchObject({ paused: true, maxConcurrency: 4, toleratedFailures: 3 });
    const wrong = await cli(project.folder, [
      'set',
      runId,
      '--max-concurrency',
      '100',
      '--tolerated-failures',
      'some',
    ]);
    expect(wrong.code).toBe(2);
    expect(wrong.stderr).toContain(
      '--max-concurrency is 100; it takes a whole number from 1 to 48: the run was planned for 1 at a time',
    );
    expect(wrong.stderr).toContain(
      '--tolerated-failures is "some"; it takes a whole number, 0 or more, or a percentage',
    );
    expect((await cli(project.folder, ['set', runId])).code).toBe(2);

    const dry = await cli(project.folder, ['skip', runId, '--ordinals', '4-5', '--dry-run']);
    expect(dry.stdout).toBe(`In ${runId}, this would skip 2 of 6 partitions.\n  e (PENDING), f (PENDING)\n`);
    const neither = await cli(project.folder, ['skip', runId]);
    expect([neither.code, neither.stderr]).toEqual([
      2,
      expect.stringContaining('name the partitions to skip, or select them by number with --ordinals'),
    ]);
    const wrongly = await cli(project.folder, ['skip', runId, '--ordinals', '5,4', '--dry-run']);
    expect([wrongly.code, wrongly.stderr]).toEqual([2, expect.stringContaining('--ordinals is "5,4"')]);
    const skipped = await cli(project.folder, ['skip', runId, 'e', 'f']);
    expect([skipped.code, skipped.stderr]).toEqual([0, 'Skipped 2 partitions.\n']);
    expect(skipped.stdout).toContain('2 SKIPPED');
    const unknown = await cli(project.folder, ['skip', runId, 'no where']);
    expect(unknown.code).toBe(2);
    expect(unknown.stderr).toContain('The run has no partition "no where".');

    expect((await cli(project.folder, ['unpause', runId])).code).toBe(0);
    await watch.prints('Resumed.');
    await gated.release();
    const end = await watch.finished;
    expect(end.code).toBe(0);
    expect(end.stdout).toContain('4 DONE, 2 SKIPPED');
    const late = await cli(project.folder, ['pause', runId]);
    expect([late.code, late.stderr]).toEqual([
      2,
      `error: The run "${runId}" has already ended, so there is nothing to pause. To see how it ended, run: partwise status ${runId}\n`,
    ]);
  });
});

describe('a cancelled run', () => {
  it('stops a batch whose function ignores the signal, and reports which partitions were interrupted (I12)', async () => {
    const gated = await batches('deaf-batch', { params: { wait: ['203'], deaf: true } });
    await gated.untilStarted('203');
    const { pid } = gated.calls().find(({ id }) => id === '203')!;
    await gated.run.cancel();
    const state = await gated.run.wait();
    expect(isAlive(pid)).toBe(false);
    expect(state).toMatchObject({ status: 'CANCELLED', counts: { DONE: 203, CANCELLED: 397, PENDING: 0 } });
    expect(await gated.run.results()).toHaveLength(203);
    expect((await gated.run.partition('203').describe()).status).toBe('CANCELLED');
    expect((await gated.run.partition('202').describe()).status).toBe('DONE');
    expect(await handleOf(gated).query('progress')).toMatchObject({
      status: 'CANCELLED',
      counts: { DONE: 203, CANCELLED: 397 },
    });
  });

  it('does not call partitions waiting in back-off (I12)', async () => {
    const gated = await regions('backoff-cancel', {
      params: { fails: 'not yet' },
      options: { retry: { maximumAttempts: 2, initialInterval: '1h', maximumInterval: '1h' } },
    });
    await gated.untilStarted('a', 'b', 'c', 'd', 'e', 'f');
    await untilState(gated.run, ({ counts, retries }) => counts.PENDING === 6 && retries.partitions === 6);
    const next = { attempt: 2, maximumAttempts: 2, at: expect.any(String) };
    const { first } = (await gated.run.status()).retries;
    expect(first.find(({ label }) => label === 'c')).toMatchObject({
      ...next,
      error: { message: 'not yet' },
    });
    expect(Date.parse(first[0]!.at!)).toBeGreaterThan(Date.now() + 3_000_000);
    expect(await gated.run.partition('c').describe()).toMatchObject({ attempts: 1, nextAttempt: next });
    await gated.run.cancel();
    expect(await gated.run.wait()).toMatchObject({ status: 'CANCELLED', counts: { CANCELLED: 6 } });
    expect(gated.started()).toHaveLength(6);
  });
});
