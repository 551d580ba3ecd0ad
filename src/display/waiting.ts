/** What a run is waiting for, in words. */
import type { NextAttempt, WaitingRetry, WaitingStep } from '../history/state';
import { durationText } from './measures';
import type { Paint } from './paint';
import { clean, plural, readable, wrapped } from './text';

const STEPS: Record<Exclude<WaitingStep['activity'], 'processUnit'>, string> = {
  openRun: 'opening the run',
  planRun: 'planning',
  commitRun: 'the commit',
};

/** `retrying planning (attempt 3): Error: no space left on device` */
export function waitingText({ activity, attempt, error }: WaitingStep): string {
  if (activity === 'processUnit') return `Partitions are waiting for the stage. ${clean(error.message)}`;
  return `retrying ${STEPS[activity]} (attempt ${attempt}): ${clean(`${error.type}: ${error.message}`)}`;
}

/** `attempt 2 of 3 in 4 s`; `now` is the time that "in" counts from. */
export function nextAttemptText({ attempt, maximumAttempts, at }: NextAttempt, now: number): string {
  const which = maximumAttempts === null ? `attempt ${attempt}` : `attempt ${attempt} of ${maximumAttempts}`;
  if (at === null) return `${which} later`;
  const left = Date.parse(at) - now;
  return left <= 0
    ? `${which} is due`
    : `${which} in ${durationText(Math.ceil(left / 1_000) * 1_000).replace(/\.\d/, '')}`;
}

/** `↻ City 3  attempt 2 of 3 in 4 s, after Error: no answer`, on as many lines as it takes. */
export function retryLine(retry: WaitingRetry, now: number, width: number, paint: Paint): string {
  const what = labelOf(retry);
  const { error } = retry;
  const after = error === null ? '' : `, after ${clean(`${error.type}: ${error.message}`)}`;
  const text = wrapped(`${what}  ${nextAttemptText(retry, now)}${after}`, width, '↻ ', '    ');
  const head = `↻ ${what}`;
  return text.startsWith(head)
    ? `${paint.yellow('↻')} ${paint.bold(what)}${text.slice(head.length)}`
    : text.replace('↻', paint.yellow('↻'));
}

/** The label with its number of partitions, unless it says it. */
function labelOf({ label, partitions }: WaitingRetry): string {
  const text = readable(label);
  return label.includes(' … ') ? `${text} (${plural(partitions, 'partition')})` : text;
}
