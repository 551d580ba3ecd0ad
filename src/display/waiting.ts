/** What a run is waiting for, in words. */
import type { WaitingStep } from '../history/state';
import { clean } from './text';

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
