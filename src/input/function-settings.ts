/** What a partition function asks for → its settings as numbers, or every problem at once (I9). */
import { explainIssues } from './explain-issues';
import { functionSettingsSchema } from './input-schema';
import { normalizeRetry } from './parse-input';
import type { FunctionDescription } from '../core/function-description';
import type { NormalizedRetry } from '../core/retry-plan';

/** null: not asked for. */
export interface FunctionSettings {
  timeoutMs: number | null;
  memoryBytes: number | null;
  retry: NormalizedRetry;
  bigTaskQueue: string | null;
}

export type SettingsReport = { ok: true; settings: FunctionSettings } | { ok: false; problems: string[] };

export function parseFunctionSettings(described: FunctionDescription): SettingsReport {
  const { name, model: _, ...given } = described;
  const parsed = functionSettingsSchema.safeParse(given);
  if (!parsed.success) {
    const problems = explainIssues(parsed.error.issues, given, 'It');
    return { ok: false, problems: problems.map((problem) => `In the function "${name}": ${problem}`) };
  }
  const { timeout, memory, retry, bigTaskQueue } = parsed.data;
  return {
    ok: true,
    settings: {
      timeoutMs: timeout ?? null,
      memoryBytes: memory ?? null,
      retry: normalizeRetry(retry),
      bigTaskQueue: bigTaskQueue ?? null,
    },
  };
}
