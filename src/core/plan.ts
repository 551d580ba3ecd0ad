/**
 * The plan of a run: made once by `planRun`, kept in history (what the workflow needs) and on the stage (what
 * units need). Every number that shapes the workflow's commands is fixed here, so that a later release may
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

/** A column and its type as the snapshot has it, in DuckDB's words, e.g. `VARCHAR`, `DECIMAL(10,2)`. */
export interface Column {
  name: string;
  type: string;
}

/** One activity's worth of partitions: ordinals `from` to `to`, both included. */
export interface Unit {
  from: number;
  to: number;
  /** How many of them are run: on a continuation, some of the range are done already. */
  partitions: number;
  /** What Temporal's UI shows: the partition id, or `first … last`; at most 200 bytes. */
  label: string;
}

/** How often and how fast a partition is called again: see `failures/budgets`. */
export interface RetryRule {
  /** Calls of the function per partition, the first included. */
  maximumAttempts: number;
  initialIntervalMs: number;
  backoffCoefficient: number;
  maximumIntervalMs: number;
}

export interface RetryPlan extends RetryRule {
  /** Rules for errors of a type (class name), complete. */
  byErrorType: Record<string, RetryRule>;
  /** Error types (class names) that are never tried again. */
  nonRetryableErrorTypes: string[];
}

/** Where the combined rows go. */
export type OutputPlan =
  | { table: string; mode: 'replace' | 'partitions' | 'append'; evolve: boolean }
  | { file: string; format: 'parquet' | 'csv' }
  /** A new version in the registry; `base`: null: on the newest one. */
  | { model: string; base: number | string | null };

/** What `planRun` returns to the workflow. */
export interface RunPlan {
  version: 1;
  runId: string;
  generation: number;
  execution: number;
  function: { name: string; digest: string };
  /** Stage URI, absolute: `file:///…`. */
  stage: string;
  /** The unit plan on the stage: what `processUnit` needs. */
  unitPlan: FileRef;
  /** Parquet: `ord, id, rows, key_0…`, of a run in a series `fingerprint` too, sorted by ord. */
  index: FileRef;
  keyColumns: Column[];
  partitions: number;
  rows: number;
  /** ISO 8601 UTC: when the rows were pinned. */
  snapshotTime: string;
  /**
   * Largest first. The position in this array is the unit's number. Of a run that has shards, none: they have
   * them.
   */
  units: Unit[];
  /** Null: the run has its units in flight itself. Absent: it was planned by a release that had no shards. */
  sharding?: Sharding | null;
  /** Of `processUnit`. */
  taskQueue: string;
  /**
   * Of `processUnit` for partitions that ran out of memory; null: they are tried once more where they are.
   */
  bigTaskQueue: string | null;
  maxConcurrency: number;
  toleratedFailures: number;
  /** Stop as soon as more have failed than are tolerated. */
  failFast: boolean;
  /** Stop when so many partitions have failed with one error and none is done. */
  stopAfterAlike: number;
  retry: RetryPlan;
  heartbeatTimeoutMs: number;
  /** Longest start-to-close time-out of a unit's activity. */
  unitTimeoutMs: number;
  /** What one partition may take of it, all of its calls included; null: no limit. */
  partitionTimeoutMs: number | null;
  /** Retry rounds of batches add at most this many units each. */
  retryUnitsPerRound: number;
  /**
   * Neighbours of one partition each that prove quick are one activity, up to so much work; null: each is
   * one.
   */
  joinUpToMs: number | null;
  output: OutputPlan | null;
  /** Of a run that predicts. */
  models?: ModelUse;
  /** Outcomes taken over from before; the units are cut from the other partitions. */
  carried: Carried | null;
}

/** The shards of a run. */
export interface Sharding {
  /** On the stage: the units of every shard, one shard a line. History has no room for them (I7). */
  lists: FileRef;
  /** In the order in which they begin. The position in this array is the shard's number. */
  shards: Shard[];
}

/** A child workflow's worth of units: of the partitions `from` to `to` (ordinals, both included). */
export interface Shard {
  from: number;
  to: number;
  /** How many of them are run. */
  partitions: number;
  /** The number of its first unit, and how many it has. */
  firstUnit: number;
  units: number;
  list: FileRange;
}

/** A part of a file on the stage. */
export interface FileRange {
  offset: number;
  bytes: number;
  /** Of the part. */
  sha256: string;
}

/** What of a plan shapes the activities of units. */
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
  /** Where its units are on the stage. */
  list: FileRange & { path: string };
  plan: UnitCallPlan;
  /** Ordinals that were skipped before it began (`"3,7-9"`). */
  skipped: string;
  report: Omit<ReportRule, 'everyFailures'>;
  settings: ShardSettings;
}

/** What a shard is told of the run's settings; a later one has a higher number. */
export interface ShardSettings extends Pick<ReportRule, 'everyFailures'> {
  number: number;
  paused: boolean;
  /** Units in flight. */
  lanes: number;
}

/**
 * A file of the snapshot: the rows of the partitions `from` to `to` (ordinals, both included), sorted by
 * partition.
 */
export interface SnapshotFile extends StagedFile {
  from: number;
  to: number;
  /**
   * Of a file as the warehouse unloaded it, with rows in any order and values in a form of its own, which
   * `Warehouse.restore` reads: how many rows it has.
   */
  unloadedRows?: number;
}

/** One file of a stage-mode source, pinned at planning. */
export interface PinnedFile {
  /** Absolute path, or path on the stage. */
  path: string;
  bytes: number;
  modifiedMs: number;
  sha256: string;
}

/** The models that a run predicts with, pinned at planning. */
export interface ModelPlan {
  /** As a person would name them: `traffic version 3`, `models of run train-1`. */
  label: string;
  /** Stage that has them. */
  stage: string;
  /** Their manifest. */
  root: FileRef;
}

/** What a run's plan says of models. */
export interface ModelUse {
  label: string;
  /** Partitions without a model. */
  missing: number;
  /** Ids of the first few of them. */
  firstMissing: string[];
}

/** What a unit needs to know of the plan; one file on the stage per planning attempt. */
export interface UnitPlan {
  version: 1;
  runId: string;
  generation: number;
  function: FunctionPlan;
  params: Record<string, unknown>;
  /** What the run says about models; absent: nothing. */
  model?: ModelInput;
  /** Models to predict with; absent: none. */
  models?: ModelPlan;
  warehouse: string;
  keyColumns: Column[];
  /** Columns of the source, in order, as the function sees them. */
  columns: Column[];
  index: FileRef;
  /**
   * Every partition is in one of them. Empty in stage mode, where the source files themselves are read, and
   * without a snapshot, where `pushDown` is.
   */
  snapshot: SnapshotFile[];
  /** Stage mode only: the file of each partition, by ordinal. */
  files: PinnedFile[] | null;
  /** The rows in the warehouse's SQL; null: it has none for them. */
  pushDown: PushDown | null;
  snapshotTime: string;
  scheduledTime: string | null;
  retry: RetryPlan;
  /** Per partition; null: no limit. */
  timeoutMs: number | null;
  /** Resident memory of a runner. */
  memoryBytes: number;
  /**
   * Whether partitions that run out of memory are given back, to be tried on the function's `bigTaskQueue`.
   */
  hasBigTaskQueue: boolean;
  heartbeatTimeoutMs: number;
  /** The partitions to run, as ordinals (`"3,7-9"`); null: all. */
  selected: string | null;
  /** How often the function was called in earlier executions, by ordinal; absent: never. */
  earlierCalls: Record<number, number>;
  /** As `OpenedRun.trusted`. */
  trusted?: boolean;
}

/** The function of a run. */
export interface FunctionPlan {
  name: string;
  /** sha256 of the bundle. */
  digest: string;
  /** Absolute path of the bundle on the worker that planned; other workers use the code they have. */
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
  /** How many of from … to are run. */
  partitions: number;
  /** Retry units: only these ordinals (`"3,7-9"`). */
  only: string | null;
  /** Of a batch: not these ordinals, which were skipped before it was started. */
  except: string | null;
  /** How often each of these partitions has thrown before: 0 in the first round. */
  round: number;
  /** The partitions ran out of memory before, and this is their second chance. */
  big: boolean;
  /**
   * How many activities of this unit ended without a result before this one, because something else was
   * recorded as their result; absent: none. They count as lost workers.
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
  /** With the run id, what tells this run's commits from those of a run of the same id on another stage. */
  stageToken: string;
  output: OutputPlan;
  keyColumns: Column[];
  index: FileRef;
}

/** What `commitRun` returns. */
export interface CommitResult {
  version: 1;
  /** What was written, as a person would name it. */
  target: string;
  /** Rows; of models, how many of them are new. */
  rows: number;
  committedAt: string;
  /** The version that models became. */
  modelVersion?: number;
}

/** What the workflow returns, or carries in its failure's details. */
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
   * Why the run was stopped before all partitions were started: those that were not are SKIPPED. Null when it
   * was not.
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

/** What `findPartitions` returns. */
export interface FoundPartitions {
  version: 1;
  /** In the order of the ids. */
  ordinals: number[];
  /** Those of them that have ended already. */
  ended: { id: string; status: PartitionStatus }[];
}
