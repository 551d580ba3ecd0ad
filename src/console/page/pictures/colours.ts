/** By what a map is coloured: a partition's cells → a colour. Pure. */
import { REUSED, STATUS_BITS, type Plane } from '../../wire/cells';
import type { CellValues } from '../run-cells';
import type { Palette } from '../theme';

export const COLOURINGS = ['status', 'duration', 'rows', 'attempts', 'group', 'returned', 'reused'] as const;
export type Colouring = (typeof COLOURINGS)[number];

export const COLOURING_NAMES: Readonly<Record<Colouring, string>> = {
  status: 'status',
  duration: 'time taken',
  rows: 'source rows',
  attempts: 'calls',
  group: 'failure group',
  returned: 'returned rows',
  reused: 'reused',
};

/** The plane whose values decide the colour. */
export function planeOf(colouring: Colouring): Plane {
  return colouring === 'reused' ? 'status' : colouring;
}

/** Numbers of `PARTITION_STATUSES`. */
const PENDING = 0;

/** Colour by the value of a plane: 256 entries. Statuses are looked up by themselves. */
export function coloursOf(
  colouring: Colouring,
  values: CellValues,
  { statuses, names }: Palette,
): Uint32Array {
  const colours = new Uint32Array(256);
  if (colouring === 'status') {
    for (let value = 0; value < 256; value++)
      colours[value] = statuses[value & STATUS_BITS] ?? names['surface']!;
    return colours;
  }
  if (colouring === 'group') {
    colours[0] = statuses[PENDING]!;
    for (let value = 1; value < 256; value++) colours[value] = groupColour(value);
    return colours;
  }
  if (colouring === 'reused') {
    for (let value = 0; value < 256; value++)
      colours[value] = (value & REUSED) === 0 ? statuses[PENDING]! : names['mark']!;
    return colours;
  }
  const [least, most] = bounds(values[colouring]);
  const low = names['scale-low']!;
  const high = names['scale-high']!;
  colours[0] = statuses[PENDING]!;
  for (let value = 1; value < 256; value++)
    colours[value] = mix(low, high, most === least ? 1 : (value - least) / (most - least));
  return colours;
}

/** What the colours depend on besides the palette: the ends of a scale. */
export function scaleOf(colouring: Colouring, values: CellValues): readonly number[] {
  return colouring === 'status' || colouring === 'group' || colouring === 'reused'
    ? []
    : bounds(values[colouring]);
}

/** Least and largest value other than 0 that a plane has. */
export function bounds(counts: Int32Array): [number, number] {
  const isThere = (count: number, value: number): boolean => value > 0 && count > 0;
  return [Math.max(0, counts.findIndex(isThere)), Math.max(0, counts.findLastIndex(isThere))];
}

export function mix(a: number, b: number, share: number): number {
  const t = Math.min(1, Math.max(0, share));
  const channel = (shift: number): number => {
    const from = (a >>> shift) & 0xff;
    return Math.round(from + (((b >>> shift) & 0xff) - from) * t) << shift;
  };
  return (0xff00_0000 | channel(16) | channel(8) | channel(0)) >>> 0;
}

const SATURATION = 0.6;

/**
 * Colours of groups: far apart on the wheel for neighbours. Those that come close to each other on it are
 * five apart, so they differ in lightness.
 */
export function groupColour(value: number): number {
  const angle = (value * 137.5 + 150) % 360;
  const lightness = value % 2 === 0 ? 0.36 : 0.58;
  const reach = SATURATION * Math.min(lightness, 1 - lightness);
  const channel = (offset: number): number => {
    const k = (offset + angle / 30) % 12;
    return Math.round(255 * (lightness - reach * Math.max(-1, Math.min(k - 3, 9 - k, 1))));
  };
  return (0xff00_0000 | (channel(4) << 16) | (channel(8) << 8) | channel(0)) >>> 0;
}
