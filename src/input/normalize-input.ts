/** Fills in defaults, so that later steps find every field of an input. Pure. */
import type { ModelInput, Source } from '../core/input';
import type { NormalizedRetry, NormalizedRule } from '../core/failures/retry-plan';
import type { NormalizedInput, PlannedInput, WarehouseOptions } from '../core/normalized-input';
import type { OutputPlan } from '../core/plan';
import type { ParsedInput, ParsedRetry } from './input-schema';
import { parsePeriod, timeZoneName } from './zoned-time';

/** Default number of partitions in flight. Keeps two cores busy even if functions sometimes wait for I/O. */
const MAX_CONCURRENCY = 8;
const HEARTBEAT_TIMEOUT_MS = 10_000;
/** Default limit: more partitions most likely mean the wrong key column. */
const MAX_PARTITIONS = 100_000;
export function normalize(parsed: ParsedInput): NormalizedInput {
  const { options, scheduledTime } = parsed;
  const timeZone = timeZoneName(parsed.timeZone ?? 'UTC')!;
  return {
    function: parsed.function,
    source: normalizeSource(parsed.source),
    partitionBy: parsed.partitionBy ?? [],
    warehouse: parsed.warehouse ?? null,
    stage: parsed.stage ?? null,
    functions: parsed.functions == null ? null : listOf(parsed.functions),
    python: parsed.python ?? null,
    params: parsed.params ?? {},
    sql: parsed.sql ?? null,
    where: parsed.where ?? null,
    snapshot: parsed.snapshot ?? 'stage',
    only: parsed.only == null ? null : [...new Set(parsed.only)],
    output: normalizeOutput(parsed.output),
    model: normalizeModel(parsed.model),
    onExisting: parsed.onExisting ?? 'error',
    scheduledTime:
      scheduledTime == null ? null : new Date(parsePeriod(scheduledTime, timeZone)!.from).toISOString(),
    timeZone,
    notify: parsed.notify ?? null,
    onUnchanged: parsed.onUnchanged ?? 'run',
    series: parsed.series ?? null,
    options: {
      maxConcurrency: options?.maxConcurrency ?? MAX_CONCURRENCY,
      toleratedFailures: options?.toleratedFailures ?? 0,
      failFast: options?.failFast ?? false,
      runTimeoutMs: options?.runTimeout ?? null,
      retry: normalizeRetry(options?.retry),
      timeoutMs: options?.timeout ?? null,
      memoryBytes: options?.memory ?? null,
      heartbeatTimeoutMs: options?.heartbeatTimeout ?? HEARTBEAT_TIMEOUT_MS,
      maxPartitions: options?.maxPartitions ?? MAX_PARTITIONS,
      allowEmpty: options?.allowEmpty ?? false,
      partitionsPerUnit: options?.partitionsPerUnit ?? null,
      warehouse: given(options?.warehouse) as WarehouseOptions,
    },
  };
}

/** The fields of the input that are recorded for planning. */
export function plannedFields(input: NormalizedInput): PlannedInput {
  const { source, partitionBy, params, where, snapshot, only, output, model } = input;
  const { timeZone, onUnchanged, series, options } = input;
  return {
    source,
    partitionBy,
    params,
    where,
    snapshot,
    only,
    output,
    model,
    timeZone,
    onUnchanged,
    series,
    options,
  };
}

export function normalizeRetry(retry: ParsedRetry | null | undefined): NormalizedRetry {
  const rules = Object.entries(retry?.byErrorType ?? {});
  return {
    ...normalizeRule(retry),
    nonRetryableErrorTypes: retry?.nonRetryableErrorTypes ?? null,
    byErrorType:
      rules.length === 0
        ? null
        : Object.fromEntries(rules.map(([type, rule]) => [type, normalizeRule(rule)])),
  };
}

function normalizeRule(rule: Omit<ParsedRetry, 'byErrorType'> | null | undefined): NormalizedRule {
  return {
    maximumAttempts: rule?.maximumAttempts ?? null,
    initialIntervalMs: rule?.initialInterval ?? null,
    backoffCoefficient: rule?.backoffCoefficient ?? null,
    maximumIntervalMs: rule?.maximumInterval ?? null,
  };
}

function normalizeSource(source: ParsedInput['source']): Source {
  if (source.table != null) return { table: source.table };
  if (source.query != null) return { query: source.query };
  return given({ files: source.files!, pattern: source.pattern, types: source.types }) as Source;
}

function normalizeModel(model: ParsedInput['model']): ModelInput | null {
  return model == null ? null : (given(model) as ModelInput);
}

/** A value as a list of one; a list as it is. */
function listOf(value: string | string[]): string[] {
  return typeof value === 'string' ? [value] : value;
}

/** The fields that are set; null counts as not set. */
export function given<T extends object>(fields: T | null | undefined): Partial<T> {
  return Object.fromEntries(Object.entries(fields ?? {}).filter(([, value]) => value != null)) as Partial<T>;
}

function normalizeOutput(output: ParsedInput['output']): OutputPlan | null {
  if (output == null) return null;
  if (output.model != null) return { model: output.model, base: output.base ?? null };
  if (output.table != null)
    return { table: output.table, mode: output.mode ?? 'replace', evolve: output.evolve ?? false };
  return { file: output.file!, format: /\.csv$/i.test(output.file!) ? 'csv' : 'parquet' };
}
