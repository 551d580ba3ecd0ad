/**
 * Checks that a value survives as JSON: inputs are sent as JSON, which drops or changes what it cannot
 * represent.
 */
import { describe, quote } from './quote';

/** Far deeper than people nest; recursive JSON encoders run out of stack at a few thousand levels. */
const MAX_DEPTH = 100;
/** An input with this many values is too large in any case. */
const MAX_VALUES = 200_000;

/** JavaScript writes greater numbers with an exponent, so nobody takes their digits for exact. */
const MAX_WRITTEN = 1e21;

interface Visit {
  value: unknown;
  /** `params.rates[0]` */
  path: string;
  /** The enclosing object. */
  within: Visit | null;
  depth: number;
}

/**
 * A sentence for each value that JSON would change, drop or cannot represent. Not recursive, because the
 * value may be nested arbitrarily deep.
 */
export function jsonProblems(whole: unknown, name: string): string[] {
  const problems: string[] = [];
  const open: Visit[] = [{ value: whole, path: name, within: null, depth: 0 }];
  for (let visited = 0; open.length > 0 && visited < MAX_VALUES; visited++) {
    const visit = open.pop()!;
    const problem = problemOf(visit);
    if (problem !== null) problems.push(`"${visit.path}" ${problem}`);
    else open.push(...inside(visit).reverse());
  }
  return problems;
}

/** Completes a sentence that begins with the value's path. */
function problemOf(visit: Visit): string | null {
  const { value } = visit;
  if (typeof value === 'number' && !Number.isFinite(value))
    return `is ${value}, ${NOT_JSON} Use null or a string.`;
  if (Number.isInteger(value) && !Number.isSafeInteger(value) && Math.abs(value as number) < MAX_WRITTEN)
    return `is ${quote(value)}, an integer beyond 2^53, whose last digits a number does not keep. Use a string.`;
  if (typeof value === 'bigint') return `is ${quote(value)}, ${NOT_JSON} Use a string.`;
  if (typeof value === 'function' || typeof value === 'symbol')
    return `is ${describe(value)}, ${NOT_JSON} Leave it out.`;
  if (value === undefined) return `is undefined, ${NOT_JSON} Use null.`;
  if (typeof value !== 'object' || value === null) return null;
  if (visit.depth > MAX_DEPTH)
    return `is nested more than ${MAX_DEPTH} levels deep, which an input may not be: flatten it, or put it in a file or table that the function reads.`;
  for (let outer = visit.within; outer !== null; outer = outer.within)
    if (outer.value === value) return `contains itself, ${NOT_JSON} Use a copy without the cycle.`;
  if (value instanceof Date)
    return Number.isNaN(value.getTime()) ? `is an invalid date, ${NOT_JSON} Use null.` : null;
  if (Array.isArray(value) || Object.prototype.toString.call(value) === '[object Object]') return null;
  const way =
    value instanceof Map
      ? 'Use Object.fromEntries(map).'
      : value instanceof Set
        ? 'Use [...set].'
        : 'Use plain objects, arrays, strings and numbers.';
  return `is ${describe(value)}, ${NOT_JSON} ${way}`;
}

const NOT_JSON = 'which cannot be written as JSON.';

function inside(visit: Visit): Visit[] {
  const { value, path } = visit;
  if (typeof value !== 'object' || value === null || value instanceof Date) return [];
  const next = (item: unknown, place: string): Visit => ({
    value: item,
    path: place,
    within: visit,
    depth: visit.depth + 1,
  });
  if (Array.isArray(value)) return value.map((item: unknown, i) => next(item, `${path}[${i}]`));
  // JSON leaves these out, as if they were absent.
  const given = Object.entries(value).filter(([, item]) => item !== undefined);
  return given.map(([name, item]) => next(item, `${path}.${name}`));
}

/** Whether a value is nested deeper than `levels`. */
export function isDeeperThan(value: unknown, levels: number): boolean {
  const open = [{ value, depth: 0 }];
  for (;;) {
    const visit = open.pop();
    if (visit === undefined) return false;
    if (typeof visit.value !== 'object' || visit.value === null) continue;
    if (visit.depth > levels) return true;
    for (const inner of Object.values(visit.value)) open.push({ value: inner, depth: visit.depth + 1 });
  }
}
