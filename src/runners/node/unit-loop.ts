/**
 * Runs a unit's partitions one after another, inside the runner.
 *
 * Ended partitions, their rows and their artifacts are handed over in segments, about once a second. If the
 * process dies, partitions that were handed over are not run again, and the others are. An uncaught error
 * ends the partition that raised it; since the function may still be running, the unit is cut short and the
 * process is not used again.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { createContext } from '../../functions/context';
import { type DatabaseOptions, KeptDatabase } from '../../duckdb/database';
import { describeThrown } from '../../functions/errors';
import { fileRows } from '../../functions/file-rows';
import { setOwn, type Row } from '../../core/row';
import { QueriedRows } from '../../functions/queried-rows';
import type { PartitionRows } from '../../rows/partition-rows';
import { SnapshotRows } from '../../functions/snapshot-rows';
import { SqlSession } from '../../functions/sql-session';
import { readingSnapshot, SnapshotDamaged, SnapshotUnreadable } from '../../functions/unit-cursor';
import { type IndexedPartition, loadKeys, readUnitIndex } from '../../functions/unit-index';
import { NOTHING_WRITTEN, type Written } from '../../rows/written-alone';
import { DoneColumns, type EndedOutcome, filterBlock, outcomeAt } from '../../core/done-block';
import type { ErrorInfo, PackedArtifact } from '../../core/outcome';
import { ArtifactPack } from './artifact-pack';
import { timedOut } from '../exit-reason';
import type { CallOf, OutputCapture } from './output-capture';
import type { RunnerOutcome, RunnerSegment, RunnerUnit, ToRunner } from '../protocol';
import { RunnerHost } from './runner-host';
import { type Returned, type UnitFunction, unitFunction } from './unit-function';
import type { UnitLink } from './worker-link';

const SEGMENT_EVERY_MS = 1_000;
/** With this many pending rows, a segment is handed over early. */
const SEGMENT_ROWS = 50_000;
/** The same for bytes of artifacts. */
const SEGMENT_BYTES = 8 * 1024 * 1024;
/** Before a partition this large, ended ones are handed over: it may take long, or kill the process. */
const LARGE_PARTITION = 100_000;
/** Functions that never wait delay messages of the worker and timers by at most this time. */
const YIELD_AFTER_MS = 20;

/**
 * In a unit that has lost a runner, this many partitions are handed over one by one, and the others at this
 * interval.
 */
const CAUTIOUS_SEGMENTS = 20;
const CAUTIOUS_EVERY_MS = 100;

/** The databases of the process, which outlive its units. */
export class UnitDatabases {
  /** Reads and writes rows. */
  readonly rows = new KeptDatabase();
  /** Runs `data.sql` of functions, separately so that they cannot affect the other. */
  readonly sql = new KeptDatabase();
  /** Runs SQL of untrusted inputs. */
  readonly input = new KeptDatabase();

  close(): void {
    this.rows.close();
    this.sql.close();
    this.input.close();
  }
}

/** The call that is running. */
class Running implements CallOf {
  timeoutMs: number | null = null;
  readonly unit: number;
  #abort: AbortController | null = null;
  #reason: Error | null = null;
  #fail: ((error: unknown) => void) | null = null;

  constructor(
    readonly ordinal: number,
    readonly attempt: number,
    output: OutputCapture,
  ) {
    this.unit = output.unit;
  }

  /** Created on first access, since few functions use it. */
  get signal(): AbortSignal {
    if (this.#abort === null) {
      this.#abort = new AbortController();
      if (this.#reason !== null) this.#abort.abort(this.#reason);
    }
    return this.#abort.signal;
  }

  abort(reason: Error): void {
    this.#reason ??= reason;
    this.#abort?.abort(reason);
  }

  /** Settles like `work`, or rejects first if there is an uncaught error. */
  orUncaught<T>(work: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#fail = reject;
      work.then(resolve, reject);
    });
  }

  fail(error: unknown): void {
    this.#fail?.(error);
    this.abort(new Error('The call was ended by an uncaught error.'));
  }
}

/** A partition's rows. Those of files can check afterwards that the file did not change. */
type OpenRows = PartitionRows & { assertUnchanged?(): Promise<void> };
type RowsOf = (partition: IndexedPartition) => OpenRows | Promise<OpenRows>;

export class UnitLoop {
  private readonly session: SqlSession;
  private readonly inputSession: SqlSession;
  private readonly databaseOptions: DatabaseOptions;
  private running: Running | null = null;
  private cancelled = false;
  private draining = false;
  /** The user's code may still be running outside any partition. */
  private tainted = false;
  private readonly done = new DoneColumns();
  private ended: RunnerOutcome[] = [];
  private readonly pack = new ArtifactPack();
  private segments = 0;
  private handedOverAt = performance.now();
  private yieldedAt = performance.now();
  /** Segments are written one at a time. */
  private writing: Promise<unknown> = Promise.resolve();
  private handOver: (() => void) | null = null;
  private broken: { error: unknown } | null = null;
  private index: ReadonlyMap<number, IndexedPartition> = new Map();
  /** A read of the snapshot that failed. */
  private unreadable: SnapshotUnreadable | null = null;

  constructor(
    private readonly unit: RunnerUnit,
    private readonly link: UnitLink,
    private readonly output: OutputCapture,
    private readonly databases: UnitDatabases,
  ) {
    // Databases of two processes must not spill into the same folder.
    const tempFolder = join(unit.spill, `${process.pid}`);
    this.databaseOptions = { memoryBytes: unit.duckdbMemoryBytes, tempFolder };
    this.session = new SqlSession(this.databaseOptions, databases.sql);
    const { confinement = null } = unit;
    this.inputSession =
      confinement === null ? this.session : this.session.confinedTo(confinement, databases.input);
  }

  /** Resolves with the ordinals that were not run. Rejects if nothing can be run. */
  async run(): Promise<{ left: number[]; reusable: boolean }> {
    const database = await this.databases.rows.open(this.databaseOptions);
    let timer: NodeJS.Timeout | undefined;
    let writer: DuckDBConnection | null = null;
    let closeRows: () => void | Promise<void> = () => undefined;
    try {
      writer = await database.connect();
      const connection = writer;
      await readingSnapshot(() => loadKeys(connection, this.unit.index, this.unit.ordinals));
      this.index = await readUnitIndex(connection, this.unit.keyColumns);
      const sessions = { own: this.session, input: this.inputSession };
      const fn = await unitFunction(this.unit, sessions, writer);
      const { rowsOf, close } = this.openRows(database);
      closeRows = close;
      this.handOver = () => this.segmentSoon(fn);
      timer = setInterval(() => this.isDue(fn) && this.segmentSoon(fn), SEGMENT_EVERY_MS / 4);
      const left = await this.runAll(fn, rowsOf);
      return { left, reusable: !this.tainted };
    } finally {
      clearInterval(timer);
      await closeRows();
      await this.session.close();
      writer?.closeSync();
    }
  }

  /** Stops after the running partition. */
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
    this.running?.abort(error);
    void this.session.interrupt().catch(() => undefined);
    // The process may be killed next.
    this.handOver?.();
  }

  /** Handles an uncaught error. Returns false if its partition has ended already. */
  fail(call: CallOf | null, error: unknown): boolean {
    this.tainted = true;
    if (this.running === null || this.running !== call) return false;
    this.running.fail(error);
    return true;
  }

  private async runAll(fn: UnitFunction, rowsOf: RowsOf): Promise<number[]> {
    const { ordinals } = this.unit;
    let next = 0;
    for (; next < ordinals.length && !this.stopping; next++) {
      const partition = this.index.get(ordinals[next]!);
      if (partition === undefined) {
        throw new SnapshotDamaged(
          `The partition index has no partition number ${ordinals[next]}. Start a new run.`,
        );
      }
      if (this.isDue(fn) || partition.rows >= LARGE_PARTITION) await this.exclusive(() => this.segment(fn));
      if (this.broken !== null) throw this.broken.error;
      await this.runPartition(partition, fn, rowsOf);
      if (this.unreadable !== null) {
        // Partitions that have ended are kept.
        await this.exclusive(() => this.segment(fn));
        throw this.unreadable;
      }
      if (performance.now() - this.yieldedAt > YIELD_AFTER_MS) {
        await nextTurn();
        this.yieldedAt = performance.now();
      }
    }
    await this.exclusive(() => this.segment(fn));
    return ordinals.slice(next);
  }

  private get stopping(): boolean {
    return this.cancelled || this.draining || this.tainted;
  }

  private async runPartition(partition: IndexedPartition, fn: UnitFunction, rowsOf: RowsOf): Promise<void> {
    const { unit } = this;
    const { ordinal, id } = partition;
    const attempt = unit.priorCalls + (unit.extraCalls?.[ordinal] ?? 0) + 1;
    const running = new Running(ordinal, attempt, this.output);
    this.output.begin(running);
    this.running = running;
    const host = new RunnerHost({ ordinal, attempt, id }, unit, this.link, this.output, () => running.signal);
    const startedAt = Date.now();
    const began = performance.now();
    this.link.begin();
    let returned: Returned | null = null;
    let thrown: { error: unknown } | null = null;
    try {
      const work = this.output.call.run(running, () => this.call(partition, running, fn, rowsOf, host));
      returned = await running.orUncaught(work);
    } catch (error) {
      thrown = { error };
    }
    const durationMs = Math.round(performance.now() - began);
    this.running = null;
    this.output.flush();
    await this.link.end();
    host.close();
    if (thrown !== null) this.checkSnapshotFiles();
    // Not the function's fault: the worker finds out what is wrong with the file, and the call is not
    // charged.
    if (this.unreadable !== null && !this.cancelled) return;
    this.unreadable = null;
    const call = { partition, attempt, startedAt, durationMs, host };
    if (running.timeoutMs !== null) this.recordFailure(call, 'INTERNAL_ERROR', timedOut(running.timeoutMs));
    else if (returned !== null) await this.recordSuccess(call, returned, fn);
    else if (this.cancelled) this.recordFailure(call, 'CANCELLED', null);
    else {
      this.endThrown(call, thrown?.error);
    }
    if (this.session.isUsed) await this.session.endPartition();
  }

  /**
   * The function's queries over a large partition read the snapshot directly, so a missing file is noticed
   * here.
   */
  private checkSnapshotFiles(): void {
    const gone = this.unit.snapshot.find((file) => !existsSync(file));
    if (gone !== undefined)
      this.unreadable ??= new SnapshotUnreadable(`The snapshot cannot be read: "${gone}" is gone.`);
  }

  private async call(
    partition: IndexedPartition,
    running: Running,
    fn: UnitFunction,
    rowsOf: RowsOf,
    host: RunnerHost,
  ): Promise<Returned> {
    const { unit } = this;
    const opened = rowsOf(partition);
    const rows = opened instanceof Promise ? await opened : opened;
    const facts = {
      partitionId: partition.id,
      key: copyOf(partition.key),
      runId: unit.runId,
      attempt: running.attempt,
      snapshotTime: new Date(unit.snapshotTime),
      scheduledTime: unit.scheduledTime === null ? null : new Date(unit.scheduledTime),
      params: () => structuredClone(unit.params),
      model: unit.model ?? {},
      signal: () => running.signal,
    };
    const returned = await fn.call(partition, rows, createContext(facts, host));
    if (rows.assertUnchanged !== undefined) await rows.assertUnchanged();
    return returned;
  }

  private async recordSuccess(call: TimedCall, returned: Returned, fn: UnitFunction): Promise<void> {
    const { isBatch } = this.unit;
    if (fn.canAlwaysKeep && returned.keep() === true) return this.record(call, returned, isBatch);
    await this.exclusive(async () => {
      const thrown: unknown[] = [];
      const keep = async (): Promise<boolean> => {
        try {
          return await returned.keep();
        } catch (error) {
          // enforces I5: if rows cannot be kept, this partition fails and not the unit
          thrown.push(error);
          return true;
        }
      };
      if (!(await keep())) {
        await this.segment(fn);
        await keep();
      }
      if (thrown.length === 0) this.record(call, returned, isBatch);
      else this.endThrown(call, thrown[0]);
    });
  }

  private record(call: TimedCall, { rows: outputRows, preview }: Returned, byColumns: boolean): void {
    const { partition, attempt: attempts, startedAt, durationMs, host } = call;
    const { ordinal } = partition;
    const artifacts = host.artifacts(this.pack);
    if (byColumns) {
      const some = artifacts.length === 0 ? null : artifacts;
      this.done.add({ ordinal, attempts, startedAt, durationMs, outputRows, artifacts: some });
    } else {
      const outcome = {
        ...outcomeOf(call),
        status: 'DONE' as const,
        preview,
        outputRows,
        error: null,
      };
      this.ended.push({ outcome, artifacts, retryable: false, retryDelayMs: null });
    }
  }

  private endThrown(call: TimedCall, thrown: unknown): void {
    const { error, ...retry } = describeThrown(thrown, this.unit.nonRetryableErrorTypes);
    this.recordFailure(call, 'FAILED', error, retry);
  }

  private recordFailure(
    call: TimedCall,
    status: 'FAILED' | 'CANCELLED' | 'INTERNAL_ERROR',
    error: ErrorInfo | null,
    retry: Pick<RunnerOutcome, 'retryable' | 'retryDelayMs'> = { retryable: false, retryDelayMs: null },
  ): void {
    const outcome = { ...outcomeOf(call), status, preview: null, outputRows: 0, error };
    // Artifacts of an interrupted call are dropped.
    const artifacts: PackedArtifact[] = status === 'FAILED' ? call.host.artifacts(this.pack) : [];
    this.ended.push({ outcome, artifacts, ...retry });
  }

  private openRows(database: DuckDBInstance): { rowsOf: RowsOf; close: () => void | Promise<void> } {
    const { files, ordinals, snapshot, columns } = this.unit;
    if (files !== null) {
      const fileOf = new Map(ordinals.map((ordinal, i) => [ordinal, files[i]!]));
      return {
        rowsOf: ({ ordinal, rows }) => fileRows(database, fileOf.get(ordinal)!, rows),
        close: () => undefined,
      };
    }
    if (snapshot.length === 0) return this.queryRows(database);
    const unitRows = new SnapshotRows(
      database,
      snapshot,
      columns,
      ordinals,
      (ordinal) => this.index.get(ordinal)?.rows ?? 0,
      (error) => (this.unreadable ??= error),
    );
    return { rowsOf: (partition) => unitRows.partition(partition), close: () => unitRows.close() };
  }

  /** Opens one partition's rows at a time, since partitions are processed one by one. */
  private queryRows(database: DuckDBInstance): { rowsOf: RowsOf; close: () => Promise<void> } {
    let open: QueriedRows | null = null;
    const close = async (): Promise<void> => open?.close();
    const rowsOf = async (partition: IndexedPartition): Promise<PartitionRows> => {
      await close();
      const { attempt, signal } = this.running!;
      const fetch = async (): Promise<string> => {
        const request = {
          type: 'rows',
          ordinal: partition.ordinal,
          partitionId: partition.id,
          rows: partition.rows,
          attempt,
        } as const;
        return ((await this.link.ask(request, signal)) as { file: string }).file;
      };
      return (open = new QueriedRows(database, partition, this.unit.columns, fetch));
    };
    return { rowsOf, close };
  }

  private get hasEnded(): boolean {
    return this.ended.length + this.done.length > 0;
  }

  private isDue(fn: UnitFunction): boolean {
    if (fn.rows >= SEGMENT_ROWS || this.pack.bytes >= SEGMENT_BYTES) return true;
    const { cautious = false } = this.unit;
    if (cautious && this.segments < CAUTIOUS_SEGMENTS) return true;
    return performance.now() - this.handedOverAt >= (cautious ? CAUTIOUS_EVERY_MS : SEGMENT_EVERY_MS);
  }

  private segmentSoon(fn: UnitFunction): void {
    if (!this.hasEnded) return;
    this.exclusive(() => this.segment(fn)).catch((error: unknown) => (this.broken ??= { error }));
  }

  /**
   * Hands over the partitions that have ended since the last segment. Their outcomes, rows and artifacts are
   * taken together, before the first wait.
   */
  private async segment(fn: UnitFunction): Promise<void> {
    this.handedOverAt = performance.now();
    if (!this.hasEnded) return;
    const done = this.done.length === 0 ? null : this.done.take();
    const outcomes = this.ended;
    this.ended = [];
    const name = `${process.pid}-${++this.segments}`;
    const rows = fn.rows === 0 ? null : join(this.unit.scratch, `rows-${name}.parquet`);
    const pack = this.pack.bytes === 0 ? null : join(this.unit.scratch, `pack-${name}`);
    const [written] = await Promise.all([
      rows === null ? NOTHING_WRITTEN : fn.write(rows),
      pack === null ? null : this.pack.write(pack),
    ]);
    const ended = this.withRefused({ done, outcomes }, written.refused);
    this.link.send({ type: 'segment', ...ended, rows: written.isWritten ? rows : null, pack });
  }

  /** Partitions whose rows could not be written have failed, as if their function had thrown. */
  private withRefused(ended: Ended, refused: Written['refused']): Ended {
    if (refused.size === 0) return ended;
    const fail = (
      { attempts, startedAt, durationMs, ordinal }: Omit<EndedOutcome, 'artifacts'>,
      artifacts: PackedArtifact[],
    ): RunnerOutcome => {
      const { id, rows } = this.index.get(ordinal)!;
      const { error, ...retry } = describeThrown(refused.get(ordinal), this.unit.nonRetryableErrorTypes);
      const called = { ordinal, id, attempts, rows, startedAt, durationMs, reused: false };
      const outcome = { ...called, status: 'FAILED' as const, preview: null, outputRows: 0, error };
      return { outcome, artifacts, ...retry };
    };
    const isKept = (ordinal: number): boolean => !refused.has(ordinal);
    const outcomes = ended.outcomes.map((each) =>
      isKept(each.outcome.ordinal) ? each : fail(each.outcome, each.artifacts),
    );
    const { done } = ended;
    if (done === null) return { done, outcomes };
    for (const [at, ordinal] of done.ordinals.entries())
      if (!isKept(ordinal)) outcomes.push(fail(outcomeAt(done, at), done.artifacts?.[at] ?? []));
    const kept = filterBlock(done, isKept);
    return { done: kept.ordinals.length === 0 ? null : kept, outcomes };
  }

  private async exclusive<T>(work: () => Promise<T>): Promise<T> {
    const result = this.writing.then(work);
    this.writing = result.catch(() => undefined);
    return result;
  }
}

type Ended = Pick<RunnerSegment, 'done' | 'outcomes'>;

/** A copy, since functions may change it. */
function copyOf(key: Row): Row {
  const copy = { ...key };
  for (const name of Object.keys(copy))
    if (typeof copy[name] === 'object' && copy[name] !== null)
      setOwn(copy, name, structuredClone(copy[name]));
  return copy;
}

/** An ended call. */
interface TimedCall {
  partition: IndexedPartition;
  attempt: number;
  /** Milliseconds since 1970. */
  startedAt: number;
  durationMs: number;
  host: RunnerHost;
}

function outcomeOf({ partition, attempt: attempts, startedAt, durationMs }: TimedCall) {
  const { ordinal, id, rows } = partition;
  return {
    ordinal,
    id,
    attempts,
    rows,
    startedAt: new Date(startedAt).toISOString(),
    durationMs,
    reused: false,
  };
}
