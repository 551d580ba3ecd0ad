/**
 * Checks activity results before the workflow uses them: anyone who can write to the namespace can complete
 * an activity with any value. Unit results are checked in `unit-call`, because units can be retried.
 */
import { ApplicationFailure } from '@temporalio/workflow';
import { notAResult } from '../core/answers/not-a-result';

/**
 * Returns the answer if it is the activity's result. Otherwise throws a non-retryable failure of the type
 * `NotAResult`.
 */
export function resultOf<T>(activity: string, answer: unknown, asResult: (value: unknown) => T | null): T {
  const result = asResult(answer);
  if (result !== null) return result;
  const { type, message } = notAResult(activity);
  throw ApplicationFailure.nonRetryable(message, type);
}
