/** What units need of a run's plan: made once by `planRun` and kept on the stage. */
import type { FileRef, StagedFile } from './files';
import type { ModelInput } from './input';
import type { Column, RetryPlan } from './plan';
import type { PushDown } from './push-down';
import type { Runtime } from './runtime';

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

/** A file that is a partition, pinned at planning. */
export interface PinnedFile {
  /** Absolute, or below the place on a stage (`UnitPlan.filesOn`). */
  path: string;
  bytes: number;
  /** 0 on a stage. */
  modifiedMs: number;
  /** Null for an object that planning did not read whole. */
  sha256: string | null;
  /** Of such an object: the stage's name for its content, such as an ETag. */
  version?: string;
}

/** A pinned file as a unit reads it. */
export interface LocalFile extends PinnedFile {
  /** The object that it is a copy of; absent: none. */
  copyOf?: string;
  /** How the object has changed since planning, so that there is no copy. */
  change?: string;
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
   * Every partition is in one of these files. Empty for files as partitions, which are read directly, and
   * without a snapshot, which uses `pushDown`.
   */
  snapshot: SnapshotFile[];
  /** Files as partitions: the file of each partition, by ordinal; null: none. */
  files: PinnedFile[] | null;
  /** The place on a stage that they are below, as users write it, with a `/` at its end; absent: none. */
  filesOn?: string | undefined;
  /** The rows as SQL of the warehouse; null if they cannot be expressed that way. */
  pushDown: PushDown | null;
  snapshotTime: string;
  scheduledTime: string | null;
  /** In the run's time zone: `2026-11-01`. Absent in plans of earlier releases. */
  scheduledDate?: string | null;
  retry: RetryPlan;
  /** Per partition; null: no limit. */
  timeoutMs: number | null;
  /** Resident memory limit of a runner. */
  memoryBytes: number;
  /** GPUs that a call needs, or the share of one; absent: none. */
  gpus?: number;
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
  /**
   * For a function in Python: path of the interpreter on the worker that planned the run. Absent for other
   * functions.
   */
  python?: string;
  /** For a function in Python: what it runs on. */
  runtime?: Runtime;
}
