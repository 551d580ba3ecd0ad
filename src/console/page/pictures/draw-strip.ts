/** Draws how many partitions have which status along a run. Pure: counts in, pixels out. */
import { PARTITION_STATUSES, isFailure, type StatusCounts } from '../../../core/status';
import { STATUS_BITS } from '../../wire/cells';
import type { UnitsAnswer } from '../../wire/types';
import type { Cells, Count } from '../run-cells';

/** Counts by status of the partitions of a column of pixels; `share` runs from 0 to 1. */
type ColumnCounts = (from: number, to: number) => ArrayLike<number>;

const STATUSES = PARTITION_STATUSES.length;
/** Parts of the run in which partitions are counted: as many as a wide screen has pixels. */
const PARTS = 4_096;

/** Counts of the statuses of cells. */
export function statusCounts({ status }: Cells): { of: ColumnCounts; count: Count } {
  const { length } = status;
  const parts = Math.min(length, PARTS);
  const counted = new Int32Array(parts * STATUSES);
  const counts = new Int32Array(STATUSES);
  return {
    count(from, to, by) {
      for (let ordinal = from; ordinal < to; ordinal++)
        // Multiplied first: 13 / 46 * 46 is less than 13.
        counted[Math.floor((ordinal * parts) / length) * STATUSES + (status[ordinal]! & STATUS_BITS)]! += by;
    },
    of(from, to) {
      const first = Math.floor(from * parts);
      counts.fill(0);
      for (let part = first; part < Math.max(first + 1, Math.floor(to * parts)); part++)
        for (let i = 0; i < STATUSES; i++) counts[i]! += counted[part * STATUSES + i]!;
      return counts;
    },
  };
}

/** While the partitions are being read: each unit's counts, spread over its range. */
export function unitCounts(units: UnitsAnswer, total: number): ColumnCounts {
  return (from, to) => {
    const [first, last] = [from * total, to * total];
    const counts = new Float64Array(STATUSES);
    let ended = 0;
    for (const unit of units) {
      const share = (Math.min(unit.to, last) - Math.max(unit.from, first)) / (unit.to - unit.from);
      if (share <= 0) continue;
      PARTITION_STATUSES.forEach((status, i) => (counts[i]! += unit.counts[status] * share));
      ended += sumOf(unit.counts) * share;
    }
    counts[PARTITION_STATUSES.indexOf('PENDING')]! += Math.max(0, last - first - ended);
    return counts;
  };
}

function sumOf(counts: StatusCounts): number {
  return PARTITION_STATUSES.reduce((sum, status) => sum + counts[status], 0);
}

/** From bottom to top: what is drawn first is what most partitions should be. */
const STACK = ['PENDING', 'SKIPPED', 'DONE', 'RUNNING', 'CANCELLED', 'INTERNAL_ERROR', 'FAILED'] as const;
const NUMBERS = STACK.map((status) => PARTITION_STATUSES.indexOf(status));
const LEAST_FAILED = 2;

/**
 * A column of pixels shows the shares of its partitions. A failure has at least two pixels, so that one in a
 * million is seen, and no more than its share otherwise, so that it is not a red bar. `pixels` has `width` ×
 * `height` entries.
 */
export function drawColumns(
  pixels: Uint32Array,
  [width, height]: readonly [number, number],
  colours: readonly number[],
  countsOf: ColumnCounts,
): void {
  for (let x = 0; x < width; x++) {
    const counts = countsOf(x / width, (x + 1) / width);
    let all = 0;
    for (let i = 0; i < STATUSES; i++) all += counts[i]!;
    let y = height;
    for (const [i, status] of NUMBERS.entries()) {
      if (counts[status] === 0) continue;
      const share = (counts[status]! / all) * height;
      const below = y;
      y -= isFailure(STACK[i]!) ? Math.max(LEAST_FAILED, share) : share;
      const top = Math.max(0, Math.round(y));
      const bottom = isFailure(STACK[i]!)
        ? Math.max(top + LEAST_FAILED, Math.round(below))
        : Math.round(below);
      for (let row = top; row < Math.min(bottom, height); row++) pixels[row * width + x] = colours[status]!;
    }
  }
}
