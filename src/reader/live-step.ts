/** What the server says about the step of a run that is being tried again, for the live overlay. */
import type { temporal } from '@temporalio/proto';
import { isStep } from '../history/decode';
import { runError } from '../history/error-info';
import type { WaitingStep } from '../history/state';
import type { PayloadDecoder } from '../history/events';

/** Null when no step is open, or the one that is has not failed so far. */
export async function waitingStep(
  pending: readonly temporal.api.workflow.v1.IPendingActivityInfo[],
  decoder: PayloadDecoder,
): Promise<WaitingStep | null> {
  for (const { activityType, attempt, lastFailure } of pending) {
    const activity = activityType?.name ?? '';
    if (!isStep(activity)) continue;
    const failure = await decoder.failure(lastFailure);
    if (failure !== null) return { activity, attempt: attempt ?? 1, error: runError(failure) };
  }
  return null;
}
