/** What a run says when it is asked, wherever its history is read. */
import { PARTITION_STATUSES, type PartitionStatus } from '../core/status';
import { WaitTimeout } from './errors';
import { LogReader, lookAgainLater } from './partitions/logs';
import { PartitionReader } from './partitions/partition-handle';
import { cursorOrdinal, partitionPage } from './partitions/partition-pages';
import { orRerun } from './rerun-missing';
import { readRows } from './partitions/results';
import { RunEvents } from './run-events';
import type { Reading, RunReader } from './run-reader';
import type { LogEntry, PartitionHandle, PartitionPage, RunEvent, WaitOptions } from './types';
import type { Row } from '../core/row';
import type { RunState } from '../history/state';
import type { ModelSerde } from '../functions/model-hooks';

const DEFAULT_PAGE = 1_000;

/** The methods of a run's handle that only read. */
export class RunReading {
  constructor(protected readonly reader: RunReader) {}

  get runId(): string {
    return this.reader.runId;
  }

  async wait({ timeoutMs, signal, onEvent, partitions }: WaitOptions = {}): Promise<RunState> {
    const patience = new AbortController();
    const timer = timeoutMs === undefined ? undefined : setTimeout(() => patience.abort(), timeoutMs);
    const either = signal === undefined ? patience.signal : AbortSignal.any([patience.signal, signal]);
    try {
      if (onEvent === undefined) return (await this.reader.end(either)).state;
      for await (const event of this.events({ signal: either, partitions })) {
        onEvent(event);
        if (event.type === 'ended') return event.state;
      }
      throw new Error(`The history of the run "${this.runId}" ended before the run did.`);
    } catch (error) {
      signal?.throwIfAborted();
      throw patience.signal.aborted ? new WaitTimeout(this.runId, timeoutMs!) : error;
    } finally {
      clearTimeout(timer);
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
    options: { status?: PartitionStatus; limit?: number; after?: string } = {},
  ): Promise<PartitionPage> {
    const { status = null, limit = DEFAULT_PAGE, after } = options;
    const last = after === undefined ? -1 : cursorOrdinal(after);
    return partitionPage(this.reader, await this.reader.read(), { status, limit, last });
  }

  partition(id: string): PartitionHandle {
    return new PartitionReader(this.reader, id);
  }

  async model<Model = unknown>(partitionId: string, serde?: ModelSerde<Model>): Promise<Model> {
    const partition = this.partition(partitionId);
    const [row] = await partition.result();
    const file = typeof row?.model_file === 'string' ? row.model_file : 'model.json';
    if (serde !== undefined) return partition.artifacts.get(file, { read: (bytes) => serde.read(bytes) });
    const content = await partition.artifacts.get(file);
    return (file.endsWith('.json') && typeof content === 'string' ? JSON.parse(content) : content) as Model;
  }

  async results({ limit }: { limit?: number } = {}): Promise<Row[]> {
    const { record } = await this.reader.read();
    if (record.plan === null) return [];
    const files = await this.reader.rowsFiles(record);
    const { keyColumns } = record.plan;
    return orRerun(this.reader.runId, () =>
      readRows(this.reader.stage(record)!, files, keyColumns, { limit }),
    );
  }

  async countResults(): Promise<number> {
    const { record } = await this.reader.read();
    const { single, blocks } = await this.reader.outcomes(record);
    let rows = 0;
    for (const { outputRows } of single.values()) rows += outputRows;
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
      // Before the plan there are no functions, and no logs.
      logs ??= reading.record.plan === null ? null : await this.#logReader(reading, partition);
      if (logs !== null) yield* logs.fresh(reading.record);
      if (!follow || reading.record.closed !== null || !(await lookAgainLater(signal))) return;
    }
  }

  async *events({
    signal,
    partitions = 'all',
  }: { signal?: AbortSignal; partitions?: 'all' | 'failed' } = {}): AsyncGenerator<RunEvent> {
    const events = new RunEvents(this.reader, partitions);
    for await (const reading of this.reader.follow({ signal, ticks: true })) yield* events.since(reading);
  }

  async #logReader(reading: Reading, partition: string | undefined): Promise<LogReader> {
    const views = (await this.reader.views(reading, () => false))!;
    const stage = this.reader.stage(reading.record)!;
    const ordinal =
      partition === undefined ? null : await new PartitionReader(this.reader, partition).ordinal();
    return new LogReader({ stage, idOf: (each) => views.id(each) }, ordinal);
  }
}
