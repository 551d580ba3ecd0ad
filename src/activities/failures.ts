import { ApplicationFailure, Context } from '@temporalio/activity';
import { RegistryRefused } from '../models/records';
import type { ErrorInfo } from '../core/outcome';
import { Refusal } from '../core/refusal';
import { ObjectDamaged, ObjectMissing, StageUnavailable } from '../stage';
import { WarehouseLocked } from '../duckdb/database-file';
import { refusalOfService } from '../warehouse';

/** A `Refusal` as a Temporal failure: never retried, with the sentence as its message. */
export function refused(error: Refusal, ...details: unknown[]): ApplicationFailure {
  const failure = ApplicationFailure.nonRetryable(error.message, error.type, ...details);
  // A refusal is the user's mistake, so a stack of our code would be misleading.
  failure.stack = `${error.type}: ${error.message}`;
  return failure;
}

/**
 * The wait after the first attempt that found the stage unavailable or the warehouse locked; it doubles, so
 * that twelve attempts take half an hour.
 */
const FIRST_RETRY_MS = 5_000;
const MAX_RETRY_MS = 5 * 60_000;

/**
 * Retried for a long time: a run should not fail because a disk is full or because another program has the
 * warehouse open.
 */
function unavailable({ name, message }: WarehouseLocked | StageUnavailable): ApplicationFailure {
  const { attempt } = Context.current().info;
  return ApplicationFailure.create({
    type: name,
    message,
    nextRetryDelay: Math.min(MAX_RETRY_MS, FIRST_RETRY_MS * 2 ** (attempt - 1)),
  });
}

/**
 * Runs an activity's body, and turns errors that a retry cannot fix into non-retryable failures with these
 * details.
 */
export async function refusing<T>(body: () => Promise<T>, ...details: unknown[]): Promise<T> {
  try {
    return await body();
  } catch (error) {
    if (error instanceof WarehouseLocked || error instanceof StageUnavailable) throw unavailable(error);
    const refusal = asRefusal(error);
    throw refusal === null ? error : refused(refusal, ...details);
  }
}

/**
 * The same before any partition has run: a stage that is not writable for lack of permissions is refused
 * immediately (I9), whereas a running run would wait for it.
 */
export function refusingEarly<T>(body: () => Promise<T>): Promise<T> {
  return refusing(() =>
    body().catch((error: unknown) => {
      throw error instanceof StageUnavailable && PERMANENT.has(codeOf(error.cause))
        ? unusable(error.cause as Error)
        : error;
    }),
  );
}

/** Errors caused by a path or its permissions, which retries cannot fix. */
const PERMANENT = new Set([
  'ENOTDIR',
  'EISDIR',
  'EEXIST',
  'EACCES',
  'EPERM',
  'EROFS',
  'ENAMETOOLONG',
  'ELOOP',
]);

function asRefusal(error: unknown): Refusal | null {
  if (error instanceof Refusal) return error;
  if (error instanceof ObjectMissing) {
    return new Refusal('StageDamaged', [
      `${error.message} It was removed after the run had written it: start a new run.`,
    ]);
  }
  if (error instanceof ObjectDamaged) {
    return new Refusal('StageDamaged', [
      `${error.message} Restore an intact copy and run partwise retry, or start a new run.`,
    ]);
  }
  if (error instanceof RegistryRefused) return new Refusal('InvalidInput', [error.message]);
  const refusedByService = refusalOfService(error);
  if (refusedByService !== null) return refusedByService;
  const code = codeOf(error);
  return PERMANENT.has(code) || code.startsWith('ERR_INVALID') ? unusable(error as Error) : null;
}

function codeOf(error: unknown): string {
  return error instanceof Error ? ((error as NodeJS.ErrnoException).code ?? '') : '';
}

function unusable({ message }: Error): Refusal {
  return new Refusal('FileSystem', [
    `${message}. Check the path and its permissions, or use another warehouse, stage or output.`,
  ]);
}

/**
 * The failure of a unit, which shows the user's error in Temporal's UI and has the outcome in its details.
 */
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
