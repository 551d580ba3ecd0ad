/** What one call of a function may take: the run's settings win over the function's own, and both over the defaults. */
import { type FunctionSettings, parseFunctionSettings } from '../input/function-settings';
import type { NormalizedOptions } from '../input/parse-input';
import { Refusal } from '../core/refusal';
import type { FunctionDescription } from '../core/function-description';

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

/** What a function asks for; it was checked when the run was opened. */
export function settingsOf(described: FunctionDescription): FunctionSettings {
  const report = parseFunctionSettings(described);
  if (!report.ok) throw new Refusal('InvalidInput', report.problems);
  return report.settings;
}
