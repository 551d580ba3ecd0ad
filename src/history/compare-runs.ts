/** Compares two runs partition by partition, as columns: about 30 bytes per partition. Pure. */
import { quantilesOf, type Quantiles } from '../core/quantiles';
import { FAILURE_STATUSES, PARTITION_STATUSES } from '../core/status';
import type { PartitionColumns } from './partition-columns';

/** How a partition can differ between two runs. */
export const PARTITION_DIFFERENCES = ['gone', 'new', 'status', 'rows', 'returnedRows'] as const;
export type PartitionDifference = (typeof PARTITION_DIFFERENCES)[number];

/** What can have changed a partition's outcome. */
export const DIFFERENCE_CAUSES = ['rows', 'code', 'params', 'runtime'] as const;
export type DifferenceCause = (typeof DIFFERENCE_CAUSES)[number];

/**
 * Partitions of one run, all of them. Equal numbers in `code` and `runtime` mean the same in both runs; 0:
 * unknown, or none.
 */
export interface ComparedSide {
  columns: PartitionColumns;
  code: Int32Array;
  runtime: Int32Array;
}

/** Partitions of two runs with the same id. */
export interface JoinedPartitions {
  /** Ordinals in the first and the second run; -1 if it has no such partition. */
  a: Int32Array;
  b: Int32Array;
  /** 1 if the partition's source rows have changed; null if that is not known. */
  changed: Uint8Array | null;
}

/** One value for each partition of either run, in key order of the first run, new partitions last. */
export interface ComparisonColumns {
  /** Ordinal in run a; -1 if only run b has the partition. */
  a: Int32Array;
  /** Ordinal in run b; -1 if only run a has it. */
  b: Int32Array;
  /** A bit for each of `PARTITION_DIFFERENCES`, from the lowest; 0: no difference. */
  differences: Uint8Array;
  /** A bit for each of `DIFFERENCE_CAUSES`: what has changed, whether the partition differs or not. */
  causes: Uint8Array;
  /** Duration in b divided by that in a. NaN unless both ran and were DONE, in more than 0 ms. */
  durationRatio: Float64Array;
}

export interface ComparedColumns {
  columns: ComparisonColumns;
  /** Number of partitions by status in a and in b, by position in `PARTITION_STATUSES`. */
  transitions: number[][];
  differences: Record<PartitionDifference, number>;
  causes: Record<DifferenceCause | 'none', number>;
  changed: Record<DifferenceCause, number>;
  /** Positions in `columns` of partitions that differ, most important first. */
  order: Int32Array;
  /** Positions of the partitions whose duration has changed most, in milliseconds. */
  durationsChanged: number[];
  /** Minimum, quartiles, 95 % and maximum of `durationRatio`; null if there are none. */
  durationRatios: DurationRatios | null;
}

/** Quantiles of the ratios of durations. */
export interface DurationRatios extends Quantiles {
  partitions: number;
}

const DONE = PARTITION_STATUSES.indexOf('DONE');
const FAILURES: readonly number[] = FAILURE_STATUSES.map((status) => PARTITION_STATUSES.indexOf(status));
const DIFFERENCE = bits(PARTITION_DIFFERENCES);
const CAUSE = bits(DIFFERENCE_CAUSES);
const MAX_DURATIONS = 10;

/** `paramsChanged` and `columnsChanged` are about the whole runs. */
export function compareColumns(
  a: ComparedSide,
  b: ComparedSide,
  joined: JoinedPartitions,
  { paramsChanged, columnsChanged }: { paramsChanged: boolean; columnsChanged: boolean },
): ComparedColumns {
  const length = joined.a.length;
  const columns: ComparisonColumns = {
    a: joined.a,
    b: joined.b,
    differences: new Uint8Array(length),
    causes: new Uint8Array(length),
    durationRatio: new Float64Array(length).fill(Number.NaN),
  };
  const transitions = PARTITION_STATUSES.map(() => PARTITION_STATUSES.map(() => 0));
  const weights = new Float64Array(length);
  const slowed = new Float64Array(length);
  for (let at = 0; at < length; at++) {
    const [i, j] = [joined.a[at]!, joined.b[at]!];
    if (i < 0 || j < 0) {
      columns.differences[at] = i < 0 ? DIFFERENCE.new : DIFFERENCE.gone;
      weights[at] = weightOf(Weight.oneRun, i < 0 ? b.columns.rows[j]! : a.columns.rows[i]!);
      continue;
    }
    const [before, after] = [a.columns.status[i]!, b.columns.status[j]!];
    transitions[before]![after]!++;
    const rowsBy = Math.abs(b.columns.rows[j]! - a.columns.rows[i]!);
    const returnedBy = Math.abs(b.columns.returnedRows[j]! - a.columns.returnedRows[i]!);
    const rowsChanged = rowsBy > 0 || joined.changed?.[at] === 1;
    columns.differences[at] =
      (before === after ? 0 : DIFFERENCE.status) |
      (rowsChanged ? DIFFERENCE.rows : 0) |
      (returnedBy > 0 ? DIFFERENCE.returnedRows : 0);
    columns.causes[at] =
      (rowsChanged || columnsChanged ? CAUSE.rows : 0) |
      (areOther(a.code[i]!, b.code[j]!) ? CAUSE.code : 0) |
      (paramsChanged ? CAUSE.params : 0) |
      (areOther(a.runtime[i]!, b.runtime[j]!) ? CAUSE.runtime : 0);
    const rank =
      before !== after
        ? FAILURES.includes(after) && !FAILURES.includes(before)
          ? Weight.broken
          : Weight.status
        : returnedBy > 0
          ? Weight.returned
          : Weight.rows;
    weights[at] = weightOf(rank, Math.max(rowsBy, returnedBy));
    if (before !== DONE || after !== DONE || a.columns.reused[i] === 1 || b.columns.reused[j] === 1) continue;
    const [took, takes] = [a.columns.durationMs[i]!, b.columns.durationMs[j]!];
    if (!(took > 0 && takes > 0)) continue;
    columns.durationRatio[at] = takes / took;
    slowed[at] = Math.abs(takes - took);
  }
  const { differences } = columns;
  const order = positionsWhere(length, (at) => differences[at] !== 0);
  // Positions decide between equal weights, so that the order is that of the keys.
  order.sort((x, y) => weights[y]! - weights[x]! || x - y);
  const inBoth = (at: number): boolean => columns.a[at]! >= 0 && columns.b[at]! >= 0;
  return {
    columns,
    transitions,
    differences: countBits(PARTITION_DIFFERENCES, order, differences),
    causes: countCauses(columns.causes, order.filter(inBoth)),
    changed: countBits(DIFFERENCE_CAUSES, positionsWhere(length, inBoth), columns.causes),
    order,
    durationsChanged: largest(slowed, MAX_DURATIONS),
    durationRatios: ratiosOf(columns.durationRatio),
  };
}

/** Whether two numbers are known (not 0) and differ. */
function areOther(a: number, b: number): boolean {
  return a !== 0 && b !== 0 && a !== b;
}

/** What differs most, from least to most important. */
const Weight = { rows: 1, returned: 2, oneRun: 3, status: 4, broken: 5 } as const;

function weightOf(rank: number, magnitude: number): number {
  return rank * 1e15 + Math.min(magnitude, 1e14);
}

function countCauses(causes: Uint8Array, positions: Int32Array): Record<DifferenceCause | 'none', number> {
  const none = positions.reduce((sum, at) => sum + (causes[at] === 0 ? 1 : 0), 0);
  return { ...countBits(DIFFERENCE_CAUSES, positions, causes), none };
}

function countBits<Name extends string>(
  names: readonly Name[],
  positions: Int32Array,
  flags: Uint8Array,
): Record<Name, number> {
  const counts = names.map(() => 0);
  for (const at of positions) for (const bit of names.keys()) counts[bit]! += (flags[at]! >> bit) & 1;
  return Object.fromEntries(names.map((name, bit) => [name, counts[bit]!])) as Record<Name, number>;
}

/** The names whose bits are set. */
export function namesOf<Name extends string>(names: readonly Name[], flags: number): Name[] {
  return names.filter((_, bit) => ((flags >> bit) & 1) === 1);
}

function bits<Name extends string>(names: readonly Name[]): Record<Name, number> {
  return Object.fromEntries(names.map((name, bit) => [name, 1 << bit])) as Record<Name, number>;
}

function positionsWhere(length: number, fits: (at: number) => boolean): Int32Array {
  const found = new Int32Array(length);
  let count = 0;
  for (let at = 0; at < length; at++) if (fits(at)) found[count++] = at;
  return found.slice(0, count);
}

/** Positions of the largest values above 0, largest first. */
function largest(values: Float64Array, most: number): number[] {
  const found: number[] = [];
  for (let at = 0; at < values.length; at++) {
    const value = values[at]!;
    if (!(value > 0) || (found.length === most && value <= values[found.at(-1)!]!)) continue;
    const place = found.findIndex((other) => values[other]! < value);
    found.splice(place < 0 ? found.length : place, 0, at);
    found.length = Math.min(found.length, most);
  }
  return found;
}

function ratiosOf(ratios: Float64Array): DurationRatios | null {
  const ascending = ratios.filter((ratio) => !Number.isNaN(ratio)).sort();
  const quantiles = quantilesOf(ascending.length, (position) => ascending[position]!);
  return quantiles === null ? null : { partitions: ascending.length, ...quantiles };
}
