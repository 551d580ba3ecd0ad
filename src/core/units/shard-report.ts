/** What a shard tells the run of its partitions, and when: the run's history must stay short (I7). Pure. */
import type { AlikeState } from '../failures/alike';
import type { ErrorInfo } from '../outcome';
import { failed, noCounts, PARTITION_STATUSES, type FailureStatus, type StatusCounts } from '../status';

/** How a shard stands. Each report has all of it, so that the last one alone counts. */
export interface ShardReport {
  version: 1;
  shard: number;
  /** Later reports have higher numbers. */
  number: number;
  /** Partitions that ended, by status. */
  counts: StatusCounts;
  /** Partitions that wait for another try, by how they end if there is none. */
  waiting: WaitingEnds;
  /** Units in flight. */
  running: number;
  alike: AlikeState;
  firstErrors: { id: string; error: ErrorInfo }[];
}

export type WaitingEnds = Record<FailureStatus, number>;

/** When a report is due. */
export interface ReportRule {
  /** So many partitions ended, or came to wait: a hundredth of the run's. */
  every: number;
  /** So many failed; null: nobody stops the run for them. */
  everyFailures: number | null;
  /**
   * So many failed alike: this shard's part of what stops a run, and all of it; null: that stops it no more.
   */
  alike: { part: number; all: number } | null;
}

/** Of a shard that has not begun; `skipped`: partitions that were skipped before. */
export function firstReport(shard: number, skipped: number): ShardReport {
  return {
    version: 1,
    shard,
    number: 0,
    counts: { ...noCounts(), SKIPPED: skipped },
    waiting: { FAILED: 0, INTERNAL_ERROR: 0 },
    running: 0,
    alike: null,
    firstErrors: [],
  };
}

/**
 * Whether the run is told. A shard tells at most three times of failures that are alike, or are not; all
 * shards together at most 100 times that partitions ended, as often that they wait, and about as often that
 * they failed before a stop.
 */
export function isDue(last: ShardReport, now: ShardReport, rule: ReportRule): boolean {
  // enforces I7
  if (endedIn(now) - endedIn(last) >= rule.every) return true;
  if (endedIn(now) + failed(now.waiting) - endedIn(last) - failed(last.waiting) >= rule.every) return true;
  if (rule.everyFailures !== null && failed(now.counts) - failed(last.counts) >= rule.everyFailures)
    return true;
  return rule.alike !== null && alikeSteps(now, rule.alike) > alikeSteps(last, rule.alike);
}

export function endedIn({ counts }: Pick<ShardReport, 'counts'>): number {
  return PARTITION_STATUSES.reduce((sum, status) => sum + counts[status], 0);
}

function alikeSteps({ alike }: ShardReport, { part, all }: { part: number; all: number }): number {
  if (alike === 'not') return 3;
  if (alike === null || alike.partitions < part) return 0;
  return alike.partitions < all ? 1 : 2;
}
