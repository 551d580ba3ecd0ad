/**
 * What a run has come to so far, folded from results of units and reports of shards. Deterministic: counts
 * only what those say.
 */
import { errorPattern, joinAlike, type AlikeState } from '../core/failures/alike';
import type { Carried } from '../core/carried';
import type { AlikeFailures, ErrorInfo, UnitResult } from '../core/outcome';
import type { UnitTask } from '../core/tasks';
import { type GivenBack, takeBack } from '../core/units/retry-units';
import type { ShardReport, WaitingEnds } from '../core/units/shard-report';
import { failed, noCounts, PARTITION_STATUSES, type RunStatus, type StatusCounts } from '../core/status';

/** Errors kept for the summary and the queries. */
const MAX_ERRORS = 10;

export class Progress {
  /** How the run stands, as the query tells. */
  status: RunStatus = 'IN_PROGRESS';
  total = 0;
  readonly counts: StatusCounts = noCounts();
  /** Units in flight. */
  readonly running = new Set<{ label: string }>();
  readonly firstErrors: { id: string; error: ErrorInfo }[] = [];
  /** Partitions that units gave back, by ordinal, until another takes them. */
  readonly waiting = new Map<number, GivenBack>();
  /** How long the functions of partitions that are DONE took here, together. */
  doneMs = 0;
  /** The longest wait that errors among them ask for. */
  retryAfterMs = 0;
  #alike: AlikeState = null;
  /** The latest of each shard. */
  readonly #reports = new Map<number, ShardReport>();
  #before = noCounts();

  /** `carried`: outcomes that were taken over from before. */
  begin(partitions: number, carried: Carried | null): void {
    this.total = partitions;
    this.counts.PENDING = partitions;
    if (carried === null) return;
    for (const status of PARTITION_STATUSES) this.#end(status, carried.counts[status]);
    this.#before = { ...carried.counts };
    this.#note(carried.firstErrors);
  }

  /** Without what was taken over: a continuation is not stopped for failures that it does not run again. */
  get ownCounts(): StatusCounts {
    return Object.fromEntries(
      PARTITION_STATUSES.map((status) => [status, this.counts[status] - this.#before[status]]),
    ) as StatusCounts;
  }

  /** What every partition failed with so far; null when some did not, or failed differently. */
  get alike(): AlikeFailures | null {
    const alike = this.alikeState;
    return alike === 'not' ? null : alike;
  }

  get alikeState(): AlikeState {
    return joinAlike([this.#alike, ...[...this.#reports.values()].map(({ alike }) => alike)]);
  }

  /** How many partitions wait for another try, by how they end if there is none. */
  get waitingEnds(): WaitingEnds {
    const ends = { FAILED: 0, INTERNAL_ERROR: 0 };
    for (const { otherwise } of this.waiting.values()) ends[otherwise]++;
    for (const { waiting } of this.#reports.values()) {
      ends.FAILED += waiting.FAILED;
      ends.INTERNAL_ERROR += waiting.INTERNAL_ERROR;
    }
    return ends;
  }

  /** Units in flight, those of shards as they told last. */
  get inFlight(): number {
    let inFlight = this.#reports.size === 0 ? this.running.size : 0;
    for (const { running } of this.#reports.values()) inFlight += running;
    return inFlight;
  }

  /** A shard's partitions, as it told. An earlier report that comes late says nothing any more. */
  takeReport(report: ShardReport): void {
    const before = this.#reports.get(report.shard);
    if (before !== undefined && before.number > report.number) return;
    this.#reports.set(report.shard, report);
    for (const status of PARTITION_STATUSES)
      this.#end(status, report.counts[status] - (before?.counts[status] ?? 0));
    this.#note(report.firstErrors.slice(before?.firstErrors.length ?? 0));
  }

  /** `skipped`: what was cut off here, was so because it was to be skipped. */
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

  /** A unit that ended without a word about its partitions. */
  recordLost(id: string, partitions: number, error: ErrorInfo, unit: Pick<UnitTask, 'round'>): void {
    this.#end('INTERNAL_ERROR', partitions);
    this.#compare({ pattern: errorPattern(error, id), id, error, partitions }, unit);
    this.#note([{ id, error }]);
  }

  /** Partitions that were cut off before anything was recorded of them. */
  recordCutOff(partitions: number, { skipped }: { skipped: boolean }): void {
    this.#end(skipped ? 'SKIPPED' : 'CANCELLED', partitions);
  }

  /** A partition that was skipped before it was started, or while it waited for another try. */
  skip(ordinal: number): void {
    this.waiting.delete(ordinal);
    this.#end('SKIPPED', 1);
  }

  /**
   * The run was stopped: what waits is not tried again, and what was not started is SKIPPED. Returns how many
   * were not.
   */
  stop(): number {
    const waiting = this.waitingEnds;
    this.#end('FAILED', waiting.FAILED);
    this.#end('INTERNAL_ERROR', waiting.INTERNAL_ERROR);
    this.waiting.clear();
    if (this.firstErrors.length === 0 && this.alike !== null) this.#note([this.alike]);
    const notStarted = this.counts.PENDING;
    this.#end('SKIPPED', notStarted);
    return notStarted;
  }

  /** The run has ended: `CANCELLED` says it of every partition that had not. */
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
    // What is in a later round threw in the one before, and was counted there.
    else if (round === 0) this.#alike = { ...before, partitions: before.partitions + alike.partitions };
  }

  #note(errors: readonly { id: string; error: ErrorInfo }[]): void {
    for (const { id, error } of errors.slice(0, MAX_ERRORS - this.firstErrors.length))
      this.firstErrors.push({ id, error });
  }
}
