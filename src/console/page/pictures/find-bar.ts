/** Finds bars of a timeline: below the pointer, and by keys. Pure. */
import type { Bar, PlacedLanes } from './lanes';

/** `at`: milliseconds since 1970; a bar ends `slack` later, so that a short one can be hit. */
export function barAtPoint(
  { lanes, pitch }: PlacedLanes,
  y: number,
  { at, slack }: { at: number; slack: number },
): Bar | null {
  const lane = lanes.find(({ top }) => y >= top && y < top + pitch);
  return lane?.bars.find(({ start, end }) => start <= at && at <= end + slack) ?? null;
}

/** The bar that an arrow key leads to, first the one nearest to `from`. Null: the key is not an arrow. */
export function barByKey({ lanes }: PlacedLanes, pointed: Bar | null, key: string, from: number): Bar | null {
  if (!['ArrowLeft', 'ArrowRight', 'ArrowUp', 'ArrowDown'].includes(key)) return null;
  const id = pointed?.unit.activityId;
  const lane = lanes.findIndex(({ bars }) => bars.some(({ unit }) => unit.activityId === id));
  if (pointed === null || lane === -1) return nearest(lanes[0]?.bars ?? [], from);
  const { bars } = lanes[lane]!;
  const index = bars.findIndex(({ unit }) => unit.activityId === id);
  if (key === 'ArrowLeft') return bars[index - 1] ?? pointed;
  if (key === 'ArrowRight') return bars[index + 1] ?? pointed;
  const next = lanes[lane + (key === 'ArrowUp' ? -1 : 1)];
  return next === undefined ? pointed : nearest(next.bars, pointed.start);
}

function nearest(bars: readonly Bar[], at: number): Bar | null {
  return bars.reduce<Bar | null>(
    (best, bar) => (best === null || Math.abs(bar.start - at) < Math.abs(best.start - at) ? bar : best),
    null,
  );
}
