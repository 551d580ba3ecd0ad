/** When a run continues despite failures, when it stops, and that every view of it agrees. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { alikeFailures, errorPattern } from '../src/core/failures/alike';
import type { PartitionOutcome } from '../src/core/outcome';
import { stopReason, type Standing } from '../src/core/failures/stop';
import { noCounts } from '../src/core/status';
import { asTolerance, toleratedOf } from '../src/core/failures/tolerance';
import { cli } from './support/cli';
import { GATED_FUNCTIONS, startGated, statuses } from './support/gated-runs';
import { makeProject, type TestProject } from './support/project';
import { until } from './support/until';

let project: TestProject;
beforeAll(async () => {
  project = await makeProject(GATED_FUNCTIONS);
  await project.execute(
    "CREATE TABLE regions AS SELECT unnest(['a', 'b', 'c', 'd', 'e', 'f']) AS k",
    'CREATE TABLE many AS SELECT range AS k FROM range(600)',
    'CREATE TABLE forty AS SELECT range + 10 AS k FROM range(40)',
    "CREATE TABLE kept AS SELECT 'old' AS k, 'old' AS value",
  );
  await project.startWorker({ PARTWISE_RUNNERS: '2' });
});
afterAll(() => project.close());

/** The status of a finished run in Temporal, its queries and `partwise list`. */
const statusElsewhere = async (runId: string) => {
  const handle = project.client.workflow.getHandle(runId);
  // The server's list lags behind.
  const listed = await until(async () => {
    const { runs } = await project.partwise.list({ limit: 100 });
    const status = runs.find((run) => run.runId === runId)?.status;
    return status !== 'IN_PROGRESS' && status;
  });
  return {
    closed: (await handle.describe()).status.name,
    progress: await handle.query<{ status: string; counts: Record<string, number>; running: string[] }>(
      'progress',
    ),
    listed,
  };
};

describe('failFast', () => {
  it('stops a run once more partitions failed than are tolerated: the rest are SKIPPED, and nothing is written (I8)', async () => {
    const gated = await startGated(project, 'fast', {
      source: { table: 'regions' },
      params: { fails: { a: 'no good: ID', b: 'no better' }, wait: ['b', 'c'] },
      output: { table: 'kept' },
      options: { maxConcurrency: 2, failFast: true, toleratedFailures: 1 },
    });
    await gated.untilStarted('b', 'c');
    await gated.release('b');
    const state = await gated.run.wait();
    expect(await statuses(gated.run)).toEqual({
      a: 'FAILED',
      b: 'FAILED',
      c: 'CANCELLED',
      d: 'SKIPPED',
      e: 'SKIPPED',
      f: 'SKIPPED',
    });
    const counts = { total: 6, FAILED: 2, CANCELLED: 1, SKIPPED: 3, DONE: 0, PENDING: 0 };
    expect(state).toMatchObject({
      status: 'FAILURE',
      counts,
      error: {
        type: 'PartialFailure',
        message:
          '2 of 6 partitions failed, and 1 is tolerated, so the run stopped (failFast): 3 were not started and 1 was cut off. ' +
          `Fix it, then run partwise retry ${gated.run.runId}. First error: a: no good: a`,
      },
    });
    expect(gated.started().sort()).toEqual(['a', 'b', 'c']);
    expect(await statusElsewhere(gated.run.runId)).toMatchObject({
      closed: 'FAILED',
      progress: { status: 'FAILURE', counts, running: [] },
      listed: 'FAILURE',
    });
    expect((await cli(project.folder, ['watch', gated.run.runId, '--json'])).code).toBe(1);
  });

  it('lets a run continue while its failures are tolerated', async () => {
    const { run } = await startGated(project, 'tolerant', {
      source: { table: 'regions' },
      params: { fails: { a: 'no' } },
      options: { failFast: true, toleratedFailures: '20%' },
    });
    expect(await run.wait()).toMatchObject({
      status: 'PARTIAL_FAILURE',
      error: null,
      counts: { DONE: 5, FAILED: 1 },
      toleratedFailures: 1,
    });
  });

  it('counts partitions of a batch that threw and are not retried as FAILED (I8)', async () => {
    const { run } = await startGated(project, 'fast-batch', {
      source: { table: 'many' },
      params: { fails: { 0: 'once more', 201: 'final: ID' } },
      options: {
        maxConcurrency: 1,
        partitionsPerUnit: 200,
        failFast: true,
        retry: { maximumAttempts: 3, initialInterval: '1h' },
      },
    });
    const state = await run.wait();
    expect(state).toMatchObject({
      status: 'PARTIAL_FAILURE',
      counts: { total: 600, DONE: 398, FAILED: 2, SKIPPED: 200, PENDING: 0 },
    });
    expect(await run.partition('0').describe()).toMatchObject({
      status: 'FAILED',
      attempts: 1,
      error: { type: 'RangeError', message: 'once more' },
    });
    expect(await statusElsewhere(run.runId)).toMatchObject({
      closed: 'FAILED',
      listed: 'PARTIAL_FAILURE',
      progress: { status: 'PARTIAL_FAILURE', counts: { DONE: 398, FAILED: 2, SKIPPED: 200 } },
    });
  });
});

describe('a run in which every partition fails with the same error', () => {
  it('stops after 20 partitions, says why, and starts no more (I8)', async () => {
    const gated = await startGated(project, 'alike', {
      source: { table: 'forty' },
      params: { fails: 'no table "x-ID" for ID' },
      options: { maxConcurrency: 2 },
    });
    const state = await gated.run.wait();
    const { FAILED, CANCELLED, SKIPPED } = state.counts;
    expect(state).toMatchObject({ status: 'FAILURE', counts: { total: 40, DONE: 0, PENDING: 0 } });
    expect([FAILED >= 20, FAILED + CANCELLED <= 22, FAILED + CANCELLED + SKIPPED]).toEqual([true, true, 40]);
    expect(gated.started().length).toBeLessThanOrEqual(22);
    expect(state.error).toMatchObject({
      type: 'PartialFailure',
      message: expect.stringMatching(
        /^The first 2\d partitions failed with the same error: RangeError: no table "x-\d+" for \d+\. The other \d+ were not started.*\. Fix it, then run: partwise retry alike-\w+$/,
      ) as unknown,
    });
    const page = await gated.run.partitions({ status: 'SKIPPED' });
    expect(page.partitions).toHaveLength(SKIPPED);
    expect((await statusElsewhere(gated.run.runId)).progress.counts).toMatchObject({
      FAILED,
      CANCELLED,
      SKIPPED,
    });
  });

  it('is finished by a retry once it is fixed, including failed, interrupted and skipped partitions', async () => {
    const gated = await startGated(project, 'fixed', {
      source: { table: 'forty' },
      params: { fails: 'no such column' },
    });
    expect(await gated.run.wait()).toMatchObject({ status: 'FAILURE' });
    await gated.release('fixed');
    const again = await gated.run.retry();
    expect(await again.wait()).toMatchObject({
      status: 'SUCCESS',
      counts: { total: 40, DONE: 40, SKIPPED: 0 },
    });
  });

  it('does not expand such a batch into retries: partitions that threw are FAILED, with their error (I8)', async () => {
    const gated = await startGated(project, 'alike-batch', {
      source: { table: 'many' },
      params: { fails: 'no such column' },
      options: {
        maxConcurrency: 1,
        partitionsPerUnit: 100,
        retry: { maximumAttempts: 3, initialInterval: '1h' },
      },
    });
    const state = await gated.run.wait();
    expect(state).toMatchObject({
      status: 'FAILURE',
      counts: { total: 600, FAILED: 100, SKIPPED: 500 },
      error: {
        message: expect.stringContaining(
          'The first 100 partitions failed with the same error: RangeError: no such column. The other 500 were not started.',
        ) as unknown,
      },
    });
    expect(gated.started()).toHaveLength(100);
    const { partitions } = await gated.run.partitions({ status: 'FAILED', limit: 200 });
    expect(partitions).toHaveLength(100);
    expect(partitions[7]).toMatchObject({
      attempts: 1,
      error: { type: 'RangeError', message: 'no such column' },
    });
    expect(partitions[7]!.error!.stack).toMatch(/functions\.ts:\d+/);
    expect(await statusElsewhere(gated.run.runId)).toMatchObject({
      closed: 'FAILED',
      listed: 'FAILURE',
      progress: { status: 'FAILURE', counts: { FAILED: 100, SKIPPED: 500, PENDING: 0 } },
    });
  });

  it('says why it stopped, also if a batch that was running then had a partition that is DONE (I8)', async () => {
    const fails = Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`${i + 100}`, 'no such column']));
    const { run } = await startGated(project, 'alike-but-one', {
      source: { table: 'many' },
      params: { fails, wait: ['1'] },
      options: { maxConcurrency: 2, partitionsPerUnit: 100 },
    });
    expect(await run.wait()).toMatchObject({
      counts: { total: 600, DONE: 1, FAILED: 100, CANCELLED: 99, SKIPPED: 400 },
      error: {
        type: 'PartialFailure',
        message: expect.stringContaining(
          'The first 100 partitions failed with the same error: RangeError: no such column. The other 400 were not started and 99 were cut off.',
        ) as unknown,
      },
    });
  });

  it('continues if one partition is DONE, or if all failures are tolerated', async () => {
    const fails = Object.fromEntries(Array.from({ length: 39 }, (_, i) => [`${i + 11}`, 'no']));
    const one = await startGated(project, 'one-done', {
      source: { table: 'forty' },
      params: { fails },
      // The DONE partition comes first.
      options: { maxConcurrency: 1 },
    });
    const all = await startGated(project, 'all-tolerated', {
      source: { table: 'forty' },
      params: { fails: 'no' },
      options: { toleratedFailures: '100%' },
    });
    expect(await one.run.wait()).toMatchObject({
      status: 'PARTIAL_FAILURE',
      counts: { DONE: 1, FAILED: 39, SKIPPED: 0 },
    });
    expect(await all.run.wait()).toMatchObject({
      status: 'FAILURE',
      counts: { FAILED: 40, SKIPPED: 0 },
      toleratedFailures: 40,
      error: { message: expect.stringContaining('succeeded (40 of 40 failed)') },
    });
  });
});

describe('runTimeout', () => {
  it('stops what is running, keeps what is DONE, writes nothing, and fails the run with that type (I8)', async () => {
    const gated = await startGated(project, 'late', {
      source: { table: 'regions' },
      params: { wait: ['c'], deaf: true },
      output: { table: 'kept' },
      options: { maxConcurrency: 1, runTimeout: '10s' },
    });
    const state = await gated.run.wait();
    expect(state).toMatchObject({
      status: 'FAILURE',
      counts: { total: 6, DONE: 2, CANCELLED: 1, PENDING: 3 },
      commit: null,
      error: {
        type: 'RunTimeout',
        message: expect.stringMatching(
          /^The run did not end within 10 s \(its runTimeout\), so it was stopped\. 2 of 6 partitions are done/,
        ) as unknown,
      },
    });
    expect((await gated.run.results()).map(({ k }) => k)).toEqual(['a', 'b']);
    expect(await statusElsewhere(gated.run.runId)).toMatchObject({
      closed: 'FAILED',
      listed: 'FAILURE',
      progress: { status: 'FAILURE', running: [] },
    });
    expect((await cli(project.folder, ['watch', gated.run.runId])).code).toBe(1);
  });

  it('covers planning too: then nothing was started (I8)', async () => {
    const { run } = await startGated(project, 'late-plan', {
      source: {
        query:
          'SELECT count(*) % 7 AS k FROM range(1000000) a, range(1000000) b WHERE a.range % 3 = b.range % 7',
      },
      options: { runTimeout: '2s' },
    });
    const state = await run.wait();
    expect(state).toMatchObject({ status: 'FAILURE', counts: { total: 0 }, error: { type: 'RunTimeout' } });
    expect(state.error!.message).toContain('Nothing was started.');
    expect((await cli(project.folder, ['watch', run.runId])).code).toBe(2);
  });

  it('does not affect a run that finishes in time', async () => {
    const { run } = await startGated(project, 'in-time', {
      source: { table: 'regions' },
      options: { runTimeout: '1h' },
    });
    expect(await run.wait()).toMatchObject({ status: 'SUCCESS', counts: { DONE: 6 } });
  });

  it('is refused as too short before anything starts, also on the command line', async () => {
    const flags = ['--from', 'regions', '--by', 'k', '--run-timeout', '0.5s', '--tolerated-failures', '101%'];
    const { code, stderr } = await cli(project.folder, ['run', 'gated', ...flags]);
    expect(code).toBe(2);
    expect(stderr).toContain('--run-timeout is "0.5s"; it takes a duration from 1s to 365 days');
    expect(stderr).toContain(
      '--tolerated-failures is "101%"; it takes a whole number, 0 or more, or a percentage',
    );
  });
});

describe('a tolerance', () => {
  it('is a number, or a percentage that is rounded down', () => {
    expect([0, 7, '5%', '0.5%', '100%'].map(asTolerance)).toEqual([0, 7, '5%', '0.5%', '100%']);
    for (const value of [-1, 1.5, '5', '%', '101%', '-1%', null, '5 %', Infinity])
      expect(asTolerance(value)).toBeNull();
    expect(toleratedOf('5%', 19)).toBe(0);
    expect(toleratedOf('5%', 20)).toBe(1);
    expect(toleratedOf('1.15%', 10_000)).toBe(115);
    expect(toleratedOf('100%', 7)).toBe(7);
    expect(toleratedOf(3, 7)).toBe(3);
  });
});

describe('errors', () => {
  it('match if they differ only in ids, numbers and quoted values', () => {
    const alike = (a: [string, string], b: [string, string]): boolean =>
      errorPattern({ type: 'Error', message: a[0] }, a[1]) ===
      errorPattern({ type: 'Error', message: b[0] }, b[1]);
    expect(alike(['no rate for North', 'North'], ['no rate for South', 'South'])).toBe(true);
    expect(alike(['no rate for San Marcos', 'San%20Marcos'], ['no rate for Bay', 'Bay'])).toBe(true);
    expect(alike(['line 17 of 9f3b', 'a'], ['line 4 of 1c2d', 'b'])).toBe(true);
    expect(alike(['no column "x"', 'a'], ['no column "y"', 'b'])).toBe(true);
    expect(alike(['no column', 'a'], ['no table', 'b'])).toBe(false);
    expect(alike(['bad a', 'a'], ['bad b', 'b'])).toBe(true);
    expect(alike(["it's a a", 'a'], ["it's a b", 'b'])).toBe(false);
    expect(errorPattern({ type: 'E', message: 'x'.repeat(5_000) }, 'a').length).toBeLessThanOrEqual(300);
    // A key that looks like a regular expression.
    expect(errorPattern({ type: 'E', message: 'no a.*b-c/d' }, 'a.*b-c%2Fd')).toBe('E: no ◦');
  });

  it('of a unit match if all of them do and nothing is DONE', () => {
    const outcome = (id: string, status: string, message: string | null): PartitionOutcome =>
      ({
        id,
        status,
        error: message === null ? null : { type: 'Error', message, stack: 's' },
      }) as PartitionOutcome;
    expect(alikeFailures([outcome('a', 'FAILED', 'no a'), outcome('b', 'INTERNAL_ERROR', 'no b')])).toEqual({
      pattern: 'Error: no ◦',
      id: 'a',
      error: { type: 'Error', message: 'no a', stack: null },
      partitions: 2,
    });
    expect(alikeFailures([outcome('a', 'FAILED', 'no a'), outcome('b', 'DONE', null)])).toBeNull();
    expect(alikeFailures([outcome('a', 'FAILED', 'no a'), outcome('b', 'FAILED', 'never')])).toBeNull();
    expect(alikeFailures([outcome('a', 'FAILED', 'no a'), outcome('b', 'CANCELLED', null)])?.partitions).toBe(
      1,
    );
    expect(alikeFailures([])).toBeNull();
  });
});

describe('a stop', () => {
  const standing = (changes: Partial<Standing>): Standing => ({
    counts: { ...noCounts(), PENDING: 10 },
    done: 0,
    waiting: 0,
    alike: null,
    toleratedFailures: 0,
    ...changes,
  });
  const alike = (partitions: number) => ({
    pattern: '',
    id: '',
    error: { type: '', message: '', stack: null },
    partitions,
  });
  const plan = { failFast: true, stopAfterAlike: 20 };

  it('needs work left to stop', () => {
    const counts = { ...noCounts(), FAILED: 5 };
    expect(stopReason(standing({ counts }), plan)).toBeNull();
    expect(stopReason(standing({ counts: { ...counts, PENDING: 1 } }), plan)).toBe('failFast');
  });

  it('for matching failures counts those waiting for another attempt, and needs more than are tolerated', () => {
    const facts = { waiting: 20, alike: alike(20) };
    expect(stopReason(standing(facts), plan)).toBe('alike');
    expect(stopReason(standing({ ...facts, toleratedFailures: 20 }), plan)).toBeNull();
    expect(stopReason(standing({ ...facts, alike: alike(19) }), plan)).toBeNull();
    expect(stopReason(standing({ ...facts, done: 1 }), plan)).toBeNull();
  });
});
