/**
 * A few partitions that show how large and how small they get: the largest, the smallest, and others evenly
 * between them by size. Ordinals, the largest first; all of them when there are no more than `count`.
 */
export function pickSpread(rows: ArrayLike<number>, count: number): number[] {
  const bySize = Array.from(rows, (_, ordinal) => ordinal).sort((a, b) => rows[b]! - rows[a]!);
  if (count >= bySize.length) return bySize;
  if (count === 1) return bySize.slice(0, 1);
  const step = (bySize.length - 1) / (count - 1);
  return Array.from({ length: count }, (_, i) => bySize[Math.round(i * step)]!);
}
