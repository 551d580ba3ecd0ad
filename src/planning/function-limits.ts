/**
 * The limits for one call of a function: the run's settings override the function's own, which override the
 * defaults.
 */
import type { FunctionSettings, NormalizedOptions } from '../core/normalized-input';

const DEFAULT_MEMORY_BYTES = 2 * 2 ** 30;

type Limits = Pick<NormalizedOptions, 'timeoutMs' | 'memoryBytes'>;

export function functionLimits(
  run: Limits,
  own: Pick<FunctionSettings, keyof Limits>,
): { timeoutMs: number | null; memoryBytes: number } {
  return {
    timeoutMs: run.timeoutMs ?? own.timeoutMs,
    memoryBytes: run.memoryBytes ?? own.memoryBytes ?? DEFAULT_MEMORY_BYTES,
  };
}
