/** What readers of runs get: the shapes that `--json` prints too. Stable from the first release. */
import type { ArtifactReader } from '../functions/types';
import type { ErrorInfo } from '../core/outcome';
import type { PartitionStatus, RunStatus, StatusCounts } from '../core/status';
import type { Tolerance } from '../core/failures/tolerance';
import type { Row } from '../core/row';
import type { RetryInput } from '../core/input';
import type { FailureGroup } from '../history/failure-groups';
import type { PartitionColumns } from '../history/partition-columns';
import type { RunState } from '../history/state';
import type { ModelSerde } from '../functions/model-hooks';

/** An artifact as readers see it. */
export interface ArtifactView {
  name: string;
  bytes: number;
  sha256: string;
}

/** State of one partition. */
export interface PartitionView {
  id: string;
  /** Its position in key order, from 0. */
  ordinal: number;
  key: Row;
  status: PartitionStatus;
  attempts: number;
  rows: number;
  startedAt: string | null;
  durationMs: number | null;
  /** Taken over from an earlier run of the series, whose times these are; `attempts` is 0. */
  reused: boolean;
  error: ErrorInfo | null;
  artifacts: ArtifactView[];
}

export interface PartitionPage {
  partitions: PartitionView[];
  /** Pass as `after` for the next page; null on the last. */
  next: string | null;
}

/**
 * A unit: one activity of the run, which processes a partition or a batch of neighbours. Times are ISO 8601
 * UTC.
 */
export interface UnitView {
  /** Id of the activity, as Temporal's UI shows it. */
  activityId: string;
  /** The activity's summary, as Temporal's UI shows it. */
  label: string | null;
  /** Ordinals of its first partition, and the one after its last: `run.columns(unit)` reads them. */
  from: number;
  to: number;
  /** How many of these it runs; those of a retry, for example, may lie far from each other. */
  partitions: number;
  /** How often its partitions had thrown before: 0 in the first round. */
  round: number;
  /** Whether it runs partitions that ran out of memory, on the function's `bigTaskQueue`. */
  big: boolean;
  /**
   * `waiting`: for a worker, or for its next attempt. A run that was terminated leaves units `open`: nothing
   * is known of their end.
   */
  status: 'waiting' | 'running' | 'open' | 'ended';
  scheduledAt: string;
  /**
   * When its last attempt began; null: none has, or it is not known (of a unit that is open, only a running
   * server knows).
   */
  startedAt: string | null;
  endedAt: string | null;
  /** Attempts of the activity so far, that under way included. */
  attempts: number;
  /** Identity of the worker that has or had it last; null: not known. */
  worker: string | null;
  /** How the partitions that ended in it did so. What it gave back for another try is in none. */
  counts: StatusCounts;
  /** What ended it, or the attempt before; null: nothing did, or it ended with its partitions. */
  error: ErrorInfo | null;
}

/** One captured line of a partition's console. */
export interface LogEntry {
  at: string;
  partition: string | null;
  /** Number of the execution that printed it; 2 after the first retry. */
  execution: number;
  /** Of the partition, within the execution. */
  attempt: number;
  stream: 'stdout' | 'stderr';
  text: string;
}

/** How an execution of a run is spread over activities, fixed before its first partition starts. */
export interface PlannedRun {
  /** Partitions of the whole run. */
  partitions: number;
  /** Those that this execution runs: fewer than `partitions` after a retry, or where some are reused. */
  toRun: number;
  /** Source rows in the snapshot. */
  rows: number;
  /** Activities that the partitions are spread over. */
  units: number;
  /** Child workflows that run them; 0 where the run's own workflow does. */
  shards: number;
}

/** What happens in a run, as it happens. */
export type RunEvent =
  | { type: 'planned'; plan: PlannedRun }
  /** Emitted when counts, `running`, `waiting` or what is set changed: a snapshot of the state. */
  | { type: 'progress'; state: RunState; running: string[] }
  | { type: 'partition'; partition: PartitionView }
  | { type: 'ended'; state: RunState };

export interface WaitOptions {
  /** Give up waiting (the run goes on) after this many milliseconds: throws `WaitTimeout`. */
  timeoutMs?: number;
  signal?: AbortSignal;
  onEvent?: (event: RunEvent) => void;
  /** Which partitions `onEvent` hears of, as in `events`. Default "all". */
  partitions?: 'all' | 'failed';
}

/** What can be changed while a run is under way. */
export interface RunSettings {
  /** Units in flight at once: 1 to 48, or up to 48 for each shard that the run has. */
  maxConcurrency?: number;
  /** A number, or a percentage of all partitions. */
  toleratedFailures?: Tolerance;
}

/** One partition of a run. */
export interface PartitionHandle {
  readonly id: string;
  /** Throws `NoSuchPartition` (with the nearest ids) when the run has none of this id. */
  describe(): Promise<PartitionView>;
  /** Rows that the function returned, with the key columns before them; empty until the partition is DONE. */
  result(): Promise<Row[]>;
  logs(): Promise<LogEntry[]>;
  readonly artifacts: {
    list(): Promise<ArtifactView[]>;
    /**
     * JSON artifacts as values, text as strings, anything else as bytes, or what `read` makes of the bytes.
     */
    get<T = unknown>(name: string, options?: { read?: ArtifactReader<T> }): Promise<T>;
    /** Writes the artifact into `folder` and returns the file's path. */
    download(name: string, folder: string): Promise<string>;
  };
}

/** A run, running or finished, in this process or any other. */
export interface RunHandle {
  readonly runId: string;
  /** Waits for the end. Resolves with the final state whatever it is. */
  wait(options?: WaitOptions): Promise<RunState>;
  status(): Promise<RunState>;
  /** Partition ids by status. */
  progress(): Promise<Record<PartitionStatus, string[]>>;
  /**
   * A page of partitions in key order; 1,000 unless `limit` says otherwise. `after`: the `next` of the page
   * before. `from`: an ordinal to begin with.
   */
  partitions(options?: {
    status?: PartitionStatus;
    limit?: number;
    after?: string;
    from?: number;
  }): Promise<PartitionPage>;
  partition(id: string): PartitionHandle;
  /**
   * Partitions by columns, for pictures of a whole run: about 40 bytes for each, whatever it holds. Default:
   * all of them; before the run is planned there are none. Outcome files of the units in the range are read
   * with every call, so who follows a run asks for the ranges of `units` that ended since. Throws
   * `RangeError` for ordinals that the run does not have.
   *
   * @example
   * import { PARTITION_STATUSES } from 'partwise';
   *
   * const { status, durationMs } = await run.columns({ from: 0, to: 1_000 });
   * console.log(PARTITION_STATUSES[status[0]], durationMs[0]);
   */
  columns(range?: { from?: number; to?: number }): Promise<PartitionColumns>;
  /**
   * The run's units in the order in which they were scheduled, at most some 1,500 for each shard. Read from
   * history alone.
   */
  units(): Promise<UnitView[]>;
  /**
   * Partitions that failed, grouped by their errors: the largest group first. Those that wait for another try
   * have not failed.
   *
   * @example
   * for (const { count, pattern, place } of await run.failures())
   *   console.log(count, pattern, place === null ? '' : `${place.file}:${place.line}`);
   */
  failures(): Promise<FailureGroup[]>;
  /**
   * The model that a training run has made of a partition: what `serde` reads, else a value of JSON, or
   * bytes. Throws `NoSuchPartition`, and `NoSuchArtifact` where there is none.
   */
  model<Model = unknown>(partitionId: string, serde?: ModelSerde<Model>): Promise<Model>;
  /** The combined rows: key columns first, ordered by key; all unless `limit` says otherwise. */
  results(options?: { limit?: number }): Promise<Row[]>;
  /** How many combined rows there are, without reading them. */
  countResults(): Promise<number>;
  /** Log lines of all partitions or of one; `follow` goes on until the run ends. */
  logs(options?: { partition?: string; follow?: boolean; signal?: AbortSignal }): AsyncIterable<LogEntry>;
  /** Asks for cancellation; `wait` to see it done. Throws `RunEnded` when there is nothing left to cancel. */
  cancel(): Promise<void>;
  /**
   * From when it resolves no partition is started, nor tried again; what runs goes on to its end. A worker
   * must be there to take it. Throws `RunEnded`.
   */
  pause(): Promise<void>;
  /** Undoes `pause`. */
  unpause(): Promise<void>;
  /**
   * Changes settings; resolves when they are in force. Fewer in flight take effect as units end. Throws
   * `UpdateRefused` with the reason, and `RunEnded`.
   */
  set(settings: RunSettings): Promise<void>;
  /**
   * Skips partitions that have not ended, by id: all of them, or none. One that waits is not started, one
   * that runs by itself is stopped; of a batch in flight none can be skipped. Resolves when they are SKIPPED.
   * Throws `UpdateRefused` with the reasons, and `RunEnded`.
   */
  skip(partitionIds: readonly string[]): Promise<void>;
  /**
   * Runs the partitions that are not DONE again, on the rows that the run has pinned and with the functions
   * as they are now: also what was never started when the run was cancelled, terminated or timed out. DONE
   * partitions are not called. Resolves with the handle of the new execution; throws `StartRefused` while the
   * run is still running.
   *
   * ```ts
   * const again = await partwise.getRun('regional-2024').retry({ only: ['North'] });
   * console.log((await again.wait()).counts);
   * ```
   */
  retry(changes?: RetryInput): Promise<RunHandle>;
  /**
   * Puts the whole history of a run that has ended on its stage, where it is read when the server has
   * forgotten it. Every run is archived when it ends; this is for those that were terminated. Throws
   * `CannotArchive`.
   */
  archive(): Promise<RunArchive>;
  /**
   * One execution of the run, by its Temporal run id (see `RunState.executions`), as it was when it ended.
   */
  execution(workflowRunId: string): RunHandle;
  /**
   * Events until the run ends. `partitions` "failed": of partitions that came to their end, only those that
   * failed are told, so that a follower of a large run reads no more than it shows. Default "all".
   *
   * @example
   * for await (const event of run.events({ partitions: 'failed' }))
   *   if (event.type === 'partition') console.error(event.partition.id, event.partition.error?.message);
   */
  events(options?: { signal?: AbortSignal; partitions?: 'all' | 'failed' }): AsyncIterable<RunEvent>;
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
    /** On the stage; null: the server has forgotten the execution, and it was never archived. */
    path: string | null;
    /** Of its shards' histories, if it has any. */
    shards: string[];
  }[];
}

/** Which runs to list. */
export interface ListOptions {
  /**
   * Default 20, and at most 1,000. A page may have fewer, or none, while `next` goes on: what the filter
   * leaves out takes room.
   */
  limit?: number;
  /** The `next` of the page before. */
  after?: string;
  status?: RunStatus;
  /** Name of the function. */
  function?: string;
  /** Only runs whose latest execution was started at this time or later. */
  startedFrom?: Date;
  /** Only runs whose latest execution was started before this time. */
  startedBefore?: Date;
}

export interface RunPage {
  /** Those in progress first, the newest first; then those that have ended, the latest end first. */
  runs: RunListing[];
  /** Pass as `after` for the next page; null on the last. */
  next: string | null;
}

/** A run in a list. */
export interface RunListing {
  runId: string;
  status: RunStatus;
  function: string | null;
  startedAt: string;
  endedAt: string | null;
}
