/** Whether a run goes on, given how its partitions have ended so far. Pure. */
import type { AlikeFailures } from '../outcome';
import { failed, type StatusCounts } from '../status';

/**
 * `failFast`: more partitions failed than are tolerated. `alike`: all that ended or threw failed with one
 * error.
 */
export type StopReason = 'failFast' | 'alike';

export interface Standing {
  /** Of this execution. */
  counts: StatusCounts;
  /** Partitions that are DONE, those of earlier executions included: where some are, the function works. */
  done: number;
  /** Partitions of batches that threw and wait for another try; they count as PENDING. */
  waiting: number;
  /** What every partition failed with so far; null when there is no such thing. */
  alike: AlikeFailures | null;
  /** The tolerance in force. */
  toleratedFailures: number;
}

/** Why nothing more is to be started; null when the run goes on. */
export function stopReason(
  { counts, done, waiting, alike, toleratedFailures }: Standing,
  { failFast, stopAfterAlike }: { failFast: boolean; stopAfterAlike: number },
): StopReason | null {
  // Nothing is left to be stopped.
  if (counts.PENDING === 0) return null;
  if (failFast && failed(counts) > toleratedFailures) return 'failFast';
  if (done > 0 || alike === null || alike.partitions < stopAfterAlike) return null;
  return failed(counts) + waiting > toleratedFailures ? 'alike' : null;
}

/**
 * Why a stopped run failed, for people. `notStarted`: partitions that the stop left; `example`: a sentence
 * with a space before it.
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
    return `The first ${partitions} partitions failed with the same error: ${error.type}: ${clause(error.message)}. ${rest}. Fix it, then run: partwise retry ${runId}`;
  }
  return (
    `${failed(counts)} of ${total} partitions failed, and ${toleratedFailures} ${toleratedFailures === 1 ? 'is' : 'are'} tolerated, ` +
    `so the run stopped (failFast): ${left === '' ? 'nothing was retried' : left}. Fix it, then run partwise retry ${runId}.${example}`
  );
}

function were(count: number): string {
  return count === 1 ? 'was' : 'were';
}

/** A message as a part of a sentence. */
function clause(message: string): string {
  return message.replace(/\s+/g, ' ').replace(/[.\s]+$/, '');
}
