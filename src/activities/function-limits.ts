/** What one call of a function may take: the run's settings win over the function's own, and both over the defaults. */
import { parseBytes } from '../run/bytes';
import { parseDuration } from '../run/duration';
import type { NormalizedOptions } from '../run/parse-input';
import type { FunctionDescription } from '../runners/protocol';

const DEFAULT_MEMORY_BYTES = 2 * 2 ** 30;
/** Share of a runner's memory that DuckDB may use; the rest is the function's. */
const DUCKDB_SHARE = 0.6;

export function functionLimits(
  { timeoutMs, memoryBytes }: Pick<NormalizedOptions, 'timeoutMs' | 'memoryBytes'>,
  own: FunctionDescription,
): { timeoutMs: number | null; memoryBytes: number } {
  return {
    timeoutMs: timeoutMs ?? optional(own.timeout, parseDuration),
    memoryBytes: memoryBytes ?? optional(own.memory, parseBytes) ?? DEFAULT_MEMORY_BYTES,
  };
}

export function duckdbMemory(memoryBytes: number): number {
  return Math.floor(memoryBytes * DUCKDB_SHARE);
}

/** Settings of functions were checked when the functions were defined. */
export function optional<A, B>(value: A | undefined, parse: (value: A) => B): B | null {
  return value === undefined ? null : parse(value);
}
