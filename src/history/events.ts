/** Raw events of a history, and how their payloads are read. */
import type { temporal } from '@temporalio/proto';

export type Payloads = temporal.api.common.v1.IPayloads;

export type ProtoFailure = temporal.api.failure.v1.IFailure;

export type HistoryEvent = temporal.api.history.v1.IHistoryEvent;

/** A failure as Temporal recorded it, with its payloads decoded. */
export interface RecordedFailure {
  /**
   * The error's type; for failures that the server made: `Timeout`, `HeartbeatTimeout`, `Cancelled`,
   * `Terminated`, `Activity`.
   */
  type: string;
  message: string;
  stack: string | null;
  details: unknown[];
  cause: RecordedFailure | null;
}

/** An activity of which a payload was recorded. */
export interface RecordedActivity {
  workflowId: string;
  activityId: string;
  /** When the payload was recorded. ISO 8601 UTC. */
  at: string;
}

/**
 * Turns payloads into values: the run's data converter, behind two methods. With `activity` it throws
 * `ForgedPayload`.
 */
export interface PayloadDecoder {
  values(payloads: Payloads | null | undefined, activity?: RecordedActivity): Promise<unknown[]>;
  failure(
    failure: ProtoFailure | null | undefined,
    activity?: RecordedActivity,
  ): Promise<RecordedFailure | null>;
}

export function isoTime(time: { seconds?: unknown; nanos?: number | null } | null | undefined): string {
  return new Date(Number(time?.seconds ?? 0) * 1000 + (time?.nanos ?? 0) / 1e6).toISOString();
}
