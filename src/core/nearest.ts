import { distance } from 'fastest-levenshtein';

/** The most similar candidate, as ` Did you mean "x"?`, or an empty string if none is close. */
export function didYouMean(given: string, candidates: readonly string[]): string {
  const best = nearest(given, candidates);
  return best === null ? '' : ` Did you mean "${best}"?`;
}

/**
 * The most similar candidate; null if more than about a third of the letters differ in all of
 * them.
 */
export function nearest(given: string, candidates: readonly string[]): string | null {
  const lower = given.trim().toLowerCase();
  let best: string | null = null;
  let bestDistance = Math.ceil(lower.length / 3) + 1;
  for (const candidate of lower === '' ? [] : candidates) {
    const d = distance(lower, candidate.toLowerCase());
    if (d < bestDistance) [best, bestDistance] = [candidate, d];
  }
  return best;
}
