/**
 * What is wrong with settings for a run under way, as sentences: for the workflow, and for clients before
 * they ask it.
 */
import type { RunPlan } from './plan';
import { quote } from './quote';
import { asTolerance, TOLERANCE } from './failures/tolerance';

/**
 * More activities of one workflow in flight, and completions that come at once could fail a workflow task
 * (I7).
 */
export const MAX_LANES = 48;
/** Child workflows of a run. */
export const MAX_SHARDS = 500;
/** Units of a run in flight. */
export const MAX_CONCURRENCY = MAX_LANES * MAX_SHARDS;

/** Units in flight that a run may have, and why not more. */
export interface ConcurrencyLimit {
  most: number;
  /** Ends a sentence. */
  why: string;
}

/** `plan` null: the run is not planned yet. */
export function concurrencyLimit(
  plan: Pick<RunPlan, 'maxConcurrency' | 'sharding'> | null,
): ConcurrencyLimit {
  if (plan === null) return { most: MAX_LANES, why: ' until the run is planned' };
  const shards = plan.sharding?.shards.length ?? 0;
  const having = shards === 0 ? 'without shards' : `with ${shards} shards of ${MAX_LANES} each`;
  const why = `: the run was planned for ${plan.maxConcurrency} at a time, ${having}, and that cannot change`;
  return { most: MAX_LANES * Math.max(1, shards), why };
}

export function concurrencyProblems(value: unknown, { most, why }: ConcurrencyLimit): string[] {
  const whole = typeof value === 'number' && Number.isInteger(value);
  if (whole && value >= 1 && value <= most) return [];
  const takes = `a whole number from 1 to ${most.toLocaleString('en')}`;
  return [`"maxConcurrency" is ${given(value)}; it takes ${takes}${whole && value > most ? why : ''}.`];
}

export function toleranceProblems(value: unknown): string[] {
  return asTolerance(value) === null
    ? [`"toleratedFailures" is ${given(value)}; it takes ${TOLERANCE}.`]
    : [];
}

export function given(value: unknown): string {
  return value === undefined || value === null ? 'missing' : quote(value);
}
