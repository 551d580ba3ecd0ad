/** What units need of a run's plan: made once by `planRun` and kept on the stage. */
import type { FileRef, StagedFile } from './files';
import type { ModelInput } from './input';
import type { Column, RetryPlan } from './plan';
import type { PushDown } from './push-down';

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
