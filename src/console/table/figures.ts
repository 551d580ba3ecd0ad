/** Exact figures of a selection of partitions. Pure. */
import type { PartitionColumns } from '../..';
import type { Table } from './partition-table';
import { Ranked } from './ranked';
import type { Figures, Outlier } from '../wire/types';

/** Share of the slowest partitions that the sentence about skew is about. */
const SLOWEST = 0.01;
const OUTLIERS = 10;

/** Figures with outliers by number alone. */
export interface NumberedFigures extends Omit<Figures, 'version' | 'outliers'> {
  outliers: Omit<Outlier, 'id'>[];
}

export function figuresOf({ columns }: Table, ordinals: Int32Array): NumberedFigures {
  const { timed, took, rows } = timedOnes(columns, ordinals);
  const medianMsPerRow = medianRate(took, rows);
  const slowest = Math.ceil(took.length * SLOWEST);
  const tookRanked = new Ranked(took);
  const rowsRanked = new Ranked(rows);
  const sum = tookRanked.sumFrom(0);
  const ofSlowest = tookRanked.sumFrom(took.length - slowest);
  const large = Math.max(rowsRanked.share(1 - SLOWEST), 2 * rowsRanked.share(0.5));
  return {
    took: tookRanked.quantiles(),
    rows: rowsRanked.quantiles(),
    timed: took.length,
    slowest: { partitions: slowest, share: sum === 0 ? 0 : ofSlowest / sum },
    medianMsPerRow,
    outliers: slowestOf(columns, timed, tookRanked.at(Math.max(0, took.length - OUTLIERS))).map(
      (ordinal) => ({
        ordinal,
        took: columns.durationMs[ordinal]!,
        rows: columns.rows[ordinal]!,
        isLarge: columns.rows[ordinal]! >= large,
      }),
    ),
  };
}

/** The partitions that have a time, with their times and rows. */
function timedOnes({ durationMs, rows }: PartitionColumns, ordinals: Int32Array) {
  const timed = new Int32Array(ordinals.length);
  const took = new Float64Array(ordinals.length);
  const rowsOfTimed = new Float64Array(ordinals.length);
  let length = 0;
  for (let i = 0; i < ordinals.length; i++) {
    const ordinal = ordinals[i]!;
    const ms = durationMs[ordinal]!;
    if (Number.isNaN(ms)) continue;
    timed[length] = ordinal;
    took[length] = ms;
    rowsOfTimed[length++] = rows[ordinal]!;
  }
  return {
    timed: timed.subarray(0, length),
    took: took.subarray(0, length),
    rows: rowsOfTimed.subarray(0, length),
  };
}

/** The typical time of a row, from the partitions that have rows; null if none has. */
function medianRate(took: Float64Array, rows: Float64Array): number | null {
  const rates = new Float64Array(took.length);
  let length = 0;
  for (let i = 0; i < took.length; i++) if (rows[i]! > 0) rates[length++] = took[i]! / rows[i]!;
  return length === 0 ? null : new Ranked(rates.subarray(0, length)).share(0.5);
}

/** The slowest of some partitions, from `least` up, the slowest first; of equal ones, the last first. */
function slowestOf({ durationMs }: PartitionColumns, timed: Int32Array, least: number): number[] {
  const found: number[] = [];
  let equal = 0;
  for (let i = timed.length - 1; i >= 0; i--) {
    const ms = durationMs[timed[i]!]!;
    if (ms > least || (ms === least && equal++ < OUTLIERS)) found.push(timed[i]!);
  }
  return found.sort((a, b) => durationMs[b]! - durationMs[a]! || b - a).slice(0, OUTLIERS);
}
