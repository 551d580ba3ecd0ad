/**
 * Facts → the record of one execution. Pure and incremental: a reader that follows a run applies each new
 * fact to its record.
 *
 * Invariants of a record after every fact:
 *
 * 1. `ended` counts each partition at most once, under the status that it ended with.
 * 2. A partition that its unit gave back for a retry (`retry`, `big`) is not in `ended` until a later unit
 *   ends with it.
 * 3. Partitions of a unit that was ended by the server are in `ended`; no later unit of the execution runs
 *   them.
 * 4. Partitions of a unit that ended without a result and is retried are where they were before the unit.
 * 5. A partition that was skipped by hand is in `ended` as SKIPPED, even if its unit recorded it as cut off.
 * 6. Facts of a shard's history and of the run's history may arrive in any order relative to each other;
 *   facts of one history arrive in order.
 * 7. A partition in neither is PENDING, or RUNNING according to the live overlay.
 */
import { decodeOrdinals } from '../core/units/ordinals';
import type { ErrorInfo, UnitResult } from '../core/outcome';
import type { OpenedRun } from '../core/opened-run';
import type { RunPlan } from '../core/plan';
import type { CommitResult, UnitTask } from '../core/tasks';
import { givenBack, type GivenBack, takeBack } from '../core/units/retry-units';
import { endsWithoutResult, withoutResult } from '../core/answers/not-a-result';
import { noCounts, PARTITION_STATUSES, type StatusCounts } from '../core/status';
import type { Tolerance } from '../core/failures/tolerance';
import type { Fact, ShardRef, Step } from './facts';

/** One activity of the run, or of a shard. */
export interface UnitRecord {
  activityId: string;
  label: string | null;
  task: UnitTask;
  scheduledAt: string;
  startedAt: string | null;
  endedAt: string | null;
  attempts: number;
  /** Null while the unit is open. */
  end:
    | { type: 'result'; result: UnitResult }
    | { type: 'lost'; status: LostStatus; error: ErrorInfo }
    /** The outcomes of its partitions are unknown: another activity of the unit retries them. */
    | { type: 'withoutResult' }
    | null;
  /** Waiting partitions that this unit took for a retry. */
  taken: ReadonlyMap<number, GivenBack>;
}

/** Statuses of partitions whose unit could not report on them. */
export type LostStatus = 'CANCELLED' | 'INTERNAL_ERROR';

/** A child workflow that processes units of the run. */
export interface ShardRecord extends ShardRef {
  /** ISO 8601 UTC; null if it is not known to have ended. */
  closedAt: string | null;
}

/** Error type for results that the project's worker did not write. */
const NOT_TRUSTED = 'NotTrusted';

/** The contents of the history of one execution and its shards. */
export interface RunRecord {
  workflowRunId: string;
  startedAt: string | null;
  /** The workflow's argument, unchecked. */
  input: unknown;
  opened: OpenedRun | null;
  plan: RunPlan | null;
  shards: Map<number, ShardRecord>;
  /** By the number of the event that scheduled them; units of one history are in that order. */
  units: Map<number, UnitRecord>;
  /** Units that have not ended, by activity id. */
  open: Map<string, UnitRecord>;
  /** Number of ended partitions, by status. */
  ended: StatusCounts;
  commit: CommitResult | null;
  failedStep: { step: Step; error: ErrorInfo } | null;
  /**
   * Whether the history has results that were not written by the project's worker, and so do not count.
   */
  hasForged: boolean;
  cancelRequestedAt: string | null;
  /** Ordinals that threw in a batch and are waiting for a retry. */
  waiting: Map<number, GivenBack>;
  /**
   * The waits before their retries, by the number of the event that started the wait. `until`: ISO 8601 UTC;
   * `shard` null: the run's own.
   */
  waits: Map<number, { shard: number | null; until: string }>;
  /** Ordinals that were skipped by hand; `ended` counts them as SKIPPED. */
  skipped: Set<number>;
  /**
   * Whether a pause was requested, and whether the workflow has applied it. `by`, `at`: who changed that
   * last, and when (ISO 8601 UTC).
   */
  pause: { asked: boolean; taken: boolean; by: string | null; at: string | null };
  /** As last set while the run was running; null: as planned. */
  maxConcurrency: number | null;
  tolerance: Tolerance | null;
  closed: Omit<Extract<Fact, { type: 'closed' }>, 'type'> | null;
}

export function newRecord(workflowRunId: string): RunRecord {
  return {
    workflowRunId,
    startedAt: null,
    input: null,
    opened: null,
    plan: null,
    shards: new Map(),
    units: new Map(),
    open: new Map(),
    ended: noCounts(),
    commit: null,
    failedStep: null,
    hasForged: false,
    cancelRequestedAt: null,
    waiting: new Map(),
    waits: new Map(),
    skipped: new Set(),
    pause: { asked: false, taken: false, by: null, at: null },
    maxConcurrency: null,
    tolerance: null,
    closed: null,
  };
}

/** Applies one fact to `record`. The cost is at most linear in the fact's number of partitions. */
export function applyFact(record: RunRecord, fact: Fact): void {
  switch (fact.type) {
    case 'started':
      record.startedAt = fact.at;
      record.input = fact.input;
      return;
    case 'opened':
      record.opened = fact.opened;
      return;
    case 'planned':
      record.plan = fact.plan;
      return;
    case 'unitScheduled':
      return scheduleUnit(record, fact);
    case 'unitEnded': {
      const unit = endUnit(record, fact, { type: 'result', result: fact.result });
      for (const status of PARTITION_STATUSES) record.ended[status] += fact.result.counts[status];
      if (unit === null) return;
      takeBack(record.waiting, fact.result, unit.task);
      for (const ordinal of givenBack(fact.result))
        if (record.skipped.has(ordinal)) record.waiting.delete(ordinal);
      return;
    }
    case 'unitLost': {
      const status = fact.cancelled ? 'CANCELLED' : 'INTERNAL_ERROR';
      record.hasForged ||= fact.error.type === NOT_TRUSTED;
      const unit = endUnit(record, fact, { type: 'lost', status, error: fact.error });
      // enforces I8: a continuation's unit can span partitions that it does not run, so its task has their
      // number.
      record.ended[status] += unit?.task.partitions ?? 0;
      return;
    }
    case 'unitWithoutResult':
      return endWithoutResult(record, fact);
    case 'shardStarted': {
      const { shard, workflowId, workflowRunId } = fact;
      record.shards.set(shard, {
        number: shard,
        execution: { workflowId, runId: workflowRunId },
        closedAt: null,
      });
      return;
    }
    case 'shardEnded': {
      const shard = record.shards.get(fact.shard);
      if (shard !== undefined) shard.closedAt = fact.at;
      return;
    }
    case 'waitStarted':
      // Other waits, such as that for the run's timeout, begin before anything has failed.
      if (record.waiting.size > 0) record.waits.set(fact.wait, { shard: fact.shard, until: fact.until });
      return;
    case 'waitEnded':
      record.waits.delete(fact.wait);
      return;
    case 'committed':
      record.commit = fact.commit;
      return;
    case 'stepFailed':
      record.failedStep = { step: fact.step, error: fact.error };
      record.hasForged ||= fact.error.type === NOT_TRUSTED;
      return;
    case 'pauseAsked':
      // A second pause of a paused run changes nothing.
      if (record.pause.asked === fact.paused) return;
      record.pause = { ...record.pause, asked: fact.paused, by: fact.by, at: fact.at };
      return;
    case 'pauseTaken':
      record.pause.taken = fact.paused;
      return;
    case 'concurrencySet':
      record.maxConcurrency = fact.maxConcurrency;
      return;
    case 'toleranceSet':
      record.tolerance = fact.toleratedFailures;
      return;
    case 'skipped':
      return skip(record, fact);
    case 'cancelRequested':
      record.cancelRequestedAt = fact.at;
      return;
    case 'closed': {
      const { type: _, ...closed } = fact;
      record.closed = closed;
      return;
    }
  }
}

/**
 * The partitions in a unit's range, ascending. For a unit of a continuation, this includes partitions in
 * between that were taken over: the selection is in the plan on the stage.
 */
export function ordinalsInUnit({ only, except, from, to }: UnitTask): number[] {
  if (only !== null) return decodeOrdinals(only);
  const all = Array.from({ length: to - from + 1 }, (_, i) => from + i);
  if (except === null) return all;
  const skipped = new Set(decodeOrdinals(except));
  return all.filter((ordinal) => !skipped.has(ordinal));
}

function skip(record: RunRecord, { ordinals, cutOff }: Extract<Fact, { type: 'skipped' }>): void {
  const skipped = decodeOrdinals(ordinals);
  for (const ordinal of skipped) {
    record.skipped.add(ordinal);
    record.waiting.delete(ordinal);
  }
  record.ended.SKIPPED += skipped.length;
  record.ended.CANCELLED -= cutOff;
}

/** The workflow decides in the same way whether the unit is retried (I8). */
function endWithoutResult(record: RunRecord, fact: Extract<Fact, { type: 'unitWithoutResult' }>): void {
  const unit = record.units.get(fact.unit);
  const { plan } = record;
  if (unit === undefined) return;
  const times = plan === null ? null : endsWithoutResult(unit.task, plan.retry);
  if (times !== null) {
    endUnit(record, fact, { type: 'lost', status: 'INTERNAL_ERROR', error: withoutResult(times) });
    record.ended.INTERNAL_ERROR += unit.task.partitions;
    return;
  }
  endUnit(record, fact, { type: 'withoutResult' });
  for (const [ordinal, given] of unit.taken)
    if (!record.skipped.has(ordinal)) record.waiting.set(ordinal, given);
}

/** Calls of a unit's partitions in previous units. */
export function callsBefore({ round, big }: Pick<UnitTask, 'round' | 'big'>): number {
  return round + (big ? 1 : 0);
}

/** The same, plus one call for each activity of the unit that ended without a result. */
export function attemptsBefore(task: UnitTask): number {
  return callsBefore(task) + (task.lostBefore ?? 0);
}

function scheduleUnit(record: RunRecord, fact: Extract<Fact, { type: 'unitScheduled' }>): void {
  const taken = new Map<number, GivenBack>();
  const unit: UnitRecord = {
    activityId: fact.activityId,
    label: fact.label,
    task: fact.task,
    scheduledAt: fact.at,
    startedAt: null,
    endedAt: null,
    attempts: 0,
    end: null,
    taken,
  };
  record.units.set(fact.unit, unit);
  record.open.set(fact.activityId, unit);
  for (const ordinal of decodeOrdinals(fact.task.only ?? '')) {
    const given = record.waiting.get(ordinal);
    if (given === undefined) continue;
    taken.set(ordinal, given);
    record.waiting.delete(ordinal);
  }
}

function endUnit(
  record: RunRecord,
  fact: Extract<Fact, { type: 'unitEnded' | 'unitLost' | 'unitWithoutResult' }>,
  end: NonNullable<UnitRecord['end']>,
): UnitRecord | null {
  const unit = record.units.get(fact.unit);
  if (unit === undefined) return null;
  Object.assign(unit, { endedAt: fact.at, startedAt: fact.startedAt, attempts: fact.attempts, end });
  record.open.delete(unit.activityId);
  return unit;
}
