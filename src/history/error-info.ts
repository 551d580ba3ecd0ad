/** A recorded failure → the error that readers get. */
import type { ErrorInfo } from '../core/outcome';
import type { RecordedFailure } from './events';

export const CANCELLED: ErrorInfo = { type: 'Cancelled', message: 'It was cancelled.', stack: null };

/** An ActivityFailure only says which activity failed; what happened is its cause. */
export function ownFailure(failure: RecordedFailure | null): RecordedFailure {
  if (failure === null)
    return { type: 'Error', message: 'It failed without a word.', stack: null, details: [], cause: null };
  return failure.type === 'Activity' && failure.cause !== null ? ownFailure(failure.cause) : failure;
}

export function errorInfo(failure: RecordedFailure): ErrorInfo {
  const { type, message, stack } = ownFailure(failure);
  // The server's word for a worker that stopped sending heartbeats.
  if (type === 'HeartbeatTimeout') {
    return {
      type: 'WorkerLost',
      message: 'The worker was not heard of any more while it ran this.',
      stack: null,
    };
  }
  return { type, message, stack: stack === '' ? null : stack };
}

/**
 * What became of a run, or of a step of it, is not the function's doing, and no stack of ours helps anybody.
 */
export function runError(failure: RecordedFailure): ErrorInfo {
  return { ...errorInfo(failure), stack: null };
}
