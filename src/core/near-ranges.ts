/** Ranges of ordinals that contain what has changed: near ones are one. Pure. */

/** From, and to, which is the first ordinal after the range. */
export type Range = [from: number, to: number];

/** A range costs about as much as its six bytes per partition for this many. */
const GAP = 8;

/** Adds a range that begins behind the beginnings of all others. Those less than `GAP` apart become one. */
export function addRange(ranges: Range[], from: number, to: number): void {
  const last = ranges.at(-1);
  if (last !== undefined && from - last[1] < GAP) last[1] = Math.max(last[1], to);
  else ranges.push([from, to]);
}
