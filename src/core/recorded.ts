/**
 * Checks what counts as the result of an activity, or as the report of a shard. Workflows and readers of
 * history use the same functions, so they agree about activities that were completed by hand (I8): anything
 * that fails these checks is not a result.
 */
import type { Carried } from './carried';
import type { ArtifactRef, FileRef } from './files';
import type { FunctionSettings, NormalizedOptions, PlannedInput } from './normalized-input';
import { ordinalsWithin, type OrdinalRange } from './units/ordinals';
import type { AlikeFailures, ErrorInfo, PartitionOutcome, UnitResult, DoneRecord } from './outcome';
import type { Continued, ExecutionEntry, OpenedRun } from './opened-run';
import type {
  Column,
  CommitResult,
  FileRange,
  FoundPartitions,
  FunctionPlan,
  LoadedShard,
  ModelUse,
  RetryPlan,
  RetryRule,
  RunPlan,
  RunSummary,
  Shard,
  ShardSettings,
  Sharding,
  Unit,
  UnitTask,
} from './plan';
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
  type Check,
} from './shape';
import type { NormalizedRetry, NormalizedRule } from './failures/retry-plan';
import type { ShardReport } from './units/shard-report';
import { PARTITION_STATUSES, RUN_STATUSES, type StatusCounts } from './status';

const version = oneOf(1);
const fields = isObject;
const counts = shapeOf<StatusCounts>(
  Object.fromEntries(PARTITION_STATUSES.map((status) => [status, count])) as Record<
    keyof StatusCounts,
    Check
  >,
);
const totals: Check = (value) => counts(value) && count((value as { total?: unknown }).total);

const fileRef = shapeOf<FileRef>({ path: text, bytes: count, sha256: text });
const error = shapeOf<ErrorInfo>({ type: text, message: text, stack: orNull(text) });
const failure = shapeOf<{ id: string; error: ErrorInfo }>({ id: text, error });
const alike = shapeOf<AlikeFailures>({ pattern: text, id: text, error, partitions: count });
const carried = shapeOf<Carried>({ file: fileRef, counts, reused: count, firstErrors: listOf(failure) });
const column = shapeOf<Column>({ name: text, type: text });

const rule: { [Name in keyof RetryRule]: Check } = {
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

/** The fields of a plan that a continuation also takes over from the previous plan. */
const planned: { [Name in keyof Required<Continued['plan']>]: Check } = {
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
const retryAsked: { [Name in keyof NormalizedRule]: Check } = {
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
  function: shapeOf<FunctionPlan>({ name: text, digest: text, bundle: orNull(text), sql: orNull(text) }),
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

export function isOpenedRun(value: unknown): value is OpenedRun {
  return opened(value);
}

export function isRunPlan(value: unknown): value is RunPlan {
  return plan(value);
}

export function isCommitResult(value: unknown): value is CommitResult {
  return commitResult(value);
}

export function isRunSummary(value: unknown): value is RunSummary {
  return summary(value);
}

export function isLoadedShard(value: unknown): value is LoadedShard {
  return loadedShard(value);
}

/**
 * Whether the value has as many ordinals as ids were requested, all of them below the run's number of
 * partitions.
 */
export function isFoundPartitions(
  value: unknown,
  { ids, partitions }: { ids: number; partitions: number },
): value is FoundPartitions {
  if (!foundPartitions(value)) return false;
  const { ordinals } = value as FoundPartitions;
  return ordinals.length === ids && ordinals.every((ordinal) => ordinal < partitions);
}

const artifact = shapeOf<ArtifactRef>({
  path: text,
  bytes: count,
  sha256: text,
  name: text,
  offset: count,
  codec: text,
});
const outcome = shapeOf<PartitionOutcome>({
  ordinal: count,
  id: text,
  status: oneOf('DONE', 'FAILED', 'CANCELLED', 'INTERNAL_ERROR', 'SKIPPED'),
  attempts: count,
  rows: count,
  startedAt: (value) => typeof value === 'string' && !Number.isNaN(Date.parse(value)),
  durationMs: number,
  preview: orNull(text),
  outputRows: count,
  artifacts: listOf(artifact),
  error: orNull(error),
  reused: flag,
});
const done = shapeOf<DoneRecord>({
  ordinals: text,
  attempts: either(count, listOf(count)),
  startedAt: listOf(number),
  durationMs: either(number, listOf(number)),
  outputRows: either(count, listOf(count)),
  artifacts: optional(
    listOf(
      either(
        oneOf(0),
        listOf((packed) => Array.isArray(packed) && packed.length >= 5 && packed.slice(0, 2).every(text)),
      ),
    ),
  ),
  pack: optional(text),
});
const unitResult = shapeOf<UnitResult>({
  version,
  unit: count,
  round: count,
  counts,
  outcomes: either(fileRef, Array.isArray),
  output: listOf(fileRef),
  retry: orNull(text),
  big: orNull(text),
  retryAfterMs: orNull(number),
  alike: orNull(alike),
  // The earliest histories do not have it.
  doneMs: optional(number),
  firstErrors: listOf(failure),
  logs: text,
  functionDigest: text,
  otherCode: listOf(shapeOf<UnitResult['otherCode'][number]>({ functionDigest: text, ordinals: text })),
  worker: text,
});

/** The part of a task that a result is checked against. */
export type TaskOfResult = Pick<UnitTask, 'unit' | 'from' | 'to' | 'partitions'>;

/** Whether the value is a result of this unit that covers each of its partitions exactly once. */
export function isUnitResult(value: unknown, task: TaskOfResult): value is UnitResult {
  // enforces I8: what is not a result does not count, in the workflow or for readers.
  if (!unitResult(value)) return false;
  const result = value as UnitResult;
  const { PENDING, RUNNING, ...ended } = result.counts;
  const named = [result.retry, result.big, ...result.otherCode.map(({ ordinals }) => ordinals)];
  const [again, big, ...others] = named.map((ordinals) => ordinalsWithin(ordinals ?? '', task));
  if (again === null || big === null || others.includes(null)) return false;
  const sum = Object.values(ended).reduce((all, each) => all + each, again! + big!);
  return (
    result.unit === task.unit &&
    PENDING === 0 &&
    RUNNING === 0 &&
    sum === task.partitions &&
    (!Array.isArray(result.outcomes) || result.outcomes.every((each) => isOutcome(each, task)))
  );
}

function isOutcome(value: unknown, range: OrdinalRange): boolean {
  if (!isObject(value)) return false;
  if (!('done' in value))
    return outcome(value) && ordinalsWithin(`${(value as unknown as PartitionOutcome).ordinal}`, range) === 1;
  if (!done(value.done)) return false;
  const { ordinals, ...columns } = value.done as DoneRecord;
  const length = ordinalsWithin(ordinals, range);
  return (
    length !== null &&
    length > 0 &&
    Object.values(columns).every((each) => !Array.isArray(each) || each.length === length)
  );
}

const report = shapeOf<ShardReport>({
  version,
  shard: count,
  number: count,
  counts,
  waiting: shapeOf<ShardReport['waiting']>({ FAILED: count, INTERNAL_ERROR: count }),
  running: count,
  alike: orNull(either(oneOf('not'), alike)),
  firstErrors: listOf(failure),
});

/** Whether the value is a report of one of these shards, covering no more partitions than the shard has. */
export function isShardReport(
  value: unknown,
  shards: Readonly<Record<number, Pick<Shard, 'partitions'>>>,
): value is ShardReport {
  if (!report(value)) return false;
  const { shard: sender, counts: ended, waiting } = value as ShardReport;
  const all = [...Object.values(ended), ...Object.values(waiting)].reduce((sum, each) => sum + each, 0);
  return ended.PENDING === 0 && ended.RUNNING === 0 && all <= (shards[sender]?.partitions ?? -1);
}

const settings = shapeOf<ShardSettings>({
  number: count,
  paused: flag,
  lanes: count,
  everyFailures: orNull(count),
});

export function isShardSettings(value: unknown): value is ShardSettings {
  return settings(value);
}
