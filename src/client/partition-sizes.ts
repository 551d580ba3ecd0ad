/** What a plan shows of the sizes of its partitions, however many there are. Pure. */

import { quantilesOf, type Quantiles } from '../core/quantiles';

/** A partition and its number of rows. */
export interface SizedPartition {
  id: string;
  rows: number;
}

/** Partitions with `from` to `to` rows, inclusive. */
export interface SizeBin {
  from: number;
  to: number;
  partitions: number;
}

export interface PartitionSizes {
  largest: SizedPartition[];
  smallest: SizedPartition[];
  quantiles: Quantiles | null;
  histogram: SizeBin[];
}

const MAX_LARGEST = 100;
const MAX_SMALLEST = 5;

export function partitionSizes(rows: ArrayLike<number>, id: (ordinal: number) => string): PartitionSizes {
  // Of equal sizes, the first in key order comes first.
  const bySize = Uint32Array.from({ length: rows.length }, (_, ordinal) => ordinal).sort(
    (a, b) => rows[b]! - rows[a]! || a - b,
  );
  const sized = (ordinal: number): SizedPartition => ({ id: id(ordinal), rows: rows[ordinal]! });
  return {
    largest: Array.from(bySize.subarray(0, MAX_LARGEST), sized),
    smallest: Array.from(bySize.subarray(-MAX_SMALLEST), sized).reverse(),
    quantiles: quantilesOf(bySize.length, (position) => rows[bySize[bySize.length - 1 - position]!]!),
    histogram: histogram(rows),
  };
}

/** In steps of 1, 2, 5, 10, 20, …; without empty bins at either end. */
function histogram(rows: ArrayLike<number>): SizeBin[] {
  const counts: number[] = [];
  for (let ordinal = 0; ordinal < rows.length; ordinal++) {
    const bin = binOf(rows[ordinal]!);
    counts[bin] = (counts[bin] ?? 0) + 1;
  }
  const first = counts.findIndex((count) => count > 0);
  if (first < 0) return [];
  return Array.from({ length: counts.length - first }, (_, i) => {
    const bin = first + i;
    return { from: startOf(bin), to: startOf(bin + 1) - 1, partitions: counts[bin] ?? 0 };
  });
}

/** 0, 1, 2, 5, 10, 20, 50, … */
function startOf(bin: number): number {
  return bin === 0 ? 0 : [1, 2, 5][(bin - 1) % 3]! * 10 ** Math.floor((bin - 1) / 3);
}

function binOf(rows: number): number {
  if (rows < 1) return 0;
  const digits = String(Math.floor(rows));
  const first = Number(digits[0]);
  return 1 + 3 * (digits.length - 1) + (first >= 5 ? 2 : first >= 2 ? 1 : 0);
}
