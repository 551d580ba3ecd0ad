/**
 * Checks of the form of recorded values. Anybody who may write to a namespace can complete an activity or
 * send a signal with anything, so workflows and readers check before they use. Pure, cheap and deterministic:
 * workflow code cannot import a schema library for it. What people write (inputs, configuration) has its own
 * schemas, which explain each problem.
 */
export type Check = (value: unknown) => boolean;

export const text: Check = (value) => typeof value === 'string';
export const flag: Check = (value) => typeof value === 'boolean';
/** A whole number, 0 or more. */
export const count: Check = (value) => Number.isSafeInteger(value) && (value as number) >= 0;
export const number: Check = (value) => Number.isFinite(value);

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function oneOf(...values: readonly unknown[]): Check {
  return (value) => values.includes(value);
}

export function either(...checks: readonly Check[]): Check {
  return (value) => checks.some((check) => check(value));
}

export function orNull(check: Check): Check {
  return (value) => value === null || check(value);
}

/** Of a field that earlier releases did not write. */
export function optional(check: Check): Check {
  return (value) => value === undefined || check(value);
}

export function listOf(check: Check): Check {
  return (value) => Array.isArray(value) && value.every(check);
}

/** An object with values of one form, by any name. */
export function mapOf(check: Check): Check {
  return (value) => isObject(value) && Object.values(value).every(check);
}

/** The compiler asks for a check of every field of `T`. Fields that a later release adds are passed over. */
export function shapeOf<T extends object>(checks: { [Name in keyof Required<T>]: Check }): Check {
  const fields = Object.entries<Check>(checks);
  return (value) => isObject(value) && fields.every(([name, check]) => check(value[name]));
}
