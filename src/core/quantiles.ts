/** Quantiles, for every picture and sentence about how values are spread. Pure. */

/** A quarter of the values are at most `q25`, and so on. */
export interface Quantiles {
  min: number;
  q25: number;
  median: number;
  q75: number;
  q95: number;
  max: number;
}

/** `at` returns the value at a position in ascending order. Null without values. */
export function quantilesOf(length: number, at: (position: number) => number): Quantiles | null {
  if (length === 0) return null;
  const value = (share: number): number => at(quantilePosition(share, length));
  return {
    min: value(0),
    q25: value(0.25),
    median: value(0.5),
    q75: value(0.75),
    q95: value(0.95),
    max: value(1),
  };
}

/**
 * Position of the smallest value that at least this share of the values do not exceed: the nearest rank.
 * Definition 1 in Hyndman and Fan, "Sample Quantiles in Statistical Packages" (1996), and DuckDB's
 * `quantile_disc`.
 */
export function quantilePosition(share: number, length: number): number {
  return Math.max(0, Math.min(length - 1, Math.ceil(share * length) - 1));
}
