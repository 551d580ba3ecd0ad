/** Types returned to readers of runs, also printed by `--json`. Stable from the first release. */
import type { RunComparison } from './comparison-types';
import type { LogEntry, LogPage, LogPageOptions } from './log-types';
import type { ResultsOptions, ResultsPage, ResultsPageOptions } from './results-types';
import type { ArtifactReader } from '../functions/types';
import type { EarlierError } from '../core/earlier-errors';
import type { ErrorInfo } from '../core/outcome';
import type { PartitionStatus, StatusCounts } from '../core/status';
import type { Tolerance } from '../core/failures/tolerance';
import type { Row } from '../core/row';
import type { RetryInput } from '../core/input';
import type { SkipSelection } from '../core/skip-selection';
import type { Column } from '../core/plan';
import type { FailureGroup } from '../history/failure-groups';
import type { PartitionColumns } from '../history/partition-columns';
import type { NextAttempt, RunState } from '../history/state';
import type { ColumnStatistics } from '../rows/column-statistics';
import type { ResultFilter } from '../rows/results-query';
import type { ModelSerde } from '../functions/model-hooks';
import type { ArtifactKind } from './partitions/artifact-kind';

/** An artifact. */
export interface ArtifactView {
  name: string;
  bytes: number;
  sha256: string;
}

/** The beginning of an artifact. */
export interface ArtifactHead {
  name: string;
  /** Size of the whole artifact. */
  totalBytes: number;
  /** Digest of the whole artifact, as recorded. */
  sha256: string;
  /** By content, and for text by the ending of its name. */
  kind: ArtifactKind;
  content: Uint8Array;
  /** Whether `content` is all of the artifact and has the recorded digest. A part cannot be checked. */
  checked: boolean;
}

/** The first rows of an artifact. */
export interface TablePreview {
  /** With DuckDB's types; values of CSV are text. */
  columns: Column[];
  /** At most 200, each with a value per column as JSON has it: large integers and bytes are text. */
  rows: unknown[][];
  /** Whether the artifact has more rows than these. */
  more: boolean;
  /** Whether the whole artifact was read and has the recorded digest. A part cannot be checked. */
  checked: boolean;
}

/** State of one partition. */
export interface PartitionView {
  id: string;
  /** Its position in key order, from 0. */
  ordinal: number;
  key: Row;
  status: PartitionStatus;
  /** How often the function was called for it, including a call in progress. */
  attempts: number;
  /** Rows of the source. */
  rows: number;
  /** Rows that the function returned; 0 until the partition is DONE. */
  returnedRows: number;
  startedAt: string | null;
  durationMs: number | null;
  /**
   * Whether it was taken over from an earlier run of the series: the times are from that run, and `attempts`
   * is 0.
   */
  reused: boolean;
  error: ErrorInfo | null;
  /**
   * Errors of its calls before the last one, in order: the first three at most. Calls that were lost with
   * their worker, and so have no recorded error, are missing. A retry takes over those of at most 20,000
   * partitions.
   */
  earlierErrors: EarlierError[];
  /** If its last attempt failed and another is waiting, according to a running server; otherwise null. */
  nextAttempt: NextAttempt | null;
  artifacts: ArtifactView[];
  /** Number of the execution that it ended in; null until it has ended. */
  execution: number | null;
  /**
   * Id of the activity that runs it or that it ended in, as `run.units()` and Temporal's UI show it. Null if
   * it is not running, and if it ended in an earlier execution.
   */
  unit: string | null;
  /** Identity of the worker that ran its last call; null if that is not recorded. */
  worker: string | null;
  /** sha256 of the bundle of functions that its last call ran; null if none did, and until it has ended. */
  functionDigest: string | null;
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

/** One partition of a run. */
export interface PartitionHandle {
  readonly id: string;
  /** Throws `NoSuchPartition` (with the nearest ids) if the run has no partition with this id. */
  describe(): Promise<PartitionView>;
  /** Rows that the function returned, with the key columns before them; empty until the partition is DONE. */
  result(): Promise<Row[]>;
  logs(): Promise<LogEntry[]>;
  /**
   * A page of its log, without reading the rest: the end, or what is after or before a position, filtered or
   * searched. Throws `RangeError` for a limit or a position out of range.
   *
   * @example
   * const { lines, previous } = await run.partition('North').logPage({ limit: 100 });
   * const before = await run.partition('North').logPage({ before: previous ?? 0, search: 'warning' });
   */
  logPage(options?: LogPageOptions): Promise<LogPage>;
  readonly artifacts: {
    list(): Promise<ArtifactView[]>;
    /**
     * Returns JSON artifacts as values, text as strings and anything else as bytes, or the result of `read`
     * on the bytes.
     */
    get<T = unknown>(name: string, options?: { read?: ArtifactReader<T> }): Promise<T>;
    /**
     * Its first bytes: 64 KiB unless `bytes` is set, at most 1 MiB. Reads no more than these.
     *
     * @example
     * const { kind, totalBytes } = await run.partition('North').artifacts.head('chart.svg');
     */
    head(name: string, options?: { bytes?: number }): Promise<ArtifactHead>;
    /**
     * The first 200 rows of CSV (of its first 1 MiB) or Parquet. Throws `NotATable`.
     *
     * @example
     * const { columns, rows } = await run.partition('North').artifacts.preview('orders.parquet');
     */
    preview(name: string): Promise<TablePreview>;
    /** Writes the artifact to `folder` and returns the file's path. */
    download(name: string, folder: string): Promise<string>;
  };
}

/**
 * Rows that functions returned. Values are as in `data`, but without losing digits: a DECIMAL that a number
 * cannot hold and a time with a fraction of a millisecond are text.
 */
export type ResultRows = Row[] & {
  /** The columns in order, with DuckDB's types: objects list names such as `10` first. */
  readonly columns?: { name: string; type: string }[];
};

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

/** A run, running or finished, in this process or any other. */
export interface RunHandle {
  readonly runId: string;
  /**
   * Temporal's run id of the execution that this is the handle of, as `start` and `retry` return it. Null: of
   * the run's current execution, whichever that is with every call.
   */
  readonly workflowRunId: string | null;
  /**
   * Waits for the end. Resolves with the final state, whatever the status.
   *
   * @example
   * const { status } = await run.wait({ progress: true });
   */
  wait(options?: WaitOptions): Promise<RunState>;
  status(): Promise<RunState>;
  /** Partition ids by status. */
  progress(): Promise<Record<PartitionStatus, string[]>>;
  /**
   * A page of partitions in key order; 1,000 unless `limit` is set. `after` is the `next` of the previous
   * page; `from` is the ordinal to start at.
   */
  partitions(options?: {
    status?: PartitionStatus;
    limit?: number;
    after?: string;
    from?: number;
  }): Promise<PartitionPage>;
  partition(id: string): PartitionHandle;
  /**
   * Partitions as columns, for visualizing a whole run: about 44 bytes per partition, whatever it contains.
   * Default: all partitions (none until the run is planned). Every call reads the outcome files of the units
   * in the range, so to follow a run, request the ranges of `units` that have ended since. Throws
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
   * The run as it is now, to read several things of it that belong together.
   *
   * @example
   * const snapshot = await run.snapshot();
   * const { durationMs } = await snapshot.columns();
   * const slow = durationMs.indexOf(Math.max(...durationMs));
   * console.log(snapshot.state.counts, await snapshot.partitions([slow]));
   */
  snapshot(): Promise<RunSnapshot>;
  /**
   * Snapshots until the run ends, the last one of its end: about once a second while it is running, and less
   * often if what you do with one takes long.
   *
   * @example
   * for await (const snapshot of run.snapshots()) {
   *   const { columns, changed } = await snapshot.whole();
   *   for (const [from, to] of changed) draw(columns.status.subarray(from, to), from);
   * }
   */
  snapshots(options?: { signal?: AbortSignal }): AsyncIterable<RunSnapshot>;
  /**
   * The run's units in the order in which they were scheduled, at most about 1,500 per shard. Read only from
   * history.
   */
  units(): Promise<UnitView[]>;
  /**
   * Failed partitions, grouped by error, largest group first. Partitions that are waiting for a retry have
   * not failed.
   *
   * @example
   * for (const { count, pattern, place } of await run.failures())
   *   console.log(count, pattern, place === null ? '' : `${place.file}:${place.line}`);
   */
  failures(): Promise<FailureGroup[]>;
  /**
   * Compares this run (a) with another (b): statuses, source rows, returned rows and durations of their
   * partitions, joined by id, and what has changed for those that differ. Either may be an execution, an
   * archived run, a run from `Partwise.fromHistory`, or a run in progress. `examples` is the number of
   * partitions listed by id, 20 by default. Takes about 100 bytes for each partition. Throws `CannotCompare`
   * if a run has not been planned, or if their key columns differ.
   *
   * @example
   * const [monday, tuesday] = [partwise.getRun('monday'), partwise.getRun('tuesday')];
   * const { differences, causes, examples } = await monday.compare(tuesday);
   * console.log(differences, causes, examples[0]?.id);
   */
  compare(other: RunHandle, options?: { examples?: number }): Promise<RunComparison>;
  /**
   * The model that a training run created for a partition: the result of `serde.read`, or, without `serde`, a
   * JSON value or bytes. Throws `NoSuchPartition`, and `NoSuchArtifact` if there is no model.
   */
  model<Model = unknown>(partitionId: string, serde?: ModelSerde<Model>): Promise<Model>;
  /**
   * The combined rows, with key columns first, ordered by key: all rows, or those that are selected. None
   * until the run is planned. Throws `RangeError` as `resultsPage` does.
   *
   * @example
   * const large = await run.results({ where: [{ column: 'orders', op: '>=', value: 20 }] });
   */
  results(options?: ResultsOptions): Promise<ResultRows>;
  /**
   * A page of the combined rows, sorted and filtered. The first call combines the run's files into a local
   * table, which later pages and `resultsColumns` read until the run has more rows. Throws `RangeError` for
   * unknown columns and for values that are not of the column's type, and `NoResults`.
   *
   * @example
   * const { rows, total } = await run.resultsPage({
   *   where: [{ column: 'orders', op: '>=', value: 20 }],
   *   sort: [{ column: 'total', descending: true }],
   * });
   */
  resultsPage(options?: ResultsPageOptions): Promise<ResultsPage>;
  /**
   * Statistics of columns of the combined rows, at most 50: the first ones unless `columns` names others.
   * Throws as `resultsPage` does.
   */
  resultsColumns(options?: {
    columns?: readonly string[];
    where?: readonly ResultFilter[];
  }): Promise<ColumnStatistics[]>;
  /**
   * Writes the combined rows to a Parquet file, and resolves with its columns and their DuckDB types. Types
   * that Parquet does not have, such as HUGEINT and INTERVAL, are written as text. Throws `NoResults` for a
   * run that has not been planned.
   *
   * @example
   * await run.saveResults('summary.parquet');
   */
  saveResults(file: string): Promise<Column[]>;
  /** Number of combined rows, without reading them. */
  countResults(): Promise<number>;
  /** Log lines of all partitions or of one; with `follow`, until the run ends. */
  logs(options?: { partition?: string; follow?: boolean; signal?: AbortSignal }): AsyncIterable<LogEntry>;
  /**
   * Requests cancellation; use `wait` to wait for it. Throws `RunEnded` if there is nothing left to cancel.
   */
  cancel(): Promise<void>;
  /**
   * Pauses the run: once this resolves, no partition is started or retried; running partitions finish. Needs
   * a running worker. Throws `RunEnded`.
   */
  pause(): Promise<void>;
  /** Resumes a paused run. */
  unpause(): Promise<void>;
  /**
   * Changes settings; resolves when they are in force. A lower concurrency takes effect as units end. Throws
   * `UpdateRefused` with the reason, and `RunEnded`.
   */
  set(settings: RunSettings): Promise<void>;
  /**
   * Skips partitions that have not ended, by id (at most 1,000) or by number (at most 10,000): all of them,
   * or none. A waiting partition is not started, and one that runs as its own unit is stopped; partitions of
   * a batch in flight cannot be skipped. Resolves when they are SKIPPED. Throws `UpdateRefused` with the
   * reasons, and `RunEnded`.
   *
   * @example
   * await run.skip(['North']);
   * await run.skip({ ordinals: '3,7-9' });
   */
  skip(partitions: SkipSelection): Promise<void>;
  /**
   * The partitions that `skip` would skip now. Changes nothing. Throws what `skip` is refused with. A
   * partition may end, or its batch may start, before it is skipped.
   *
   * @example
   * const { partitions } = await run.previewSkip({ ordinals: '3,7-9' });
   */
  previewSkip(partitions: SkipSelection): Promise<SelectedPartitions>;
  /**
   * Runs the partitions that are not DONE again, on the rows that the run has pinned and with the current
   * functions. This includes partitions that were never started because the run was cancelled, terminated or
   * timed out. DONE partitions are not called. Resolves with the handle of the new execution; throws
   * `StartRefused` while the run is still running.
   *
   * ```ts
   * const again = await partwise.getRun('regional-2024').retry({ only: ['North'] });
   * console.log((await again.wait()).counts);
   * ```
   */
  retry(changes?: RetryInput): Promise<RunHandle>;
  /**
   * The partitions that `retry` would run with these changes. Starts nothing. Throws `StartRefused` for what
   * a retry is refused for: a run in progress, invalid changes, a cause that no failure has, a snapshot that
   * is gone. What only a worker can check, such as the function, is not checked. After a terminate, functions
   * that still run may record more until the retry starts.
   *
   * @example
   * const { partitions } = await run.previewRetry({ failedWith: 'RateLimited' });
   */
  previewRetry(changes?: RetryInput): Promise<SelectedPartitions>;
  /**
   * Archives the complete history of an ended run on its stage, from where it is read after it has expired on
   * the server. Every run is archived when it ends; this is for runs that were terminated. Throws
   * `CannotArchive`.
   */
  archive(): Promise<RunArchive>;
  /**
   * One execution of the run, by its Temporal run id (see `RunState.executions`), as it was when it ended.
   */
  execution(workflowRunId: string): RunHandle;
  /**
   * Events until the run ends. With `partitions` "failed", only failed partitions are reported, so that a
   * follower of a large run reads no more than it shows. Default "all".
   *
   * @example
   * for await (const event of run.events({ partitions: 'failed' }))
   *   if (event.type === 'partition') console.error(event.partition.id, event.partition.error?.message);
   */
  events(options?: { signal?: AbortSignal; partitions?: 'all' | 'failed' }): AsyncIterable<RunEvent>;
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
