import type { LoadedDataConverter } from '@temporalio/common';
import { ForgedPayload, UnreadablePayload } from '../../history/untrusted-payloads';
import { KeyUnavailable } from '../../trust/payload-keys';
import { NotSealed, SealCodec, type RecordedContext } from '../../trust/seal-codec';
import type { PayloadDecoder, RecordedActivity, RecordedFailure } from '../../history/events';

/**
 * Creates a decoder for payloads that a data converter (codecs, encryption) wrote to histories. With
 * `verify`, results must have the project's seal, if the project has one. Archives are not verified: an
 * archive is as trustworthy as the stage that it is on, which may belong to another project.
 */
export function payloadDecoder(converter: LoadedDataConverter, { verify = true } = {}): PayloadDecoder {
  const {
    decodeArrayFromPayloads,
    decodeOptionalFailureToOptionalError,
    // Internal to the SDK, which has no public way to decode a history's payloads.
  }: typeof import('@temporalio/common/lib/internal-non-workflow') = require('@temporalio/common/lib/internal-non-workflow');
  // Other codecs have always decoded histories without a context.
  const seals = verify && converter.payloadCodecs.some((codec) => codec instanceof SealCodec);
  const contextOf = (activity?: RecordedActivity): RecordedContext | undefined =>
    seals && activity !== undefined ? recordedContext(activity) : undefined;
  return {
    values: (payloads, activity) =>
      sealed(decodeArrayFromPayloads(converter, payloads?.payloads, contextOf(activity))),
    failure: async (failure, activity) => {
      const error = await sealed(
        decodeOptionalFailureToOptionalError(converter, failure, contextOf(activity)),
      );
      return error === undefined ? null : recordedFailure(error);
    },
  };
}

function recordedContext({ workflowId, activityId, at }: RecordedActivity): RecordedContext {
  return {
    type: 'activity',
    namespace: '',
    workflowId,
    activityId,
    isLocal: false,
    recordedAt: Date.parse(at),
  };
}

async function sealed<T>(decoding: Promise<T>): Promise<T> {
  try {
    return await decoding;
  } catch (error) {
    if (error instanceof NotSealed) throw new ForgedPayload(error.message);
    throw error instanceof KeyUnavailable ? new UnreadablePayload(error.message) : error;
  }
}

function recordedFailure(error: Error): RecordedFailure {
  const cause = error.cause instanceof Error ? recordedFailure(error.cause) : null;
  const details = 'details' in error && Array.isArray(error.details) ? (error.details as unknown[]) : [];
  return { type: failureType(error), message: error.message, stack: error.stack || null, details, cause };
}

/** Application failures have a type; for other failures, the class is the type. */
function failureType(error: Error): string {
  switch (error.name) {
    case 'ApplicationFailure':
      return ('type' in error && typeof error.type === 'string' && error.type) || 'Error';
    case 'TimeoutFailure':
      return 'timeoutType' in error && error.timeoutType === 'HEARTBEAT' ? 'HeartbeatTimeout' : 'Timeout';
    case 'ActivityFailure':
      return 'Activity';
    case 'CancelledFailure':
      return 'Cancelled';
    case 'TerminatedFailure':
      return 'Terminated';
    default:
      return error.name;
  }
}
