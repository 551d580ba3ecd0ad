/** How many times the median the largest partition of a skewed source has, at least. */
const SKEWED_FROM = 10;

/** A sentence if the largest partition has far more rows than the others; otherwise null. */
export function skewSentence(rows: { median: number; max: number } | null): string | null {
  if (rows === null || rows.max < SKEWED_FROM * Math.max(1, rows.median)) return null;
  const [max, median, times] = [rows.max, rows.median, Math.floor(rows.max / Math.max(1, rows.median))].map(
    (count) => count.toLocaleString('en'),
  );
  return `Skew: the largest partition has ${max} rows, ${times} times the median (${median}). The run takes at least as long as its call.`;
}
