/** The last event of an execution → the fact of its end. */
import { asRunSummary } from '../core/answers/step-results';
import type { ErrorInfo } from '../core/outcome';
import type { RunSummary } from '../core/tasks';
import { CANCELLED, ownFailure, runError } from './error-info';
import { isoTime, type HistoryEvent, type PayloadDecoder, type RecordedFailure } from './events';
import type { CloseKind, Fact } from './facts';
import { failureOf, UnreadablePayload } from './untrusted-payloads';

/** The fact of an execution's last event; null for any other event. */
export async function decodeClose(
  event: HistoryEvent,
  decoder: PayloadDecoder,
): Promise<Extract<Fact, { type: 'closed' }> | null> {
  const at = isoTime(event.eventTime);
  const close = (
    kind: CloseKind,
    error: ErrorInfo | null,
    summary: RunSummary | null,
    realExecution: string | null,
  ) => ({ type: 'closed', at, kind, error, summary, realExecution }) as const;

  const completed = event.workflowExecutionCompletedEventAttributes;
  if (completed) {
    return close('completed', null, asRunSummary(await result(decoder, completed.result)), null);
  }
  const failed = event.workflowExecutionFailedEventAttributes;
  if (failed) {
    const failure = ownFailure(await failureOf(decoder, failed.failure));
    const [details] = failure.details;
    return close('failed', runError(failure), asRunSummary(details), realExecution(failure));
  }
  if (event.workflowExecutionCanceledEventAttributes) {
    return close('cancelled', { ...CANCELLED, message: 'The run was cancelled.' }, null, null);
  }
  const terminated = event.workflowExecutionTerminatedEventAttributes;
  if (terminated) {
    const reason = terminated.reason ? `: ${terminated.reason}` : '';
    return close(
      'terminated',
      { type: 'Terminated', message: `The run was terminated${reason}.`, stack: null },
      null,
      null,
    );
  }
  if (event.workflowExecutionTimedOutEventAttributes) {
    const message = 'The run exceeded the timeout that it was started with in Temporal.';
    return close('timedOut', { type: 'TimedOut', message, stack: null }, null, null);
  }
  return null;
}

/** Throws `UnreadablePayload`. */
async function result(
  decoder: PayloadDecoder,
  payloads: Parameters<PayloadDecoder['values']>[0],
): Promise<unknown> {
  try {
    return (await decoder.values(payloads))[0];
  } catch (error) {
    if (error instanceof UnreadablePayload) throw error;
    throw new UnreadablePayload(
      `Its result cannot be decoded (${(error as Error).message}). Was it encoded by a codec that this project does not have?`,
    );
  }
}

function realExecution(failure: RecordedFailure): string | null {
  if (failure.type !== 'RunExists') return null;
  const details = failure.details[0];
  if (typeof details !== 'object' || details === null || !('workflowRunId' in details)) return null;
  return typeof details.workflowRunId === 'string' ? details.workflowRunId : null;
}
