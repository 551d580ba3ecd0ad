/**
 * How partitions are cut into units (I7). Done once, in planning: the workflow only walks the list.
 */
import type { Unit } from '../plan';
import type { UnitTask } from '../tasks';
import { MAX_SHARDS } from '../live-settings';
import { MAX_UNITS, shardsInFlight } from './shards';

/** Rows of a batch, where there are so many that all lanes are busy for long. */
const ROWS_PER_UNIT = 250_000;
/** Partitions of a batch, where there are so few that its activity would cost more than they do. */
const PARTITIONS_PER_UNIT = 128;
/** Temporal's UI shows an activity's summary as one line. */
const LABEL_BYTES = 200;

/** Units have a queue of their own, so that long ones never keep another run from being planned. */
export function unitQueueOf(taskQueue: string): string {
  return `${taskQueue}.units`;
}

/**
 * Whether all that happens in the unit is about one partition: its lines, and the attempts of its activity. A
 * retry unit of one partition is such a unit, too.
 */
export function spansOne({ from, to }: Pick<UnitTask, 'from' | 'to'>): boolean {
  return from === to;
}

/**
 * Whether the unit is a partition with an activity of its own: where it throws, the activity fails, and
 * Temporal tries it again. Any other unit is a batch, also a retry unit of one partition: it completes, and
 * gives back what is to be tried again.
 */
export function isOwnActivity({ from, to, only }: Pick<UnitTask, 'from' | 'to' | 'only'>): boolean {
  return only === null && spansOne({ from, to });
}

export interface UnitRequest {
  /** Rows of each partition, by ordinal. */
  rows: ArrayLike<number>;
  /** Partition id by ordinal. */
  id: (ordinal: number) => string;
  maxConcurrency: number;
  /** What the user asked for; null: as above. */
  partitionsPerUnit: number | null;
}

/**
 * Cuts neighbours in key order into units, largest first: one partition each up to 500, and up to 500 for
 * each shard that the concurrency asks for.
 *
 * Above that the number of units is about max(64, 16 × maxConcurrency, rows / 250,000), at most as many;
 * fewer when they would have less than 128 partitions, but still 2 × maxConcurrency. A partition far above
 * the average is a unit of its own, so that nothing waits behind it.
 */
export function cutUnits(request: UnitRequest): Unit[] {
  const { maxConcurrency, partitionsPerUnit, rows } = request;
  const partitions = rows.length;
  // enforces I7
  const most = MAX_UNITS * Math.min(MAX_SHARDS, shardsInFlight(maxConcurrency));
  const ranges =
    partitionsPerUnit !== null
      ? cutEvenly(partitions, Math.max(partitionsPerUnit, Math.ceil(partitions / (MAX_UNITS * MAX_SHARDS))))
      : partitions <= most
        ? cutEvenly(partitions, 1)
        : cutByRows(rows, maxConcurrency, most);
  const weighed = ranges.map(([from, to]) => ({ from, to, weight: weight(request.rows, from, to) }));
  // Array.prototype.sort is stable: equal weights stay in key order.
  weighed.sort((a, b) => b.weight - a.weight);
  return weighed.map(({ from, to }) => ({
    from,
    to,
    partitions: to - from + 1,
    label: label(request.id, from, to),
  }));
}

/**
 * The ranges of units in key order, and what lies between them: together every one of the run's partitions.
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

function cutByRows(rows: ArrayLike<number>, maxConcurrency: number, most: number): [number, number][] {
  const total = weight(rows, 0, rows.length - 1);
  // Half of the budget, since partitions of their own cut the runs between them.
  const wanted = Math.min(
    Math.floor((most - 1) / 2),
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

/** A partition costs something even when it is small: about as much as ten rows. */
function cellWeight(rows: number): number {
  return rows + 10;
}

function label(id: (ordinal: number) => string, from: number, to: number): string {
  const text = from === to ? id(from) : `${id(from)} … ${id(to)}`;
  if (Buffer.byteLength(text) <= LABEL_BYTES) return text;
  return `${Buffer.from(text)
    .subarray(0, LABEL_BYTES - 4)
    .toString('utf8')
    .replace(/\uFFFD+$/, '')}…`;
}
