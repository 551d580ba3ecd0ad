/**
 * The plan of a run: made once by `planRun` and kept in history. Every number that shapes the workflow's
 * commands is fixed here, so that a later release may change its defaults without breaking runs in flight.
 */
import type { Carried } from './carried';
import type { FileRef } from './files';

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
  /** Maximum start-to-close timeout of a unit's activity. */
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

/** The models in a run's plan. */
export interface ModelUse {
  label: string;
  /** Partitions without a model. */
  missing: number;
  /** Ids of the first few partitions without a model. */
  firstMissing: string[];
}
