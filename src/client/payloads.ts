import type { LoadedDataConverter } from '@temporalio/common';
import type { PayloadDecoder, RecordedFailure } from '../history/decode';

/** The decoder of everything that a data converter (codecs, encryption) wrote into histories. */
export function payloadDecoder(converter: LoadedDataConverter): PayloadDecoder {
  const {
    decodeArrayFromPayloads,
    decodeOptionalFailureToOptionalError,
    // Internal to the SDK, which offers no other way to decode a history's payloads.
  } =
    require('@temporalio/common/lib/internal-non-workflow') as typeof import('@temporalio/common/lib/internal-non-workflow');
  return {
    values: (payloads) => decodeArrayFromPayloads(converter, payloads?.payloads),
    failure: async (failure) => {
      const error = await decodeOptionalFailureToOptionalError(converter, failure);
      return error === undefined ? null : recordedFailure(error);
    },
  };
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
