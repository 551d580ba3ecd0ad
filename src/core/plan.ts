/**
 * The plan of a run: created once by `planRun`, and stored in history (what the workflow needs) and on the
 * stage (what units need). It fixes every number that affects the workflow's commands, so a later release can
 * change its defaults without breaking runs in flight.
 */
import type { Carried } from './carried';
import type { FileRef, StagedFile } from './files';
import type { ModelInput } from './input';
import type { ErrorInfo } from './outcome';
import type { PushDown } from './push-down';
import type { PartitionStatus, RunStatus, StatusCounts } from './status';
import type { ReportRule } from './units/shard-report';
import type { StopReason } from './failures/stop';

/** A column and its type in the snapshot, as a DuckDB type name, e.g. `VARCHAR`, `DECIMAL(10,2)`. */
export interface Column {
  name: string;
  type: string;
}

/** The partitions of one activity: ordinals `from` to `to`, inclusive. */
export interface Unit {
  from: number;
  to: number;
  /** Number of partitions that it runs: in a continuation, some in the range are already done. */
  partitions: number;
  /** Shown in Temporal's UI: the partition id, or `first … last`; at most 200 bytes. */
  label: string;
}

/** How often and how quickly a partition is retried: see `failures/budgets`. */
export interface RetryRule {
  /** Calls of the function per partition, including the first. */
  maximumAttempts: number;
  initialIntervalMs: number;
  backoffCoefficient: number;
  maximumIntervalMs: number;
}

export interface RetryPlan extends RetryRule {
  /** Complete rules for errors of a type (class name). */
  byErrorType: Record<string, RetryRule>;
  /** Error types (class names) that are never retried. */
  nonRetryableErrorTypes: string[];
}

/** Where the combined rows go. */
export type OutputPlan =
  | { table: string; mode: 'replace' | 'partitions' | 'append'; evolve: boolean }
  | { file: string; format: 'parquet' | 'csv' }
  /** A new version in the registry, based on `base`; null: based on the newest version. */
  | { model: string; base: number | string | null };

/** The result of `planRun`. */
export interface RunPlan {
  version: 1;
  runId: string;
  generation: number;
  execution: number;
  function: { name: string; digest: string };
  /** Stage URI, absolute: `file:///…`. */
  stage: string;
  /** The unit plan on the stage, which `processUnit` needs. */
  unitPlan: FileRef;
  /** Parquet, sorted by `ord`: `ord, id, rows, key_0…`, and `fingerprint` for a run in a series. */
  index: FileRef;
  keyColumns: Column[];
  partitions: number;
  rows: number;
  /** When the rows were pinned, ISO 8601 UTC. */
  snapshotTime: string;
  /**
   * Largest first. The position in this array is the unit's number. Empty for a run with shards, which have
   * the units.
   */
  units: Unit[];
  /** Null if the run processes its units itself. Absent if it was planned by a release without shards. */
  sharding?: Sharding | null;
  /** Task queue of `processUnit`. */
  taskQueue: string;
  /**
   * Task queue of `processUnit` for partitions that ran out of memory; null: they are retried once on the
   * same queue.
   */
  bigTaskQueue: string | null;
  maxConcurrency: number;
  toleratedFailures: number;
  /** Stop as soon as more partitions have failed than are tolerated. */
  failFast: boolean;
  /** Stop when this many partitions have failed with the same error and none is DONE. */
  stopAfterAlike: number;
  retry: RetryPlan;
  heartbeatTimeoutMs: number;
  /** Maximum start-to-close time-out of a unit's activity. */
  unitTimeoutMs: number;
  /** How much of it one partition may use, including all of its calls; null: no limit. */
  partitionTimeoutMs: number | null;
  /** Maximum number of units that each retry round of batches adds. */
  retryUnitsPerRound: number;
  /**
   * If partitions turn out to be quick, neighbouring one-partition units are joined into one activity, up to
   * this much work; null: they are never joined.
   */
  joinUpToMs: number | null;
  output: OutputPlan | null;
  /** Only for a run that predicts. */
  models?: ModelUse;
  /** Outcomes taken over from earlier executions or runs; the units contain the other partitions. */
  carried: Carried | null;
}

/** The shards of a run. */
export interface Sharding {
  /**
   * File on the stage with the units of every shard, one shard per line: they are too large for history (I7).
   */
  lists: FileRef;
  /** In the order in which they start. The position in this array is the shard's number. */
  shards: Shard[];
}

/** The units of one child workflow, for the partitions `from` to `to` (ordinals, inclusive). */
export interface Shard {
  from: number;
  to: number;
  /** Number of partitions that it runs. */
  partitions: number;
  /** Number of its first unit, and number of its units. */
  firstUnit: number;
  units: number;
  list: FileRange;
}

/** A byte range of a file on the stage. */
export interface FileRange {
  offset: number;
  bytes: number;
  /** Digest of the range. */
  sha256: string;
}

/** The part of a plan that affects the activities of units. */
export type UnitCallPlan = Pick<
  RunPlan,
  | 'generation'
  | 'execution'
  | 'stage'
  | 'unitPlan'
  | 'taskQueue'
  | 'bigTaskQueue'
  | 'retry'
  | 'heartbeatTimeoutMs'
  | 'unitTimeoutMs'
  | 'partitionTimeoutMs'
  | 'retryUnitsPerRound'
  | 'joinUpToMs'
>;

/** The argument of the workflow `partitionShard`. */
export interface ShardTask {
  version: 1;
  runId: string;
  stageToken: string;
  shard: number;
  partitions: number;
  firstUnit: number;
  /** Where its units are stored on the stage. */
  list: FileRange & { path: string };
  plan: UnitCallPlan;
  /** Ordinals that were skipped before it started (`"3,7-9"`). */
  skipped: string;
  report: Omit<ReportRule, 'everyFailures'>;
  settings: ShardSettings;
}

/** The run's settings as sent to a shard; later messages have higher numbers. */
export interface ShardSettings extends Pick<ReportRule, 'everyFailures'> {
  number: number;
  paused: boolean;
  /** Units in flight. */
  lanes: number;
}

/**
 * A file of the snapshot: the rows of the partitions `from` to `to` (ordinals, inclusive), sorted by
 * partition.
 */
export interface SnapshotFile extends StagedFile {
  from: number;
  to: number;
  /**
   * Only for a file as unloaded by the warehouse, with rows in any order and values in the warehouse's own
   * form, which `Warehouse.restore` reads: its number of rows.
   */
  unloadedRows?: number;
}

/** One file of a stage-mode source, pinned at planning. */
export interface PinnedFile {
  /** Absolute path, or stage path. */
  path: string;
  bytes: number;
  modifiedMs: number;
  sha256: string;
}

/** The models that a run predicts with, pinned at planning. */
export interface ModelPlan {
  /** Name for display: `traffic version 3`, `models of run train-1`. */
  label: string;
  /** Stage that contains them. */
  stage: string;
  /** Their manifest. */
  root: FileRef;
}

/** The models in a run's plan. */
export interface ModelUse {
  label: string;
  /** Partitions without a model. */
  missing: number;
  /** Ids of the first few partitions without a model. */
  firstMissing: string[];
}

/** The part of the plan that units need; one file on the stage per planning attempt. */
export interface UnitPlan {
  version: 1;
  runId: string;
  generation: number;
  function: FunctionPlan;
  params: Record<string, unknown>;
  /** The run's model settings; absent: none. */
  model?: ModelInput;
  /** Models to predict with; absent: none. */
  models?: ModelPlan;
  warehouse: string;
  keyColumns: Column[];
  /** Columns of the source, in order, as the function sees them. */
  columns: Column[];
  index: FileRef;
  /**
   * Every partition is in one of these files. Empty in stage mode, which reads the source files directly, and
   * without a snapshot, which uses `pushDown`.
   */
  snapshot: SnapshotFile[];
  /** Stage mode only: the file of each partition, by ordinal. */
  files: PinnedFile[] | null;
  /** The rows as SQL of the warehouse; null if they cannot be expressed that way. */
  pushDown: PushDown | null;
  snapshotTime: string;
  scheduledTime: string | null;
  retry: RetryPlan;
  /** Per partition; null: no limit. */
  timeoutMs: number | null;
  /** Resident memory limit of a runner. */
  memoryBytes: number;
  /**
   * Whether partitions that run out of memory are given back so that they can be tried on the function's
   * `bigTaskQueue`.
   */
  hasBigTaskQueue: boolean;
  heartbeatTimeoutMs: number;
  /** The partitions to run, as ordinals (`"3,7-9"`); null: all. */
  selected: string | null;
  /** Number of calls in earlier executions, by ordinal; absent: none. */
  earlierCalls: Record<number, number>;
  /** As `OpenedRun.trusted`. */
  trusted?: boolean;
}

/** The function of a run. */
export interface FunctionPlan {
  name: string;
  /** sha256 of the bundle. */
  digest: string;
  /** Absolute path of the bundle on the worker that planned the run; other workers use their own code. */
  bundle: string | null;
  /** For the built-in function `sql`: the query. */
  sql: string | null;
}

/** `processUnit`'s argument. */
export interface UnitTask {
  version: 1;
  runId: string;
  generation: number;
  execution: number;
  stage: string;
  stageToken: string;
  plan: FileRef;
  unit: number;
  from: number;
  to: number;
  /** Number of partitions in [from, to] that this unit runs. */
  partitions: number;
  /** For retry units: run only these ordinals (`"3,7-9"`). */
  only: string | null;
  /** For batches: exclude these ordinals, which were skipped before the unit was started. */
  except: string | null;
  /** How often each of these partitions has already thrown: 0 in the first round. */
  round: number;
  /** Whether the partitions ran out of memory before and this is their second chance. */
  big: boolean;
  /**
   * Number of earlier activities of this unit that ended without a result because something else was recorded
   * as their result; absent: none. They count as lost workers.
   */
  lostBefore?: number;
}

/** `loadShard`'s argument. */
export type LoadTask = Pick<ShardTask, 'version' | 'stageToken' | 'list'> & Pick<RunPlan, 'stage'>;

/** `loadShard`'s result. */
export interface LoadedShard {
  version: 1;
  units: Unit[];
}

/** `archiveShard`'s argument. */
export type ArchiveShardTask = Pick<ShardTask, 'version' | 'runId' | 'stageToken' | 'shard'> &
  Pick<RunPlan, 'stage' | 'generation' | 'execution'>;

/** `commitRun`'s argument. */
export interface CommitTask {
  version: 1;
  runId: string;
  generation: number;
  execution: number;
  stage: string;
  warehouse: string;
  /**
   * Together with the run id, distinguishes this run's commits from those of a run with the same id on
   * another stage.
   */
  stageToken: string;
  output: OutputPlan;
  keyColumns: Column[];
  index: FileRef;
}

/** The result of `commitRun`. */
export interface CommitResult {
  version: 1;
  /** What was written, for display. */
  target: string;
  /** Number of rows, or of new models. */
  rows: number;
  committedAt: string;
  /** The version created from the models. */
  modelVersion?: number;
}

/** The workflow's result, or the details of its failure. */
export interface RunSummary {
  version: 1;
  runId: string;
  status: RunStatus;
  counts: StatusCounts & { total: number };
  rows: number;
  generation: number;
  execution: number;
  commit: CommitResult | null;
  /** The first few failures. */
  firstErrors: { id: string; error: ErrorInfo }[];
  /**
   * Why the run was stopped before all partitions were started: the others are SKIPPED. Null if it was not
   * stopped.
   */
  stopped: { reason: StopReason; message: string } | null;
}

/** `findPartitions`' argument. */
export interface FindTask {
  version: 1;
  stage: string;
  stageToken: string;
  plan: FileRef;
  index: FileRef;
  /** Partition ids. */
  ids: string[];
}

/** The result of `findPartitions`. */
export interface FoundPartitions {
  version: 1;
  /** In the order of the ids. */
  ordinals: number[];
  /** Those that have already ended. */
  ended: { id: string; status: PartitionStatus }[];
}
