/**
 * Live information that only a running server has, added to the record: which units are being processed, the
 * current attempt, and the last failure. Never part of a run's final state (I2).
 */
import type { EarlierError } from '../core/earlier-errors';
import type { EndedOutcome, ErrorInfo } from '../core/outcome';
import type { RecordedOutcome } from '../core/recorded-outcome';
import type { UnitTask } from '../core/tasks';
import { spansOne } from '../core/units/cut-units';
import { attemptsBefore, ordinalsInUnit, type RunRecord, type UnitRecord } from './fold';
import { nextAttempt } from './retries';
import type { NextAttempt, WaitingRetry, WaitingStep } from './state';

/** Error types of attempts that were handed over because the stage was unavailable. */
const STAGE_ERRORS = new Set(['StageUnavailable', 'StageUnreachable']);
/** Error types of all attempts that were handed over: nothing of the unit failed. */
const HANDED_OVER = new Set([...STAGE_ERRORS, 'WorkerShutdown', 'Paused', 'FunctionMissing']);

/** The end of a partition that is not yet recorded in history. */
export type LiveEnd = Pick<RecordedOutcome<EndedOutcome>, 'outcome' | 'functionDigest'>;

/** With the open unit that it ended in. */
export type LiveEndInUnit = LiveEnd & { unit: UnitRecord };

/** A unit's activity, as described by the server. */
export interface PendingUnit {
  activityId: string;
  /** Whether a worker has it now; otherwise it is waiting for one, or for its next attempt. */
  started: boolean;
  attempt: number;
  /** When its next attempt is due; null if it has one now. */
  nextAttemptAt: string | null;
  lastStartedAt: string | null;
  lastError: ErrorInfo | null;
  /** Ordinal of the partition being processed, according to the last heartbeat. */
  ordinal: number | null;
  /** Number of its call; null if unknown. */
  call: number | null;
  /** Why it is waiting for its stage; null if it is not. */
  waiting: string | null;
  /** For a batch: calls before this attempt that were cut off when a worker was lost, by ordinal. */
  interrupted: Record<number, number>;
  /** Errors of earlier calls in this activity, by ordinal, according to the last heartbeat. */
  errors: Record<number, EarlierError[]>;
  /** For a batch: partitions that have ended in it but are not yet recorded in history. */
  ended: LiveEnd[];
  /** Identity of the worker that has it, or had it last; null if there was none or it is unknown. */
  worker: string | null;
}

/** What the server reports about the open activities of a run. */
export interface Pending {
  units: readonly PendingUnit[];
  /** The step that failed and is being retried. A run has one step at a time. */
  step: WaitingStep | null;
}

export interface LivePartition {
  attempt: number;
  startedAt: string | null;
  /** The error of the previous attempt. */
  error: ErrorInfo | null;
  /** Errors of earlier calls in the same activity. */
  earlierErrors: EarlierError[];
  activityId: string;
  /** Identity of the worker that has it or had it last; null if unknown. */
  worker: string | null;
  /** Null if it has not failed, or is running. */
  next: NextAttempt | null;
}

export interface LiveOverlay {
  /** When the server was queried, ISO 8601 UTC. */
  asOf: string;
  /** Partitions being processed, by ordinal. */
  running: Map<number, LivePartition>;
  /** Partitions waiting for another attempt, by ordinal. */
  waiting: Map<number, LivePartition>;
  /** Open units that failed and wait for their next attempt. */
  retries: WaitingRetry[];
  /** Partitions that have ended in units that are still open, by ordinal. */
  ended: Map<number, LiveEndInUnit>;
  /** Open units, by activity id. */
  units: Map<string, PendingUnit>;
  /** Labels of the units being processed. */
  labels: string[];
  /** What is holding the run up: a step being retried, or its stage. */
  step: WaitingStep | null;
}

export function liveOverlay(record: RunRecord, pending: Pending, asOf: string): LiveOverlay {
  const overlay: LiveOverlay = {
    asOf,
    running: new Map(),
    waiting: new Map(),
    retries: [],
    ended: new Map(),
    units: new Map(),
    labels: [],
    step: stepOf(record, pending.step) ?? stageWait(record, pending.units),
  };
  const described = new Map(pending.units.map((activity) => [activity.activityId, activity]));
  for (const unit of record.open.values())
    addUnit(overlay, record, unit, described.get(unit.activityId) ?? justStarted(unit));
  return overlay;
}

/**
 * The history may have been read after the server was queried: a step that ended in between is no longer
 * waiting.
 */
function stepOf(record: RunRecord, step: Pending['step']): Pending['step'] {
  return step !== null && !hasEnded(record, step.activity) ? step : null;
}

/** The reason given by the first unit that cannot reach its stage. */
function stageWait(record: RunRecord, units: readonly PendingUnit[]): WaitingStep | null {
  for (const { activityId, started, attempt, waiting, lastError } of units) {
    if (!record.open.has(activityId)) continue;
    const handedOver = !started && lastError !== null && STAGE_ERRORS.has(lastError.type);
    const message = handedOver ? lastError.message : waiting;
    if (message !== null)
      return { activity: 'processUnit', attempt, error: { type: 'StageUnavailable', message, stack: null } };
  }
  return null;
}

function hasEnded({ opened, plan, commit, failedStep }: RunRecord, step: WaitingStep['activity']): boolean {
  if (failedStep?.step === step) return true;
  switch (step) {
    case 'openRun':
      return opened !== null;
    case 'planRun':
      return plan !== null;
    case 'commitRun':
      return commit !== null;
    case 'processUnit':
      return false;
  }
}

/**
 * The server and its history were read one after the other. A unit that is open in the record but not
 * described by the server has ended or started in between: it counts as running, so that a progress bar never
 * goes backwards.
 */
function justStarted({ activityId, scheduledAt }: UnitRecord): PendingUnit {
  return {
    activityId,
    started: true,
    attempt: 1,
    nextAttemptAt: null,
    lastStartedAt: scheduledAt,
    lastError: null,
    ordinal: null,
    call: null,
    waiting: null,
    interrupted: {},
    errors: {},
    ended: [],
    worker: null,
  };
}

function addUnit(overlay: LiveOverlay, record: RunRecord, unit: UnitRecord, activity: PendingUnit): void {
  overlay.units.set(unit.activityId, activity);
  const { lastError, lastStartedAt, nextAttemptAt } = activity;
  const call = activity.started ? activity.call : null;
  const attempt = call ?? activity.attempt + attemptsBefore(unit.task);
  const hasFailed = activity.attempt > 1 && lastError !== null && !HANDED_OVER.has(lastError.type);
  const next =
    activity.started || !hasFailed
      ? null
      : nextAttempt(record, { attempt, at: nextAttemptAt, error: lastError });
  const { activityId, worker, errors } = activity;
  const live = (ordinal: number): LivePartition => {
    const earlierErrors = errors[ordinal] ?? [];
    return { attempt, startedAt: lastStartedAt, error: lastError, earlierErrors, activityId, worker, next };
  };
  for (const end of activity.ended) overlay.ended.set(end.outcome.ordinal, { ...end, unit });
  if (activity.started) {
    // If a batch has not reported its partition, or has ended the reported one: the first one left.
    const isLeft = (each: number): boolean => !overlay.ended.has(each);
    const said = activity.ordinal;
    const ordinal = said !== null && isLeft(said) ? said : knownOrdinals(unit.task).find(isLeft);
    if (ordinal !== undefined) overlay.running.set(ordinal, live(ordinal));
    overlay.labels.push(unit.label ?? unit.activityId);
    return;
  }
  if (activity.attempt > 1 && spansOne(unit.task)) overlay.waiting.set(unit.task.from, live(unit.task.from));
  const label = unit.label ?? unit.activityId;
  const partitions = unit.task.partitions - activity.ended.length;
  // If nothing is left, the next attempt only reports what is recorded.
  if (next === null || partitions === 0) return;
  overlay.retries.push({ label, partitions, error: lastError, ...next });
}

/**
 * Partitions of the unit. History does not say which ones a unit of a continued run has between its first and
 * its last, of which it has fewer than its range: some had ended before.
 */
function knownOrdinals(task: UnitTask): number[] {
  const ordinals = ordinalsInUnit(task);
  return ordinals.length === task.partitions ? ordinals : [task.from, task.to];
}
