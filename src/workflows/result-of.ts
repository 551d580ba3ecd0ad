/**
 * The answers of activities, checked before the workflow uses them: anybody who may write to the namespace
 * can complete an activity with anything. Answers of units are checked in `unit-call`, where another try
 * costs nothing but time.
 */
import { ApplicationFailure } from '@temporalio/workflow';
import { notAResult } from '../core/failures/not-a-result';

/**
 * Throws a failure of the type `NotAResult`, which no retry can mend, when it is not the activity's result.
 */
export function resultOf<T>(activity: string, answer: unknown, isResult: (value: unknown) => value is T): T {
  if (isResult(answer)) return answer;
  const { type, message } = notAResult(activity);
  throw ApplicationFailure.nonRetryable(message, type);
}
