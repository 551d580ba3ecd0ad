/** Live information about units in progress from the server and the stage, for the live overlay. */
import type { temporal } from '@temporalio/proto';
import { checkpointRecords } from '../stored/checkpoints';
import type { RunRecord, UnitRecord } from '../history/fold';
import { errorInfo } from '../history/error-info';
import { failureOf, valueOf } from '../history/untrusted-payloads';
import type { LiveEnd, PendingUnit } from '../history/overlay';
import { decodeBlock, outcomeAt } from '../core/done-block';
import { earlierErrors, type EarlierError } from '../core/earlier-errors';
import { count, mapOf } from '../core/shape';
import { isOwnActivity } from '../core/units/cut-units';
import { unitFolder } from '../stored/layout';
import type { Stage } from '../stage';
import { isoTime, type PayloadDecoder } from '../history/events';

export type PendingActivity = temporal.api.workflow.v1.IPendingActivityInfo;

/** `PendingActivityState`: started, cancel requested, pause requested. */
const STARTED_STATES: readonly unknown[] = [2, 3, 5];

/** The heartbeat details of `processUnit`, as far as readers use them. */
interface Beat {
  ordinal: number | null;
  call: number | null;
  segment: number;
  shutdowns: number;
  waiting: string | null;
  interrupted: Record<number, number>;
  errors: Record<number, EarlierError[]>;
}

interface Checkpoints {
  /** The attempt and the last segment that a heartbeat reported. */
  upTo: string;
  /** Paths of the segments that have been read. */
  read: Set<string>;
  ended: Map<number, LiveEnd>;
}

export class LiveUnits {
  readonly #checkpoints = new Map<string, Checkpoints>();

  constructor(private readonly decoder: PayloadDecoder) {}

  /** `stage` is null if it is not known yet, or cannot be reached from here. */
  async describe(
    pending: readonly PendingActivity[],
    record: RunRecord,
    stage: Stage | null,
  ): Promise<PendingUnit[]> {
    const units: PendingUnit[] = [];
    for (const activity of pending) {
      const unit = record.open.get(activity.activityId ?? '');
      if (unit === undefined) continue;
      const beat = beatOf(await valueOf(this.decoder, activity.heartbeatDetails));
      const failure = await failureOf(this.decoder, activity.lastFailure);
      units.push({
        activityId: unit.activityId,
        started: STARTED_STATES.includes(activity.state),
        // Shutdowns and pauses cost no attempt.
        attempt: (activity.attempt ?? 1) - (beat?.shutdowns ?? 0),
        lastStartedAt: activity.lastStartedTime ? isoTime(activity.lastStartedTime) : null,
        nextAttemptAt: nextAttemptAt(activity),
        lastError: failure === null ? null : errorInfo(failure),
        ordinal: beat?.ordinal ?? null,
        call: beat?.call ?? null,
        waiting: beat?.waiting ?? null,
        interrupted: beat?.interrupted ?? {},
        errors: beat?.errors ?? {},
        ended:
          stage === null || isOwnActivity(unit.task)
            ? []
            : await this.#ended(stage, unit, `${activity.attempt}.${beat?.segment}`),
        worker: activity.lastWorkerIdentity || null,
      });
    }
    return units;
  }

  /** Partitions in a batch's checkpoints. The stage is read only if a heartbeat reported new checkpoints. */
  async #ended(stage: Stage, { task, activityId }: UnitRecord, upTo: string): Promise<LiveEnd[]> {
    // Activity ids start again with each execution.
    const folder = unitFolder(task, activityId);
    const known = this.#checkpoints.get(folder) ?? { upTo: '', read: new Set(), ended: new Map() };
    this.#checkpoints.set(folder, known);
    if (known.upTo !== upTo) {
      known.upTo = upTo;
      // Live information is optional: what cannot be read now is read after the next checkpoint.
      await readNew(stage, folder, known).catch(() => {});
    }
    return [...known.ended.values()];
  }
}

async function readNew(stage: Stage, folder: string, { read, ended }: Checkpoints): Promise<void> {
  for (const { path } of await stage.list(folder)) {
    if (read.has(path) || !/\/segments\/seg-\d+\.jsonl$/.test(path)) continue;
    for (const end of endedIn(await stage.get(path))) {
      const { ordinal } = end.outcome;
      if (!ended.has(ordinal)) ended.set(ordinal, end);
    }
    read.add(path);
  }
}

function nextAttemptAt({ state, nextAttemptScheduleTime, scheduledTime }: PendingActivity): string | null {
  if (STARTED_STATES.includes(state)) return null;
  const due = nextAttemptScheduleTime ?? scheduledTime;
  return due ? isoTime(due) : null;
}

function endedIn(checkpoint: Uint8Array): LiveEnd[] {
  return (checkpointRecords(checkpoint) ?? []).flatMap((record): LiveEnd[] => {
    if ('outcome' in record) return record.retryable || record.big ? [] : [record];
    if (!('done' in record)) return [];
    const { functionDigest } = record;
    const block = decodeBlock(record.done);
    return Array.from(block.ordinals, (_, at) => ({ outcome: outcomeAt(block, at), functionDigest }));
  });
}

function beatOf(value: unknown): Beat | null {
  if (typeof value !== 'object' || value === null) return null;
  const { ordinal, call, segment, shutdowns, waiting, interrupted, errors } = value as Record<
    string,
    unknown
  >;
  return {
    ordinal: typeof ordinal === 'number' ? ordinal : null,
    call: typeof call === 'number' ? call : null,
    segment: typeof segment === 'number' ? segment : 0,
    shutdowns: typeof shutdowns === 'number' ? shutdowns : 0,
    waiting: typeof waiting === 'string' ? waiting : null,
    interrupted: mapOf(count)(interrupted) ? (interrupted as Record<number, number>) : {},
    errors: mapOf(earlierErrors)(errors) ? (errors as Record<number, EarlierError[]>) : {},
  };
}
