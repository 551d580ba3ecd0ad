/**
 * Partitions of a run stored by column instead of as objects, so a million of them take about 40 MB. Pure.
 */
import { PARTITION_STATUSES, type PartitionStatus } from '../core/status';
import type { RunRecord } from './fold';
import type { LiveOverlay } from './overlay';
import { statusOfUnended, wasStopped } from './run-state';
import type { BlockOfEnds, EndsSink, PartitionEnd } from './unit-ends';

/**
 * The partitions with ordinals from `from` up to, but not including, `to`, in key order. Each column has one
 * value per partition: the value for ordinal `n` is at index `n - from`.
 */
export interface PartitionColumns {
  from: number;
  to: number;
  /** Positions in `PARTITION_STATUSES`. */
  status: Uint8Array;
  /** Number of calls of the function. */
  attempts: Int32Array;
  /** Source rows. */
  rows: Float64Array;
  /** Number of rows that the function returned; 0 until the partition is DONE. */
  returnedRows: Int32Array;
  /** Milliseconds since 1970; NaN if it has not started. */
  startedAt: Float64Array;
  /** Milliseconds; NaN until it has ended. */
  durationMs: Float64Array;
  /** Number of the execution that the partition ended in; 0 until it has ended. */
  execution: Int32Array;
  /** 1 if it was taken over from an earlier run of the series. */
  reused: Uint8Array;
}

/** Marks a partition without a known end. */
const NO_STATUS = 255;

const NUMBERS = Object.fromEntries(PARTITION_STATUSES.map((status, number) => [status, number])) as Record<
  PartitionStatus,
  number
>;

/** Collects ends into the columns of a range of partitions. */
export class ColumnsOfEnds implements EndsSink {
  readonly #columns: PartitionColumns;

  constructor(
    private readonly record: RunRecord,
    { from, to }: { from: number; to: number },
  ) {
    const length = to - from;
    this.#columns = {
      from,
      to,
      status: new Uint8Array(length).fill(NO_STATUS),
      attempts: new Int32Array(length),
      rows: new Float64Array(length),
      returnedRows: new Int32Array(length),
      startedAt: new Float64Array(length).fill(Number.NaN),
      durationMs: new Float64Array(length).fill(Number.NaN),
      execution: new Int32Array(length),
      reused: new Uint8Array(length),
    };
  }

  has(ordinal: number): boolean {
    const at = this.#at(ordinal);
    return at === null || this.#columns.status[at] !== NO_STATUS;
  }

  addBlock({ block, execution }: BlockOfEnds): void {
    const { status, attempts, returnedRows, startedAt, durationMs, execution: executions } = this.#columns;
    for (let i = 0; i < block.ordinals.length; i++) {
      const at = this.#at(block.ordinals[i]!);
      if (at === null) continue;
      status[at] = NUMBERS.DONE;
      attempts[at] = block.attempts[i]!;
      returnedRows[at] = block.outputRows[i]!;
      startedAt[at] = block.startedAt[i]!;
      durationMs[at] = block.durationMs[i]!;
      executions[at] = execution;
    }
  }

  addEnd({ outcome, execution }: Pick<PartitionEnd, 'outcome' | 'execution'>): void {
    const at = this.#at(outcome.ordinal);
    if (at === null) return;
    const columns = this.#columns;
    const skipped = outcome.status === 'CANCELLED' && this.record.skipped.has(outcome.ordinal);
    columns.status[at] = NUMBERS[skipped ? 'SKIPPED' : outcome.status];
    columns.attempts[at] = outcome.attempts;
    columns.returnedRows[at] = outcome.outputRows;
    columns.startedAt[at] = Date.parse(outcome.startedAt);
    columns.durationMs[at] = outcome.durationMs;
    columns.execution[at] = execution;
    columns.reused[at] = outcome.reused ? 1 : 0;
  }

  addThrown(end: PartitionEnd): void {
    const { ordinal, attempts } = end.outcome;
    // A stopped run retries nothing.
    if (wasStopped(this.record) && this.record.waiting.has(ordinal)) this.addEnd(end);
    else this.addCalls(ordinal, attempts);
  }

  addCalls(ordinal: number, calls: number): void {
    if (!this.has(ordinal)) this.#columns.attempts[this.#at(ordinal)!] = calls;
  }

  /**
   * Adds the live information and returns the columns. `overlay` is null if the run is closed; `rows` has the
   * source rows of the range.
   */
  finish(overlay: LiveOverlay | null, rows: Float64Array): PartitionColumns {
    const columns = this.#columns;
    const { record } = this;
    for (const { outcome } of overlay?.ended.values() ?? [])
      if (!this.has(outcome.ordinal)) this.addEnd({ outcome, execution: record.plan!.execution });
    for (let at = 0; at < columns.status.length; at++) {
      if (columns.status[at] !== NO_STATUS) continue;
      const ordinal = columns.from + at;
      const running = overlay?.running.get(ordinal);
      columns.status[at] = NUMBERS[running === undefined ? statusOfUnended(record, ordinal) : 'RUNNING'];
      const live = running ?? overlay?.waiting.get(ordinal);
      if (live === undefined) continue;
      columns.attempts[at] = live.attempt;
      if (live.startedAt !== null) columns.startedAt[at] = Date.parse(live.startedAt);
    }
    columns.rows.set(rows);
    return columns;
  }

  /** Null if outside the range. */
  #at(ordinal: number): number | null {
    const { from, to } = this.#columns;
    return ordinal >= from && ordinal < to ? ordinal - from : null;
  }
}
