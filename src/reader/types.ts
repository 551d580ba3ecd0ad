/** Types returned to readers of runs, also printed by `--json`. Stable from the first release. */
import type { Tolerance } from '../core/failures/tolerance';
import type { ErrorInfo } from '../core/outcome';
import type { StatusCounts } from '../core/status';
import type { FailureGroup } from '../history/failure-groups';
import type { PartitionColumns } from '../history/partition-columns';
import type { RunState } from '../history/state';
import type { PartitionView } from './partition-types';

/**
 * A unit: one activity of the run, which processes a partition or a batch of neighbours. Times are ISO 8601
 * UTC.
 */
export interface UnitView {
  /** Id of the activity, as Temporal's UI shows it. */
  activityId: string;
  /** The activity's summary, as Temporal's UI shows it. */
  label: string | null;
  /** Ordinals of its first partition, and of the one after its last: `run.columns(unit)` reads them. */
  from: number;
  to: number;
  /** Number of partitions in this range that it runs; in a retry, for example, they may be far apart. */
  partitions: number;
  /** How often its partitions had already thrown: 0 in the first round. */
  round: number;
  /** Whether it runs partitions that ran out of memory, on the function's `bigTaskQueue`. */
  big: boolean;
  /**
   * `waiting`: for a worker, or for its next attempt. `open`: left behind by a terminated run, so its end is
   * unknown.
   */
  status: 'waiting' | 'running' | 'open' | 'ended';
  scheduledAt: string;
  /**
   * When its last attempt started; null if none has, or if unknown (for an open unit, only a running server
   * has it).
   */
  startedAt: string | null;
  endedAt: string | null;
  /** Attempts of the activity so far, including the current one. */
  attempts: number;
  /** Identity of the worker that has it or had it last; null if unknown. */
  worker: string | null;
  /**
   * Counts of the partitions that ended in it, by status. Partitions that it gave back for a retry are not
   * counted.
   */
  counts: StatusCounts;
  /**
   * The error that ended it or its previous attempt; null if there was none, or if it ended with its
   * partitions' outcomes.
   */
  error: ErrorInfo | null;
}

/** How an execution of a run is distributed over activities, fixed before its first partition starts. */
export interface PlannedRun {
  /** Partitions of the whole run. */
  partitions: number;
  /** Partitions that this execution runs: fewer than `partitions` in a retry, or if some are reused. */
  toRun: number;
  /** Source rows in the snapshot. */
  rows: number;
  /** Number of activities. */
  units: number;
  /** Number of child workflows that run the activities; 0 if the run's own workflow does. */
  shards: number;
}

/** An event of a run. */
export type RunEvent =
  | { type: 'planned'; plan: PlannedRun }
  /** The state, emitted when counts, `running`, `waiting`, `retries` or settings have changed. */
  | { type: 'progress'; state: RunState; running: string[] }
  | { type: 'partition'; partition: PartitionView }
  | { type: 'ended'; state: RunState };

export interface WaitOptions {
  /** Stop waiting after this many milliseconds and throw `WaitTimeout`; the run continues. */
  timeoutMs?: number;
  signal?: AbortSignal;
  onEvent?: (event: RunEvent) => void;
  /**
   * Show the run on standard error until it ends, as `partwise run` does: a live line on a terminal,
   * otherwise a line now and then; failed partitions with their errors. Default false.
   */
  progress?: boolean;
  /** Which partitions are reported to `onEvent`, as in `events`. Default "all". */
  partitions?: 'all' | 'failed';
}

/** Settings that can be changed while a run is running. */
export interface RunSettings {
  /** Maximum number of units in flight: 1 to 48, or up to 48 per shard of the run. */
  maxConcurrency?: number;
  /** A number, or a percentage of all partitions. */
  toleratedFailures?: Tolerance;
}

/**
 * All partitions of a run, and why some of them failed. Snapshots of one `snapshots()` share the columns:
 * each `whole()` brings the same arrays up to date, and reads only what has ended since the one before.
 */
export interface WholeRun {
  columns: PartitionColumns;
  /** The same array as before if no partition has failed since. */
  failures: FailureGroup[];
  /**
   * Ranges of ordinals, from and to (exclusive), ascending, that contain all partitions that have changed
   * since the `whole()` before; of the first one, all partitions.
   */
  changed: [from: number, to: number][];
}

/**
 * A run as it was at one moment. What its methods return belongs together: columns add up to the counts of
 * `state`.
 */
export interface RunSnapshot {
  readonly state: RunState;
  /** Like `RunHandle.units`. */
  units(): UnitView[];
  /** Like `RunHandle.columns`. */
  columns(range?: { from?: number; to?: number }): Promise<PartitionColumns>;
  /** Like `RunHandle.failures`. */
  failures(): Promise<FailureGroup[]>;
  /** All columns and the failures, without reading files twice. */
  whole(): Promise<WholeRun>;
  /**
   * Ids of the partitions with these ordinals, in the same order. Throws `RangeError` for ordinals that the
   * run does not have.
   */
  ids(ordinals: ArrayLike<number>): Promise<string[]>;
  /**
   * Everything about the partitions with these ordinals, in the same order. Reads only the outcome files of
   * their units. Throws `RangeError` for ordinals that the run does not have.
   */
  partitions(ordinals: ArrayLike<number>): Promise<PartitionView[]>;
  /**
   * Ordinals of the partitions whose id contains the text, whether in capitals or not, ascending. None until
   * the run is planned.
   */
  search(text: string): Promise<Int32Array>;
}

/** What a retry would run, or what would be skipped. */
export interface SelectedPartitions {
  /** Number of partitions. */
  partitions: number;
  /** Their ordinals, ascending. */
  ordinals: Int32Array;
}

/** Where a run's executions are archived. */
export interface RunArchive {
  /** URI of the stage. */
  stage: string;
  /** Oldest first. */
  executions: {
    generation: number;
    execution: number;
    workflowRunId: string;
    /** Path on the stage; null if the execution has expired on the server and was never archived. */
    path: string | null;
    /** Paths of its shards' histories, if it has any. */
    shards: string[];
  }[];
}
