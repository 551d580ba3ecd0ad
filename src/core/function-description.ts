/** A partition function as planning and workers know it, without its code. */
import type { RetryOptions, ModelTask } from './input';

/** What a bundle exports, as `describe` reports it. */
export interface FunctionDescription {
  name: string;
  timeout?: number | string;
  memory?: string;
  retry?: RetryOptions;
  bigTaskQueue?: string;
  /** Of a partition model's functions. */
  model?: { name: string; task: ModelTask };
}

/** Whether it can be the name of a partition model. */
export function isModelName(value: string): boolean {
  return /^[A-Za-z_][A-Za-z0-9_-]{0,79}$/.test(value);
}

/** Name of the function that needs no code: it runs the run's `sql` over each partition. */
export const SQL_FUNCTION = 'sql';
