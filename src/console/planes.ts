/** Columns of partitions → the bytes of their cells. Pure. */
import type { PartitionColumns } from '..';
import { addRange, type Range } from '../core/near-ranges';
import type { GroupNumbers } from './table/partition-table';
import { cellGroup, countByte, durationByte, PLANES, REUSED, type Plane } from './wire/cells';

export type Planes = Record<Plane, Uint8Array>;
type Ranges = readonly (readonly [from: number, to: number])[];

/** The planes of a run of this size in which no partition has been read. */
export function emptyPlanes(total: number): Planes {
  return Object.fromEntries(PLANES.map((plane) => [plane, new Uint8Array(total)])) as Planes;
}

/**
 * Writes the cells of the partitions in some ranges into `planes`, and returns the ranges of those that have
 * changed.
 */
export function writeCells(
  planes: Planes,
  columns: PartitionColumns,
  groups: GroupNumbers,
  ranges: Ranges = [[columns.from, columns.to]],
): Range[] {
  const changed: Range[] = [];
  for (const [from, to] of ranges)
    for (let ordinal = from; ordinal < to; ordinal++) {
      const isNew =
        put(planes.status, ordinal, columns.status[ordinal]! | (columns.reused[ordinal] === 1 ? REUSED : 0)) |
        put(planes.duration, ordinal, durationByte(columns.durationMs[ordinal]!)) |
        put(planes.rows, ordinal, countByte(columns.rows[ordinal]!)) |
        put(planes.attempts, ordinal, Math.min(columns.attempts[ordinal]!, 255)) |
        put(planes.group, ordinal, cellGroup(groups[ordinal]!)) |
        put(planes.returned, ordinal, countByte(columns.returnedRows[ordinal]!));
      if (isNew === 1) addRange(changed, ordinal, ordinal + 1);
    }
  return changed;
}

/** Ranges of partitions whose group is another one. */
export function regrouped(before: GroupNumbers, groups: GroupNumbers): Range[] {
  const ranges: Range[] = [];
  for (let ordinal = 0; ordinal < groups.length; ordinal++)
    if (before[ordinal] !== groups[ordinal]) addRange(ranges, ordinal, ordinal + 1);
  return ranges;
}

function put(plane: Uint8Array, at: number, value: number): number {
  if (plane[at] === value) return 0;
  plane[at] = value;
  return 1;
}

/** The union of ranges, ascending and apart. */
export function mergeRanges(ranges: Ranges): Range[] {
  const merged: Range[] = [];
  for (const [from, to] of [...ranges].sort((a, b) => a[0] - b[0])) addRange(merged, from, to);
  return merged;
}
