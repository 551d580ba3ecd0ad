/**
 * Units whose activity ended with something that is not a result: completed by hand, for example. Nothing is known of their
 * partitions then, as when a worker is lost, so they have the budget of lost workers. Pure; workflows and readers decide by it alike (I8).
 */
import { mostLostWorkers } from './budgets';
import type { ErrorInfo } from '../outcome';
import type { RetryPlan, UnitTask } from '../plan';

/** Activities of the unit that ended so, this one included; null when the unit is tried again. */
export function endsWithoutResult(
  { lostBefore = 0 }: Pick<UnitTask, 'lostBefore'>,
  retry: RetryPlan,
): number | null {
  const times = lostBefore + 1;
  return times < mostLostWorkers(retry) ? null : times;
}

export function withoutResult(times: number): ErrorInfo {
  return {
    type: 'WorkerLost',
    message:
      `Its activity was completed ${times === 1 ? 'once' : `${times} times`} with something that is not the result of a unit (by hand, perhaps), ` +
      'so nothing is known of its partitions; it is not tried again.',
    stack: null,
  };
}
