/**
 * How often partitions were called whose units were cut off with their execution (a terminate, a time-out).
 * History says nothing of such an attempt, but the server goes on describing it as it was, with its last
 * heartbeat. Pure.
 */
import { spansOne } from '../core/units/cut-units';
import { attemptsBefore, type RunRecord } from './fold';
import type { PendingUnit } from './overlay';

/** By ordinal, those in earlier executions included, which `earlier` has. */
export function cutOffCalls(
  { open }: Pick<RunRecord, 'open'>,
  pending: readonly PendingUnit[],
  earlier: ReadonlyMap<number, number>,
): Map<number, number> {
  const calls = new Map<number, number>();
  const note = (ordinal: number, n: number): void => {
    if (n > (calls.get(ordinal) ?? 0)) calls.set(ordinal, n);
  };
  for (const { activityId, started, attempt, ordinal, call, interrupted } of pending) {
    const unit = open.get(activityId);
    if (unit === undefined) continue;
    // An attempt is a call, also when no heartbeat has told of it yet.
    if (spansOne(unit.task)) {
      const { from } = unit.task;
      note(from, (earlier.get(from) ?? 0) + attemptsBefore(unit.task) + attempt - (started ? 0 : 1));
    }
    for (const [each, n] of Object.entries(interrupted))
      note(Number(each), (earlier.get(Number(each)) ?? 0) + attemptsBefore(unit.task) + n);
    // The number of a call counts all before it.
    if (ordinal !== null && call !== null) note(ordinal, call);
  }
  return calls;
}
