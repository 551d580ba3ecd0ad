/** What a program reads of a run, and does with it. */
import type { RetryInput } from '../core/input';
import type { Column } from '../core/plan';
import type { SkipSelection } from '../core/skip-selection';
import type { PartitionStatus } from '../core/status';
import type { ModelSerde } from '../functions/model-hooks';
import type { FailureGroup } from '../history/failure-groups';
import type { PartitionColumns } from '../history/partition-columns';
import type { RunState } from '../history/state';
import type { ColumnStatistics } from '../rows/column-statistics';
import type { ResultFilter } from '../rows/results-query';
import type { RunComparison } from './comparison-types';
import type { LogEntry } from './log-types';
import type { PartitionHandle, PartitionPage } from './partition-types';
import type { ResultRows, ResultsOptions, ResultsPage, ResultsPageOptions } from './results-types';
import type {
  RunArchive,
  RunEvent,
  RunSettings,
  RunSnapshot,
  SelectedPartitions,
  UnitView,
  WaitOptions,
} from './types';

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
