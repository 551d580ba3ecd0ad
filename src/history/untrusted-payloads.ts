/**
 * Decodes payloads that anyone who can write to the namespace can record: results of activities, memos, the
 * argument of a run.
 */
import type { temporal } from '@temporalio/proto';
import type { PayloadDecoder, RecordedActivity, RecordedFailure } from './events';

/** An activity's payload was not written by the project's worker. The message is a sentence. */
export class ForgedPayload extends Error {
  override name = 'ForgedPayload';
}

/** A payload is encrypted with a key, or encoded by a codec, that is not here. The message is a sentence. */
export class UnreadablePayload extends Error {
  override name = 'UnreadablePayload';
}

/**
 * Undefined if it cannot be decoded. Throws `UnreadablePayload`, and `ForgedPayload` only if `activity` is
 * given.
 */
export async function valueOf(
  decoder: PayloadDecoder,
  payloads: temporal.api.common.v1.IPayloads | null | undefined,
  activity?: RecordedActivity,
): Promise<unknown> {
  try {
    return (await decoder.values(payloads, activity))[0];
  } catch (error) {
    if (error instanceof ForgedPayload || error instanceof UnreadablePayload) throw error;
    return undefined;
  }
}

/**
 * Returns the failure without details if they cannot be decoded. Throws `UnreadablePayload`, and
 * `ForgedPayload` only if `activity` is given.
 */
export async function failureOf(
  decoder: PayloadDecoder,
  failure: temporal.api.failure.v1.IFailure | null | undefined,
  activity?: RecordedActivity,
): Promise<RecordedFailure | null> {
  try {
    return await decoder.failure(failure, activity);
  } catch (error) {
    if (error instanceof ForgedPayload || error instanceof UnreadablePayload) throw error;
    const { applicationFailureInfo: info, message, stackTrace } = failure ?? {};
    return {
      type: info?.type || 'Error',
      message: message ?? '',
      stack: stackTrace || null,
      details: [],
      cause: null,
    };
  }
}
