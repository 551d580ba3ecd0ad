/**
 * What a shard reports to the run about its partitions, and when: the run's history must stay short (I7).
 * Pure.
 */
import type { AlikeState } from '../failures/alike';
import type { ErrorInfo } from '../outcome';
import {
  failed,
  FAILURE_STATUSES,
  noCounts,
  PARTITION_STATUSES,
  type FailureStatus,
  type StatusCounts,
} from '../status';

/** The state of a shard. Each report is complete, so only the latest one counts. */
export interface ShardReport {
  version: 1;
  shard: number;
  /** Later reports have higher numbers. */
  number: number;
  /** Partitions that ended, by status. */
  counts: StatusCounts;
  /** Partitions that are waiting for a retry, by their status if there is none. */
  waiting: WaitingEnds;
  /** Units in flight. */
  running: number;
  alike: AlikeState;
  firstErrors: { id: string; error: ErrorInfo }[];
}

export type WaitingEnds = Record<FailureStatus, number>;

/** All zero. */
export function noneWaiting(): WaitingEnds {
  return Object.fromEntries(FAILURE_STATUSES.map((status) => [status, 0])) as WaitingEnds;
}

/** When a report is due. */
export interface ReportRule {
  /** After this many partitions have ended or started waiting: a hundredth of the run's. */
  every: number;
  /** After this many have failed; null: failures do not stop the run. */
  everyFailures: number | null;
  /**
   * After this many have failed with the same error: this shard's part of the number that stops the run, and
   * the whole number; null: such failures no longer stop the run.
   */
  alike: { part: number; all: number } | null;
}

/** The report of a shard that has not started; `skipped` is the number of partitions already skipped. */
export function firstReport(shard: number, skipped: number): ShardReport {
  return {
    version: 1,
    shard,
    number: 0,
    counts: { ...noCounts(), SKIPPED: skipped },
    waiting: noneWaiting(),
    running: 0,
    alike: null,
    firstErrors: [],
  };
}

/**
 * Whether a report is due. A shard sends at most three reports about whether failures are alike; all shards
 * together send at most 100 about ended partitions, as many about waiting ones, and about as many about
 * failures before a stop.
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
