import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, test } from '@jest/globals';
import { HistoryDecoder } from '../src/history/decode';
import type { CloseKind, Fact, Step } from '../src/history/facts';
import { applyFact, newRecord, type RunRecord } from '../src/history/fold';
import { groupsFailedWith, noGroupProblem } from '../src/history/failed-with';
import { FailuresOfEnds, type FailureGroup } from '../src/history/failure-groups';
import { Outcomes } from '../src/history/outcomes';
import { ColumnsOfEnds } from '../src/history/partition-columns';
import { takeEnds, takeUnit } from '../src/history/unit-ends';
import { cutOffCalls } from '../src/history/cut-off-calls';
import { liveOverlay, type PendingUnit, type LiveEnd } from '../src/history/overlay';
import { waitingRetries } from '../src/history/retries';
import { runState, statusOfUnended } from '../src/history/run-state';
import { decodeOrdinals, encodeOrdinals } from '../src/core/units/ordinals';
import type { FinalStatus, PartitionOutcome, UnitResult } from '../src/core/outcome';
import type { OpenedRun } from '../src/core/opened-run';
import type { RunPlan, Sharding } from '../src/core/plan';
import type { RunSummary, UnitTask } from '../src/core/tasks';
import { failed, noCounts, PARTITION_STATUSES, wasRefused } from '../src/core/status';
import type { WaitingStep } from '../src/history/state';
import type { HistoryEvent, PayloadDecoder } from '../src/history/events';
import { LiveUnits } from '../src/reader/live-units';
import { WholeRunReader } from '../src/reader/partitions/whole-run';
import type { Reading, RunReader } from '../src/reader/run-reader';
import { openStage, StageUnavailable, type Stage } from '../src/stage';
import { putCheckpoint } from '../src/stored/checkpoints';
import { unitFolder } from '../src/stored/layout';

const AT = '2024-05-01T10:00:00.000Z';

const NO_PAYLOADS: PayloadDecoder = { values: async () => [], failure: async () => null };

test('a workflow that was completed from outside before planning finished is not a success (I8)', () => {
  const record = newRecord('run-1');
  record.closed = { at: AT, kind: 'completed', error: null, summary: null, realExecution: null };
  expect(runState(record, 'run', AT, null)).toMatchObject({
    status: 'FAILURE',
    error: { type: 'NotTrusted' },
  });
});

describe('a run folded from its history', () => {
  test('shows every partition with the status that its unit recorded (I2)', async () => {
    const facts = [
      ...planned(4),
      ...unit(0, 0, 0, ['DONE']),
      ...unit(1, 1, 1, ['FAILED']),
      ...unit(2, 2, 3, ['DONE', 'SKIPPED']),
    ];
    const { record, statuses } = await fold([...facts, closed('failed', 'PartialFailure')]);
    expect(statuses).toEqual(['DONE', 'FAILED', 'DONE', 'SKIPPED']);
    expect(state(record)).toMatchObject({
      status: 'PARTIAL_FAILURE',
      counts: { total: 4, DONE: 2, FAILED: 1, SKIPPED: 1, PENDING: 0 },
      error: { type: 'PartialFailure' },
      live: false,
    });
  });

  test('keeps a partition that threw PENDING until a later unit records its end (I2)', async () => {
    const first = [...planned(3), ...unit(0, 0, 2, ['DONE', 'retry', 'retry'])];
    const between = await fold(first);
    expect(between.statuses).toEqual(['DONE', 'PENDING', 'PENDING']);
    expect(between.outcomes.calls.get(1)).toBe(1);
    expect(state(between.record).counts).toMatchObject({ DONE: 1, PENDING: 2 });

    const again = await fold([...first, ...retryUnit(0, 1, { 1: 'DONE', 2: 'FAILED' })]);
    expect(again.statuses).toEqual(['DONE', 'DONE', 'FAILED']);
    expect(state(again.record).counts).toMatchObject({ DONE: 2, FAILED: 1, PENDING: 0 });
  });

  test('gives the same state whatever the order in which units end, including retries and lost units (I2)', async () => {
    for (let seed = 1; seed <= 60; seed++) {
      const random = randomFrom(seed);
      const run = inventRun(random);
      const one = await fold([...run.planned, ...interleave(run.units, random), closed('completed')]);
      const other = await fold([...run.planned, ...interleave(run.units, random), closed('completed')]);
      expect(one.statuses).toEqual(run.truth);
      expect(other.statuses).toEqual(run.truth);
      expect(state(other.record)).toEqual(state(one.record));
      const counts = noCounts();
      for (const status of run.truth) counts[status]++;
      expect(state(one.record).counts).toEqual({ total: run.truth.length, ...counts });
    }
  });

  test('has counts that add up to the number of partitions after every event', () => {
    const run = inventRun(randomFrom(7));
    const record = newRecord('execution');
    for (const fact of [...run.planned, ...run.units.flat(), closed('terminated')]) {
      applyFact(record, fact);
      const { total, ...counts } = state(record).counts;
      expect(Object.values(counts).reduce((sum, n) => sum + n, 0)).toBe(total);
    }
  });

  test('turns the partitions of a lost unit into INTERNAL_ERROR', async () => {
    const lost = [...planned(2), scheduled(1, '0', task(0, 0, 1)), lostUnit(1)];
    expect((await fold(lost)).statuses).toEqual(['INTERNAL_ERROR', 'INTERNAL_ERROR']);
  });

  test('keeps outcomes taken over within the range of a lost batch of a continuation (I4, I8)', async () => {
    const carried = [1, 2, 5].map((ordinal) => ({
      outcome: outcome(ordinal, 'DONE'),
      execution: 1,
      functionDigest: 'code',
    }));
    const body = Buffer.from(
      [...carried, { sha256: '' }].map((line) => `${JSON.stringify(line)}\n`).join(''),
    );
    const sha256 = createHash('sha256').update(body).digest('hex');
    const [started, accepted, plan] = planned(7);
    const file = { path: 'carried', bytes: body.length, sha256 };
    (plan as Extract<Fact, { type: 'planned' }>).plan.carried = {
      file,
      counts: { ...noCounts(), DONE: 3 },
      reused: 0,
      firstErrors: [],
    };
    const unitTask = { ...task(0, 0, 6), partitions: 4 };
    const facts = [
      started!,
      accepted!,
      plan!,
      scheduled(1, '0', unitTask),
      { ...lostUnit(1), cancelled: true } as Fact,
    ];
    const { record, statuses } = await fold(facts, () => Promise.resolve(body));
    expect(state(record).counts).toMatchObject({ total: 7, DONE: 3, CANCELLED: 4, PENDING: 0 });
    expect(statuses).toEqual(['CANCELLED', 'DONE', 'DONE', 'CANCELLED', 'CANCELLED', 'DONE', 'CANCELLED']);
  });

  test('reads a file of outcomes once, however often the run is read', async () => {
    const body = Buffer.from(`${JSON.stringify(outcome(0, 'DONE'))}\n`);
    const file = { path: 'f', bytes: body.length, sha256: createHash('sha256').update(body).digest('hex') };
    const record = apply([
      ...planned(1),
      scheduled(1, '0', task(0, 0, 0)),
      endedUnit(1, { ...result(0, 0, ['DONE']), outcomes: file }),
    ]);
    const outcomes = new Outcomes();
    let reads = 0;
    for (let i = 0; i < 3; i++) await outcomes.update(record, async () => (reads++, body));
    expect(reads).toBe(1);
  });
});

describe('the status of a run (I8)', () => {
  const cases: [string, Fact[], string, string | null][] = [
    ['is IN_PROGRESS while the workflow is open', [...planned(1)], 'IN_PROGRESS', null],
    [
      'is SUCCESS when all are DONE or SKIPPED',
      [...planned(2), ...unit(0, 0, 1, ['DONE', 'SKIPPED']), closed('completed')],
      'SUCCESS',
      null,
    ],
    [
      'is PARTIAL_FAILURE within tolerance too',
      [...planned(2), ...unit(0, 0, 1, ['DONE', 'FAILED']), closed('completed')],
      'PARTIAL_FAILURE',
      null,
    ],
    [
      'is PARTIAL_FAILURE beyond tolerance',
      [...planned(2), ...unit(0, 0, 1, ['DONE', 'FAILED']), closed('failed', 'PartialFailure')],
      'PARTIAL_FAILURE',
      'PartialFailure',
    ],
    [
      'is FAILURE when no partition is DONE, whatever the tolerance',
      [...planned(1), ...unit(0, 0, 0, ['FAILED']), closed('completed')],
      'FAILURE',
      null,
    ],
    [
      'is CANCELLED when it was cancelled',
      [...planned(1), closed('cancelled', 'Cancelled')],
      'CANCELLED',
      'Cancelled',
    ],
    [
      'is FAILURE when it was terminated',
      [...planned(1), ...unit(0, 0, 0, ['DONE']), closed('terminated', 'Terminated')],
      'FAILURE',
      'Terminated',
    ],
    ['is FAILURE when it timed out', [...planned(1), closed('timedOut', 'TimedOut')], 'FAILURE', 'TimedOut'],
    [
      'is FAILURE when planning failed',
      [
        opened(),
        { type: 'stepFailed', step: 'planRun', error: error('SourceEmpty') },
        closed('failed', 'SourceEmpty'),
      ],
      'FAILURE',
      'SourceEmpty',
    ],
    [
      'is FAILURE when the commit failed, though all are DONE',
      [
        ...planned(1),
        ...unit(0, 0, 0, ['DONE']),
        { type: 'stepFailed', step: 'commitRun', error: error('WarehouseLocked') },
        closed('failed', 'CommitFailed'),
      ],
      'FAILURE',
      'CommitFailed',
    ],
    [
      'is FAILURE when the workflow failed in a way of its own',
      [...planned(1), ...unit(0, 0, 0, ['DONE']), closed('failed', 'TypeError')],
      'FAILURE',
      'TypeError',
    ],
  ];
  test.each(cases)('%s', (_, facts, status, errorType) => {
    const found = state(apply(facts));
    expect([found.status, found.error?.type ?? null]).toEqual([status, errorType]);
  });

  test('distinguishes a refused run from a failed one', () => {
    expect(wasRefused(state(apply([closed('failed', 'InvalidInput')])))).toBe(true);
    expect(
      wasRefused(
        state(apply([...planned(1), ...unit(0, 0, 0, ['FAILED']), closed('failed', 'PartialFailure')])),
      ),
    ).toBe(false);
  });

  test('unfinished partitions are CANCELLED in a cancelled run and stay PENDING in a terminated one', () => {
    const facts = [...planned(3), ...unit(0, 0, 0, ['DONE'])];
    expect(state(apply([...facts, closed('cancelled', 'Cancelled')])).counts).toMatchObject({
      DONE: 1,
      CANCELLED: 2,
      PENDING: 0,
    });
    expect(state(apply([...facts, closed('terminated', 'Terminated')])).counts).toMatchObject({
      DONE: 1,
      CANCELLED: 0,
      PENDING: 2,
    });
  });
});

describe('a run that was changed while it was running', () => {
  test('shows skipped partitions as SKIPPED, whether they waited, were interrupted, or waited for another attempt (I2)', async () => {
    const cutOff: Fact[] = [
      scheduled(1, '1', task(1, 1, 1)),
      { ...lostUnit(1), cancelled: true } as Fact,
      ...unit(2, 2, 2, ['CANCELLED']),
    ];
    const facts = [...planned(6), ...unit(0, 0, 0, ['DONE']), ...cutOff, ...unit(3, 3, 4, ['DONE', 'retry'])];
    const before = await fold(facts);
    expect(state(before.record).counts).toMatchObject({ DONE: 2, CANCELLED: 2, PENDING: 2 });
    const { record, statuses } = await fold([
      ...facts,
      { type: 'skipped', ordinals: '1-2,4-5', cutOff: 2 },
      closed('completed'),
    ]);
    expect(statuses.slice(0, 4)).toEqual(['DONE', 'SKIPPED', 'SKIPPED', 'DONE']);
    expect([4, 5].map((ordinal) => statusOfUnended(record, ordinal))).toEqual(['SKIPPED', 'SKIPPED']);
    expect(state(record)).toMatchObject({
      status: 'SUCCESS',
      counts: { total: 6, DONE: 2, SKIPPED: 4, CANCELLED: 0, PENDING: 0 },
    });
  });

  test('leaves partitions out of a lost batch if they were skipped before it started (I2)', async () => {
    const { record } = await fold([
      ...planned(4),
      { type: 'skipped', ordinals: '2', cutOff: 0 },
      scheduled(1, '0', { ...task(0, 0, 3), except: '2', partitions: 3 }),
      lostUnit(1),
    ]);
    expect(state(record).counts).toMatchObject({ INTERNAL_ERROR: 3, SKIPPED: 1, PENDING: 0 });
  });

  test('shows the current settings, and never a finished run as paused', () => {
    const [started, , plan] = planned(10);
    const facts: Fact[] = [
      started!,
      pauseAsked(true, 'ann@laptop'),
      // She paused it already.
      pauseAsked(true, 'bob@laptop'),
      { type: 'toleranceSet', toleratedFailures: '25%' },
      { type: 'concurrencySet', maxConcurrency: 3 },
    ];
    expect(state(apply(facts))).toMatchObject({
      paused: true,
      pausedBy: 'ann@laptop',
      pausedAt: AT,
      maxConcurrency: 3,
      toleratedFailures: null,
    });
    expect(state(apply([...facts, plan!]))).toMatchObject({ maxConcurrency: 3, toleratedFailures: 2 });
    const notPaused = { paused: false, pausedBy: null, pausedAt: null };
    expect(state(apply([...facts, pauseAsked(false, 'bob@laptop')]))).toMatchObject(notPaused);
    expect(state(apply([...facts, closed('terminated')]))).toMatchObject(notPaused);
  });
});

describe('a run that was stopped', () => {
  const stopped = (reason: 'failFast' | 'alike'): Fact => ({
    ...(closed('failed', 'PartialFailure') as Extract<Fact, { type: 'closed' }>),
    summary: { stopped: { reason, message: 'why' } } as RunSummary,
  });

  test('has SKIPPED partitions that were not started, and FAILED ones that threw and are not retried (I8)', async () => {
    const facts = [...planned(5), ...unit(0, 0, 2, ['retry', 'retry', 'retry'])];
    const going = await fold(facts);
    expect(going.outcomes.thrown.get(1)?.outcome).toMatchObject({ error: { type: 'Error' } });
    const { record, statuses, outcomes } = await fold([...facts, stopped('alike')]);
    expect(statuses.slice(0, 3)).toEqual(['FAILED', 'FAILED', 'FAILED']);
    expect(outcomes.get(1)?.outcome).toMatchObject({ status: 'FAILED', error: { type: 'Error' } });
    expect(statusOfUnended(record, 4)).toBe('SKIPPED');
    expect(state(record)).toMatchObject({
      status: 'FAILURE',
      counts: { total: 5, FAILED: 3, SKIPPED: 2, PENDING: 0 },
    });
  });

  test('is never a SUCCESS: partitions left by a cancelled unit are CANCELLED (I8)', async () => {
    const facts = [...planned(4), ...unit(0, 0, 1, ['DONE', 'FAILED']), ...unit(1, 2, 2, ['CANCELLED'])];
    expect(state(apply([...facts, stopped('failFast')]))).toMatchObject({
      status: 'PARTIAL_FAILURE',
      counts: { DONE: 1, FAILED: 1, CANCELLED: 1, SKIPPED: 1 },
    });
  });
});

describe('the live overlay', () => {
  test('adds what is running, its attempt and the error of the previous attempt', () => {
    const record = apply([...planned(3), scheduled(1, '0', task(0, 0, 0)), scheduled(2, '1', task(1, 1, 1))]);
    const pending = [
      pendingUnit('0', { attempt: 2, lastError: error('Flaky') }),
      pendingUnit('1', { started: false, attempt: 3 }),
    ];
    const overlay = liveOverlay(record, { units: pending, step: null }, AT);
    expect(overlay.running.get(0)).toMatchObject({ attempt: 2, error: { type: 'Flaky' } });
    expect(overlay.waiting.get(1)).toMatchObject({ attempt: 3 });
    expect(runState(record, 'run', AT, overlay)).toMatchObject({
      live: true,
      asOf: AT,
      counts: { RUNNING: 1, PENDING: 2 },
    });
  });

  test('has what waits for its next attempt: units in back-off, soonest first, and not those handed over', () => {
    const units = [0, 1, 2, 3, 4].map((n) => scheduled(n + 1, `${n}`, task(n, n, n)));
    const at = (seconds: number): string => new Date(Date.parse(AT) + 1_000 * seconds).toISOString();
    const backingOff = (id: string, attempt: number, type: string, seconds: number) =>
      pendingUnit(id, { started: false, attempt, lastError: error(type), nextAttemptAt: at(seconds) });
    const pending = [
      backingOff('0', 2, 'Flaky', 9),
      backingOff('1', 3, 'OutOfMemory', 4),
      backingOff('2', 2, 'WorkerShutdown', 1),
      pendingUnit('3', { attempt: 2, lastError: error('Flaky') }),
      pendingUnit('4', { started: false, nextAttemptAt: at(0) }),
    ];
    const retries = (record: RunRecord) =>
      waitingRetries(
        record,
        liveOverlay(record, { units: pending, step: null }, AT).retries,
        () => undefined,
      );
    expect(retries(apply([...planned(5), ...units]))).toEqual({
      partitions: 2,
      first: [
        // Memory may be exceeded only once, so the others were of other kinds.
        {
          label: '1',
          partitions: 1,
          attempt: 3,
          maximumAttempts: null,
          at: at(4),
          error: error('OutOfMemory'),
        },
        { label: '0', partitions: 1, attempt: 2, maximumAttempts: 3, at: at(9), error: error('Flaky') },
      ],
    });
    const paused = retries(apply([...planned(5), ...units, pauseAsked(true)]));
    expect(paused.first.map((retry) => retry.at)).toEqual([null, null]);
  });

  test('has no retry of a lost batch of which every partition is recorded', () => {
    const record = apply([...planned(2), scheduled(1, '0', task(0, 0, 1))]);
    const lost = { started: false, attempt: 2, lastError: error('WorkerLost'), nextAttemptAt: AT };
    const retries = (...all: ReturnType<typeof ended>[]) =>
      liveOverlay(record, { units: [pendingUnit('0', { ...lost, ended: all })], step: null }, AT).retries;
    expect(retries(ended(0, 'DONE'))).toMatchObject([{ partitions: 1, attempt: 2 }]);
    expect(retries(ended(0, 'DONE'), ended(1, 'DONE'))).toEqual([]);
  });

  test('has the partitions that batches gave back, by name, and from when the run waits to retry them', () => {
    const ended = result(0, 0, ['DONE', 'retry', 'retry']);
    const facts = [
      ...planned(6),
      scheduled(1, '0', task(0, 0, 2)),
      scheduled(2, '1', task(1, 3, 5)),
      endedUnit(1, { ...ended, names: { 1: 'Boston', 2: 'New%20York' } }),
    ];
    const retries = (...more: Fact[]) =>
      waitingRetries(apply([...facts, ...more]), [], (ordinal) => ({
        id: `${ordinal}`,
        error: error('Flaky'),
      }));
    const round = { partitions: 2, attempt: 2, maximumAttempts: 3, error: error('Flaky') };
    expect(retries().first).toEqual([{ ...round, label: 'Boston, New%20York', at: null }]);
    const rest = endedUnit(2, result(1, 3, ['DONE', 'DONE', 'retry']));
    const wait: Fact = { type: 'waitStarted', wait: 9, shard: null, until: AT };
    // The last one was not named, as by an earlier release.
    const label = 'Boston, New%20York and 1 more';
    expect(retries(rest, wait)).toEqual({
      partitions: 3,
      first: [{ ...round, label, partitions: 3, at: AT }],
    });
    const retried = scheduled(10, 'r1.0', task(0, 1, 5, '1-2,5', 1));
    expect(retries(rest, wait, { type: 'waitEnded', wait: 9 }, retried)).toEqual({
      partitions: 0,
      first: [],
    });
  });

  test('of shards are due when their own shard has waited', () => {
    const [started, opening, planning] = planned(6) as [Fact, Fact, Extract<Fact, { type: 'planned' }>];
    const shards = [
      { from: 3, to: 5, partitions: 3 },
      { from: 0, to: 2, partitions: 3 },
    ] as Sharding['shards'];
    const plan = { ...planning.plan, sharding: { ...planning.plan.sharding, shards } as Sharding };
    const record = apply([
      started,
      opening,
      { ...planning, plan },
      scheduled(1, '0', task(0, 0, 1)),
      scheduled(2, '1', task(1, 2, 2)),
      scheduled(101, '2', task(2, 3, 5)),
      endedUnit(1, result(0, 0, ['DONE', 'retry'])),
      endedUnit(101, result(2, 3, ['retry', 'DONE', 'retry'])),
      { type: 'waitStarted', wait: 105, shard: 0, until: AT },
    ]);
    const { partitions, first } = waitingRetries(record, [], () => undefined);
    expect({ partitions, first }).toMatchObject({
      partitions: 3,
      first: [
        { partitions: 2, at: AT },
        { partitions: 1, at: null },
      ],
    });
  });

  test('counts partitions that ended inside a batch that is still open', () => {
    const record = apply([...planned(4), scheduled(1, '0', task(0, 0, 3))]);
    const overlay = liveOverlay(
      record,
      {
        units: [pendingUnit('0', { ordinal: 2, ended: [ended(0, 'DONE'), ended(1, 'FAILED')] })],
        step: null,
      },
      AT,
    );
    expect(runState(record, 'run', AT, overlay).counts).toMatchObject({
      DONE: 1,
      FAILED: 1,
      RUNNING: 1,
      PENDING: 1,
    });
  });

  test('shows a batch in progress as running, even between two of its partitions', () => {
    const record = apply([...planned(4), scheduled(1, '0', task(0, 0, 3))]);
    const both = [ended(0, 'DONE'), ended(1, 'DONE')];
    const overlay = liveOverlay(
      record,
      { units: [pendingUnit('0', { ordinal: 1, ended: both })], step: null },
      AT,
    );
    expect([...overlay.running.keys()]).toEqual([2]);
    expect(runState(record, 'run', AT, overlay).counts).toMatchObject({ DONE: 2, RUNNING: 1, PENDING: 1 });
  });

  test('has the outcome of a retried partition as soon as its unit has recorded it on the stage (I4)', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'partwise-test-'));
    try {
      const again = { ...task(0, 1, 1, '1', 1), runId: 'run' };
      const record = apply([
        ...planned(3),
        ...unit(0, 0, 2, ['DONE', 'retry', 'DONE']),
        scheduled(1_000, 'r1.0', again),
      ]);
      const stage = openStage(pathToFileURL(folder).href);
      const ended = { outcome: outcome(1, 'DONE'), retryable: false, retryDelayMs: null, big: false };
      await putCheckpoint(stage, `${unitFolder(again, 'r1.0')}a1/`, 1, {
        outcomes: [{ ...ended, functionDigest: 'code' }],
        block: null,
        rows: null,
      });
      const pending = [{ activityId: 'r1.0', state: 2, attempt: 1 }];
      const units = await new LiveUnits(NO_PAYLOADS).describe(pending, record, stage);
      const overlay = liveOverlay(record, { units, step: null }, AT);
      expect(runState(record, 'run', AT, overlay).counts).toMatchObject({ DONE: 3, RUNNING: 0, PENDING: 0 });
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  test('does without checkpoints that cannot be read now, and reads them after the next one', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'partwise-test-'));
    try {
      const batch = { ...task(0, 0, 3), runId: 'run' };
      const record = apply([...planned(4), scheduled(1, '0', batch)]);
      const stage = openStage(pathToFileURL(folder).href);
      let segment = 0;
      const live = new LiveUnits({ ...NO_PAYLOADS, values: async () => [{ segment }] });
      /** Records a partition, and returns those that a reader sees then. */
      const endNext = async (on: Stage): Promise<number[]> => {
        const ended = {
          outcome: outcome(++segment, 'DONE'),
          retryable: false,
          retryDelayMs: null,
          big: false,
        };
        await putCheckpoint(stage, `${unitFolder(batch, '0')}a1/`, segment, {
          outcomes: [{ ...ended, functionDigest: 'code' }],
          block: null,
          rows: null,
        });
        const [unit] = await live.describe([{ activityId: '0', state: 2, attempt: 1 }], record, on);
        return unit!.ended.map(({ outcome: { ordinal } }) => ordinal);
      };
      const unreadable: Pick<Stage, 'list' | 'get'> = {
        list: (path) => stage.list(path),
        get: () => Promise.reject(new StageUnavailable('away')),
      };
      expect(await endNext(unreadable as Stage)).toEqual([]);
      expect(await endNext(stage)).toEqual([1, 2]);
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  test('ignores a unit that history has closed in the meantime', () => {
    const record = apply([...planned(1), ...unit(0, 0, 0, ['DONE'])]);
    const overlay = liveOverlay(record, { units: [pendingUnit('0', {})], step: null }, AT);
    expect(runState(record, 'run', AT, overlay).counts).toMatchObject({ DONE: 1, RUNNING: 0, PENDING: 0 });
  });
});

test('a batch of a continued run that has named no partition runs its first or its last one, not one between', () => {
  const continued = { ...task(0, 2, 9), partitions: 3 };
  const record = apply([...planned(12), scheduled(1, '0', continued)]);
  const runningWith = (changes: Partial<PendingUnit>) => [
    ...liveOverlay(record, { units: [pendingUnit('0', changes)], step: null }, AT).running.keys(),
  ];
  expect(runningWith({})).toEqual([2]);
  expect(runningWith({ ordinal: 5 })).toEqual([5]);
  expect(runningWith({ ordinal: 2, ended: [ended(2, 'DONE')] })).toEqual([9]);
  // Which one is left of 3 to 8 is not known.
  expect(runningWith({ ended: [ended(2, 'DONE'), ended(9, 'DONE')] })).toEqual([]);
});

describe('a whole run', () => {
  const columnsOf = async (record: RunRecord, from: number, to: number) => {
    const columns = new ColumnsOfEnds(record, { from, to });
    await takeEnds(
      record,
      noFile,
      columns,
      ({ task: { from: first, to: last } }) => first < to && last >= from,
    );
    return columns.finish(null, new Float64Array(to - from)).columns;
  };
  const failuresOf = async (record: RunRecord) => {
    const failures = new FailuresOfEnds(record);
    await takeEnds(record, noFile, failures, () => true);
    return failures.finish(null);
  };

  test('has the same values in columns as each partition has separately, whatever ranges are read (I2)', async () => {
    for (let seed = 1; seed <= 60; seed++) {
      const random = randomFrom(seed);
      const run = inventRun(random);
      const end = random() < 0.5 ? closed('terminated') : stopped();
      const { record, outcomes } = await fold([...run.planned, ...interleave(run.units, random), end]);
      const total = run.truth.length;
      const cut = Math.floor(random() * total);
      for (const [from, to] of [
        [0, total],
        [0, cut],
        [cut, total],
      ] as const) {
        const columns = await columnsOf(record, from, to);
        for (let ordinal = from; ordinal < to; ordinal++) {
          const [end, at] = [outcomes.get(ordinal), ordinal - from];
          const known = end?.outcome;
          const status = known?.status ?? statusOfUnended(record, ordinal);
          expect(PARTITION_STATUSES[columns.status[at]!]).toBe(status);
          expect(columns.attempts[at]).toBe(known?.attempts ?? outcomes.calls.get(ordinal) ?? 0);
          expect(columns.durationMs[at]).toBe(known?.durationMs ?? Number.NaN);
          expect(columns.startedAt[at]).toBe(known === undefined ? Number.NaN : Date.parse(known.startedAt));
          expect(columns.execution[at]).toBe(end?.execution ?? 0);
        }
      }
    }
  });

  test('has every failure in exactly one group, and nothing else in the groups (I8)', async () => {
    for (let seed = 1; seed <= 60; seed++) {
      const random = randomFrom(seed);
      const run = inventRun(random);
      const end = random() < 0.5 ? closed('terminated') : stopped();
      const { record, outcomes } = await fold([...run.planned, ...interleave(run.units, random), end]);
      const groups = await failuresOf(record);
      const ordinals = groups.flatMap((group) => [...group.ordinals]).sort((a, b) => a - b);
      const failing = run.truth.flatMap((_, ordinal) =>
        ['FAILED', 'INTERNAL_ERROR'].includes(outcomes.statusOf(ordinal) ?? '') ? [ordinal] : [],
      );
      expect(ordinals).toEqual(failing);
      expect(groups.reduce((sum, { count }) => sum + count, 0)).toBe(failed(state(record).counts));
    }
  });

  test('is the same brought up to date with each reading as read at once, and names what has changed (I2)', async () => {
    for (let seed = 1; seed <= 60; seed++) {
      const random = randomFrom(seed);
      const run = inventRun(random);
      const end = random() < 0.5 ? closed('terminated') : stopped();
      const record = apply(run.planned);
      const total = run.truth.length;
      const reader = {
        fileReader: () => noFile,
        index: () => ({
          rows: () => new Float64Array(total).fill(10),
          idsOf: (ordinals: number[]) => new Map(ordinals.map((ordinal) => [ordinal, `p${ordinal}`])),
        }),
      } as unknown as RunReader;
      const followed = new WholeRunReader(reader);
      const seen = { status: new Uint8Array(total), attempts: new Int32Array(total) };
      for (const fact of [...interleave(run.units, random), end]) {
        applyFact(record, fact);
        if (fact !== end && random() < 0.5) continue;
        // What a heartbeat says may be lost with its worker, or be another end than that in history.
        const units = [...record.open.values()].map(({ activityId, task: { from } }) =>
          pendingUnit(activityId, {
            started: random() < 0.7,
            attempt: 1 + Math.floor(random() * 3),
            ended: random() < 0.5 ? [] : [ended(from, random() < 0.5 ? 'DONE' : 'FAILED')],
          }),
        );
        const overlay = record.closed === null ? liveOverlay(record, { units, step: null }, AT) : null;
        const reading: Reading = { record, overlay, state: state(record) as Reading['state'] };
        const { columns, failures, changed } = await followed.read(reading);
        const once = await new WholeRunReader(reader).read(reading);
        expect(columns).toEqual(once.columns);
        const comparable = (group: FailureGroup) => ({ ...group, examples: [] });
        expect(failures.map(comparable)).toEqual(once.failures.map(comparable));
        for (const { ordinals, examples } of failures)
          for (const { ordinal, id } of examples)
            expect([ordinals.includes(ordinal), id]).toEqual([true, `p${ordinal}`]);
        for (const [from, to] of changed) {
          seen.status.set(columns.status.subarray(from, to), from);
          seen.attempts.set(columns.attempts.subarray(from, to), from);
        }
        expect(seen).toEqual({ status: columns.status, attempts: columns.attempts });
      }
    }
  });

  test('shows a partition that was skipped while it ran as SKIPPED, though its unit had recorded it as cancelled', () => {
    const record = apply([...planned(2), scheduled(1, '0', task(0, 0, 1))]);
    const columns = new ColumnsOfEnds(record, { from: 0, to: 2 });
    columns.finish(null, new Float64Array(2));
    const cutOff = result(0, 0, ['CANCELLED', 'DONE']);
    applyFact(record, endedUnit(1, cutOff));
    takeUnit(record.units.get(1)!, cutOff.outcomes as PartitionOutcome[], columns);
    const status = () => Array.from(columns.finish(null, new Float64Array(2)).columns.status);
    expect(status().map((each) => PARTITION_STATUSES[each])).toEqual(['CANCELLED', 'DONE']);
    applyFact(record, { type: 'skipped', ordinals: '0', cutOff: 1 });
    const { columns: skipped, changed } = columns.finish(null, new Float64Array(2));
    expect(Array.from(skipped.status, (each) => PARTITION_STATUSES[each])).toEqual(['SKIPPED', 'DONE']);
    expect(changed).toEqual([[0, 2]]);
  });

  test('counts the calls made of a partition that waits, and has the unit of an end that history has not yet', () => {
    const record = apply([
      ...planned(4),
      scheduled(1, '0', task(0, 0, 0)),
      scheduled(2, '1', task(1, 1, 1)),
      scheduled(3, '2', task(2, 2, 3)),
    ]);
    const columns = new ColumnsOfEnds(record, { from: 0, to: 4 });
    const finish = (...units: PendingUnit[]) => {
      const overlay = liveOverlay(record, { units, step: null }, AT);
      const { attempts, unit } = columns.finish(overlay, new Float64Array(4)).columns;
      return { attempts: [...attempts], unit: [...unit] };
    };
    const backingOff = pendingUnit('0', { started: false, attempt: 3, lastError: error('Flaky') });
    const again = pendingUnit('1', { attempt: 3 });
    expect(finish(backingOff, again, pendingUnit('2', { ended: [ended(3, 'DONE')] }))).toEqual({
      attempts: [2, 3, 1, 1],
      unit: [-1, -1, -1, 2],
    });
    // The worker was lost, and with it what its heartbeat said.
    expect(finish(backingOff, again, pendingUnit('2', { ordinal: 2 })).unit).toEqual([-1, -1, -1, -1]);
  });

  const failing = (messages: readonly string[], stacks: readonly (string | null)[] = []) => {
    const ends = result(
      0,
      0,
      messages.map(() => 'FAILED' as const),
    );
    (ends.outcomes as PartitionOutcome[]).forEach((each, i) => {
      each.error = { type: 'Error', message: messages[i]!, stack: stacks[i] ?? null };
    });
    const last = messages.length - 1;
    return apply([...planned(messages.length), scheduled(1, '0', task(0, 0, last)), endedUnit(1, ends)]);
  };

  test('groups failures whose errors differ only in keys, numbers and quoted values', async () => {
    const alike = Array.from({ length: 1_000 }, (_, i) => `p${i} has "${i}" of ${i * 7} rows`);
    const [group, ...more] = await failuresOf(failing(alike));
    expect(more).toEqual([]);
    expect(group).toMatchObject({
      type: 'Error',
      pattern: 'Error: ◦ has ◦ of ◦ rows',
      count: 1_000,
      firstExecution: 1,
    });
    expect(group!.examples.map(({ id, error: { message } }) => [id, message])).toEqual(
      [0, 1, 2].map((i) => [`p${i}`, alike[i]]),
    );
  });

  test('separates errors of one class with different messages', async () => {
    const words = Array.from({ length: 50 }, (_, i) => `column ${letters(i)} is missing`);
    expect(await failuresOf(failing(words))).toHaveLength(50);
  });

  test('counts failures without a group by type, so that none is lost', async () => {
    const words = Array.from({ length: 1_000 }, (_, i) => `column ${letters(i)} is missing`);
    const groups = await failuresOf(failing(words));
    expect(groups).toHaveLength(255);
    expect(groups[0]).toMatchObject({ type: 'Error', pattern: null, count: 746 });
    expect(groups.reduce((sum, { count }) => sum + count, 0)).toBe(1_000);
  });

  test('groups a failure without a stack with matching ones that have a stack, if those threw in one place', async () => {
    const at = (line: number): string => `Error: no\n    at run (/project/functions.ts:${line}:9)`;
    const [one, ...none] = await failuresOf(failing(['no', 'no', 'no'], [null, at(7)]));
    expect([one!.place, one!.count, none]).toEqual([{ file: '/project/functions.ts', line: 7 }, 3, []]);
    const several = await failuresOf(failing(['no', 'no', 'no'], [at(7), at(8)]));
    expect(several.map(({ place, count }) => [place?.line, count])).toEqual([
      [7, 1],
      [8, 1],
      [undefined, 1],
    ]);
  });

  test('are selected by a text that fits no other group, however similar the others are', async () => {
    const at = (line: number, file = 'functions.ts'): string =>
      `Error: no\n    at run (/project/${file}:${line}:9)`;
    const many = [
      ...Array.from({ length: 300 }, (_, i) => `column ${letters(i)} is missing`),
      'column a',
      'no rates',
      'no rates yet',
      'no rates',
      'two\nlines',
      'no rates',
      '-',
      'of no place\nand of lines',
    ];
    const stacks = [...Array.from({ length: 301 }, () => null), at(7), at(7), at(8), at(8, 'x/functions.ts')];
    for (const messages of [many.slice(300), many]) {
      const groups = await failuresOf(failing(messages, messages === many ? stacks : stacks.slice(300)));
      const texts = groups.map(({ failedWith }) => failedWith);
      for (const [i, group] of groups.entries())
        expect(texts[i] === null ? [group] : groupsFailedWith(groups, texts[i]!)).toEqual([group]);
      expect(groups.filter(({ failedWith }) => failedWith === null)).toEqual([]);
    }
  });

  test('match a whole cause before a type, a type before a place, and a place before a part of a pattern', async () => {
    const at = (line: number): string => `Error: no\n    at run (/project/jobs/functions.ts:${line}:9)`;
    const groups = await failuresOf(
      failing(['no rates', 'no rates yet', 'no rates', 'Error'], [at(7), at(8), at(12), null]),
    );
    const matched = (text: string): number[] =>
      groupsFailedWith(groups, text)
        .flatMap(({ ordinals }) => [...ordinals])
        .sort();
    expect(matched('Error: no rates')).toEqual([0, 2]);
    expect(matched('Error: no rates (functions.ts:12)')).toEqual([2]);
    expect(matched('Error: no rates (other.ts:12)')).toEqual([]);
    expect(matched('Error')).toEqual([0, 1, 2, 3]);
    expect(matched('jobs/functions.ts:8')).toEqual([1]);
    expect(matched('functions.ts:1')).toEqual([]);
    expect(matched('unctions.ts:8')).toEqual([]);
    expect(matched('rates')).toEqual([0, 1, 2]);
    expect(matched('Rates')).toEqual([]);
    expect(noGroupProblem('Rates', groups)).toMatch(
      /^"failedWith" is "Rates", which no failure of the run matches; .* The failures are: 1 × Error: no rates \(\/project\/jobs\/functions\.ts:7\), /,
    );
  });

  test('does not replace an empty key in a message', async () => {
    const record = failing(['no rows', 'no rows']);
    const unit = record.units.get(1)!.end as { result: UnitResult };
    (unit.result.outcomes as PartitionOutcome[])[1]!.id = '';
    expect((await failuresOf(record)).map(({ pattern, count }) => [pattern, count])).toEqual([
      ['Error: no rows', 2],
    ]);
  });
});

/** A number as letters only: `errorPattern` removes numbers. */
function letters(number: number): string {
  return String(number).replace(/\d/g, (digit) => 'abcdefghij'[Number(digit)]!);
}

test('calls interrupted together with their execution are counted from the last heartbeat', () => {
  const record = apply([
    ...planned(12),
    scheduled(1, '0', task(0, 0, 0)),
    scheduled(2, '1', task(1, 1, 1)),
    scheduled(3, '2', { ...task(2, 2, 9), round: 1 }),
    closed('terminated'),
  ]);
  const { calls, errors } = cutOffCalls(
    record,
    [
      // Its second attempt has started; an earlier execution had called it three times.
      pendingUnit('0', { attempt: 2 }),
      // It threw once, and waits.
      pendingUnit('1', {
        attempt: 2,
        started: false,
        errors: { 1: [{ attempt: 1, type: 'E', message: 'no' }] },
      }),
      pendingUnit('2', { ordinal: 5, call: 4, interrupted: { 5: 2, 7: 1 } }),
      pendingUnit('of another run', { attempt: 9 }),
    ],
    new Map([[0, 3]]),
  );
  expect([...calls]).toEqual([
    [0, 5],
    [1, 1],
    [5, 4],
    [7, 2],
  ]);
  expect([...errors]).toEqual([[1, [{ attempt: 1, type: 'E', message: 'no' }]]]);
});

describe('a step of the run that is being retried', () => {
  const steps: [Step, Fact[], Fact[]][] = [
    ['openRun', [], [opened()]],
    ['planRun', [opened()], planned(1)],
    [
      'commitRun',
      [...planned(1), ...unit(0, 0, 0, ['DONE'])],
      [{ type: 'committed', commit: { version: 1, target: 't', rows: 1, committedAt: AT } }],
    ],
  ];
  test.each(steps)(
    'is shown as what the run waits for until history records its end: %s',
    (activity, before, end) => {
      const step = { activity, attempt: 3, error: error('WarehouseLocked') };
      const read = (facts: Fact[], pending: WaitingStep | null = step) => {
        const record = apply(facts);
        return runState(record, 'run', AT, liveOverlay(record, { units: [], step: pending }, AT));
      };
      expect(read(before)).toMatchObject({ live: true, error: null, waiting: step });
      expect(read(before, null).waiting).toBeNull();
      expect(read([...before, ...end]).waiting).toBeNull();
      const failed: Fact = { type: 'stepFailed', step: activity, error: step.error };
      expect(read([...before, failed]).waiting).toBeNull();
      expect(state(apply(before))).toMatchObject({ live: false, waiting: null });
    },
  );
});

describe('decoding events', () => {
  const decoder: PayloadDecoder = {
    values: async (payloads) =>
      (payloads?.payloads ?? []).map(({ data }) => JSON.parse(Buffer.from(data!).toString())),
    failure: async (failure) =>
      failure?.applicationFailureInfo
        ? {
            type: failure.applicationFailureInfo.type ?? '',
            message: failure.message ?? '',
            stack: null,
            details: await decoder.values(failure.applicationFailureInfo.details),
            cause: null,
          }
        : {
            type: failure?.timeoutFailureInfo ? 'HeartbeatTimeout' : 'Activity',
            message: '',
            stack: null,
            details: [],
            cause: failure?.cause ? await decoder.failure(failure.cause) : null,
          },
  };
  const payloads = (value: unknown) => ({ payloads: [{ data: Buffer.from(JSON.stringify(value)) }] });
  const decode = async (...events: HistoryEvent[]): Promise<(Fact | null)[]> => {
    const history = new HistoryDecoder(decoder);
    const facts: (Fact | null)[] = [];
    for (const [i, event] of events.entries())
      facts.push(await history.decode({ eventId: (i + 1) as never, ...event }));
    return facts;
  };
  const schedule = (name: string, value: unknown): HistoryEvent => ({
    activityTaskScheduledEventAttributes: { activityType: { name }, activityId: '0', input: payloads(value) },
  });
  const scheduledEventId = 1 as never;

  test('takes the result of a failed unit from the details of its failure', async () => {
    const failed = result(0, 0, ['FAILED']);
    const facts = await decode(
      schedule('processUnit', task(0, 0, 0)),
      { activityTaskStartedEventAttributes: { scheduledEventId, attempt: 3 } },
      {
        activityTaskFailedEventAttributes: {
          scheduledEventId,
          failure: {
            message: 'bad row',
            applicationFailureInfo: { type: 'RowError', details: payloads(failed) },
          },
        },
      },
    );
    expect(facts[2]).toMatchObject({ type: 'unitEnded', unit: 1, attempts: 3, result: failed });
  });

  test('reads from its timers how long a run waits', async () => {
    const seconds = (of: number) => ({ seconds: of as never, nanos: 0 });
    const facts = await decode(
      { eventTime: seconds(100), timerStartedEventAttributes: { startToFireTimeout: seconds(5) } },
      { timerFiredEventAttributes: { startedEventId: 1 as never } },
      { timerCanceledEventAttributes: { startedEventId: 1 as never } },
    );
    const ended = { type: 'waitEnded', wait: 1 };
    expect(facts).toEqual([
      { type: 'waitStarted', wait: 1, shard: null, until: '1970-01-01T00:01:45.000Z' },
      ended,
      ended,
    ]);
  });

  test('calls a unit without a result lost, and reports a worker that stopped sending heartbeats', async () => {
    const [, fact] = await decode(schedule('processUnit', task(0, 0, 0)), {
      activityTaskTimedOutEventAttributes: { scheduledEventId, failure: { timeoutFailureInfo: {} } },
    });
    expect(fact).toMatchObject({ type: 'unitLost', cancelled: false, error: { type: 'WorkerLost' } });
  });

  test('calls a unit interrupted if it failed and would have been retried without the cancel', async () => {
    const [, fact] = await decode(schedule('processUnit', task(0, 0, 0)), {
      activityTaskFailedEventAttributes: {
        scheduledEventId,
        retryState: 7,
        failure: { message: 'not yet', applicationFailureInfo: { type: 'Flaky' } },
      },
    });
    expect(fact).toMatchObject({ type: 'unitLost', cancelled: true, error: { type: 'Flaky' } });
  });

  test('takes changes made during the run from signals, memos and update results', async () => {
    const answer = (value: unknown): HistoryEvent => ({
      workflowExecutionUpdateCompletedEventAttributes: { outcome: { success: payloads(value) } },
    });
    const [memo] = payloads(true).payloads;
    const facts = await decode(
      {
        eventTime: { seconds: (Date.parse(AT) / 1_000) as never },
        workflowExecutionSignaledEventAttributes: { signalName: 'pause', identity: 'ann@laptop' },
      },
      { workflowPropertiesModifiedEventAttributes: { upsertedMemo: { fields: { partwisePaused: memo! } } } },
      { workflowExecutionSignaledEventAttributes: { signalName: 'unpause' } },
      { workflowExecutionSignaledEventAttributes: { signalName: 'of somebody else' } },
      answer({ version: 1, maxConcurrency: 3 }),
      answer({ version: 1, toleratedFailures: '5%' }),
      answer({ version: 1, skipped: '3,7-9', cutOff: 1, tooLate: [] }),
      { workflowExecutionUpdateCompletedEventAttributes: { outcome: { failure: { message: 'no' } } } },
    );
    expect(facts).toEqual([
      pauseAsked(true, 'ann@laptop'),
      { type: 'pauseTaken', paused: true },
      { type: 'pauseAsked', paused: false, by: null, at: new Date(0).toISOString() },
      null,
      { type: 'concurrencySet', maxConcurrency: 3 },
      { type: 'toleranceSet', toleratedFailures: '5%' },
      { type: 'skipped', ordinals: '3,7-9', cutOff: 1 },
      null,
    ]);
  });

  test('names the execution that a refused one hides', async () => {
    const [fact] = await decode({
      workflowExecutionFailedEventAttributes: {
        failure: {
          message: 'Activity task failed',
          cause: {
            message: 'exists',
            applicationFailureInfo: { type: 'RunExists', details: payloads({ workflowRunId: 'abc' }) },
          },
        },
      },
    });
    expect(fact).toMatchObject({
      type: 'closed',
      kind: 'failed',
      error: { type: 'RunExists' },
      summary: null,
      realExecution: 'abc',
    });
  });

  test('refuses a record of a later release with an explanation', async () => {
    await expect(decode(schedule('processUnit', { version: 2 }))).rejects.toThrow(
      /contains a unit .* cannot read/,
    );
  });
});

// Building histories.

function planned(partitions: number): Fact[] {
  const plan = {
    execution: 1,
    partitions,
    rows: 10 * partitions,
    snapshotTime: AT,
    function: { name: 'f' },
    units: [],
    carried: null,
    retry: {
      maximumAttempts: 3,
      initialIntervalMs: 1_000,
      backoffCoefficient: 2,
      maximumIntervalMs: 100_000,
      byErrorType: {},
      nonRetryableErrorTypes: [],
    },
  } as unknown as RunPlan;
  return [{ type: 'started', at: AT, input: { function: 'f' } }, opened(), { type: 'planned', plan }];
}

function opened(): Fact {
  return {
    type: 'opened',
    opened: { function: { name: 'f' }, earlier: [], continues: null } as unknown as OpenedRun,
  };
}

function task(unitNumber: number, from: number, to: number, only: string | null = null, round = 0): UnitTask {
  return {
    version: 1,
    runId: 'run',
    generation: 1,
    execution: 1,
    stage: 'file:///stage',
    stageToken: 'token',
    plan: { path: 'plan', bytes: 0, sha256: '' },
    unit: unitNumber,
    from,
    to,
    partitions: only === null ? to - from + 1 : decodeOrdinals(only).length,
    only,
    except: null,
    round,
    big: false,
  };
}

function scheduled(event: number, activityId: string, unitTask: UnitTask): Fact {
  return { type: 'unitScheduled', unit: event, at: AT, activityId, label: null, task: unitTask };
}

function endedUnit(event: number, unitResult: UnitResult): Fact {
  return { type: 'unitEnded', unit: event, at: AT, startedAt: AT, attempts: 1, result: unitResult };
}

function lostUnit(event: number): Fact {
  return {
    type: 'unitLost',
    unit: event,
    at: AT,
    startedAt: AT,
    attempts: 1,
    cancelled: false,
    error: error('WorkerLost'),
  };
}

/** A unit with these ends; `retry` returns the partition for another round. */
function unit(number: number, from: number, to: number, ends: (FinalStatus | 'retry')[]): Fact[] {
  const event = 100 + number;
  return [
    scheduled(event, `${number}`, task(number, from, to)),
    endedUnit(event, result(number, from, ends)),
  ];
}

function retryUnit(number: number, round: number, ends: Record<number, FinalStatus>): Fact[] {
  const ordinals = Object.keys(ends).map(Number);
  const event = 1_000 * round + number;
  const counts = noCounts();
  for (const status of Object.values(ends)) counts[status]++;
  const outcomes = ordinals.map((ordinal) => outcome(ordinal, ends[ordinal]!));
  const retried = task(number, ordinals[0]!, ordinals.at(-1)!, encodeOrdinals(ordinals), round);
  return [
    scheduled(event, `r${round}.${number}`, retried),
    endedUnit(event, { ...result(number, 0, []), round, counts, outcomes }),
  ];
}

function result(number: number, from: number, ends: (FinalStatus | 'retry')[]): UnitResult {
  const counts = noCounts();
  const outcomes: PartitionOutcome[] = [];
  const retry: number[] = [];
  ends.forEach((end, i) => {
    if (end === 'retry') {
      outcomes.push(outcome(from + i, 'FAILED'));
      return retry.push(from + i);
    }
    counts[end]++;
    return outcomes.push(outcome(from + i, end));
  });
  return {
    version: 1,
    unit: number,
    round: 0,
    counts,
    outcomes,
    output: [],
    retry: retry.length === 0 ? null : encodeOrdinals(retry),
    big: null,
    retryAfterMs: null,
    alike: null,
    doneMs: 0,
    firstErrors: [],
    logs: '',
    functionDigest: '',
    otherCode: [],
    worker: '',
  };
}

/** A partition that ended in a batch that is still open. */
function ended(ordinal: number, status: FinalStatus): LiveEnd {
  return { outcome: outcome(ordinal, status), functionDigest: null };
}

function outcome(ordinal: number, status: FinalStatus): PartitionOutcome {
  return {
    ordinal,
    id: `p${ordinal}`,
    status,
    attempts: 1,
    rows: 10,
    startedAt: AT,
    durationMs: 5,
    preview: null,
    outputRows: 0,
    artifacts: [],
    error: status === 'FAILED' ? error('Error') : null,
    reused: false,
  };
}

function error(type: string) {
  return { type, message: `It was ${type}.`, stack: null };
}

function pauseAsked(paused: boolean, by: string | null = null): Fact {
  return { type: 'pauseAsked', paused, by, at: AT };
}

function closed(kind: CloseKind, errorType?: string): Fact {
  return {
    type: 'closed',
    at: AT,
    kind,
    error: errorType === undefined ? null : error(errorType),
    summary: null,
    realExecution: null,
  };
}

function stopped(): Fact {
  const summary = { stopped: { reason: 'failFast', message: 'It was stopped.' } } as unknown as RunSummary;
  return { ...(closed('failed', 'PartialFailure') as Extract<Fact, { type: 'closed' }>), summary };
}

const noFile = (): Promise<Uint8Array> => Promise.reject(new Error('no file'));

function pendingUnit(activityId: string, changes: Partial<PendingUnit>): PendingUnit {
  return {
    activityId,
    started: true,
    attempt: 1,
    nextAttemptAt: null,
    lastStartedAt: AT,
    lastError: null,
    ordinal: null,
    call: null,
    waiting: null,
    interrupted: {},
    errors: {},
    ended: [],
    worker: null,
    ...changes,
  };
}

// Reading them.

function apply(facts: readonly Fact[]): RunRecord {
  const record = newRecord('execution');
  for (const fact of facts) applyFact(record, fact);
  return record;
}

async function fold(facts: readonly Fact[], readFile: () => Promise<Uint8Array> = noFile) {
  const record = apply(facts);
  const outcomes = new Outcomes();
  await outcomes.update(record, readFile);
  const statuses = Array.from(
    { length: record.plan?.partitions ?? 0 },
    (_, i) => outcomes.statusOf(i) ?? 'PENDING',
  );
  return { record, outcomes, statuses };
}

function state(record: RunRecord) {
  return runState(record, 'run', AT, null);
}

// Random runs: batches, retry rounds, lost units.

function inventRun(random: () => number): {
  planned: Fact[];
  units: Fact[][];
  truth: (FinalStatus | 'PENDING')[];
} {
  const partitions = 1 + Math.floor(random() * 40);
  const truth: (FinalStatus | 'PENDING')[] = Array.from({ length: partitions }, () => 'PENDING');
  const units: Fact[][] = [];
  const ends: FinalStatus[] = ['DONE', 'DONE', 'FAILED', 'INTERNAL_ERROR', 'CANCELLED', 'SKIPPED'];
  const anyEnd = (): FinalStatus => ends[Math.floor(random() * ends.length)]!;
  for (let from = 0, number = 0; from < partitions; number++) {
    const to = Math.min(partitions - 1, from + Math.floor(random() * 6));
    const ordinals = Array.from({ length: to - from + 1 }, (_, i) => from + i);
    const left: number[] = [];
    let facts: Fact[];
    if (random() < 0.15) {
      facts = [scheduled(100 + number, `${number}`, task(number, from, to)), lostUnit(100 + number)];
      for (const ordinal of ordinals) truth[ordinal] = 'INTERNAL_ERROR';
    } else {
      const given = ordinals.map(() => (random() < 0.3 ? 'retry' : anyEnd()));
      facts = unit(number, from, to, given);
      given.forEach((end, i) => (end === 'retry' ? left.push(from + i) : (truth[from + i] = end)));
    }
    if (left.length > 0 && random() < 0.8) {
      const retried = Object.fromEntries(left.map((ordinal) => [ordinal, anyEnd()]));
      facts.push(...retryUnit(number, 1, retried));
      for (const ordinal of left) truth[ordinal] = retried[ordinal]!;
    }
    units.push(facts);
    from = to + 1;
  }
  return { planned: planned(partitions), units, truth };
}

/** A random interleaving that keeps each unit's own facts in order. */
function interleave(sequences: readonly Fact[][], random: () => number): Fact[] {
  const left = sequences.map((facts) => [...facts]);
  const mixed: Fact[] = [];
  while (left.length > 0) {
    const i = Math.floor(random() * left.length);
    mixed.push(left[i]!.shift()!);
    if (left[i]!.length === 0) left.splice(i, 1);
  }
  return mixed;
}

function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}
