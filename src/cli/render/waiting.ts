/** What holds a run up. */
import type { WaitingStep } from '../../client/types';
import { clean } from './text';

const STEPS: Record<WaitingStep['activity'], string> = {
  openRun: 'opening the run',
  planRun: 'planning',
  commitRun: 'the commit',
};

/** `planning is tried again (attempt 3): Error: no space left on device` */
export function waitingText({ activity, attempt, error }: WaitingStep): string {
  return `${STEPS[activity]} is tried again (attempt ${attempt}): ${clean(`${error.type}: ${error.message}`)}`;
}
