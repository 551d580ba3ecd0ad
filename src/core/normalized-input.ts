/**
 * The settings of an input and a function after validation, with defaults applied and durations and sizes as
 * numbers.
 */
import type { ModelInput, Source } from './input';
import type { OutputPlan } from './plan';
import type { NormalizedRetry } from './failures/retry-plan';
import type { Tolerance } from './failures/tolerance';

/** null: not set, so the function's or the worker's setting applies. */
export interface NormalizedInput {
  function: string;
  source: Source;
  /** Empty if each file is a partition. */
  partitionBy: string[];
  warehouse: string | null;
  stage: string | null;
  functions: string[] | null;
  python: string | null;
  params: Record<string, unknown>;
  sql: string | null;
  where: string | null;
  snapshot: 'stage' | 'none';
  only: string[] | null;
  output: OutputPlan | null;
  model: ModelInput | null;
  onExisting: 'error' | 'overwrite' | 'retry';
  /** ISO 8601 UTC. */
  scheduledTime: string | null;
  timeZone: string;
  notify: string | null;
  onUnchanged: 'run' | 'reuse';
  series: string | null;
  options: NormalizedOptions;
}

export interface NormalizedOptions {
  maxConcurrency: number;
  toleratedFailures: Tolerance;
  failFast: boolean;
  /** For the whole run; null: no limit. */
  runTimeoutMs: number | null;
  retry: NormalizedRetry;
  timeoutMs: number | null;
  memoryBytes: number | null;
  heartbeatTimeoutMs: number;
  maxPartitions: number;
  /** Absent, meaning false, in histories of earlier releases. */
  allowEmpty?: boolean;
  partitionsPerUnit: number | null;
  warehouse: WarehouseOptions;
}

/** The warehouse-specific settings that were given, by name. */
export type WarehouseOptions = Readonly<Record<string, string>>;

/**
 * The fields that planning and later steps read; `OpenedRun` has the resolved values of the others.
 */
export type PlannedInput = Pick<
  NormalizedInput,
  | 'source'
  | 'partitionBy'
  | 'params'
  | 'where'
  | 'snapshot'
  | 'only'
  | 'output'
  | 'model'
  | 'timeZone'
  | 'onUnchanged'
  | 'series'
  | 'options'
>;

/** The settings of a partition function. null: not set. */
export interface FunctionSettings {
  timeoutMs: number | null;
  memoryBytes: number | null;
  /** Absent: none. */
  gpus?: number;
  retry: NormalizedRetry;
  bigTaskQueue: string | null;
}
