/** Converts a partition function's settings to numbers, or reports every problem together (I9). */
import { explainIssues } from './explain-issues';
import { functionSettingsSchema } from './input-schema';
import { normalizeRetry } from './normalize-input';
import type { FunctionDescription } from '../core/function-description';
import type { FunctionSettings } from '../core/normalized-input';

/** The settings of a function that does not define any. */
export const NO_SETTINGS: FunctionSettings = {
  timeoutMs: null,
  memoryBytes: null,
  retry: normalizeRetry(null),
  bigTaskQueue: null,
};

export type SettingsReport = { ok: true; settings: FunctionSettings } | { ok: false; problems: string[] };

export function parseFunctionSettings(described: FunctionDescription): SettingsReport {
  const { name, model: _, output: __, ...given } = described;
  const parsed = functionSettingsSchema.safeParse(given);
  if (!parsed.success) {
    const problems = explainIssues(parsed.error.issues, given, 'It');
    return { ok: false, problems: problems.map((problem) => `In the function "${name}": ${problem}`) };
  }
  const { timeout, memory, gpus, retry, bigTaskQueue } = parsed.data;
  return {
    ok: true,
    settings: {
      timeoutMs: timeout ?? null,
      memoryBytes: memory ?? null,
      ...(gpus != null && { gpus }),
      retry: normalizeRetry(retry),
      bigTaskQueue: bigTaskQueue ?? null,
    },
  };
}
