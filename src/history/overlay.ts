/**
 * What only a running server knows, laid over the record: which units are being processed right now, which attempt it
 * is, what the last one failed with. Never part of a run's final state (I2).
 */
import type { ErrorInfo } from '../run/outcome';
import { noCounts, PARTITION_STATUSES, type StatusCounts } from '../run/status';
import { ordinalsOf, type RunRecord, type UnitRecord } from './fold';

/** A unit's activity as the server describes it. */
export interface PendingUnit {
  activityId: string;
  /** Whether a worker has it now (else it waits for one, or for its next attempt). */
  started: boolean;
  attempt: number;
  lastStartedAt: string | null;
  lastError: ErrorInfo | null;
  /** The last heartbeat's details, as far as they are understood. */
  heartbeat: UnitHeartbeat | null;
}

/** What units of several partitions say about themselves while they run. All of it may be missing. */
export interface UnitHeartbeat {
  /** The partition that is being processed. */
  ordinal?: number;
  /** How many partitions of the unit have ended, by status, though not recorded yet. */
  done?: Partial<StatusCounts>;
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
  /** Partitions that ended inside units that are still open. */
  done: StatusCounts;
  /** Labels of the units that are being processed. */
  labels: string[];
}

export function liveOverlay(record: RunRecord, pending: readonly PendingUnit[], asOf: string): LiveOverlay {
  const overlay: LiveOverlay = { asOf, running: new Map(), waiting: new Map(), done: noCounts(), labels: [] };
  for (const activity of pending) {
    // The two were read one after the other: a unit that the record has closed meanwhile is no longer live.
    const unit = record.open.get(activity.activityId);
    if (unit !== undefined) addUnit(overlay, record, unit, activity);
  }
  return overlay;
}

function addUnit(overlay: LiveOverlay, record: RunRecord, unit: UnitRecord, activity: PendingUnit): void {
  const { heartbeat, lastError, lastStartedAt, attempt } = activity;
  const live = { attempt: attempt + unit.task.round, startedAt: lastStartedAt, error: lastError };
  const size = unit.task.only === null ? unit.task.to - unit.task.from + 1 : ordinalsOf(unit.task).length;
  if (size > 1 && heartbeat?.done !== undefined) {
    for (const status of PARTITION_STATUSES) overlay.done[status] += heartbeat.done[status] ?? 0;
  }
  if (activity.started) {
    // Of a batch that has not said which one: its first.
    overlay.running.set(heartbeat?.ordinal ?? ordinalsOf(unit.task)[0]!, live);
    overlay.labels.push(unitLabel(record, unit));
  } else if (attempt > 1 && size === 1) {
    overlay.waiting.set(unit.task.from, live);
  }
}

/** The name of a unit for people: of one partition its id, of a batch the first and last. */
function unitLabel(record: RunRecord, { task, activityId }: UnitRecord): string {
  if (task.only !== null) return `retry ${task.round} of ${task.only}`.slice(0, 200);
  return record.plan?.units[task.unit]?.label ?? activityId;
}
