/**
 * Activities completed or failed by hand with arbitrary data, as anyone with write access to a namespace can
 * do (`temporal activity complete`, `temporal activity fail`), and signals that only a run and its shards
 * send each other.
 */
import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ApplicationFailure } from '@temporalio/common';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { beatFrom, FIRST_BEAT } from '../src/activities/unit/heartbeat';
import type { RunHandle } from '../src/index';
import { asShardReport } from '../src/core/answers/shard-messages';
import { asRunPlan } from '../src/core/answers/step-results';
import { asUnitResult } from '../src/core/answers/unit-result';
import { noCounts } from '../src/core/status';
import { cli } from './support/cli';
import { GATED_FUNCTIONS, startGated, statuses, type GatedRun } from './support/gated-runs';
import { holdWarehouse } from './support/hold-warehouse';
import { makeProject, type TestProject } from './support/project';
import { until } from './support/until';

let project: TestProject;
beforeAll(async () => {
  project = await makeProject(GATED_FUNCTIONS);
  await project.execute(
    "CREATE TABLE regions AS SELECT unnest(['a', 'b', 'c', 'd', 'e', 'f']) AS k",
    'CREATE TABLE many AS SELECT range AS k FROM range(600)',
    'CREATE TABLE hundred AS SELECT range AS k FROM range(100)',
  );
  await project.startWorker({ PARTWISE_RUNNERS: '6' });
});
afterAll(() => project.close());

const ALL = ['a', 'b', 'c', 'd', 'e', 'f'];

/** Units of one partition, all in flight at the same time. */
const regions = (name: string, input: Partial<Parameters<typeof startGated>[2]> = {}): Promise<GatedRun> =>
  startGated(project, name, { source: { table: 'regions' }, ...input });

const complete = ({ runId }: RunHandle, activityId: string, result: unknown): Promise<void> =>
  project.client.activity.complete({ workflowId: runId, activityId }, result);

const handleOf = ({ runId }: RunHandle) => project.client.workflow.getHandle(runId);

/** The id of the open activity of this type. */
async function openActivity(run: RunHandle, type: string): Promise<string> {
  let activityId: string | null | undefined;
  await until(async () => {
    const { raw } = await handleOf(run).describe();
    activityId = raw.pendingActivities?.find(({ activityType }) => activityType?.name === type)?.activityId;
    return activityId != null;
  });
  return activityId!;
}

/** Runs `test` while the warehouse is locked, so that activities that need it stay open. */
async function whileHeld(test: () => Promise<void>): Promise<void> {
  const holder = await holdWarehouse(join(project.folder, 'w.duckdb'));
  try {
    await test();
  } finally {
    holder.kill('SIGKILL');
  }
}

/** Reads the run through every API. */
async function readAll(run: RunHandle, commands: readonly string[] = []): Promise<void> {
  await Promise.all([run.status(), run.partitions(), run.progress(), run.results(), run.countResults()]);
  for (const command of commands) {
    const { code, stderr } = await cli(project.folder, [command, run.runId]);
    expect({ command, code, stderr }).toMatchObject({ code: 0 });
  }
  expect((await project.partwise.list()).runs.map(({ runId }) => runId)).toContain(run.runId);
}

/** A result of unit 0, which is partition 0, with changes. */
function forged(changes: object = {}): object {
  return {
    version: 1,
    unit: 0,
    round: 0,
    counts: { ...noCounts(), DONE: 1 },
    outcomes: [],
    output: [],
    retry: null,
    big: null,
    retryAfterMs: null,
    alike: null,
    doneMs: 1,
    firstErrors: [],
    logs: 'x/',
    functionDigest: 'x',
    otherCode: [],
    worker: 'x',
    ...changes,
  };
}

describe('a unit completed by hand with something that is not its result', () => {
  it('is retried, and the run ends as it would have otherwise (I4, I8)', async () => {
    const gated = await regions('junk', { params: { wait: true } });
    await gated.untilStarted(...ALL);
    const junk = ['junk', null, {}, forged({ unit: 7 }), forged({ counts: { ...noCounts(), DONE: 7 } })];
    for (const [i, result] of junk.entries()) await complete(gated.run, `${i}`, result);
    expect(await gated.run.status()).toMatchObject({ status: 'IN_PROGRESS', counts: { total: 6, DONE: 0 } });
    await gated.release();
    const state = await gated.run.wait();
    expect(state).toMatchObject({ status: 'SUCCESS', counts: { total: 6, DONE: 6, PENDING: 0 } });
    for (const id of ALL) expect(gated.started().filter((each) => each === id).length).toBeLessThanOrEqual(2);
    expect((await gated.run.results()).map(({ value }) => value).sort()).toEqual(ALL);
    await readAll(gated.run, ['archive', 'replay']);
  });

  it('is lost after three times, and a retry finishes the run (I8)', async () => {
    const gated = await regions('three-times', { params: { wait: ['a'] } });
    for (let times = 1; times <= 3; times++) {
      await gated.untilCalls(5 + times);
      await complete(gated.run, '0', 'junk');
    }
    const state = await gated.run.wait();
    expect(state).toMatchObject({ status: 'PARTIAL_FAILURE', counts: { DONE: 5, INTERNAL_ERROR: 1 } });
    const { partitions } = await gated.run.partitions({ status: 'INTERNAL_ERROR' });
    expect(partitions).toMatchObject([
      {
        id: 'a',
        error: {
          type: 'WorkerLost',
          message: expect.stringMatching(/completed 3 times .* other than the result/),
        },
      },
    ]);
    await gated.release();
    const retried = await cli(project.folder, ['retry', gated.run.runId]);
    expect(retried).toMatchObject({ code: 0 });
    expect(await statuses(project.partwise.getRun(gated.run.runId))).toEqual(
      Object.fromEntries(ALL.map((id) => [id, 'DONE'])),
    );
  });

  it('does not repeat partitions that the batch had recorded (I4)', async () => {
    const gated = await startGated(project, 'batch', {
      source: { table: 'many' },
      params: { wait: ['5'] },
      options: { partitionsPerUnit: 600, maxConcurrency: 1 },
    });
    await gated.untilStarted('5');
    // The checkpoint of the partitions before is written about once a second.
    const { runId } = gated.run;
    await until(async () => (await files(runId)).some((path) => /\/segments\/seg-\d+\.jsonl$/.test(path)));
    await complete(gated.run, '0', 'junk');
    await gated.release();
    expect(await gated.run.wait()).toMatchObject({ status: 'SUCCESS', counts: { DONE: 600 } });
    const calls = gated.started();
    expect(calls.filter((id) => id === '0')).toHaveLength(1);
    expect(new Set(calls).size).toBe(600);
    expect(calls.length).toBeLessThanOrEqual(602);
  });

  it('is lost after three times, and a retry takes its recorded partitions over once (I10)', async () => {
    const gated = await startGated(project, 'batch-three-times', {
      source: { table: 'many' },
      params: { wait: ['5'] },
      options: { partitionsPerUnit: 600, maxConcurrency: 1, heartbeatTimeout: '3s' },
    });
    const { runId } = gated.run;
    const callsOf5 = (): number => gated.started().filter((id) => id === '5').length;
    for (let times = 1; times <= 3; times++) {
      await until(() => callsOf5() === times);
      await until(async () => (await files(runId)).some((path) => /\/segments\/seg-\d+\.jsonl$/.test(path)));
      await complete(gated.run, '0', 'junk');
    }
    expect(await gated.run.wait()).toMatchObject({ status: 'FAILURE', counts: { INTERNAL_ERROR: 600 } });
    await gated.release();
    expect(await cli(project.folder, ['retry', runId])).toMatchObject({ code: 0 });
    const run = project.partwise.getRun(runId);
    expect(await run.status()).toMatchObject({ counts: { total: 600, DONE: 600 } });
    expect(await run.countResults()).toBe(600);
  });

  it('is cancelled like any other if the run is cancelled before its next attempt (I12)', async () => {
    const gated = await regions('junk-cancel', {
      params: { wait: ['a'] },
      options: { heartbeatTimeout: '1m' },
    });
    await gated.untilStarted(...ALL);
    await complete(gated.run, '0', 'junk');
    await until(async () => (await gated.run.status()).counts.RUNNING === 0);
    await gated.run.cancel();
    const state = await gated.run.wait();
    expect(state).toMatchObject({ status: 'CANCELLED', counts: { total: 6, DONE: 5, CANCELLED: 1 } });
    await readAll(gated.run);
  });
});

async function files(runId: string): Promise<string[]> {
  return readdir(join(project.folder, 'stage', runId), { recursive: true });
}

describe('a unit failed by hand', () => {
  it('fails with the given message, whatever its details, and the others continue (I8)', async () => {
    const gated = await regions('fail', { params: { wait: ['a', 'b'] } });
    await gated.untilStarted('a', 'b');
    const fail = (activityId: string, details: unknown): Promise<void> =>
      project.client.activity.fail(
        { workflowId: gated.run.runId, activityId },
        ApplicationFailure.nonRetryable('by hand', 'Manual', details),
      );
    await fail('0', 'x');
    await fail('1', { version: 1, unit: 1, counts: null, outcomes: null });
    await gated.release();
    const state = await gated.run.wait();
    expect(state).toMatchObject({ status: 'PARTIAL_FAILURE', counts: { DONE: 4, INTERNAL_ERROR: 2 } });
    const { partitions } = await gated.run.partitions({ status: 'INTERNAL_ERROR' });
    expect(partitions).toMatchObject([
      { id: 'a', error: { type: 'Manual', message: 'by hand' } },
      { id: 'b', error: { type: 'Manual', message: 'by hand' } },
    ]);
    await readAll(gated.run);
  });
});

describe('a step of a run completed by hand with something that is not its result', () => {
  it('fails the run with an explanation if it is the first step or the plan, and frees the id (I9)', async () => {
    let run!: RunHandle;
    await whileHeld(async () => {
      ({ run } = await regions('plan'));
      const step = await Promise.race(
        ['openRun', 'planRun'].map(async (type) => ({ type, id: await openActivity(run, type) })),
      );
      await complete(run, step.id, { version: 1, units: 'all' });
      expect(await run.wait()).toMatchObject({
        status: 'FAILURE',
        counts: { total: 0 },
        error: {
          type: 'NotAResult',
          message: expect.stringContaining(`The activity ${step.type} was completed with something`),
        },
      });
    });
    const [calls, gate] = [join(project.folder, 'again.calls'), join(project.folder, 'again.gate')];
    const again = await project.partwise.start(
      { function: 'gated', source: { table: 'regions' }, partitionBy: ['k'], params: { calls, gate } },
      { runId: run.runId },
    );
    expect(await again.wait()).toMatchObject({ status: 'SUCCESS', counts: { DONE: 6 } });
  });

  it('fails the run with an explanation if it is the commit, and a retry commits once (I10)', async () => {
    const table = 'committed_by_hand';
    const gated = await regions('commit', { params: { wait: ['a'] }, output: { table } });
    await gated.untilStarted('a');
    await whileHeld(async () => {
      await gated.release();
      await complete(gated.run, await openActivity(gated.run, 'commitRun'), null);
      expect(await gated.run.wait()).toMatchObject({
        status: 'FAILURE',
        counts: { DONE: 6 },
        error: {
          type: 'CommitFailed',
          message: expect.stringMatching(/unknown whether their rows were written.*commitRun was completed/s),
        },
      });
    });
    expect(await cli(project.folder, ['retry', gated.run.runId])).toMatchObject({ code: 0 });
    expect(await project.query(`SELECT count(*)::INTEGER AS n FROM ${table}`)).toEqual([{ n: 6 }]);
  });
});

describe('shard signals that no shard sent', () => {
  it('are ignored by the run and by its shards (I8)', async () => {
    const gated = await startGated(project, 'shards', {
      source: { table: 'hundred' },
      params: { wait: ['5'] },
      options: { partitionsPerUnit: 1, maxConcurrency: 60, toleratedFailures: 0 },
    });
    await gated.untilStarted('5');
    const junk = [null, 'x', {}, [], { shard: 0, number: 9_999_999 }, { ordinals: '0-99999999999' }];
    const shard = project.client.workflow.getHandle(`${gated.run.runId}/execution-1/shard-0`);
    for (const value of junk) {
      for (const name of ['shardReport', 'shardHeld', 'shardSkipped'])
        await handleOf(gated.run).signal(name, value);
      for (const name of ['shardSettings', 'shardHold', 'shardDecide']) await shard.signal(name, value);
    }
    await gated.release();
    expect(await gated.run.wait()).toMatchObject({ status: 'SUCCESS', counts: { DONE: 100 } });
  });
});

describe('clean', () => {
  it('skips a run that it cannot read, says so, and cleans the others as asked (I3)', async () => {
    // Outcomes of failures are long, and therefore stored in files.
    const many = await startGated(project, 'damaged', {
      source: { table: 'many' },
      params: { fails: 'broken: ID' },
    });
    const other = await regions('other');
    await many.run.wait();
    await other.run.wait();
    const stage = join(project.folder, 'stage');
    const damaged = (await files(many.run.runId)).filter((path) => path.endsWith('outcomes.jsonl'));
    expect(damaged).not.toEqual([]);
    for (const path of damaged) await writeFile(join(stage, many.run.runId, path), 'junk');
    const before = await files(many.run.runId);
    const { code, stdout, stderr } = await cli(project.folder, ['clean', '--run', other.run.runId, '--yes']);
    expect({ code, stdout }).toMatchObject({ code: 0, stdout: expect.stringContaining(other.run.runId) });
    expect(stderr).toMatch(
      new RegExp(
        `"${many.run.runId}" cannot be read, so its files and those it reuses from other runs are kept: .*outcomes.jsonl`,
      ),
    );
    expect((await files(other.run.runId)).filter((path) => path.endsWith('.parquet'))).toEqual([]);
    expect(await project.partwise.clean()).toMatchObject({ unread: [{ runId: many.run.runId }] });
    expect(await files(many.run.runId)).toEqual(before);
    const removed = await project.partwise.clean({ runs: [many.run.runId] });
    expect(removed).toMatchObject({ unread: [], runs: [{ runId: many.run.runId, what: 'run' }] });
  });
});

describe('a valid result', () => {
  const task = { unit: 0, from: 0, to: 9, partitions: 10 };
  const done = { counts: { ...noCounts(), DONE: 10 } };

  it('covers the partitions of its unit, each once (I8)', () => {
    expect(asUnitResult(forged(done), task)).toEqual(forged(done));
    expect(asUnitResult(forged({ counts: { ...noCounts(), DONE: 8 }, retry: '3,7' }), task)).not.toBeNull();
    for (const changes of [
      { counts: { ...noCounts(), DONE: 9 } },
      { counts: { ...noCounts(), DONE: -1, FAILED: 11 } },
      { counts: { ...noCounts(), PENDING: 10 } },
      { ...done, version: 2 },
      { ...done, retry: '10' },
      { counts: { ...noCounts(), DONE: 8 }, retry: '3,3' },
      { counts: { ...noCounts(), DONE: 8 }, retry: '0-99999999999' },
      { counts: { ...noCounts(), DONE: 8 }, retry: '~0:zzzzzzzzzzzz' },
      { ...done, outcomes: [{ done: null }] },
      { ...done, outcomes: [null] },
      { ...done, outcomes: { path: 1 } },
      { ...done, output: null },
    ])
      expect({ changes, result: asUnitResult(forged(changes), task) }).toEqual({ changes, result: null });
  });

  it('is never a string, an array, or an object of another kind (I8)', () => {
    for (const value of ['junk', null, undefined, 7, [], {}, { version: 1 }]) {
      expect(asUnitResult(value, task)).toBeNull();
      expect(asRunPlan(value)).toBeNull();
      expect(asShardReport(value, [{ partitions: 3 }])).toBeNull();
    }
  });
});

describe('what an attempt takes from the previous heartbeat', () => {
  it('is only what has the expected form', () => {
    const sent = { throws: 2, losses: 5, shutdowns: 'x', interrupted: { 3: -1 }, ordinal: 4, other: 1 };
    expect(beatFrom(sent)).toEqual({ ...FIRST_BEAT, throws: 2, ordinal: 4 });
    for (const junk of ['text', null, undefined, 7, []]) expect(beatFrom(junk)).toEqual(FIRST_BEAT);
  });
});
