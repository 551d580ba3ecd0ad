/** A run that is read on demand: from its server, an archive or a file. */
import { PARTITION_STATUSES, type PartitionStatus } from '../core/status';
import { NoResults, ServerNeeded, WaitTimeout } from './errors';
import { LogReader, waitForNextPoll } from './partitions/logs';
import { PartitionReader } from './partitions/partition-handle';
import { cursorOrdinal, partitionPage } from './partitions/partition-pages';
import { orRerun } from './rerun-missing';
import { resultsColumns, resultsPage, selectedRows, type ResultRowsOf } from './partitions/result-table';
import { readRows, saveRows, withColumns } from './partitions/results';
import { RunEvents } from './run-events';
import { WholeRunReader } from './partitions/whole-run';
import { ReadSnapshot } from './run-snapshot';
import { RunReader, type Reading } from './run-reader';
import type { RunSource } from './run-source';
import type { ColumnStatistics } from '../rows/column-statistics';
import type { ResultFilter } from '../rows/results-query';
import type { ProgressDisplay } from '../display/progress';
import type { LogEntry } from './log-types';
import type { ResultRows, ResultsOptions, ResultsPage, ResultsPageOptions } from './results-types';
import type { RunComparison } from './comparison-types';
import type { PartitionHandle, PartitionPage } from './partition-types';
import type { RunHandle } from './run-handle';
import type {
  RunArchive,
  RunEvent,
  RunSettings,
  RunSnapshot,
  SelectedPartitions,
  UnitView,
  WaitOptions,
} from './types';
import type { RetryInput } from '../core/input';
import type { SkipSelection } from '../core/skip-selection';
import type { Column } from '../core/plan';
import type { FailureGroup } from '../history/failure-groups';
import type { PartitionColumns } from '../history/partition-columns';
import type { RunState } from '../history/state';
import type { ModelSerde } from '../functions/model-hooks';

const DEFAULT_PAGE = 1_000;

/** Operations that change a run or its archive. They need the run's server. */
export interface RunControl {
  cancel(): Promise<void>;
  /** Resolves when the workflow has applied it. */
  pause(paused: boolean): Promise<void>;
  set(settings: RunSettings): Promise<void>;
  skip(partitions: SkipSelection): Promise<void>;
  previewSkip(partitions: SkipSelection): Promise<SelectedPartitions>;
  retry(changes: RetryInput): Promise<RunHandle>;
  previewRetry(changes: RetryInput): Promise<SelectedPartitions>;
  archive(): Promise<RunArchive>;
}

export class Run implements RunHandle {
  private readonly reader: RunReader;

  /** `controlOf` is null if the run can only be read. */
  constructor(
    private readonly source: RunSource,
    private readonly controlOf: ((reader: RunReader) => RunControl) | null,
  ) {
    this.reader = new RunReader(source);
  }

  get runId(): string {
    return this.reader.runId;
  }

  get workflowRunId(): string | null {
    return this.source.workflowRunId;
  }

  async wait({
    timeoutMs,
    signal,
    onEvent,
    progress = false,
    partitions = onEvent === undefined ? 'failed' : 'all',
  }: WaitOptions = {}): Promise<RunState> {
    const deadline = new AbortController();
    const timer = timeoutMs === undefined ? undefined : setTimeout(() => deadline.abort(), timeoutMs);
    const either = signal === undefined ? deadline.signal : AbortSignal.any([deadline.signal, signal]);
    const display = progress ? displayOf(this.runId) : null;
    try {
      if (onEvent === undefined && display === null) return (await this.reader.end(either)).state;
      for await (const event of this.events({ signal: either, partitions })) {
        display?.show(event);
        onEvent?.(event);
        if (event.type === 'ended') return event.state;
      }
      throw new Error(`The history of the run "${this.runId}" ended before the run did.`);
    } catch (error) {
      signal?.throwIfAborted();
      throw deadline.signal.aborted ? new WaitTimeout(this.runId, timeoutMs!) : error;
    } finally {
      clearTimeout(timer);
      display?.stop();
    }
  }

  async status(): Promise<RunState> {
    return (await this.reader.read()).state;
  }

  async progress(): Promise<Record<PartitionStatus, string[]>> {
    const ids = Object.fromEntries(PARTITION_STATUSES.map((status) => [status, [] as string[]])) as Record<
      PartitionStatus,
      string[]
    >;
    const views = await this.reader.views(await this.reader.read());
    for (let ordinal = 0; ordinal < (views?.total ?? 0); ordinal++) {
      ids[views!.status(ordinal)].push(await views!.id(ordinal));
    }
    return ids;
  }

  async partitions(
    options: { status?: PartitionStatus; limit?: number; after?: string; from?: number } = {},
  ): Promise<PartitionPage> {
    const { status = null, limit = DEFAULT_PAGE, after, from = 0 } = options;
    const last = after === undefined ? from - 1 : cursorOrdinal(after);
    return partitionPage(this.reader, await this.reader.read(), { status, limit, last });
  }

  partition(id: string): PartitionHandle {
    return new PartitionReader(this.reader, id);
  }

  async snapshot(): Promise<RunSnapshot> {
    return new ReadSnapshot(this.reader, await this.reader.read(), new WholeRunReader(this.reader));
  }

  async *snapshots({ signal }: { signal?: AbortSignal } = {}): AsyncGenerator<RunSnapshot> {
    const whole = new WholeRunReader(this.reader);
    for await (const reading of this.reader.follow({ signal, every: 'tick' }))
      yield new ReadSnapshot(this.reader, reading, whole);
  }

  async columns(range: { from?: number; to?: number } = {}): Promise<PartitionColumns> {
    return (await this.snapshot()).columns(range);
  }

  async units(): Promise<UnitView[]> {
    return (await this.snapshot()).units();
  }

  async failures(): Promise<FailureGroup[]> {
    return (await this.snapshot()).failures();
  }

  async compare(other: RunHandle, { examples = 20 }: { examples?: number } = {}): Promise<RunComparison> {
    if (!(other instanceof Run)) throw new TypeError('`compare` takes the handle of another run.');
    const { compareRuns }: typeof import('./partitions/compare-runs') = require('./partitions/compare-runs');
    return compareRuns(this.reader, other.reader, { examples });
  }

  async model<Model = unknown>(partitionId: string, serde?: ModelSerde<Model>): Promise<Model> {
    const partition = this.partition(partitionId);
    const [row] = await partition.result();
    const file = typeof row?.model_file === 'string' ? row.model_file : 'model.json';
    if (serde !== undefined) return partition.artifacts.get(file, { read: (bytes) => serde.read(bytes) });
    const content = await partition.artifacts.get(file);
    return (file.endsWith('.json') && typeof content === 'string' ? JSON.parse(content) : content) as Model;
  }

  async results(options: ResultsOptions = {}): Promise<ResultRows> {
    const { limit, offset, sort, where } = options;
    const { record } = await this.reader.read();
    if (record.plan === null) return withColumns([], []);
    const { keyColumns } = record.plan;
    const files = await this.reader.rowsFiles(record);
    const stage = this.reader.stage(record)!;
    // All rows are read without a local table of them.
    const isSelection = offset !== undefined || sort !== undefined || where !== undefined;
    return orRerun(this.runId, () =>
      isSelection
        ? selectedRows({ stage, files, keyColumns }, options)
        : readRows(stage, files, keyColumns, { limit }),
    );
  }

  async resultsPage(options: ResultsPageOptions = {}): Promise<ResultsPage> {
    return this.#withResults((rows) => resultsPage(rows, options));
  }

  async resultsColumns(
    options: { columns?: readonly string[]; where?: readonly ResultFilter[] } = {},
  ): Promise<ColumnStatistics[]> {
    return this.#withResults((rows) => resultsColumns(rows, options));
  }

  async #withResults<T>(use: (rows: ResultRowsOf) => Promise<T>): Promise<T> {
    const { record } = await this.reader.read();
    if (record.plan === null) throw new NoResults(this.runId);
    const { keyColumns } = record.plan;
    const files = await this.reader.rowsFiles(record);
    return orRerun(this.runId, () => use({ stage: this.reader.stage(record)!, files, keyColumns }));
  }

  async saveResults(file: string): Promise<Column[]> {
    const { record } = await this.reader.read();
    if (record.plan === null) throw new NoResults(this.runId);
    const files = await this.reader.rowsFiles(record);
    return orRerun(this.runId, () =>
      saveRows(this.reader.stage(record)!, files, record.plan!.keyColumns, file),
    );
  }

  async countResults(): Promise<number> {
    const { record } = await this.reader.read();
    const { single, blocks } = await this.reader.outcomes(record);
    let rows = 0;
    for (const { outcome } of single.values()) rows += outcome.outputRows;
    for (const { block } of blocks) for (const outputRows of block.outputRows) rows += outputRows;
    return rows;
  }

  async *logs(
    options: { partition?: string; follow?: boolean; signal?: AbortSignal } = {},
  ): AsyncGenerator<LogEntry> {
    const { partition, follow = false, signal } = options;
    let logs: LogReader | null = null;
    for (;;) {
      const reading = await this.reader.read();
      // Before planning, no function has run and there are no logs.
      logs ??= reading.record.plan === null ? null : await this.#logReader(reading, partition);
      if (logs !== null) yield* logs.fresh(reading.record);
      if (!follow || reading.record.closed !== null || !(await waitForNextPoll(signal))) return;
    }
  }

  execution(workflowRunId: string): RunHandle {
    return new Run(this.source.at(workflowRunId), this.controlOf);
  }

  async cancel(): Promise<void> {
    await this.#control('cancel').cancel();
  }

  async pause(): Promise<void> {
    await this.#control('pause').pause(true);
  }

  async unpause(): Promise<void> {
    await this.#control('unpause').pause(false);
  }

  async set(settings: RunSettings): Promise<void> {
    await this.#control('set').set(settings);
  }

  async skip(partitions: SkipSelection): Promise<void> {
    await this.#control('skip').skip(partitions);
  }

  async previewSkip(partitions: SkipSelection): Promise<SelectedPartitions> {
    return this.#control('previewSkip').previewSkip(partitions);
  }

  async retry(changes: RetryInput = {}): Promise<RunHandle> {
    return this.#control('retry').retry(changes);
  }

  async previewRetry(changes: RetryInput = {}): Promise<SelectedPartitions> {
    return this.#control('previewRetry').previewRetry(changes);
  }

  async archive(): Promise<RunArchive> {
    return this.#control('archive').archive();
  }

  /** `method` is for the error message if the run can only be read. */
  #control(method: string): RunControl {
    if (this.controlOf === null) throw new ServerNeeded(this.runId, method);
    return this.controlOf(this.reader);
  }

  async *events({
    signal,
    partitions = 'all',
  }: { signal?: AbortSignal; partitions?: 'all' | 'failed' } = {}): AsyncGenerator<RunEvent> {
    const events = new RunEvents(this.reader, partitions);
    for await (const reading of this.reader.follow({ signal, every: 'changeOrTick' }))
      yield* events.since(reading);
  }

  async #logReader(reading: Reading, partition: string | undefined): Promise<LogReader> {
    const views = (await this.reader.views(reading, () => false))!;
    const stage = this.reader.stage(reading.record)!;
    const ordinal =
      partition === undefined ? null : await new PartitionReader(this.reader, partition).ordinal();
    return new LogReader({ stage, idOf: (each) => views.id(each) }, ordinal);
  }
}

/** Loads what draws on a terminal only for programs that show progress. */
function displayOf(runId: string): ProgressDisplay {
  const { ProgressDisplay: Display }: typeof import('../display/progress') = require('../display/progress');
  return new Display(runId);
}
