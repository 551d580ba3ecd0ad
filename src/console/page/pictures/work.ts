/** How much ran when, from the bars of a timeline. Pure. */
import { PARTITION_STATUSES } from '../../../core/status';
import type { Bar } from './lanes';

/**
 * Sum of the weights of the bars that are running, on average in each of `columns` equal parts of the time
 * from `from` to `to`.
 */
export function loadOf(
  bars: readonly Bar[],
  weightOf: (bar: Bar) => number,
  { from, to, columns }: { from: number; to: number; columns: number },
): Float64Array {
  const load = new Float64Array(columns);
  // What begins and ends with a column is added up at the end: a bar costs the same however long it is.
  const steps = new Float64Array(columns + 1);
  const scale = columns / Math.max(1, to - from);
  for (const bar of bars) {
    const first = Math.max(0, (bar.start - from) * scale);
    const last = Math.min(columns, (bar.end - from) * scale);
    if (last <= first) continue;
    const weight = weightOf(bar);
    const [a, b] = [Math.floor(first), Math.floor(last)];
    if (a === b) load[a]! += weight * (last - first);
    else {
      load[a]! += weight * (a + 1 - first);
      if (b < columns) load[b]! += weight * (last - b);
      steps[a + 1]! += weight;
      steps[b]! -= weight;
    }
  }
  let sum = 0;
  for (let column = 0; column < columns; column++) {
    sum += steps[column]!;
    load[column]! += sum;
  }
  return load;
}

/** Partitions per second that ended in it, as if they were spread evenly. */
export function rateOf({ unit: { counts }, start, end }: Bar): number {
  const ended = PARTITION_STATUSES.reduce((sum, status) => sum + counts[status], 0);
  return ended / (Math.max(1, end - start) / 1_000);
}

export interface Gap {
  from: number;
  to: number;
}

/**
 * Times of at least `least` milliseconds in which nothing ran. Of a unit that was tried again only the last
 * attempt is known, so the time before may have been an earlier one.
 */
export function gapsOf(bars: readonly Bar[], from: number, to: number, least: number): Gap[] {
  const busy = bars
    .map(({ unit, waitedFrom, start, end }) => ({ from: unit.attempts > 1 ? waitedFrom : start, to: end }))
    .sort((a, b) => a.from - b.from);
  const gaps: Gap[] = [];
  let reached = from;
  for (const each of [...busy, { from: to, to }]) {
    if (each.from - reached >= least) gaps.push({ from: reached, to: each.from });
    reached = Math.max(reached, each.to);
  }
  return gaps;
}
