/** Decides whether a run continues, given how its partitions have ended so far. Pure. */
import { shellWord } from '../shell-word';
import type { AlikeFailures } from '../outcome';
import { failed, type StatusCounts } from '../status';

/**
 * `failFast`: more partitions failed than are tolerated. `alike`: all partitions that ended or threw failed
 * with the same error.
 */
export type StopReason = 'failFast' | 'alike';

export interface Standing {
  /** Counts of this execution. */
  counts: StatusCounts;
  /** DONE partitions, including those of earlier executions: if there are any, the function works. */
  done: number;
  /** Partitions of batches that threw and are waiting for a retry; they count as PENDING. */
  waiting: number;
  /** The error that every partition has failed with so far; null if there is no common error. */
  alike: AlikeFailures | null;
  /** The tolerance in force. */
  toleratedFailures: number;
}

/** Why no more partitions are started; null if the run continues. */
export function stopReason(
  { counts, done, waiting, alike, toleratedFailures }: Standing,
  { failFast, stopAfterAlike }: { failFast: boolean; stopAfterAlike: number },
): StopReason | null {
  // Nothing is left to stop.
  if (counts.PENDING === 0) return null;
  if (failFast && failed(counts) > toleratedFailures) return 'failFast';
  if (done > 0 || alike === null || alike.partitions < stopAfterAlike) return null;
  return failed(counts) + waiting > toleratedFailures ? 'alike' : null;
}

/**
 * The failure message of a stopped run. `notStarted` is the number of partitions that were never started;
 * `example` is a sentence with a leading space.
 */
export function stopMessage(
  reason: StopReason,
  standing: Standing,
  {
    runId,
    total,
    notStarted,
    example,
  }: { runId: string; total: number; notStarted: number; example: string },
): string {
  const { counts, alike, toleratedFailures } = standing;
  const left = [
    ...(notStarted > 0 ? [`${notStarted} ${were(notStarted)} not started`] : []),
    ...(counts.CANCELLED > 0 ? [`${counts.CANCELLED} ${were(counts.CANCELLED)} cut off`] : []),
  ].join(' and ');
  if (reason === 'alike') {
    const { partitions, error } = alike!;
    const rest = left === '' ? 'They were not retried' : `The other ${left}`;
    return `The first ${partitions} partitions failed with the same error: ${error.type}: ${clause(error.message)}. ${rest}. Fix it, then run: partwise retry ${shellWord(runId)}`;
  }
  return (
    `${failed(counts)} of ${total} partitions failed, and ${toleratedFailures} ${toleratedFailures === 1 ? 'is' : 'are'} tolerated, ` +
    `so the run stopped (failFast): ${left === '' ? 'nothing was retried' : left}. Fix it, then run partwise retry ${shellWord(runId)}.${example}`
  );
}

function were(count: number): string {
  return count === 1 ? 'was' : 'were';
}

/** A message as part of a sentence. */
function clause(message: string): string {
  return message.replace(/\s+/g, ' ').replace(/[.\s]+$/, '');
}
