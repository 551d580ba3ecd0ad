import { ApplicationFailure } from '@temporalio/activity';
import type { ErrorInfo } from '../run/outcome';
import { Refusal } from '../run/refusal';

/** A `Refusal` as Temporal carries it: never retried, with the sentence as its message. */
export function refused(error: Refusal, ...details: unknown[]): ApplicationFailure {
  const failure = ApplicationFailure.nonRetryable(error.message, error.type, ...details);
  // The user's mistake, not a place in our code.
  failure.stack = `${error.type}: ${error.message}`;
  return failure;
}

/** Runs an activity's body, turning refusals into their failure. */
export async function refusing<T>(body: () => Promise<T>): Promise<T> {
  try {
    return await body();
  } catch (error) {
    throw error instanceof Refusal ? refused(error) : error;
  }
}

/** The failure of a unit, which shows the user's error in Temporal's UI and carries the outcome. */
export function unitFailure(
  error: ErrorInfo,
  options: { nonRetryable: boolean; details?: unknown[]; nextRetryDelayMs?: number | null },
): ApplicationFailure {
  const failure = ApplicationFailure.create({
    message: error.message,
    type: error.type,
    nonRetryable: options.nonRetryable,
    details: options.details,
    ...(options.nextRetryDelayMs != null && { nextRetryDelay: options.nextRetryDelayMs }),
  });
  failure.stack = error.stack ?? `${error.type}: ${error.message}`;
  return failure;
}
