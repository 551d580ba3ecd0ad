/**
 * Checks the shape of recorded values. Anyone who can write to a namespace can complete an activity or send a
 * signal with any value, so workflows and readers check values before using them. Pure, cheap and
 * deterministic, because workflow code cannot import a schema library. Inputs and configuration have their
 * own schemas, which explain each problem.
 */
export type ShapeTest = (value: unknown) => boolean;

export const text: ShapeTest = (value) => typeof value === 'string';
export const flag: ShapeTest = (value) => typeof value === 'boolean';
/** A whole number, 0 or more. */
export const count: ShapeTest = (value) => Number.isSafeInteger(value) && (value as number) >= 0;
export const number: ShapeTest = (value) => Number.isFinite(value);

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function oneOf(...values: readonly unknown[]): ShapeTest {
  return (value) => values.includes(value);
}

export function either(...checks: readonly ShapeTest[]): ShapeTest {
  return (value) => checks.some((check) => check(value));
}

export function orNull(check: ShapeTest): ShapeTest {
  return (value) => value === null || check(value);
}

/** For a field that earlier releases did not write. */
export function optional(check: ShapeTest): ShapeTest {
  return (value) => value === undefined || check(value);
}

export function listOf(check: ShapeTest): ShapeTest {
  return (value) => Array.isArray(value) && value.every(check);
}

/** An object with arbitrary keys whose values all pass the check. */
export function mapOf(check: ShapeTest): ShapeTest {
  return (value) => isObject(value) && Object.values(value).every(check);
}

/** The compiler requires a check for every field of `T`. Fields added by later releases are ignored. */
export function shapeOf<T extends object>(checks: { [Name in keyof Required<T>]: ShapeTest }): ShapeTest {
  const fields = Object.entries<ShapeTest>(checks);
  return (value) => isObject(value) && fields.every(([name, check]) => check(value[name]));
}
