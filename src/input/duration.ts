/**
 * Parses durations such as `'90s'`, `'15m'`, `'2h'`, `'500ms'` and `'1d'`, or milliseconds as a number.
 */

const UNIT_MS: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** Milliseconds, or null if the value is not a positive duration. */
export function parseDuration(value: number | string): number | null {
  if (typeof value === 'number') return Number.isFinite(value) && value > 0 ? Math.round(value) : null;
  const match = /^\s*(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)\s*$/i.exec(value);
  if (match === null) return null;
  const milliseconds = Math.round(Number(match[1]) * UNIT_MS[match[2]!.toLowerCase()]!);
  return milliseconds > 0 ? milliseconds : null;
}

/**
 * Formats milliseconds for `parseDuration`, in the largest unit that divides them: `90000` → `'90s'`,
 * `86400000` → `'1d'`.
 */
export function formatDuration(milliseconds: number): string {
  const [unit, size] = Object.entries(UNIT_MS).findLast(([, ms]) => milliseconds % ms === 0) ?? ['ms', 1];
  return `${milliseconds / size}${unit}`;
}
