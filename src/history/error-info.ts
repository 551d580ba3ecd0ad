/** A recorded failure → the error that readers get. */
import type { ErrorInfo } from '../core/outcome';
import type { RecordedFailure } from './events';

export const CANCELLED: ErrorInfo = { type: 'Cancelled', message: 'It was cancelled.', stack: null };

/** An ActivityFailure only says which activity failed; its cause says why. */
export function ownFailure(failure: RecordedFailure | null): RecordedFailure {
  if (failure === null)
    return {
      type: 'Error',
      message: 'Temporal recorded a failure without details.',
      stack: null,
      details: [],
      cause: null,
    };
  return failure.type === 'Activity' && failure.cause !== null ? ownFailure(failure.cause) : failure;
}

export function errorInfo(failure: RecordedFailure): ErrorInfo {
  const { type, message, stack } = ownFailure(failure);
  // The server's name for a worker that stopped sending heartbeats.
  if (type === 'HeartbeatTimeout') {
    return {
      type: 'WorkerLost',
      message: 'The worker stopped sending heartbeats while it was running this unit.',
      stack: null,
    };
  }
  return { type, message, stack: stack === '' ? null : stack };
}

/**
 * The error of a run, or of one of its steps. The function did not cause it, so a stack of Partwise's own
 * code would not help.
 */
export function runError(failure: RecordedFailure): ErrorInfo {
  return { ...errorInfo(failure), stack: null };
}
