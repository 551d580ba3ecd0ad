/** The order of partitions by key where only their ids are known, not the types of their columns. */
import { decodePartitionId, isPartitionId } from './partition-id';

/** Numbers by value, other text by its characters, and NULL last. */
export function compareKeys(a: string, b: string): number {
  const [left, right] = [valuesOf(a), valuesOf(b)];
  for (let i = 0; i < Math.min(left.length, right.length); i++) {
    const order = compareValues(left[i]!, right[i]!);
    if (order !== 0) return order;
  }
  return left.length - right.length;
}

function valuesOf(id: string): (string | null)[] {
  return isPartitionId(id) ? decodePartitionId(id) : [id];
}

function compareValues(a: string | null, b: string | null): number {
  if (a === b) return 0;
  if (a === null || b === null) return a === null ? 1 : -1;
  const difference = NUMBER.test(a) && NUMBER.test(b) ? Number(a) - Number(b) : 0;
  return difference !== 0 ? difference : a < b ? -1 : 1;
}

const NUMBER = /^-?\d+(\.\d+)?$/;
