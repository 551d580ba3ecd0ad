import { quantilePosition } from '../src/core/quantiles';

/** The value that a share of the measurements do not exceed. */
export function quantile(values: readonly number[], share: number): number {
  const ascending = [...values].sort((a, b) => a - b);
  return ascending[quantilePosition(share, ascending.length)] ?? Number.NaN;
}
