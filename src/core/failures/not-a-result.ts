/**
 * Activities that were completed with something that is not their result: by hand, for example. Pure;
 * workflows and readers decide by it alike (I8).
 */
import { maxLostWorkers } from './budgets';
import type { ErrorInfo } from '../outcome';
import type { RetryPlan, UnitTask } from '../plan';

/** What became of a step whose activity was completed with something that is not its result. */
export function notAResult(activity: string): ErrorInfo {
  return {
    type: 'NotAResult',
    message:
      `The activity ${activity} was completed with something other than its result, by hand or by another program. ` +
      "Only Partwise's workers can complete it.",
    stack: null,
  };
}

/**
 * Nothing is known of the partitions of such a unit, as when a worker is lost, so it has the budget of lost
 * workers. The number of its activities that ended so, this one included; null when the unit is tried again.
 */
export function endsWithoutResult(
  { lostBefore = 0 }: Pick<UnitTask, 'lostBefore'>,
  retry: RetryPlan,
): number | null {
  const times = lostBefore + 1;
  return times < maxLostWorkers(retry) ? null : times;
}

export function withoutResult(times: number): ErrorInfo {
  return {
    type: 'WorkerLost',
    message:
      `Its activity was completed ${times === 1 ? 'once' : `${times} times`} with something other than the result of a unit (perhaps by hand), ` +
      'so the outcomes of its partitions are unknown; it is not retried.',
    stack: null,
  };
}
