import type { LoadedDataConverter } from '@temporalio/common';
import { ForgedPayload } from '../../history/untrusted-payloads';
import { NotSealed, SealCodec, type RecordedContext } from '../../trust/seal-codec';
import type { PayloadDecoder, RecordedActivity, RecordedFailure } from '../../history/events';

/**
 * The decoder of everything that a data converter (codecs, encryption) wrote into histories. `verify`:
 * whether results must bear the project's seal, where there is one. Of an archive they need not: it is as
 * trustworthy as the stage that it lies on, which may be another project's.
 */
export function payloadDecoder(converter: LoadedDataConverter, { verify = true } = {}): PayloadDecoder {
  const {
    decodeArrayFromPayloads,
    decodeOptionalFailureToOptionalError,
    // Internal to the SDK, which offers no other way to decode a history's payloads.
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
    throw error instanceof NotSealed ? new ForgedPayload(error.message) : error;
  }
}

function recordedFailure(error: Error): RecordedFailure {
  const cause = error.cause instanceof Error ? recordedFailure(error.cause) : null;
  const details = 'details' in error && Array.isArray(error.details) ? (error.details as unknown[]) : [];
  return { type: failureType(error), message: error.message, stack: error.stack || null, details, cause };
}

/** Application failures name their type; for the others their class is the type. */
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
