/** Exact figures of a selection of partitions. Pure. */
import type { PartitionColumns } from '../..';
import { quantilePosition, quantilesOf } from '../../core/quantiles';
import { radixOrder, type Table } from './partition-table';
import type { Figures } from '../wire/types';

/** Share of the slowest partitions that the sentence about skew is about. */
const SLOWEST = 0.01;
const OUTLIERS = 10;

export function figuresOf({ columns }: Table, ordinals: Int32Array): Figures {
  const { timed, took, rows } = timedOnes(columns, ordinals);
  const order = radixOrder(took);
  const slowest = Math.ceil(took.length * SLOWEST);
  let sum = 0;
  let ofSlowest = 0;
  for (let i = 0; i < order.length; i++) {
    const ms = took[order[i]!]!;
    sum += ms;
    if (i >= order.length - slowest) ofSlowest += ms;
  }
  const ascendingRows = rows.slice().sort();
  const large = Math.max(quantile(ascendingRows, 1 - SLOWEST), 2 * quantile(ascendingRows, 0.5));
  const last = Array.from(order.subarray(Math.max(0, order.length - OUTLIERS))).reverse();
  return {
    took: quantilesOf(took.length, (position) => took[order[position]!]!),
    rows: quantilesOf(rows.length, (position) => ascendingRows[position]!),
    timed: took.length,
    tookSum: sum,
    slowest: { partitions: slowest, share: sum === 0 ? 0 : ofSlowest / sum },
    medianMsPerRow: medianRate(took, rows),
    outliers: last.map((i) => ({
      ordinal: timed[i]!,
      took: took[i]!,
      rows: rows[i]!,
      isLarge: rows[i]! >= large,
    })),
  };
}

/** The partitions that have a time, with their times and rows. */
function timedOnes({ durationMs, rows }: PartitionColumns, ordinals: Int32Array) {
  const timed = new Int32Array(ordinals.length);
  const took = new Float64Array(ordinals.length);
  const rowsOfTimed = new Float64Array(ordinals.length);
  let length = 0;
  for (const ordinal of ordinals) {
    const ms = durationMs[ordinal]!;
    if (Number.isNaN(ms)) continue;
    timed[length] = ordinal;
    took[length] = ms;
    rowsOfTimed[length++] = rows[ordinal]!;
  }
  return {
    timed: timed.subarray(0, length),
    took: took.slice(0, length),
    rows: rowsOfTimed.subarray(0, length),
  };
}

/** The typical time of a row, from the partitions that have rows; null if none has. */
function medianRate(took: Float64Array, rows: Float64Array): number | null {
  const rates = new Float64Array(took.length);
  let length = 0;
  for (let i = 0; i < took.length; i++) if (rows[i]! > 0) rates[length++] = took[i]! / rows[i]!;
  return length === 0 ? null : quantile(rates.subarray(0, length).sort(), 0.5);
}

/** The value that at least a share of the ascending values do not exceed; NaN of none. */
function quantile(ascending: Float64Array, share: number): number {
  return ascending[quantilePosition(share, ascending.length)] ?? Number.NaN;
}
