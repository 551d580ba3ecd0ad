/** A partition function as planning and workers see it, without its code. */
import type { RetryOptions, ModelTask } from './input';

/** A function that a bundle exports, as reported by `describe`. */
export interface FunctionDescription {
  name: string;
  timeout?: number | string;
  memory?: string;
  /** Number of GPUs that a call needs, or the share of one. */
  gpus?: number;
  retry?: RetryOptions;
  bigTaskQueue?: string;
  /** Declared columns: names and SQL types. */
  output?: Record<string, string>;
  /** Only for the functions of a partition model. */
  model?: { name: string; task: ModelTask };
}

/** Whether the value is a valid name for a partition model. */
export function isModelName(value: string): boolean {
  return /^[A-Za-z_][A-Za-z0-9_-]{0,79}$/.test(value);
}

/** Name of the function that needs no code: it runs the run's `sql` over each partition. */
export const SQL_FUNCTION = 'sql';
