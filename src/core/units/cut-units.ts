/**
 * Cuts partitions into units (I7). Done once, during planning; the workflow only walks the list.
 */
import type { Unit } from '../plan';
import type { UnitTask } from '../tasks';
import { MAX_SHARDS } from '../live-settings';
import { rangeLabel } from './labels';
import { MAX_UNITS, shardsInFlight } from './shards';

/** Rows per batch, if there are enough to keep all lanes busy for long. */
const ROWS_PER_UNIT = 250_000;
/** Partitions per batch, if they are so small that an activity would cost more than they do. */
const PARTITIONS_PER_UNIT = 128;

/** Units have their own task queue, so long ones never keep another run from being planned. */
export function unitQueueOf(taskQueue: string): string {
  return `${taskQueue}.units`;
}

/**
 * Whether everything in the unit concerns one partition: its log lines and its activity's attempts. This
 * includes retry units with one partition.
 */
export function spansOne({ from, to }: Pick<UnitTask, 'from' | 'to'>): boolean {
  return from === to;
}

/**
 * Whether the unit is one partition with its own activity: if it throws, the activity fails and Temporal
 * retries it. Any other unit is a batch, including a retry unit with one partition: it completes and gives
 * back the partitions to retry.
 */
export function isOwnActivity({ from, to, only }: Pick<UnitTask, 'from' | 'to' | 'only'>): boolean {
  return only === null && spansOne({ from, to });
}

export interface UnitRequest {
  /** Rows of each partition, by ordinal. */
  rows: ArrayLike<number>;
  /** Returns the partition id of an ordinal. */
  id: (ordinal: number) => string;
  maxConcurrency: number;
  /** As set by the user; null: chosen automatically. */
  partitionsPerUnit: number | null;
}

/**
 * Cuts neighbours in key order into units, largest first: one partition each for up to 500 partitions (per
 * shard that the concurrency needs).
 *
 * Above that limit, the number of units is about max(64, 16 × maxConcurrency, rows / 250,000), within the
 * same limit; fewer if units would have less than 128 partitions, but at least 2 × maxConcurrency. A
 * partition far larger than average becomes its own unit, so that nothing waits behind it.
 */
export function cutUnits(request: UnitRequest): Unit[] {
  const { maxConcurrency, partitionsPerUnit, rows } = request;
  const partitions = rows.length;
  // enforces I7
  const maxUnits = MAX_UNITS * Math.min(MAX_SHARDS, shardsInFlight(maxConcurrency));
  const ranges =
    partitionsPerUnit !== null
      ? cutEvenly(partitions, Math.max(partitionsPerUnit, Math.ceil(partitions / (MAX_UNITS * MAX_SHARDS))))
      : partitions <= maxUnits
        ? cutEvenly(partitions, 1)
        : cutByRows(rows, maxConcurrency, maxUnits);
  const weighed = ranges.map(([from, to]) => ({ from, to, weight: weight(request.rows, from, to) }));
  // Array.prototype.sort is stable: equal weights stay in key order.
  weighed.sort((a, b) => b.weight - a.weight);
  return weighed.map(({ from, to }) => ({
    from,
    to,
    partitions: to - from + 1,
    label: rangeLabel(request.id(from), request.id(to)),
  }));
}

/**
 * The ranges of units in key order, and the gaps between them: together they cover all of the run's
 * partitions.
 */
export function rangesOf(
  units: readonly { from: number; to: number }[],
  partitions: number,
): { from: number; to: number }[] {
  const ranges: { from: number; to: number }[] = [];
  let next = 0;
  for (const { from, to } of [...units].sort((a, b) => a.from - b.from)) {
    if (from > next) ranges.push({ from: next, to: from - 1 });
    ranges.push({ from, to });
    next = to + 1;
  }
  if (next < partitions) ranges.push({ from: next, to: partitions - 1 });
  return ranges;
}

function cutEvenly(partitions: number, size: number): [number, number][] {
  const ranges: [number, number][] = [];
  for (let from = 0; from < partitions; from += size)
    ranges.push([from, Math.min(from + size, partitions) - 1]);
  return ranges;
}

function cutByRows(rows: ArrayLike<number>, maxConcurrency: number, maxUnits: number): [number, number][] {
  const total = weight(rows, 0, rows.length - 1);
  // Half of the budget, because large partitions as their own units also split the ranges around them.
  const wanted = Math.min(
    Math.floor((maxUnits - 1) / 2),
    Math.max(64, 16 * maxConcurrency, Math.ceil(total / ROWS_PER_UNIT)),
    Math.max(2 * maxConcurrency, Math.ceil(rows.length / PARTITIONS_PER_UNIT)),
  );
  const target = total / wanted;
  const ranges: [number, number][] = [];
  let from = 0;
  let sum = 0;
  for (let ordinal = 0; ordinal < rows.length; ordinal++) {
    const cost = cellWeight(rows[ordinal]!);
    if (cost > target && ordinal > from) {
      ranges.push([from, ordinal - 1]);
      from = ordinal;
      sum = 0;
    }
    sum += cost;
    if (sum >= target || ordinal === rows.length - 1) {
      ranges.push([from, ordinal]);
      from = ordinal + 1;
      sum = 0;
    }
  }
  return ranges;
}

function weight(rows: ArrayLike<number>, from: number, to: number): number {
  let sum = 0;
  for (let ordinal = from; ordinal <= to; ordinal++) sum += cellWeight(rows[ordinal]!);
  return sum;
}

/** Even a small partition has a cost: about that of ten rows. */
function cellWeight(rows: number): number {
  return rows + 10;
}
