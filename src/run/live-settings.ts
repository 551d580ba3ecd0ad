/** What is wrong with settings for a run under way, as sentences: for the workflow, and for clients before they ask it. */
import { quote } from './quote';
import { asTolerance, TOLERANCE } from './tolerance';

/** More activities of one workflow in flight, and completions that come at once could fail a workflow task (I7). */
export const MOST_LANES = 48;
/** Child workflows of a run. */
export const MOST_SHARDS = 500;
/** Units of a run in flight. */
export const MOST_CONCURRENCY = MOST_LANES * MOST_SHARDS;

/** `most` and `why`: what the run at hand takes, and why not more, as the end of a sentence. */
export function concurrencyProblems(
  value: unknown,
  { most, why }: { most: number; why: string } = { most: MOST_CONCURRENCY, why: '' },
): string[] {
  const whole = typeof value === 'number' && Number.isInteger(value);
  if (whole && value >= 1 && value <= most) return [];
  return [
    `"maxConcurrency" is ${given(value)}; it takes a whole number from 1 to ${most.toLocaleString('en')}${whole && value > most ? why : ''}.`,
  ];
}

export function toleranceProblems(value: unknown): string[] {
  return asTolerance(value) === null
    ? [`"toleratedFailures" is ${given(value)}; it takes ${TOLERANCE}.`]
    : [];
}

export function given(value: unknown): string {
  return value === undefined || value === null ? 'missing' : quote(value);
}
