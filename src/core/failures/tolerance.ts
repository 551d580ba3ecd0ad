/** How many partitions may fail without failing the run: a number, or a share of all of them. */
export type Tolerance = number | `${number}%`;

/** Completes "it takes …". */
export const TOLERANCE = 'a whole number, 0 or more, or a percentage of all partitions, such as "5%"';

const PERCENTAGE = /^(\d{1,3}(?:\.\d{1,6})?)%$/;

/** Null for what is neither a number of partitions nor a percentage. */
export function asTolerance(value: unknown): Tolerance | null {
  if (typeof value === 'number') return Number.isSafeInteger(value) && value >= 0 ? value : null;
  const percent = typeof value === 'string' ? PERCENTAGE.exec(value)?.[1] : undefined;
  return percent === undefined || Number(percent) > 100 ? null : `${Number(percent)}%`;
}

/** The number of partitions that it stands for; a percentage is rounded down. */
export function toleratedOf(tolerance: Tolerance, partitions: number): number {
  if (typeof tolerance === 'number') return tolerance;
  // The tiny bit more undoes what binary fractions lose: 1.15 % of 10,000 are 115.
  return Math.floor((partitions * Number(tolerance.slice(0, -1))) / 100 + 1e-9);
}
