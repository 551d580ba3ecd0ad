/** How many partitions may fail without failing the run: a number, or a percentage of all partitions. */
export type Tolerance = number | `${number}%`;

/** Completes "it takes …". */
export const TOLERANCE = 'a whole number, 0 or more, or a percentage of all partitions, such as "5%"';

const PERCENTAGE = /^(\d{1,3}(?:\.\d{1,6})?)%$/;

/** Null if the value is neither a number of partitions nor a percentage. */
export function asTolerance(value: unknown): Tolerance | null {
  if (typeof value === 'number') return Number.isSafeInteger(value) && value >= 0 ? value : null;
  const percent = typeof value === 'string' ? PERCENTAGE.exec(value)?.[1] : undefined;
  return percent === undefined || Number(percent) > 100 ? null : `${Number(percent)}%`;
}

/** The tolerance as a number of partitions; a percentage is rounded down. */
export function toleratedOf(tolerance: Tolerance, partitions: number): number {
  if (typeof tolerance === 'number') return tolerance;
  // The small addition corrects for binary fractions: 1.15 % of 10,000 is 115.
  return Math.floor((partitions * Number(tolerance.slice(0, -1))) / 100 + 1e-9);
}
