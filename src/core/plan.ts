/**
 * The plan of a run: made once by `planRun` and kept in history. Every number that shapes the workflow's
 * commands is fixed here, so that a later release may change its defaults without breaking runs in flight.
 */
import type { Carried } from './carried';
import type { FileRef } from './files';

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

/** What a run's plan says of models. */
export interface ModelUse {
  label: string;
  /** Partitions without a model. */
  missing: number;
  /** Ids of the first few of them. */
  firstMissing: string[];
}
