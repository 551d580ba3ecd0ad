/**
 * One run as all its readers see it. However many pages are open, a run is followed once, and only while a
 * page is open.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { PartitionColumns, RunHandle, RunSnapshot, UnitView } from '..';
import type { Backend } from './backend';
import { CellVersions } from './cell-versions';
import { copyColumns, updateColumns } from './columns-copy';
import { GroupNumbering } from './failure-groups';
import { emptyPlanes, mergeRanges, regrouped, writeCells } from './planes';
import { runNow, type ReadRun } from './read-run';
import { SharedAnswers } from './shared-answers';
import { encodeCells, type Plane } from './wire/cells';

/** How often an ended run is checked for another execution. */
const ENDED_CHECK_MS = 3_000;
/** How long a run is followed after its last reader has left: pages are reloaded. */
const KEPT_MS = 30_000;
/** A server that has not answered for this long is shown as lost; an open run is read at least every 5 s. */
const SILENCE_MS = 8_000;

/**
 * Everything that was read of the run at one moment, and the version that its cells then had. Columns and
 * planes are brought up to date when it is read again: see `WatchedRun.ask`.
 */
export interface WatchedRead extends ReadRun {
  version: number;
}

/** While the partitions are still being read: history alone has units and counts. */
interface FirstRead {
  snapshot: RunSnapshot;
  units: UnitView[];
}

export class WatchedRun {
  /** About what `table` and `begun` return. */
  readonly answers = new SharedAnswers();
  #read: WatchedRead | null = null;
  /** The library's own columns, which change while it reads; `#read` has a copy of them. */
  #source: PartitionColumns | null = null;
  readonly #versions = new CellVersions();
  readonly #numbering = new GroupNumbering();
  #first: FirstRead | null = null;
  #following: { stop: AbortController; begun: Signal; read: Signal } | null = null;
  #listeners = new Set<() => void>();
  #leaving: NodeJS.Timeout | undefined;
  #error: unknown = null;
  #handle: RunHandle | null = null;
  #isClosed = false;
  #loop = new AbortController();
  /** Aborted to check an ended run now. */
  #retried = new AbortController();
  /** Set while the server does not answer: Temporal's client retries silently for a long time. */
  #silence: ServerSilent | null = null;
  #patience: NodeJS.Timeout | undefined;

  /** `workflowRunId` null: the run's latest execution. */
  constructor(
    private readonly backend: Backend,
    private readonly runId: string,
    private readonly workflowRunId: string | null,
    private readonly onIdle: () => void,
  ) {}

  /**
   * The run as it is, a `RunNow` as JSON; follows it from now on. Its version is 0 until its partitions have
   * been read. Throws what reading it threw, and while the server is silent.
   */
  async now(): Promise<string> {
    await this.#followed().begun.promise;
    if (this.#silence !== null) throw this.#silence;
    const moment = await this.begun();
    // Not those of `#read`, which may be of a later moment by now.
    const { groupInfos, version } = 'version' in moment ? moment : { groupInfos: [], version: 0 };
    return this.answers.get(moment, 'now', () => JSON.stringify(runNow(moment, groupInfos, version)));
  }

  /** What is known of the run before its partitions have been read. */
  async begun(): Promise<WatchedRead | FirstRead> {
    await this.#followed().begun.promise;
    return this.#known(this.#read ?? this.#first);
  }

  async table(): Promise<WatchedRead> {
    const { read } = this.#followed();
    if (this.#error === null) await read.promise;
    return this.#known(this.#read);
  }

  /** The run's handle, which keeps what it has read for later calls. */
  async handle(): Promise<RunHandle> {
    await this.#followed().begun.promise;
    return this.#known(this.#handle);
  }

  /**
   * Calls `answer` with what was read, and once more if cells have changed before there was an answer. Not
   * more often: an answer that takes longer than the run is unchanged would be asked for without end.
   */
  async ask<T>(answer: (read: WatchedRead) => T | Promise<T>): Promise<T> {
    const read = await this.table();
    const answered = await answer(read);
    return this.#versions.current === read.version ? answered : answer(await this.table());
  }

  /** The cells that have changed after the version `since`; all of them for 0. */
  cells(planes: readonly Plane[], since: number): Promise<Uint8Array> {
    return this.ask((read) =>
      this.answers.get(read, `cells ${planes.join()} ${since}`, () => {
        const { version, columns } = read;
        const ranges = this.#versions.after(since, columns.to);
        return encodeCells(
          { version, total: columns.to, planes, ranges },
          planes.flatMap((plane) => ranges.map(([from, to]) => read.planes[plane].subarray(from, to))),
        );
      }),
    );
  }

  /** Resolves when there is something newer than `now`, or the signal is aborted. */
  changed(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        this.#listeners.delete(done);
        signal.removeEventListener('abort', done);
        resolve();
      };
      this.#listeners.add(done);
      signal.addEventListener('abort', done, { once: true });
      if (signal.aborted) done();
    });
  }

  /** There is another execution of the run: an ended one is checked at once. */
  retried(): void {
    this.#retried.abort();
  }

  /** It cannot be used afterwards. */
  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#leaving);
    clearTimeout(this.#patience);
    this.#following?.stop.abort();
    this.#ready();
    this.#notify();
  }

  #known<T>(read: T | null): T {
    if (read === null || this.#error !== null) throw this.#error ?? new Error('The console is closing.');
    return read;
  }

  #followed(): { begun: Signal; read: Signal } {
    // A stream that is still open would follow the run again.
    if (this.#isClosed) throw new Error('The console is closing.');
    clearTimeout(this.#leaving);
    this.#leaving = setTimeout(() => this.#leave(), KEPT_MS).unref();
    if (this.#following === null) {
      const following = { stop: new AbortController(), begun: new Signal(), read: new Signal() };
      this.#following = following;
      void this.#follow(following.stop.signal).finally(() => this.#ready());
    }
    return this.#following;
  }

  #ready(): void {
    this.#following?.begun.give();
    this.#following?.read.give();
  }

  #leave(): void {
    if (this.#listeners.size > 0) {
      this.#leaving = setTimeout(() => this.#leave(), KEPT_MS).unref();
      return;
    }
    this.close();
    this.onIdle();
  }

  async #follow(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        await this.backend.read((reader) => {
          // The connection was replaced: what follows on the old one ends.
          this.#loop.abort();
          this.#loop = new AbortController();
          return this.#followOn(reader.getRun(this.runId), AbortSignal.any([signal, this.#loop.signal]));
        });
      } catch (error) {
        if (signal.aborted) break;
        this.#answered();
        this.#error = error;
        this.#ready();
        this.#notify();
        if (this.#read === null && this.#following !== null) this.#following.read = new Signal();
      }
      await sleep(ENDED_CHECK_MS, undefined, { signal }).catch(() => {});
    }
  }

  async #followOn(run: RunHandle, signal: AbortSignal): Promise<void> {
    const handle = this.workflowRunId === null ? run : run.execution(this.workflowRunId);
    this.#handle = handle;
    for (;;) {
      this.#expectAnswer();
      for await (const snapshot of handle.snapshots({ signal })) {
        this.#answered();
        if (this.#read === null) this.#begin(snapshot);
        await this.#take(snapshot);
        this.#error = null;
        this.#following?.read.give();
        this.#notify();
        this.#expectAnswer();
      }
      // An ended run may be retried.
      for (;;) {
        this.#answered();
        this.#retried = new AbortController();
        const either = AbortSignal.any([signal, this.#retried.signal]);
        await sleep(ENDED_CHECK_MS, undefined, { signal: either }).catch(() => signal.throwIfAborted());
        this.#expectAnswer();
        if (!isSame(await handle.status(), this.#read?.snapshot.state ?? null)) break;
      }
    }
  }

  #begin(snapshot: RunSnapshot): void {
    this.#first = { snapshot, units: snapshot.units() };
    this.#error = null;
    this.#following?.begun.give();
    this.#notify();
  }

  #expectAnswer(): void {
    clearTimeout(this.#patience);
    this.#patience = setTimeout(() => {
      this.#silence = new ServerSilent();
      this.#following?.begun.give();
      this.#notify();
    }, SILENCE_MS).unref();
  }

  #answered(): void {
    clearTimeout(this.#patience);
    if (this.#silence === null) return;
    this.#silence = null;
    this.#notify();
  }

  async #take(snapshot: RunSnapshot): Promise<void> {
    const before = this.#read;
    const { columns: source, failures, changed } = await snapshot.whole();
    const total = source.to;
    // Of a run that is followed further, most cells are as they were.
    const isContinued = before !== null && this.#source === source;
    const columns = isContinued
      ? before.columns
      : snapshot.state.endedAt === null
        ? copyColumns(source)
        : source;
    if (isContinued) updateColumns(columns, source, changed);
    this.#source = source;
    const known = before?.failures === failures ? before : null;
    const { groupInfos, groups } = known ?? this.#numbering.number(failures, total, this.backend.folder);
    const isSameSize = before !== null && before.columns.to === total;
    const planes = isSameSize ? before.planes : emptyPlanes(total);
    const ranges = isContinued ? mergeRanges([...changed, ...regrouped(before.groups, groups)]) : undefined;
    const written = writeCells(planes, columns, groups, ranges);
    if (isSameSize) this.#versions.add(written);
    else this.#versions.begin(Date.now());
    const { current: version } = this.#versions;
    const units = snapshot.units();
    this.#read = { snapshot, columns, failures, groups, isExact: null, planes, units, groupInfos, version };
  }

  #notify(): void {
    for (const listener of this.#listeners) listener();
  }
}

class ServerSilent extends Error {
  override name = 'ServerSilent';

  constructor() {
    super(`The Temporal server has not answered for ${SILENCE_MS / 1_000} s.`);
  }
}

/** A promise that is resolved from outside. */
class Signal {
  give: () => void = () => {};
  readonly promise = new Promise<void>((resolve) => (this.give = resolve));
}

function isSame(now: RunSnapshot['state'], before: RunSnapshot['state'] | null): boolean {
  const last = now.executions.at(-1)?.workflowRunId;
  return before !== null && last === before.executions.at(-1)?.workflowRunId && now.status === before.status;
}
