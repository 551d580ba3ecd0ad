/** Raw events of a history, and the interface for reading their payloads. */
import type { temporal } from '@temporalio/proto';

export type Payloads = temporal.api.common.v1.IPayloads;

export type ProtoFailure = temporal.api.failure.v1.IFailure;

export type HistoryEvent = temporal.api.history.v1.IHistoryEvent;

/** A failure as Temporal recorded it, with its payloads decoded. */
export interface RecordedFailure {
  /**
   * The error's type; for failures created by the server: `Timeout`, `HeartbeatTimeout`, `Cancelled`,
   * `Terminated`, `Activity`.
   */
  type: string;
  message: string;
  stack: string | null;
  details: unknown[];
  cause: RecordedFailure | null;
}

/** An activity with a recorded payload. */
export interface RecordedActivity {
  workflowId: string;
  activityId: string;
  /** When the payload was recorded. ISO 8601 UTC. */
  at: string;
}

/**
 * Decodes payloads into values with the run's data converter. With `activity`, it throws `ForgedPayload` if
 * the project's worker did not write the payload.
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
