/** What a run has come to so far, folded from unit results. Deterministic: counts only what results say. */
import type { ErrorInfo, UnitResult } from '../run/outcome';
import { PARTITION_STATUSES, noCounts, type StatusCounts } from '../run/status';

/** Errors kept for the summary and the queries. */
const MOST_ERRORS = 10;

export class Progress {
  readonly counts: StatusCounts = noCounts();
  readonly running = new Set<string>();
  readonly firstErrors: { id: string; error: ErrorInfo }[] = [];
  /** Ordinals (encoded) that threw and wait for the next round. */
  retry: string[] = [];

  constructor(readonly total: number) {
    this.counts.PENDING = total;
  }

  record(result: UnitResult): void {
    for (const status of PARTITION_STATUSES) {
      this.counts[status] += result.counts[status];
      this.counts.PENDING -= result.counts[status];
    }
    if (result.retry !== null) this.retry.push(result.retry);
    this.note(result.firstErrors);
  }

  /** A unit that ended without a word about its partitions. */
  recordLost(id: string, partitions: number, error: ErrorInfo): void {
    this.counts.PENDING -= partitions;
    this.counts.INTERNAL_ERROR += partitions;
    this.note([{ id, error }]);
  }

  private note(errors: readonly { id: string; error: ErrorInfo }[]): void {
    this.firstErrors.push(...errors.slice(0, MOST_ERRORS - this.firstErrors.length));
  }
}
