/**
 * The progress of a run, folded from unit results and shard reports. Deterministic: it depends only on those.
 */
import { errorPattern, joinAlike, type AlikeState } from '../core/failures/alike';
import type { Carried } from '../core/carried';
import type { AlikeFailures, ErrorInfo, UnitResult } from '../core/outcome';
import type { UnitTask } from '../core/tasks';
import { type GivenBack, takeBack } from '../core/units/retry-units';
import { noneWaiting, type ShardReport, type WaitingEnds } from '../core/units/shard-report';
import {
  failed,
  FAILURE_STATUSES,
  noCounts,
  PARTITION_STATUSES,
  type RunStatus,
  type StatusCounts,
} from '../core/status';

/** Errors kept for the summary and the queries. */
const MAX_ERRORS = 10;

export class Progress {
  /** The run's status, as the query returns it. */
  status: RunStatus = 'IN_PROGRESS';
  total = 0;
  readonly counts: StatusCounts = noCounts();
  /** Units in flight. */
  readonly running = new Set<{ label: string }>();
  readonly firstErrors: { id: string; error: ErrorInfo }[] = [];
  /** Partitions that units gave back, by ordinal, until another unit takes them. */
  readonly waiting = new Map<number, GivenBack>();
  /** Total time that the functions of DONE partitions took in this workflow. */
  doneMs = 0;
  /** The longest wait that an error of a waiting partition asks for. */
  retryAfterMs = 0;
  #alike: AlikeState = null;
  /** The latest report of each shard. */
  readonly #reports = new Map<number, ShardReport>();
  #before = noCounts();

  /** `carried`: outcomes that were taken over. */
  begin(partitions: number, carried: Carried | null): void {
    this.total = partitions;
    this.counts.PENDING = partitions;
    if (carried === null) return;
    for (const status of PARTITION_STATUSES) this.#end(status, carried.counts[status]);
    this.#before = { ...carried.counts };
    this.#note(carried.firstErrors);
  }

  /**
   * The counts without outcomes taken over: a continuation is not stopped for failures that it does not run
   * again.
   */
  get ownCounts(): StatusCounts {
    return Object.fromEntries(
      PARTITION_STATUSES.map((status) => [status, this.counts[status] - this.#before[status]]),
    ) as StatusCounts;
  }

  /**
   * The error that every partition has failed with so far; null if some did not fail, or failed differently.
   */
  get alike(): AlikeFailures | null {
    const alike = this.alikeState;
    return alike === 'not' ? null : alike;
  }

  get alikeState(): AlikeState {
    return joinAlike([this.#alike, ...[...this.#reports.values()].map(({ alike }) => alike)]);
  }

  /** Number of partitions waiting for a retry, by their status if there is none. */
  get waitingEnds(): WaitingEnds {
    const ends = noneWaiting();
    for (const { otherwise } of this.waiting.values()) ends[otherwise]++;
    for (const { waiting } of this.#reports.values())
      for (const status of FAILURE_STATUSES) ends[status] += waiting[status];
    return ends;
  }

  /** Number of units in flight; for shards, from their latest reports. */
  get inFlight(): number {
    let inFlight = this.#reports.size === 0 ? this.running.size : 0;
    for (const { running } of this.#reports.values()) inFlight += running;
    return inFlight;
  }

  /** Takes a shard's report. An earlier report that arrives late is ignored. */
  takeReport(report: ShardReport): void {
    const before = this.#reports.get(report.shard);
    if (before !== undefined && before.number > report.number) return;
    this.#reports.set(report.shard, report);
    for (const status of PARTITION_STATUSES)
      this.#end(status, report.counts[status] - (before?.counts[status] ?? 0));
    this.#note(report.firstErrors.slice(before?.firstErrors.length ?? 0));
  }

  /** `skipped`: partitions that were cut off here were cut off to be skipped. */
  record(
    result: UnitResult,
    unit: Pick<UnitTask, 'round' | 'big'>,
    { skipped = false }: { skipped?: boolean } = {},
  ): void {
    for (const status of PARTITION_STATUSES)
      this.#end(skipped && status === 'CANCELLED' ? 'SKIPPED' : status, result.counts[status]);
    takeBack(this.waiting, result, unit);
    this.retryAfterMs = Math.max(this.retryAfterMs, result.retryAfterMs ?? 0);
    this.doneMs += result.doneMs;
    const thrown = result.retry !== null;
    if (thrown || result.counts.DONE + failed(result.counts) > 0) this.#compare(result.alike, unit);
    this.#note(result.firstErrors);
  }

  /** Records a unit that ended without reporting on its partitions. */
  recordLost(id: string, partitions: number, error: ErrorInfo, unit: Pick<UnitTask, 'round'>): void {
    this.#end('INTERNAL_ERROR', partitions);
    this.#compare({ pattern: errorPattern(error, id), id, error, partitions }, unit);
    this.#note([{ id, error }]);
  }

  /** Records partitions that were cut off before anything was recorded about them. */
  recordCutOff(partitions: number, { skipped }: { skipped: boolean }): void {
    this.#end(skipped ? 'SKIPPED' : 'CANCELLED', partitions);
  }

  /** Records a partition that was skipped before it was started, or while it was waiting for a retry. */
  skip(ordinal: number): void {
    this.waiting.delete(ordinal);
    this.#end('SKIPPED', 1);
  }

  /**
   * Records that the run was stopped: waiting partitions are not retried, and those not started are SKIPPED.
   * Returns the number of partitions that were not started.
   */
  stop(): number {
    const waiting = this.waitingEnds;
    for (const status of FAILURE_STATUSES) this.#end(status, waiting[status]);
    this.waiting.clear();
    if (this.firstErrors.length === 0 && this.alike !== null) this.#note([this.alike]);
    const notStarted = this.counts.PENDING;
    this.#end('SKIPPED', notStarted);
    return notStarted;
  }

  /** Records that the run has ended. With `CANCELLED`, all partitions that had not ended are CANCELLED. */
  end(status: RunStatus): void {
    this.status = status;
    if (status === 'CANCELLED') this.#end('CANCELLED', this.counts.PENDING);
  }

  #end(status: keyof StatusCounts, partitions: number): void {
    this.counts[status] += partitions;
    this.counts.PENDING -= partitions;
  }

  #compare(alike: AlikeFailures | null, { round }: Pick<UnitTask, 'round'>): void {
    const before = this.#alike;
    if (before === 'not') return;
    if (alike === null || (before !== null && before.pattern !== alike.pattern)) this.#alike = 'not';
    else if (before === null) this.#alike = alike;
    // Partitions of a later round threw in the previous one, and were counted there.
    else if (round === 0) this.#alike = { ...before, partitions: before.partitions + alike.partitions };
  }

  #note(errors: readonly { id: string; error: ErrorInfo }[]): void {
    for (const { id, error } of errors.slice(0, MAX_ERRORS - this.firstErrors.length))
      this.firstErrors.push({ id, error });
  }
}
