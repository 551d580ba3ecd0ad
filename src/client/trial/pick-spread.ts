/**
 * Picks a sample of partitions by size: the largest, the smallest, and others evenly spaced between them.
 * Returns ordinals, largest first; all of them if there are no more than `count`.
 */
export function pickSpread(rows: ArrayLike<number>, count: number): number[] {
  const bySize = Array.from(rows, (_, ordinal) => ordinal).sort((a, b) => rows[b]! - rows[a]!);
  if (count >= bySize.length) return bySize;
  if (count === 1) return bySize.slice(0, 1);
  const step = (bySize.length - 1) / (count - 1);
  return Array.from({ length: count }, (_, i) => bySize[Math.round(i * step)]!);
}
