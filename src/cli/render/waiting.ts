/** What holds a run up. */
import { clean } from './text';
import type { WaitingStep } from '../../history/state';

const STEPS: Record<Exclude<WaitingStep['activity'], 'processUnit'>, string> = {
  openRun: 'opening the run',
  planRun: 'planning',
  commitRun: 'the commit',
};

/** `planning is tried again (attempt 3): Error: no space left on device` */
export function waitingText({ activity, attempt, error }: WaitingStep): string {
  if (activity === 'processUnit') return `Partitions wait for the stage. ${clean(error.message)}`;
  return `${STEPS[activity]} is tried again (attempt ${attempt}): ${clean(`${error.type}: ${error.message}`)}`;
}
