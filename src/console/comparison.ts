/** Two versions of a model compared: counts, pictures and the partitions most worth a look. Pure. */
import type { ComparedPartition, Comparison } from '..';
import { quantilesOf } from '../core/quantiles';
import type { ComparedRow, ComparisonAnswer, ComparisonCounts, Scatter } from './wire/models';

const MAX_ROWS = 100;
/** Cells on each side of the picture. */
const SIDE = 128;
const BINS = 41;
/** The histogram leaves the outermost hundredth on each side to its end bars. */
const TAIL = 0.01;
/** Positive values that differ by more are drawn on a logarithmic scale. */
const LOG_FROM = 50;

export function comparisonAnswer(
  { metric, partitions }: Comparison,
  higherIsBetter: boolean,
): ComparisonAnswer {
  const counts: ComparisonCounts = {
    total: partitions.length,
    betterA: 0,
    betterB: 0,
    same: 0,
    equal: 0,
    otherRows: 0,
    missing: 0,
    notMeasured: 0,
  };
  const otherRows: ComparedRow[] = [];
  const missing: ComparedRow[] = [];
  const compared = new Int32Array(partitions.length);
  let length = 0;
  for (const [position, partition] of partitions.entries()) {
    const kind = kindOf(partition);
    counts[kind]++;
    if (kind === 'betterA' || kind === 'betterB' || kind === 'equal') compared[length++] = position;
    if (kind === 'otherRows' && otherRows.length < MAX_ROWS) otherRows.push(rowOf(partition));
    if (kind === 'missing' && missing.length < MAX_ROWS) missing.push(rowOf(partition));
  }
  const positions = compared.subarray(0, length);
  const a = Float64Array.from(positions, (position) => partitions[position]!.a!);
  const b = Float64Array.from(positions, (position) => partitions[position]!.b!);
  const differences = b.map((value, i) => value - a[i]!);
  const rowAt = (i: number): ComparedRow => rowOf(partitions[positions[i]!]!);
  const ascending = differences.slice().sort();
  const higher = extremes(differences, ascending, 1).map(rowAt);
  const lower = extremes(differences, ascending, -1).map(rowAt);
  return {
    metric,
    counts,
    scatter: scatterOf(a, b),
    differences: histogramOf(ascending),
    worst: higherIsBetter ? lower : higher,
    best: higherIsBetter ? higher : lower,
    otherRows,
    missing,
  };
}

function kindOf({ a, b, better, same, otherRows }: ComparedPartition): keyof ComparisonCounts {
  if (same) return 'same';
  if (otherRows) return 'otherRows';
  // `better` is set too if only one version has a model.
  if (a === null || b === null) return better === null ? 'notMeasured' : 'missing';
  if (better === null) return 'equal';
  return better === 'a' ? 'betterA' : 'betterB';
}

function rowOf({ partition, a, b, better }: ComparedPartition): ComparedRow {
  return { partition, a, b, better };
}

/** Positions of the values farthest from 0 on the side of `sign`, the farthest first. */
function extremes(values: Float64Array, ascending: Float64Array, sign: 1 | -1): number[] {
  const last = Math.min(MAX_ROWS, values.length);
  const limit = sign * (ascending.at(sign === 1 ? -last : last - 1) ?? 0);
  const found: number[] = [];
  for (let i = 0; i < values.length; i++) {
    const distance = sign * values[i]!;
    if (distance > 0 && distance >= limit) found.push(i);
  }
  return found.sort((x, y) => sign * (values[y]! - values[x]!)).slice(0, MAX_ROWS);
}

function scatterOf(a: Float64Array, b: Float64Array): Scatter | null {
  if (a.length === 0) return null;
  let from = Number.POSITIVE_INFINITY;
  let to = Number.NEGATIVE_INFINITY;
  for (const values of [a, b])
    for (const value of values) {
      from = Math.min(from, value);
      to = Math.max(to, value);
    }
  const scale = from > 0 && to / from > LOG_FROM ? 'log' : 'linear';
  const place = scale === 'log' ? Math.log : (value: number): number => value;
  const span = place(to) - place(from);
  const cellOf = (value: number): number =>
    span === 0 ? SIDE >> 1 : Math.min(SIDE - 1, Math.floor(((place(value) - place(from)) / span) * SIDE));
  const counts = new Uint32Array(SIDE * SIDE);
  for (let i = 0; i < a.length; i++) counts[cellOf(b[i]!) * SIDE + cellOf(a[i]!)]!++;
  const cells: number[] = [];
  for (let at = 0; at < counts.length; at++)
    if (counts[at]! > 0) cells.push(at % SIDE, Math.floor(at / SIDE), counts[at]!);
  return { side: SIDE, scale, from, to, cells };
}

/** Bins around 0, so that the middle one has what hardly differs. */
function histogramOf(ascending: Float64Array): ComparisonAnswer['differences'] {
  const quantiles = quantilesOf(ascending.length, (position) => ascending[position]!);
  if (quantiles === null) return null;
  const at = (share: number): number => ascending[Math.floor(share * (ascending.length - 1))]!;
  const reach = Math.max(Math.abs(at(TAIL)), Math.abs(at(1 - TAIL))) || 1;
  const bins = Array.from({ length: BINS }, () => 0);
  for (const difference of ascending) {
    const bin = Math.floor(((difference + reach) / (2 * reach)) * BINS);
    bins[Math.max(0, Math.min(BINS - 1, bin))]!++;
  }
  return { quantiles, from: -reach, to: reach, bins };
}
