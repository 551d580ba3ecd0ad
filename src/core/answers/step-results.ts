/**
 * What counts as the result of an activity other than `processUnit`: each function returns null for anything
 * else. Workflows and readers of history call the same functions, so that they agree about an activity that
 * was completed by hand (I8).
 */
import type { Carried } from '../carried';
import type { NormalizedRetry, NormalizedRule } from '../failures/retry-plan';
import type { FunctionSettings, NormalizedOptions, PlannedInput } from '../normalized-input';
import type { Continued, ExecutionEntry, OpenedRun } from '../opened-run';
import type {
  Column,
  FileRange,
  ModelUse,
  RetryPlan,
  RetryRule,
  RunPlan,
  Shard,
  Sharding,
  Unit,
} from '../plan';
import type { CommitResult, FoundPartitions, LoadedShard, RunSummary } from '../tasks';
import type { Runtime } from '../runtime';
import type { FunctionPlan } from '../unit-plan';
import {
  count,
  either,
  flag,
  isObject,
  listOf,
  mapOf,
  number,
  oneOf,
  optional,
  orNull,
  shapeOf,
  text,
  type ShapeTest,
} from '../shape';
import { PARTITION_STATUSES, RUN_STATUSES } from '../status';
import { counts, everyCount, failure, fileRef, totals, version } from './shared-shapes';

const fields = isObject;

const runtime = shapeOf<Runtime>({ python: text, packages: mapOf(text) });
const carried = shapeOf<Carried>({
  file: fileRef,
  counts,
  reused: count,
  firstErrors: listOf(failure),
  runtimes: optional(listOf(runtime)),
});
const column = shapeOf<Column>({ name: text, type: text });

const rule: { [Name in keyof RetryRule]: ShapeTest } = {
  maximumAttempts: count,
  initialIntervalMs: count,
  backoffCoefficient: number,
  maximumIntervalMs: count,
};
const retry = shapeOf<RetryPlan>({
  ...rule,
  byErrorType: mapOf(shapeOf<RetryRule>(rule)),
  nonRetryableErrorTypes: listOf(text),
});

const unit = shapeOf<Unit>({ from: count, to: count, partitions: count, label: text });
const shard = shapeOf<Shard>({
  from: count,
  to: count,
  partitions: count,
  firstUnit: count,
  units: count,
  list: shapeOf<FileRange>({ offset: count, bytes: count, sha256: text }),
});
const sharding = shapeOf<Sharding>({ lists: fileRef, shards: listOf(shard) });
const output = either(
  shapeOf<{ table: string; mode: string; evolve: boolean }>({ table: text, mode: text, evolve: flag }),
  shapeOf<{ file: string; format: string }>({ file: text, format: text }),
  shapeOf<{ model: string; base: number | string | null }>({
    model: text,
    base: orNull(either(count, text)),
  }),
);

/** What a continuation's plan takes over from the plan before it, too. */
const planned: { [Name in keyof Required<Continued['plan']>]: ShapeTest } = {
  version,
  runId: text,
  generation: count,
  execution: count,
  function: shapeOf<RunPlan['function']>({ name: text, digest: text }),
  stage: text,
  unitPlan: fileRef,
  index: fileRef,
  keyColumns: listOf(column),
  partitions: count,
  rows: count,
  snapshotTime: text,
  taskQueue: text,
  bigTaskQueue: orNull(text),
  maxConcurrency: count,
  toleratedFailures: count,
  failFast: flag,
  stopAfterAlike: count,
  retry,
  heartbeatTimeoutMs: count,
  unitTimeoutMs: count,
  partitionTimeoutMs: orNull(count),
  retryUnitsPerRound: count,
  joinUpToMs: optional(orNull(count)),
  output: orNull(output),
  models: optional(shapeOf<ModelUse>({ label: text, missing: count, firstMissing: listOf(text) })),
};
const plan = shapeOf<RunPlan>({
  ...planned,
  units: listOf(unit),
  sharding: optional(orNull(sharding)),
  carried: orNull(carried),
});

const commitResult = shapeOf<CommitResult>({
  version,
  target: text,
  rows: count,
  committedAt: text,
  modelVersion: optional(count),
});
const retryAsked: { [Name in keyof NormalizedRule]: ShapeTest } = {
  maximumAttempts: orNull(count),
  initialIntervalMs: orNull(count),
  backoffCoefficient: orNull(number),
  maximumIntervalMs: orNull(count),
};
const normalizedRetry = shapeOf<NormalizedRetry>({
  ...retryAsked,
  nonRetryableErrorTypes: orNull(listOf(text)),
  byErrorType: orNull(mapOf(shapeOf<NormalizedRule>(retryAsked))),
});
const functionSettings = shapeOf<FunctionSettings>({
  timeoutMs: orNull(count),
  memoryBytes: orNull(count),
  gpus: optional(number),
  retry: normalizedRetry,
  bigTaskQueue: orNull(text),
});
const normalized = shapeOf<PlannedInput>({
  source: fields,
  partitionBy: listOf(text),
  params: fields,
  where: orNull(text),
  snapshot: oneOf('stage', 'none'),
  only: orNull(listOf(text)),
  output: orNull(output),
  model: orNull(fields),
  timeZone: text,
  onUnchanged: oneOf('run', 'reuse'),
  series: orNull(text),
  options: shapeOf<NormalizedOptions>({
    maxConcurrency: count,
    toleratedFailures: either(count, text),
    failFast: flag,
    runTimeoutMs: orNull(count),
    retry: normalizedRetry,
    timeoutMs: orNull(count),
    memoryBytes: orNull(count),
    heartbeatTimeoutMs: count,
    maxPartitions: count,
    allowEmpty: optional(flag),
    partitionsPerUnit: orNull(count),
    warehouse: mapOf(text),
  }),
});
const opened = shapeOf<OpenedRun>({
  version,
  runId: text,
  generation: count,
  execution: count,
  stage: text,
  stageToken: text,
  warehouse: text,
  function: shapeOf<FunctionPlan>({
    name: text,
    digest: text,
    bundle: orNull(text),
    sql: orNull(text),
    python: optional(text),
    runtime: optional(runtime),
  }),
  functionSettings: fields,
  settings: optional(functionSettings),
  scheduledTime: orNull(text),
  unitTaskQueue: text,
  planTimeoutMs: count,
  heartbeatTimeoutMs: count,
  runTimeoutMs: orNull(count),
  input: fields,
  normalized: optional(normalized),
  earlier: listOf(
    shapeOf<ExecutionEntry>({
      workflowRunId: text,
      generation: count,
      execution: count,
      startedAt: text,
      endedAt: orNull(text),
      status: oneOf(...RUN_STATUSES),
    }),
  ),
  trusted: optional(flag),
  continues: orNull(
    shapeOf<Continued>({
      plan: shapeOf<Continued['plan']>(planned),
      carried,
      commit: orNull(commitResult),
      committed: optional(flag),
    }),
  ),
});
const summary = shapeOf<RunSummary>({
  version,
  runId: text,
  status: oneOf(...RUN_STATUSES),
  counts: totals,
  rows: count,
  generation: count,
  execution: count,
  commit: orNull(commitResult),
  firstErrors: listOf(failure),
  stopped: optional(orNull(shapeOf<{ reason: string; message: string }>({ reason: text, message: text }))),
});
const loadedShard = shapeOf<LoadedShard>({ version, units: listOf(unit) });
const foundPartitions = shapeOf<FoundPartitions>({
  version,
  ordinals: listOf(count),
  ended: listOf(
    shapeOf<FoundPartitions['ended'][number]>({ id: text, status: oneOf(...PARTITION_STATUSES) }),
  ),
});

export function asOpenedRun(value: unknown): OpenedRun | null {
  if (!opened(value)) return null;
  const run = value as OpenedRun;
  const { continues } = run;
  if (continues === null) return run;
  return { ...run, continues: { ...continues, carried: withEveryCount(continues.carried) } };
}

export function asRunPlan(value: unknown): RunPlan | null {
  if (!plan(value)) return null;
  const planned = value as RunPlan;
  return planned.carried === null ? planned : { ...planned, carried: withEveryCount(planned.carried) };
}

export function asCommitResult(value: unknown): CommitResult | null {
  return commitResult(value) ? (value as CommitResult) : null;
}

export function asRunSummary(value: unknown): RunSummary | null {
  if (!summary(value)) return null;
  const ended = value as RunSummary;
  return { ...ended, counts: everyCount(ended.counts) };
}

export function asLoadedShard(value: unknown): LoadedShard | null {
  return loadedShard(value) ? (value as LoadedShard) : null;
}

/** About as many ids as were asked for, in a run of so many partitions; null if it is anything else. */
export function asFoundPartitions(
  value: unknown,
  { ids, partitions }: { ids: number; partitions: number },
): FoundPartitions | null {
  if (!foundPartitions(value)) return null;
  const found = value as FoundPartitions;
  const { ordinals } = found;
  return ordinals.length === ids && ordinals.every((ordinal) => ordinal < partitions) ? found : null;
}

function withEveryCount(taken: Carried): Carried {
  return { ...taken, counts: everyCount(taken.counts) };
}
