/**
 * Runs a unit's partitions one after another, inside the runner.
 *
 * An uncaught error ends the partition that raised it; since the function may still be running, the unit is
 * cut short and the process is not used again.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { DuckDBConnection } from '@duckdb/node-api';
import { copyKey } from '../../core/key-values';
import type { DatabaseOptions } from '../../duckdb/database';
import { createContext } from '../../functions/context';
import { SqlSession } from '../../functions/sql-session';
import { readingSnapshot, SnapshotDamaged, SnapshotUnreadable } from '../../functions/unit-cursor';
import { type IndexedPartition, loadKeys, readUnitIndex } from '../../functions/unit-index';
import { timedOut } from '../exit-reason';
import type { RunnerUnit, ToRunner } from '../protocol';
import type { CallOf, OutputCapture } from './output-capture';
import { RunnerHost } from './runner-host';
import { Running } from './running';
import { SEGMENT_EVERY_MS, Segments } from './segments';
import type { UnitDatabases } from './unit-databases';
import { type Returned, type UnitFunction, unitFunction } from './unit-function';
import { openRows, type UnitRows } from './unit-rows';
import type { UnitLink } from './worker-link';

/** Before a partition this large, ended ones are handed over: it may take long, or kill the process. */
const LARGE_PARTITION = 100_000;
/** Functions that never wait delay messages of the worker and timers by at most this time. */
const YIELD_AFTER_MS = 20;

/** What calls of a unit share. */
interface UnitParts {
  fn: UnitFunction;
  rows: UnitRows;
  segments: Segments;
}

export class UnitLoop {
  private readonly session: SqlSession;
  private readonly inputSession: SqlSession;
  private readonly databaseOptions: DatabaseOptions;
  private running: Running | null = null;
  private cancelled = false;
  private draining = false;
  /** The user's code may still be running outside any partition. */
  private tainted = false;
  private yieldedAt = performance.now();
  private segments: Segments | null = null;
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
      await readingSnapshot(() =>
        loadKeys(connection, this.unit.index, this.unit.keyColumns, this.unit.ordinals),
      );
      this.index = await readUnitIndex(connection, this.unit.keyColumns);
      const sessions = { own: this.session, input: this.inputSession };
      const { unit, link, index } = this;
      const rows = openRows(unit, database, {
        index,
        link,
        running: () => this.running!,
        onUnreadable: (error) => (this.unreadable ??= error),
      });
      closeRows = () => rows.close();
      // A runner died, and its successor must find out in which partition.
      const ahead = unit.isBatch && unit.cautious !== true ? (rows.ahead ?? null) : null;
      const fn = await unitFunction(unit, sessions, writer, ahead);
      const segments = new Segments(unit, link, fn, index);
      this.segments = segments;
      timer = setInterval(() => segments.isDue && segments.handOverSoon(), SEGMENT_EVERY_MS / 4);
      const left = await this.runAll({ fn, rows, segments });
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
    this.segments?.handOverSoon();
  }

  /** Handles an uncaught error. Returns false if its partition has ended already. */
  fail(call: CallOf | null, error: unknown): boolean {
    this.tainted = true;
    if (this.running === null || this.running !== call) return false;
    this.running.fail(error);
    return true;
  }

  private async runAll(parts: UnitParts): Promise<number[]> {
    const { segments } = parts;
    const { ordinals } = this.unit;
    let next = 0;
    for (; next < ordinals.length && !this.stopping; next++) {
      const partition = this.index.get(ordinals[next]!);
      if (partition === undefined) {
        throw new SnapshotDamaged(
          `The partition index has no partition number ${ordinals[next]}. Start a new run.`,
        );
      }
      if (segments.isDue || partition.rows >= LARGE_PARTITION) await segments.handOver();
      segments.throwIfBroken();
      if (parts.fn.wantsAhead?.(partition.ordinal) === true) await segments.lookAhead(partition.ordinal);
      await this.runPartition(partition, parts);
      if (this.unreadable !== null) {
        // Partitions that have ended are kept.
        await segments.handOver();
        throw this.unreadable;
      }
      if (performance.now() - this.yieldedAt > YIELD_AFTER_MS) {
        await nextTurn();
        this.yieldedAt = performance.now();
      }
    }
    await segments.handOver();
    return ordinals.slice(next);
  }

  private get stopping(): boolean {
    return this.cancelled || this.draining || this.tainted;
  }

  private async runPartition(partition: IndexedPartition, parts: UnitParts): Promise<void> {
    const { unit } = this;
    const { segments } = parts;
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
      const work = this.output.call.run(running, () => this.call(partition, running, parts, host));
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
    if (running.timeoutMs !== null)
      segments.recordFailure(call, 'INTERNAL_ERROR', timedOut(running.timeoutMs));
    else if (returned !== null) await segments.recordSuccess(call, returned);
    else if (this.cancelled) segments.recordFailure(call, 'CANCELLED', null);
    else segments.endThrown(call, thrown?.error);
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
    { fn, rows: unitRows }: UnitParts,
    host: RunnerHost,
  ): Promise<Returned> {
    const { unit } = this;
    const opened = unitRows.rowsOf(partition);
    const rows = opened instanceof Promise ? await opened : opened;
    const facts = {
      partitionId: partition.id,
      key: copyKey(partition.key),
      runId: unit.runId,
      attempt: running.attempt,
      snapshotTime: new Date(unit.snapshotTime),
      scheduledTime: unit.scheduledTime === null ? null : new Date(unit.scheduledTime),
      scheduledDate: unit.scheduledDate ?? null,
      params: () => structuredClone(unit.params),
      model: unit.model ?? {},
      signal: () => running.signal,
    };
    const returned = await fn.call(partition, rows, createContext(facts, host));
    if (rows.assertUnchanged !== undefined) await rows.assertUnchanged();
    return returned;
  }
}
