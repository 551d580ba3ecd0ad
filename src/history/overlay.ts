/**
 * What only a running server knows, laid over the record: which units are being processed right now, which
 * attempt it is, what the last one failed with. Never part of a run's final state (I2).
 */
import type { EndedOutcome, ErrorInfo } from '../core/outcome';
import { spansOne } from '../core/units/cut-units';
import { attemptsBefore, ordinalsInUnit, type RunRecord, type UnitRecord } from './fold';
import type { WaitingStep } from './state';

/** Of attempts that were handed over for want of the stage. */
const STAGE_ERRORS = new Set(['StageUnavailable', 'StageUnreachable']);

/** A unit's activity as the server describes it. */
export interface PendingUnit {
  activityId: string;
  /** Whether a worker has it now (else it waits for one, or for its next attempt). */
  started: boolean;
  attempt: number;
  lastStartedAt: string | null;
  lastError: ErrorInfo | null;
  /** Ordinal of the partition that is being processed, as the last heartbeat said. */
  ordinal: number | null;
  /** Number of its call; null: not said. */
  call: number | null;
  /** Why it waits for its stage; null: it does not. */
  waiting: string | null;
  /** Of a batch: calls that lost workers cut off before this attempt, by ordinal. */
  interrupted: Record<number, number>;
  /** Of a batch: partitions that ended in it, not recorded in history yet. */
  ended: EndedOutcome[];
  /** Identity of the worker that has it, or had it last; null: none so far, or not known. */
  worker: string | null;
}

/** What the server says about the activities of a run that are open. */
export interface Pending {
  units: readonly PendingUnit[];
  /** The step that failed and is tried again. A run has one step at a time. */
  step: WaitingStep | null;
}

export interface LivePartition {
  attempt: number;
  startedAt: string | null;
  /** What the attempt before failed with. */
  error: ErrorInfo | null;
}

export interface LiveOverlay {
  /** ISO 8601 UTC: when the server was asked. */
  asOf: string;
  /** Partitions that are being processed, by ordinal. */
  running: Map<number, LivePartition>;
  /** Partitions that wait for another attempt, by ordinal. */
  waiting: Map<number, LivePartition>;
  /** Partitions that ended inside units that are still open, by ordinal. */
  ended: Map<number, EndedOutcome>;
  /** Units that are open, by activity id. */
  units: Map<string, PendingUnit>;
  /** Labels of the units that are being processed. */
  labels: string[];
  /** What holds the run up: its own step that is tried again, or its stage. */
  step: WaitingStep | null;
}

export function liveOverlay(record: RunRecord, pending: Pending, asOf: string): LiveOverlay {
  const overlay: LiveOverlay = {
    asOf,
    running: new Map(),
    waiting: new Map(),
    ended: new Map(),
    units: new Map(),
    labels: [],
    step: stepOf(record, pending.step) ?? stageWait(record, pending.units),
  };
  const described = new Map(pending.units.map((activity) => [activity.activityId, activity]));
  for (const unit of record.open.values())
    addUnit(overlay, unit, described.get(unit.activityId) ?? justStarted(unit));
  return overlay;
}

/** The history may have been read after the server: what ended between the two waits no more. */
function stepOf(record: RunRecord, step: Pending['step']): Pending['step'] {
  return step !== null && !hasEnded(record, step.activity) ? step : null;
}

/** What the first of the units says that cannot reach their stage. */
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
 * The server and its history were read one after the other. A unit that is open in the record and not
 * described has ended, or begun, between the two: it counts as running, so that a progress bar never goes
 * backwards.
 */
function justStarted({ activityId, scheduledAt }: UnitRecord): PendingUnit {
  return {
    activityId,
    started: true,
    attempt: 1,
    lastStartedAt: scheduledAt,
    lastError: null,
    ordinal: null,
    call: null,
    waiting: null,
    interrupted: {},
    ended: [],
    worker: null,
  };
}

function addUnit(overlay: LiveOverlay, unit: UnitRecord, activity: PendingUnit): void {
  overlay.units.set(unit.activityId, activity);
  const { lastError, lastStartedAt, attempt } = activity;
  const call = activity.started ? activity.call : null;
  const live = {
    attempt: call ?? attempt + attemptsBefore(unit.task),
    startedAt: lastStartedAt,
    error: lastError,
  };
  for (const outcome of activity.ended) overlay.ended.set(outcome.ordinal, outcome);
  if (activity.started) {
    // Of a batch that has not said which one, or that has ended the one it said: the first that is left.
    const isLeft = (each: number): boolean => !overlay.ended.has(each);
    const said = activity.ordinal;
    const ordinal = said !== null && isLeft(said) ? said : ordinalsInUnit(unit.task).find(isLeft);
    if (ordinal !== undefined) overlay.running.set(ordinal, live);
    overlay.labels.push(unit.label ?? unit.activityId);
  } else if (attempt > 1 && spansOne(unit.task)) {
    overlay.waiting.set(unit.task.from, live);
  }
}
