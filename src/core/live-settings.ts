/**
 * Validates settings for a running run, with a sentence for each problem. Used by the workflow, and by
 * clients before they send an update.
 */
import type { RunPlan } from './plan';
import { quote } from './quote';
import { asTolerance, TOLERANCE } from './failures/tolerance';

/**
 * With more activities of one workflow in flight, completions that arrive together could fail a workflow task
 * (I7).
 */
export const MAX_LANES = 48;
/** Maximum number of child workflows of a run. */
export const MAX_SHARDS = 500;
/** Maximum number of units of a run in flight. */
export const MAX_CONCURRENCY = MAX_LANES * MAX_SHARDS;

/** How many units a run may have in flight, and why not more. */
export interface ConcurrencyLimit {
  max: number;
  /** Completes the error message. */
  why: string;
}

/** `plan` is null until the run is planned. */
export function concurrencyLimit(
  plan: Pick<RunPlan, 'maxConcurrency' | 'sharding'> | null,
): ConcurrencyLimit {
  if (plan === null) return { max: MAX_LANES, why: ' until the run is planned' };
  const shards = plan.sharding?.shards.length ?? 0;
  const having = shards === 0 ? 'without shards' : `with ${shards} shards of ${MAX_LANES} each`;
  const why = `: the run was planned for ${plan.maxConcurrency} at a time, ${having}, and that cannot change`;
  return { max: MAX_LANES * Math.max(1, shards), why };
}

export function concurrencyProblems(value: unknown, { max, why }: ConcurrencyLimit): string[] {
  const whole = typeof value === 'number' && Number.isInteger(value);
  if (whole && value >= 1 && value <= max) return [];
  const takes = `a whole number from 1 to ${max.toLocaleString('en')}`;
  return [`"maxConcurrency" is ${given(value)}; it takes ${takes}${whole && value > max ? why : ''}.`];
}

export function toleranceProblems(value: unknown): string[] {
  return asTolerance(value) === null
    ? [`"toleratedFailures" is ${given(value)}; it takes ${TOLERANCE}.`]
    : [];
}

export function given(value: unknown): string {
  return value === undefined || value === null ? 'missing' : quote(value);
}
