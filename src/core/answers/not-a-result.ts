/**
 * Activities that were completed with something other than their result, for example by hand. Pure: workflows
 * and readers share it, so they decide the same way (I8).
 */
import { maxLostWorkers } from '../failures/budgets';
import type { ErrorInfo } from '../outcome';
import type { RetryPlan } from '../plan';
import type { UnitTask } from '../tasks';

/** The error of a step whose activity was completed with something other than its result. */
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
 * The outcomes of such a unit's partitions are unknown, as when a worker is lost, so it uses the budget for
 * lost workers. Returns the number of its activities that ended this way, including this one; null if the
 * unit is tried again.
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
