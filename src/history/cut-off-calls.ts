/**
 * Counts the calls of partitions whose units were cut off together with their execution (by a terminate or a
 * timeout). History has no record of such an attempt, but the server still describes it as it was, with its
 * last heartbeat. Pure.
 */
import { firstErrors, type EarlierError } from '../core/earlier-errors';
import { spansOne } from '../core/units/cut-units';
import { attemptsBefore, type RunRecord } from './fold';
import type { PendingUnit } from './overlay';

export interface CutOffCalls {
  /** By ordinal, including those in earlier executions. */
  calls: Map<number, number>;
  /** Errors of calls in the units that were cut off, by ordinal. */
  errors: Map<number, EarlierError[]>;
}

/** `earlier`: calls in earlier executions, by ordinal. */
export function cutOffCalls(
  { open }: Pick<RunRecord, 'open'>,
  pending: readonly PendingUnit[],
  earlier: ReadonlyMap<number, number>,
): CutOffCalls {
  const calls = new Map<number, number>();
  const errors = new Map<number, EarlierError[]>();
  const note = (ordinal: number, n: number): void => {
    if (n > (calls.get(ordinal) ?? 0)) calls.set(ordinal, n);
  };
  for (const { activityId, started, attempt, ordinal, call, interrupted, errors: own } of pending) {
    const unit = open.get(activityId);
    if (unit === undefined) continue;
    // An attempt is a call, even if no heartbeat has reported it yet.
    if (spansOne(unit.task)) {
      const { from } = unit.task;
      note(from, (earlier.get(from) ?? 0) + attemptsBefore(unit.task) + attempt - (started ? 0 : 1));
    }
    for (const [each, n] of Object.entries(interrupted))
      note(Number(each), (earlier.get(Number(each)) ?? 0) + attemptsBefore(unit.task) + n);
    for (const [each, ended] of Object.entries(own)) errors.set(Number(each), firstErrors(ended));
    // A call's number includes all previous calls.
    if (ordinal !== null && call !== null) note(ordinal, call);
  }
  return { calls, errors };
}
