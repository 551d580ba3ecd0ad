/**
 * How calls with a bad end are retried. The run's settings override the function's, which override the
 * defaults. Pure.
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
  // A run that has a rule for a type wants it retried, whatever the function says.
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

/** Takes each setting from the first rule that has it. */
function completeRule(given: readonly NormalizedRule[]): RetryRule {
  const first = (name: keyof NormalizedRule): number | null =>
    given.map((rule) => rule[name]).find((value) => value !== null) ?? null;
  const initialIntervalMs = first('initialIntervalMs') ?? INITIAL_INTERVAL_MS;
  return {
    maximumAttempts: first('maximumAttempts') ?? MAXIMUM_ATTEMPTS,
    initialIntervalMs,
    backoffCoefficient: first('backoffCoefficient') ?? BACKOFF_COEFFICIENT,
    // Temporal rejects a maximum below the initial interval, which can result from combining two sources.
    maximumIntervalMs: Math.max(
      initialIntervalMs,
      first('maximumIntervalMs') ?? MAX_FACTOR * initialIntervalMs,
    ),
  };
}

/** The rule in `byErrorType` for an error type. */
export function ownRule({ byErrorType }: RetryPlan, type: string): RetryRule | null {
  return Object.hasOwn(byErrorType, type) ? byErrorType[type]! : null;
}

/** The highest number of calls that any rule allows. */
export function maxAttempts({ maximumAttempts, byErrorType }: RetryPlan): number {
  return Math.max(maximumAttempts, ...Object.values(byErrorType).map((rule) => rule.maximumAttempts));
}

/** Wait before the `retry`-th retry (1 is the first), as Temporal's retry policies compute it. */
export function retryWaitMs(rule: Omit<RetryRule, 'maximumAttempts'>, retry: number): number {
  return Math.min(rule.maximumIntervalMs, rule.initialIntervalMs * rule.backoffCoefficient ** (retry - 1));
}

/** Retry settings of a run or a function; null: not set. */
export interface NormalizedRetry extends NormalizedRule {
  nonRetryableErrorTypes: string[] | null;
  byErrorType: Record<string, NormalizedRule> | null;
}

/** null: not set. */
export interface NormalizedRule {
  maximumAttempts: number | null;
  initialIntervalMs: number | null;
  backoffCoefficient: number | null;
  maximumIntervalMs: number | null;
}
