/**
 * How calls that come to a bad end are repeated: the run's settings over the function's over the defaults.
 * Pure.
 */
import type { RetryPlan, RetryRule } from '../plan';

/** Calls per partition; waits of 1 s, 2 s, 4 s … up to 100 times the first. */
const MAXIMUM_ATTEMPTS = 3;
const INITIAL_INTERVAL_MS = 1_000;
const BACKOFF_COEFFICIENT = 2;
const MAX_FACTOR = 100;

export function planRetry(run: NormalizedRetry, own: NormalizedRetry): RetryPlan {
  const rule = completeRule([run, own]);
  const rules = { ...own.byErrorType, ...run.byErrorType };
  // A run that gives a rule for a type wants it tried again, whatever the function says.
  const never =
    run.nonRetryableErrorTypes ??
    (own.nonRetryableErrorTypes ?? []).filter((type) => !Object.hasOwn(run.byErrorType ?? {}, type));
  return {
    ...rule,
    nonRetryableErrorTypes: never,
    byErrorType: Object.fromEntries(
      Object.entries(rules).map(([type, given]) => [type, completeRule([given, rule])]),
    ),
  };
}

/** Each setting from the first that gives it. */
function completeRule(given: readonly NormalizedRule[]): RetryRule {
  const first = (name: keyof NormalizedRule): number | null =>
    given.map((rule) => rule[name]).find((value) => value !== null) ?? null;
  const initialIntervalMs = first('initialIntervalMs') ?? INITIAL_INTERVAL_MS;
  return {
    maximumAttempts: first('maximumAttempts') ?? MAXIMUM_ATTEMPTS,
    initialIntervalMs,
    backoffCoefficient: first('backoffCoefficient') ?? BACKOFF_COEFFICIENT,
    // Temporal refuses a maximum below the initial interval, which two sources may make between them.
    maximumIntervalMs: Math.max(
      initialIntervalMs,
      first('maximumIntervalMs') ?? MAX_FACTOR * initialIntervalMs,
    ),
  };
}

/** The rule that `byErrorType` has for a type of error. */
export function ownRule({ byErrorType }: RetryPlan, type: string): RetryRule | null {
  return Object.hasOwn(byErrorType, type) ? byErrorType[type]! : null;
}

/** Most calls that any rule allows. */
export function maxAttempts({ maximumAttempts, byErrorType }: RetryPlan): number {
  return Math.max(maximumAttempts, ...Object.values(byErrorType).map((rule) => rule.maximumAttempts));
}

/** Wait before the `retry`-th retry (1 is the first), as Temporal's retry policies compute it. */
export function retryWaitMs(rule: Omit<RetryRule, 'maximumAttempts'>, retry: number): number {
  return Math.min(rule.maximumIntervalMs, rule.initialIntervalMs * rule.backoffCoefficient ** (retry - 1));
}

/** What a run or a function says about retries; null: not said. */
export interface NormalizedRetry extends NormalizedRule {
  nonRetryableErrorTypes: string[] | null;
  byErrorType: Record<string, NormalizedRule> | null;
}

/** null: not said. */
export interface NormalizedRule {
  maximumAttempts: number | null;
  initialIntervalMs: number | null;
  backoffCoefficient: number | null;
  maximumIntervalMs: number | null;
}
