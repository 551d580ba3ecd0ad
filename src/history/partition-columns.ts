/**
 * Partitions of a run stored by column instead of as objects, so a million of them take about 40 MB. Pure.
 */
import { addRange } from '../core/near-ranges';
import { PARTITION_STATUSES, type PartitionStatus } from '../core/status';
import type { RunRecord, UnitRecord } from './fold';
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
  /**
   * Position in `RunHandle.units` of the unit that it ended in; -1 if it ended in an earlier execution, or
   * has not ended.
   */
  unit: Int32Array;
}

const NUMBERS = Object.fromEntries(PARTITION_STATUSES.map((status, number) => [status, number])) as Record<
  PartitionStatus,
  number
>;

/**
 * Collects ends into the columns of a range of partitions. Ends may be added after `finish`, which then
 * brings the columns up to date.
 */
export class ColumnsOfEnds implements EndsSink {
  readonly #columns: PartitionColumns;
  /** Positions of the run's units, as far as they were needed. */
  readonly #positions = new Map<UnitRecord, number>();
  readonly #units: Iterator<UnitRecord>;
  /** 1 for partitions whose end is recorded. */
  readonly #ended: Uint8Array;
  /** Number of calls of partitions that have not ended, by ordinal. */
  readonly #calls = new Map<number, number>();
  /** Partitions of which the columns have live information. */
  #live: readonly number[] = [];
  /** Partitions skipped before `finish` was last called. */
  #skipped = 0;
  /** Ordinals of partitions that have changed since `finish`; null before the first one. */
  #changed: number[] | null = null;

  constructor(
    private readonly record: RunRecord,
    { from, to }: { from: number; to: number },
  ) {
    const length = to - from;
    this.#units = record.units.values();
    this.#ended = new Uint8Array(length);
    this.#columns = {
      from,
      to,
      status: new Uint8Array(length),
      attempts: new Int32Array(length),
      rows: new Float64Array(length),
      returnedRows: new Int32Array(length),
      startedAt: new Float64Array(length).fill(Number.NaN),
      durationMs: new Float64Array(length).fill(Number.NaN),
      execution: new Int32Array(length),
      reused: new Uint8Array(length),
      unit: new Int32Array(length).fill(-1),
    };
  }

  has(ordinal: number): boolean {
    const at = this.#at(ordinal);
    return at === null || this.#ended[at] === 1;
  }

  addBlock({ block, execution, unit }: BlockOfEnds): void {
    const position = this.#positionOf(unit);
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
      this.#columns.unit[at] = position;
      this.#ended[at] = 1;
      this.#changed?.push(block.ordinals[i]!);
    }
  }

  addEnd({ outcome, execution, unit }: Pick<PartitionEnd, 'outcome' | 'execution' | 'unit'>): void {
    const at = this.#at(outcome.ordinal);
    if (at === null) return;
    this.#ended[at] = 1;
    this.#write(at, outcome, { execution, unit });
  }

  addThrown(end: PartitionEnd): void {
    const { ordinal, attempts } = end.outcome;
    // A stopped run retries nothing.
    if (wasStopped(this.record) && this.record.waiting.has(ordinal)) this.addEnd(end);
    else this.addCalls(ordinal, attempts);
  }

  addCalls(ordinal: number, calls: number): void {
    if (this.has(ordinal)) return;
    this.#calls.set(ordinal, calls);
    this.#clear(this.#at(ordinal)!);
  }

  /**
   * Adds the live information and returns the columns, which are the same arrays each time. `overlay` is null
   * if the run is closed; `rows` has the source rows of the range. `changed` are ranges that contain all
   * partitions that are not as they were before.
   */
  finish(
    overlay: LiveOverlay | null,
    rows: Float64Array,
  ): { columns: PartitionColumns; changed: [from: number, to: number][] } {
    const columns = this.#columns;
    const { record } = this;
    // Partitions that have not ended may have changed too.
    const isSkipped = record.skipped.size !== this.#skipped;
    const isWhole = this.#changed === null || record.closed !== null || isSkipped;
    if (this.#changed === null) columns.rows.set(rows);
    if (isSkipped) this.#skipCutOff();
    if (isWhole) {
      for (let at = 0; at < columns.status.length; at++) if (this.#ended[at] === 0) this.#clear(at);
    } else for (const ordinal of this.#live) if (!this.has(ordinal)) this.#clear(this.#at(ordinal)!);
    this.#live = overlay === null ? [] : this.#addLive(overlay);
    const changed = isWhole ? [[columns.from, columns.to] as [number, number]] : rangesOf(this.#changed!);
    this.#skipped = record.skipped.size;
    this.#changed = [];
    return { columns, changed };
  }

  /**
   * A unit records a partition that is skipped while it is processed as cancelled, before history has the
   * skip.
   */
  #skipCutOff(): void {
    const { status } = this.#columns;
    for (const ordinal of this.record.skipped) {
      const at = this.#at(ordinal);
      if (at !== null && status[at] === NUMBERS.CANCELLED) status[at] = NUMBERS.SKIPPED;
    }
  }

  /** Returns the ordinals of the partitions that have live information. */
  #addLive({ ended, running, waiting }: LiveOverlay): number[] {
    const columns = this.#columns;
    const live = new Set<number>();
    for (const [ordinal, { outcome, unit }] of ended) {
      if (this.has(ordinal)) continue;
      live.add(ordinal);
      this.#write(this.#at(ordinal)!, outcome, { execution: unit.task.execution, unit });
    }
    for (const [partitions, isRunning] of [
      [waiting, false],
      [running, true],
    ] as const) {
      for (const [ordinal, { attempt, startedAt }] of partitions) {
        if (this.has(ordinal) || ended.has(ordinal)) continue;
        live.add(ordinal);
        const at = this.#at(ordinal)!;
        if (isRunning) columns.status[at] = NUMBERS.RUNNING;
        // Of one that is waiting, it is the number of its next attempt.
        columns.attempts[at] = isRunning ? attempt : attempt - 1;
        if (startedAt !== null) columns.startedAt[at] = Date.parse(startedAt);
        this.#changed?.push(ordinal);
      }
    }
    return [...live];
  }

  #write(
    at: number,
    outcome: PartitionEnd['outcome'],
    { execution, unit }: Pick<PartitionEnd, 'execution' | 'unit'>,
  ): void {
    const columns = this.#columns;
    const skipped = outcome.status === 'CANCELLED' && this.record.skipped.has(outcome.ordinal);
    columns.status[at] = NUMBERS[skipped ? 'SKIPPED' : outcome.status];
    columns.attempts[at] = outcome.attempts;
    columns.returnedRows[at] = outcome.outputRows;
    columns.startedAt[at] = Date.parse(outcome.startedAt);
    columns.durationMs[at] = outcome.durationMs;
    columns.execution[at] = execution;
    columns.reused[at] = outcome.reused ? 1 : 0;
    columns.unit[at] = this.#positionOf(unit);
    this.#changed?.push(outcome.ordinal);
  }

  /** Makes it a partition that has not ended. */
  #clear(at: number): void {
    const columns = this.#columns;
    const ordinal = columns.from + at;
    columns.status[at] = NUMBERS[statusOfUnended(this.record, ordinal)];
    columns.attempts[at] = this.#calls.get(ordinal) ?? 0;
    columns.returnedRows[at] = 0;
    columns.startedAt[at] = Number.NaN;
    columns.durationMs[at] = Number.NaN;
    columns.execution[at] = 0;
    columns.reused[at] = 0;
    columns.unit[at] = -1;
    this.#changed?.push(ordinal);
  }

  /** Units are only ever added to a record, so those that were counted keep their positions. */
  #positionOf(unit: UnitRecord | null): number {
    if (unit === null) return -1;
    for (;;) {
      const known = this.#positions.get(unit);
      if (known !== undefined) return known;
      const next = this.#units.next();
      if (next.done === true) return -1;
      this.#positions.set(next.value, this.#positions.size);
    }
  }

  /** Null if outside the range. */
  #at(ordinal: number): number | null {
    const { from, to } = this.#columns;
    return ordinal >= from && ordinal < to ? ordinal - from : null;
  }
}

/** Ranges that contain all of these, ascending and apart. */
function rangesOf(ordinals: readonly number[]): [number, number][] {
  const ranges: [number, number][] = [];
  for (const ordinal of Int32Array.from(ordinals).sort()) addRange(ranges, ordinal, ordinal + 1);
  return ranges;
}
