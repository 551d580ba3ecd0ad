/** Which partitions of a large run are looked at first. Pure. */
import { isFailure, PARTITION_STATUSES } from '../../core/status';
import { permuted, radixOrder, type Table } from './partition-table';

/**
 * Ordinals of at most `limit` partitions, ascending: of those that failed (of each group as many), the
 * slowest, the largest and the first, in turn.
 */
export function worthSeeing(table: Table, limit: number): Int32Array {
  const { durationMs, rows, to } = table.columns;
  if (to <= limit) return Int32Array.from({ length: to }, (_, ordinal) => ordinal);
  const lists = [failedOnes(table), highest(durationMs, limit), highest(rows, limit)];
  const chosen = new Set<number>();
  for (let turn = 0; chosen.size < limit; turn++)
    for (const ordinal of [...lists.map((list) => list[turn]), turn])
      if (ordinal !== undefined && chosen.size < limit) chosen.add(ordinal);
  return Int32Array.from(chosen).sort();
}

/** Ordinals of those that failed: the first of each group, then the second of each, and so on. */
export function failedOnes({ columns: { status, to }, groups }: Table): Int32Array {
  const isFailed = PARTITION_STATUSES.map(isFailure);
  const seen = new Int32Array(256);
  const failed = new Int32Array(to);
  const turns = new Float64Array(to);
  let length = 0;
  for (let ordinal = 0; ordinal < to; ordinal++) {
    if (!isFailed[status[ordinal]!]) continue;
    failed[length] = ordinal;
    turns[length++] = seen[groups[ordinal]!]!++;
  }
  return permuted(failed, radixOrder(turns.slice(0, length)));
}

/** Ordinals of the highest values, the highest first; NaN is last. */
function highest(values: Float64Array, limit: number): Int32Array {
  const order = radixOrder(values.map((value) => (Number.isNaN(value) ? Infinity : -value)));
  return Int32Array.from(order.subarray(0, limit));
}
