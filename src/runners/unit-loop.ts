/**
 * Runs the partitions of a unit one after the other, inside the runner.
 *
 * Ended partitions and their rows are handed over in segments, about once a second: what was handed over is never run
 * again, and what was not is, when the process dies. An error that nobody caught ends the partition that raised it; the
 * function may still be running then, so the unit is cut short and the process is not used again.
 */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import type { DuckDBInstance } from '@duckdb/node-api';
import { createContext } from '../functions/context';
import { connect, type DatabaseOptions, openDatabase } from '../functions/database';
import { describeThrown } from '../functions/errors';
import { fileRows } from '../functions/file-rows';
import type { PartitionRows } from '../functions/partition-rows';
import { SnapshotRows } from '../functions/snapshot-rows';
import { SqlSession } from '../functions/sql-session';
import { SnapshotDamaged } from '../functions/unit-cursor';
import { type IndexedPartition, loadKeys, readIndex } from '../functions/unit-index';
import { timedOut } from './exit-reason';
import type { OutputCapture } from './output-capture';
import type { RunnerOutcome, RunnerUnit, ToRunner } from './protocol';
import { runnerHost } from './runner-host';
import { type Returned, type UnitFunction, unitFunction } from './unit-function';
import type { UnitLink } from './worker-link';

const SEGMENT_EVERY_MS = 1_000;
/** More rows than this are not held back for the sake of larger segments. */
const SEGMENT_ROWS = 50_000;
/** Before a partition this large, what has ended is handed over: it may take long, or kill the process. */
const LARGE_PARTITION = 100_000;

/** In a unit that has lost a runner: so many partitions are handed over one by one, the others at this interval. */
const CAUTIOUS_SEGMENTS = 20;
const CAUTIOUS_EVERY_MS = 100;

/** The partition that is running. */
interface Running {
  ordinal: number;
  abort: AbortController;
  timeoutMs: number | null;
  fail: (error: unknown) => void;
}

/** Opens a partition's rows; files tell afterwards whether they held still. */
type RowsOf = (partition: IndexedPartition) => Promise<PartitionRows & { assertUnchanged?(): Promise<void> }>;

type Ending = Pick<RunnerOutcome['outcome'], 'status' | 'preview' | 'outputRows' | 'error'> &
  Pick<RunnerOutcome, 'retryable' | 'retryDelayMs'>;

export class UnitLoop {
  private readonly session: SqlSession;
  private readonly databaseOptions: DatabaseOptions;
  private running: Running | null = null;
  private cancelled = false;
  private draining = false;
  /** Code of the user may be running outside of any partition. */
  private tainted = false;
  private ended: RunnerOutcome[] = [];
  private segments = 0;
  private handedOverAt = performance.now();
  /** Rows are kept and written one at a time, so that a segment's rows are those of its outcomes. */
  private writing: Promise<unknown> = Promise.resolve();
  private handOver: (() => void) | null = null;
  private broken: { error: unknown } | null = null;

  constructor(
    private readonly unit: RunnerUnit,
    private readonly link: UnitLink,
    private readonly output: OutputCapture,
  ) {
    this.databaseOptions = { memoryBytes: unit.duckdbMemoryBytes, tempFolder: join(unit.scratch, 'duckdb') };
    this.session = new SqlSession(this.databaseOptions);
  }

  /** Resolves with what was not run; rejects when nothing can be run at all. */
  async run(): Promise<{ left: number[]; reusable: boolean }> {
    await mkdir(this.unit.scratch, { recursive: true });
    const database = await openDatabase(this.databaseOptions);
    let timer: NodeJS.Timeout | undefined;
    let closeRows = (): void => undefined;
    try {
      const writer = await connect(database);
      await loadKeys(writer, this.unit.index, this.unit.ordinals);
      const index = await readIndex(writer, this.unit.keyColumns);
      const fn = await unitFunction(this.unit, this.session, writer);
      const { rowsOf, close } = this.openRows(database, index);
      closeRows = close;
      this.handOver = () => this.segmentSoon(fn);
      timer = setInterval(() => this.isDue() && this.segmentSoon(fn), SEGMENT_EVERY_MS / 4);
      const left = await this.runAll(index, fn, rowsOf);
      return { left, reusable: !this.tainted };
    } finally {
      clearInterval(timer);
      closeRows();
      await this.session.close();
      database.closeSync();
    }
  }

  /** The partition that is running is the last one. */
  drain(): void {
    this.draining = true;
  }

  abort(message: Extract<ToRunner, { type: 'abort' }>): void {
    if (message.reason === 'cancelled') this.cancelled = true;
    else if (this.running?.ordinal !== message.ordinal) return;
    else this.running.timeoutMs = message.timeoutMs;
    const error = new Error(
      message.reason === 'cancelled' ? 'The run was cancelled.' : timedOut(message.timeoutMs).message,
    );
    error.name = message.reason === 'cancelled' ? 'Cancelled' : 'Timeout';
    this.running?.abort.abort(error);
    void this.session.interrupt().catch(() => undefined);
    // The process may be killed next.
    this.handOver?.();
  }

  /** An error that nobody caught. False: its partition has ended already. */
  fail(ordinal: number | null, error: unknown): boolean {
    this.tainted = true;
    if (this.running === null || this.running.ordinal !== ordinal) return false;
    this.running.fail(error);
    return true;
  }

  private async runAll(
    index: ReadonlyMap<number, IndexedPartition>,
    fn: UnitFunction,
    rowsOf: RowsOf,
  ): Promise<number[]> {
    const { ordinals } = this.unit;
    let next = 0;
    for (; next < ordinals.length && !this.stopping; next++) {
      const partition = index.get(ordinals[next]!);
      if (partition === undefined) {
        throw new SnapshotDamaged(
          `The partition index has no partition number ${ordinals[next]}. Start a new run.`,
        );
      }
      if (this.isDue() || fn.rows >= SEGMENT_ROWS || partition.rows >= LARGE_PARTITION)
        await this.exclusive(() => this.segment(fn));
      if (this.broken !== null) throw this.broken.error;
      await this.runPartition(partition, fn, () => rowsOf(partition));
    }
    await this.exclusive(() => this.segment(fn));
    return ordinals.slice(next);
  }

  private get stopping(): boolean {
    return this.cancelled || this.draining || this.tainted;
  }

  private async runPartition(
    partition: IndexedPartition,
    fn: UnitFunction,
    rowsOf: () => ReturnType<RowsOf>,
  ): Promise<void> {
    const { ordinal, id, rows } = partition;
    const abort = new AbortController();
    let fail: (error: unknown) => void;
    const uncaught = new Promise<never>((_, reject) => (fail = reject));
    uncaught.catch(() => abort.abort());
    const running: Running = { ordinal, abort, timeoutMs: null, fail: fail! };
    this.output.begin(ordinal);
    this.running = running;
    this.link.send({ type: 'start', ordinal, id, rows });
    const startedAt = new Date().toISOString();
    const began = performance.now();
    const attempts = this.unit.priorCalls + (this.unit.extraCalls?.[ordinal] ?? 0) + 1;
    let returned: Returned | null = null;
    let thrown: { error: unknown } | null = null;
    try {
      const work = this.output.partition.run(ordinal, () =>
        this.call(partition, attempts, abort.signal, fn, rowsOf),
      );
      returned = await Promise.race([work, uncaught]);
    } catch (error) {
      thrown = { error };
    }
    const durationMs = Math.round(performance.now() - began);
    this.running = null;
    this.output.flush();
    this.link.send({ type: 'ended', ordinal });
    await this.exclusive(async () => {
      const { retryable, retryDelayMs, ...end } = await this.ending(running, returned, thrown, fn);
      const outcome = { ordinal, id, attempts, rows, startedAt, durationMs, reused: false, ...end };
      this.ended.push({ outcome, retryable, retryDelayMs });
    });
    await this.session.endPartition();
  }

  private async call(
    partition: IndexedPartition,
    attempt: number,
    signal: AbortSignal,
    fn: UnitFunction,
    rowsOf: () => ReturnType<RowsOf>,
  ): Promise<Returned> {
    const { unit } = this;
    const rows = await rowsOf();
    const host = runnerHost(partition, unit, this.link, this.output);
    const facts = {
      partitionId: partition.id,
      key: { ...partition.key },
      params: structuredClone(unit.params),
      runId: unit.runId,
      attempt,
      signal,
      snapshotTime: new Date(unit.snapshotTime),
      scheduledTime: unit.scheduledTime === null ? null : new Date(unit.scheduledTime),
    };
    try {
      const returned = await fn.call(partition.ordinal, rows, createContext(facts, host));
      await rows.assertUnchanged?.();
      return returned;
    } finally {
      host.close();
    }
  }

  private async ending(
    running: Running,
    returned: Returned | null,
    thrown: { error: unknown } | null,
    fn: UnitFunction,
  ): Promise<Ending> {
    const ended = { preview: null, outputRows: 0, retryable: false, retryDelayMs: null };
    if (running.timeoutMs !== null)
      return { ...ended, status: 'INTERNAL_ERROR', error: timedOut(running.timeoutMs) };
    if (returned !== null) {
      if (!(await returned.keep())) {
        await this.segment(fn);
        await returned.keep();
      }
      return { ...ended, status: 'DONE', error: null, preview: returned.preview, outputRows: returned.rows };
    }
    if (this.cancelled) return { ...ended, status: 'CANCELLED', error: null };
    const { error, retryable, retryDelayMs } = describeThrown(
      thrown?.error,
      this.unit.nonRetryableErrorTypes,
    );
    return { ...ended, status: 'FAILED', error, retryable, retryDelayMs };
  }

  private openRows(
    database: DuckDBInstance,
    index: ReadonlyMap<number, IndexedPartition>,
  ): { rowsOf: RowsOf; close: () => void } {
    const { files, ordinals, snapshot, columns } = this.unit;
    if (files !== null) {
      const fileOf = new Map(ordinals.map((ordinal, i) => [ordinal, files[i]!]));
      return {
        rowsOf: ({ ordinal, rows }) => fileRows(database, fileOf.get(ordinal)!, rows),
        close: () => undefined,
      };
    }
    const unitRows = new SnapshotRows(
      database,
      snapshot,
      columns,
      ordinals,
      (ordinal) => index.get(ordinal)?.rows ?? 0,
    );
    return { rowsOf: async ({ ordinal }) => unitRows.partition(ordinal), close: () => unitRows.close() };
  }

  private isDue(): boolean {
    const { cautious = false } = this.unit;
    if (cautious && this.segments < CAUTIOUS_SEGMENTS) return true;
    return performance.now() - this.handedOverAt >= (cautious ? CAUTIOUS_EVERY_MS : SEGMENT_EVERY_MS);
  }

  private segmentSoon(fn: UnitFunction): void {
    if (this.ended.length === 0) return;
    this.exclusive(() => this.segment(fn)).catch((error: unknown) => (this.broken ??= { error }));
  }

  /** Hands over what has ended since the last segment. */
  private async segment(fn: UnitFunction): Promise<void> {
    this.handedOverAt = performance.now();
    if (this.ended.length === 0) return;
    const outcomes = this.ended;
    this.ended = [];
    this.segments++;
    let rows: string | null = null;
    if (fn.rows > 0) {
      rows = join(this.unit.scratch, `rows-${process.pid}-${this.segments}.parquet`);
      await fn.write(rows);
    }
    this.link.send({ type: 'segment', outcomes, rows });
  }

  private async exclusive<T>(work: () => Promise<T>): Promise<T> {
    const result = this.writing.then(work);
    this.writing = result.catch(() => undefined);
    return result;
  }
}
