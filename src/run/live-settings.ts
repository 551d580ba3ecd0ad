/** What is wrong with settings for a run under way, as sentences: for the workflow, and for clients before they ask it. */
import { quote } from './quote';
import { asTolerance, TOLERANCE } from './tolerance';

/** More activities in flight, and completions that come at once could fail a workflow task (I7). */
export const MOST_CONCURRENCY = 48;

export function concurrencyProblems(value: unknown): string[] {
  const whole = typeof value === 'number' && Number.isInteger(value);
  if (whole && value >= 1 && value <= MOST_CONCURRENCY) return [];
  return [`"maxConcurrency" is ${given(value)}; it takes a whole number from 1 to ${MOST_CONCURRENCY}.`];
}

export function toleranceProblems(value: unknown): string[] {
  return asTolerance(value) === null
    ? [`"toleratedFailures" is ${given(value)}; it takes ${TOLERANCE}.`]
    : [];
}

export function given(value: unknown): string {
  return value === undefined || value === null ? 'missing' : quote(value);
}
