/**
 * One run as all its readers see it. However many pages are open, a run is followed once, and only while a
 * page is open.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { PartitionColumns, RunHandle, RunSnapshot, UnitView } from '..';
import type { Backend } from './backend';
import { CellVersions } from './cell-versions';
import { GroupNumbering } from './failure-groups';
import { emptyPlanes, mergeRanges, writeCells } from './planes';
import { runNow, type ReadRun } from './read-run';
import type { GroupNumbers } from './table/partition-table';
import { encodeCells, type Plane } from './wire/cells';
import type { GroupInfo, RunNow } from './wire/types';

/** How often an ended run is checked for another execution. */
const ENDED_CHECK_MS = 3_000;
/** How long a run is followed after its last reader has left: pages are reloaded. */
const KEPT_MS = 30_000;
/** A server that has not answered for this long is shown as lost; an open run is read about once a second. */
const SILENCE_MS = 8_000;
/** Following a large run takes at most a tenth of the time of a processor. */
const PAUSE_PER_WORK = 9;

export class WatchedRun {
  #read: ReadRun | null = null;
  readonly #versions = new CellVersions();
  readonly #numbering = new GroupNumbering();
  /** The first reading, while its partitions are still being read: history alone has units and counts. */
  #first: { snapshot: RunSnapshot; units: UnitView[] } | null = null;
  #following: { stop: AbortController; begun: Signal; read: Signal } | null = null;
  #listeners = new Set<() => void>();
  #leaving: NodeJS.Timeout | undefined;
  #error: unknown = null;
  #handle: RunHandle | null = null;
  #isClosed = false;
  #loop = new AbortController();
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
   * The run as it is; follows it from now on. Its version is 0 until its partitions have been read. Throws
   * what reading it threw, and while the server is silent.
   */
  async now(): Promise<RunNow> {
    await this.#followed().begun.promise;
    if (this.#silence !== null) throw this.#silence;
    const known = this.#known(this.#read ?? this.#first);
    return runNow(known, this.#read?.groupInfos ?? [], this.#versions.current);
  }

  async table(): Promise<ReadRun & { version: number }> {
    return { ...(await this.#current()), version: this.#versions.current };
  }

  /** The run's handle, which keeps what it has read for later calls. */
  async handle(): Promise<RunHandle> {
    await this.#followed().begun.promise;
    return this.#known(this.#handle);
  }

  async units(): Promise<UnitView[]> {
    await this.#followed().begun.promise;
    return this.#known(this.#read ?? this.#first).units;
  }

  /** The cells that have changed after the version `since`; all of them for 0. */
  async cells(planes: readonly Plane[], since: number): Promise<Uint8Array> {
    const read = await this.#current();
    const ranges = this.#versions.after(since, read.columns.to);
    return encodeCells(
      { version: this.#versions.current, total: read.columns.to, planes, ranges },
      planes.flatMap((plane) => ranges.map(([from, to]) => read.planes[plane].subarray(from, to))),
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

  /** It cannot be used afterwards. */
  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#leaving);
    clearTimeout(this.#patience);
    this.#following?.stop.abort();
    this.#ready();
    this.#notify();
  }

  async #current(): Promise<ReadRun> {
    const { read } = this.#followed();
    if (this.#error === null) await read.promise;
    return this.#known(this.#read);
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
        const begin = performance.now();
        await this.#take(snapshot);
        this.#error = null;
        this.#following?.read.give();
        this.#notify();
        if (snapshot.state.status === 'IN_PROGRESS')
          await sleep(PAUSE_PER_WORK * (performance.now() - begin), undefined, { signal });
        this.#expectAnswer();
      }
      // An ended run may be retried.
      for (;;) {
        this.#answered();
        await sleep(ENDED_CHECK_MS, undefined, { signal });
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
    const units = snapshot.units();
    const total = snapshot.state.counts.total;
    const isSameRun =
      before !== null &&
      before.columns.to === total &&
      executionOf(before.snapshot) === executionOf(snapshot) &&
      // Partitions that are skipped before they start belong to no unit.
      before.snapshot.state.counts.SKIPPED === snapshot.state.counts.SKIPPED &&
      snapshot.state.status === 'IN_PROGRESS';
    if (before !== null && isSameRun) {
      const ranges = changedUnits(before.units, units);
      const parts = await Promise.all(ranges.map(([from, to]) => snapshot.columns({ from, to })));
      const { groupInfos, groups } = await this.#groups(snapshot, before);
      this.#read = { ...before, snapshot, units, groupInfos, groups };
      for (const part of parts) copyColumns(before.columns, part);
      this.#versions.add(parts.flatMap((part) => writeCells(before.planes, part, groups)));
      if (groups !== before.groups) this.#versions.add(writeCells(before.planes, before.columns, groups));
      return;
    }
    const { columns, failures } = await snapshot.whole();
    const { groupInfos, groups } = this.#numbering.number(failures, total, this.backend.folder);
    const isSameSize = before !== null && before.columns.to === total;
    const planes = isSameSize ? before.planes : emptyPlanes(columns.to);
    const ranges = writeCells(planes, columns, groups);
    this.#read = { snapshot, columns, groups, isExact: null, planes, units, groupInfos };
    if (isSameSize) this.#versions.add(ranges);
    else this.#versions.begin(Date.now());
  }

  /** Groups are read only when the number of failures has changed. */
  async #groups(
    snapshot: RunSnapshot,
    before: ReadRun,
  ): Promise<{ groupInfos: GroupInfo[]; groups: GroupNumbers }> {
    const { FAILED, INTERNAL_ERROR, total } = snapshot.state.counts;
    const failures = FAILED + INTERNAL_ERROR;
    const known = before.groupInfos.reduce((sum, { count }) => sum + count, 0);
    if (known === failures) return before;
    const found = failures === 0 ? [] : await snapshot.failures();
    return this.#numbering.number(found, total, this.backend.folder);
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

function executionOf({ state }: RunSnapshot): string | undefined {
  return state.executions.at(-1)?.workflowRunId;
}

function isSame(now: RunSnapshot['state'], before: RunSnapshot['state'] | null): boolean {
  const last = now.executions.at(-1)?.workflowRunId;
  return before !== null && last === before.executions.at(-1)?.workflowRunId && now.status === before.status;
}

/** Ranges of partitions of units that are running, or have changed since. */
function changedUnits(before: readonly UnitView[], now: readonly UnitView[]): [number, number][] {
  const known = new Map(before.map((unit) => [unit.activityId, unit]));
  return mergeRanges(
    now.flatMap((unit) => {
      const last = known.get(unit.activityId);
      const isSame = last?.status === unit.status && last.attempts === unit.attempts;
      return isSame && unit.status !== 'running' ? [] : [[unit.from, unit.to] as const];
    }),
  );
}

function copyColumns(all: PartitionColumns, part: PartitionColumns): void {
  all.status.set(part.status, part.from);
  all.attempts.set(part.attempts, part.from);
  all.rows.set(part.rows, part.from);
  all.returnedRows.set(part.returnedRows, part.from);
  all.startedAt.set(part.startedAt, part.from);
  all.durationMs.set(part.durationMs, part.from);
  all.execution.set(part.execution, part.from);
  all.reused.set(part.reused, part.from);
}
