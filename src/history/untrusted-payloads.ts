/**
 * Decodes what anybody who may write to the namespace can record: the ends of activities, memos, the argument
 * of a run.
 */
import type { temporal } from '@temporalio/proto';
import type { PayloadDecoder, RecordedActivity, RecordedFailure } from './events';

/** Somebody else than the project's worker wrote the payload of an activity. The message is a sentence. */
export class ForgedPayload extends Error {
  override name = 'ForgedPayload';
}

/** Undefined: it cannot be decoded. With `activity` it throws `ForgedPayload`. */
export async function valueOf(
  decoder: PayloadDecoder,
  payloads: temporal.api.common.v1.IPayloads | null | undefined,
  activity?: RecordedActivity,
): Promise<unknown> {
  try {
    return (await decoder.values(payloads, activity))[0];
  } catch (error) {
    if (error instanceof ForgedPayload) throw error;
    return undefined;
  }
}

/** Without details where they cannot be decoded. With `activity` it throws `ForgedPayload`. */
export async function failureOf(
  decoder: PayloadDecoder,
  failure: temporal.api.failure.v1.IFailure | null | undefined,
  activity?: RecordedActivity,
): Promise<RecordedFailure | null> {
  try {
    return await decoder.failure(failure, activity);
  } catch (error) {
    if (error instanceof ForgedPayload) throw error;
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
