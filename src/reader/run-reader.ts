/** Reads one run: finds its execution, folds its history, and caches what does not need to be read twice. */
import type { ArchivedClosing } from './archive/closing';
import { setTimeout as sleep } from 'node:timers/promises';
import { cutOffCalls, type CutOffCalls } from '../history/cut-off-calls';
import { applyFact, newRecord, type RunRecord, type ShardRecord, type UnitRecord } from '../history/fold';
import { Outcomes } from '../history/outcomes';
import { takeEnds, type EndsSink, type ReadFile } from '../history/unit-ends';
import { liveOverlay, type LiveOverlay } from '../history/overlay';
import { firstGivenBack, waitingRetries, type ThrownError } from '../history/retries';
import { runState } from '../history/run-state';
import type { RowsFile } from '../core/files';
import type { RunPlan } from '../core/plan';
import { openStage, type Stage } from '../stage';
import { STATUS } from './find-execution';
import type { ExecutionHistory } from './histories/execution-history';
import { FollowedRun } from './histories/followed-run';
import type { Description } from './histories/history-source';
import { waitingStep } from './live-step';
import { LiveUnits } from './live-units';
import { LineCounts } from './partitions/log-bytes';
import { PartitionIndex } from './partitions/partition-index';
import { PartitionViews } from './partitions/partition-views';
import { StageOfRun } from './removed-files';
import type { RunSource } from './run-source';
import type { ShardHistory } from './histories/shard-history';
import { folding, openShards, pendingOf, readShards } from './histories/shards-reading';
import type { HistoryEvent } from '../history/events';
import type { RunState } from '../history/state';

/** A run as it was read at one moment. */
export interface Reading {
  record: RunRecord;
  /** Null if the run is closed. */
  overlay: LiveOverlay | null;
  state: RunState;
}

/**
 * When a follower gets the run: whenever it has changed; also about once a second while it is open, because
 * what is running or being retried is not in history; or only then, however much has changed.
 */
export type Pace = 'change' | 'changeOrTick' | 'tick';

const TICK_MS = 1_000;
/** A follower that takes much of the processor gets fewer: at most a tenth of it is spent on readings. */
const PAUSE_PER_WORK = 9;
const MAX_PAUSE_MS = 5_000;

export class RunReader {
  #closed: RunRecord | null = null;
  /** The run's own history read by `closingPages`, without its shards. */
  #passed: RunRecord | null = null;
  #outcomes: { workflowRunId: string; outcomes: Outcomes } | null = null;
  #index: { path: string; index: PartitionIndex } | null = null;
  readonly #earlier = new Map<string, RunReader>();
  /** Numbers of lines in segments of logs, which never change. */
  readonly logLines = new LineCounts();
  #liveUnits: LiveUnits;

  constructor(private readonly source: RunSource) {
    this.#liveUnits = new LiveUnits(source.decoder);
  }

  get runId(): string {
    return this.source.runId;
  }

  /** An earlier execution of the run. */
  at(workflowRunId: string): RunReader {
    const known = this.#earlier.get(workflowRunId) ?? new RunReader(this.source.at(workflowRunId));
    this.#earlier.set(workflowRunId, known);
    return known;
  }

  /** The run's execution. Throws `NoSuchRun`. */
  locate(): Promise<ExecutionHistory> {
    return this.source.locate();
  }

  /** The current state of the run. */
  async read(): Promise<Reading> {
    const history = await this.locate();
    return this.#reading(history, await this.#read(history), history.description);
  }

  /** The contents of the run's history, for callers that do not need what is currently running. */
  async record(): Promise<RunRecord> {
    return this.#read(await this.locate());
  }

  /**
   * The history of an execution that is being closed, page by page. The next `record` returns what these
   * pages contained.
   */
  async *closingPages(): AsyncGenerator<HistoryEvent[]> {
    const history = await this.locate();
    const record = newRecord(history.execution.runId);
    const fold = folding(record, this.source.decoder, null);
    let isWhole = true;
    for await (const events of history.pages()) {
      // Archiving does not need decoded payloads.
      await fold(events).catch(() => (isWhole = false));
      yield events;
    }
    if (isWhole) this.#passed = record;
  }

  async #read(history: ExecutionHistory): Promise<RunRecord> {
    const { runId } = history.execution;
    // A closed execution can be running again if the server has lost its last seconds.
    const open = history.description?.workflowExecutionInfo?.status === STATUS.running;
    if (!open && this.#closed?.workflowRunId === runId) return this.#closed;
    const { decoder } = this.source;
    const record = this.#passed ?? newRecord(runId);
    if (this.#passed === null) {
      const fold = folding(record, decoder, null);
      for await (const events of history.pages()) await fold(events);
    }
    this.#passed = null;
    endAsRecorded(record, await history.closing(decoder));
    await readShards(record, decoder, (shard) => this.#shard(record, history, shard));
    this.#keep(record);
    return record;
  }

  /** The record of a closed run never changes. */
  #keep(record: RunRecord): void {
    if (record.closed !== null && openShards(record).length === 0) this.#closed = record;
  }

  #shard(record: RunRecord, history: ExecutionHistory, shard: ShardRecord): ShardHistory {
    return history.shard(shard, record.plan!.execution, this.stage(record)!);
  }

  /** Yields the run until its end, which comes last. The record is one object that is updated. */
  async *follow({ signal, every }: { signal?: AbortSignal; every: Pace }): AsyncGenerator<Reading> {
    for (;;) {
      const history = await this.locate();
      let superseded = false;
      for await (const reading of this.#followExecution(history, signal, every)) {
        superseded = await this.#isSuperseded(reading.record);
        if (!superseded) yield reading;
      }
      if (!superseded) return;
    }
  }

  /** Waits for the run's end. */
  async end(signal: AbortSignal): Promise<Reading> {
    for (;;) {
      const history = await this.locate();
      await history.untilClosed(signal);
      // If this execution was refused, the run is another one, which may still be running. A history recorded
      // before its end stays open.
      const reading = await this.read();
      if (reading.record.closed !== null || history.description === null) return reading;
    }
  }

  /** Whether this execution was refused while it was being read, so that the run is another one. */
  async #isSuperseded({ workflowRunId, closed, plan }: RunRecord): Promise<boolean> {
    if (this.source.workflowRunId !== null || closed?.kind !== 'failed' || plan !== null) return false;
    return (await this.locate()).execution.runId !== workflowRunId;
  }

  async *#followExecution(
    history: ExecutionHistory,
    signal: AbortSignal | undefined,
    every: Pace,
  ): AsyncGenerator<Reading> {
    const record = newRecord(history.execution.runId);
    // A consumer that stops in the middle of a long poll does not wait for its end.
    const stop = new AbortController();
    const either = signal === undefined ? stop.signal : AbortSignal.any([signal, stop.signal]);
    const followed = new FollowedRun(record, history, this.source.decoder, either, (shard) =>
      this.#shard(record, history, shard),
    );
    /** When the next tick is due; null until the first reading. */
    let due: number | null = null;
    try {
      for (let next = followed.next(); ;) {
        const wait = due === null || every === 'changeOrTick' ? TICK_MS : due - performance.now();
        // The past is not shown as if it were now, nor is the end before its shards' ends.
        const isTicking = every !== 'change' && followed.isCaughtUp && record.closed === null;
        const result = await (isTicking ? orTick(next, wait) : next);
        if (result === null) return;
        if (result === 'more') {
          await followed.take();
          next = followed.next();
          endAsRecorded(record, await history.closing(this.source.decoder));
          // The end comes last.
          const isEnd = record.closed !== null && followed.isAtEnd;
          const isDue = isEnd || (record.closed === null && (every !== 'tick' || due === null));
          if (!followed.isCaughtUp || !isDue) continue;
          if (isEnd) this.#keep(record);
        }
        const begin = process.cpuUsage();
        const isLive = record.closed === null && every !== 'change';
        yield await this.#reading(history, record, isLive ? await describeNow(history) : null);
        due = performance.now() + pauseAfter(process.cpuUsage(begin));
      }
    } finally {
      stop.abort();
    }
  }

  /**
   * Calls of partitions whose units were cut off with the run, by ordinal; `earlier` has those in earlier
   * executions.
   */
  async cutOffCalls(record: RunRecord, earlier: ReadonlyMap<number, number>): Promise<CutOffCalls> {
    const history = await this.locate();
    const ofShards = await pendingOf([...record.shards.values()], (shard) =>
      this.#shard(record, history, shard),
    );
    const pending = [...(history.description?.pendingActivities ?? []), ...ofShards];
    return cutOffCalls(record, await this.#liveUnits.describe(pending, record, null), earlier);
  }

  /** The outcomes of all ended partitions, or of those in some units. Reads files that the record names. */
  async outcomes(record: RunRecord, wanted?: (unit: UnitRecord) => boolean): Promise<Outcomes> {
    const known = this.#outcomes;
    if (known?.workflowRunId !== record.workflowRunId || !known.outcomes.precede(record)) {
      this.#outcomes = { workflowRunId: record.workflowRunId, outcomes: new Outcomes() };
    }
    const { outcomes } = this.#outcomes!;
    await outcomes.update(record, this.fileReader(record), wanted);
    return outcomes;
  }

  /** Files of the rows that functions returned. */
  async rowsFiles(record: RunRecord): Promise<RowsFile[]> {
    return (await this.outcomes(record, () => false)).rowsFiles(record);
  }

  /** The run's partitions, ended or not, or those of some units. Null until the run is planned. */
  async views(
    { record, overlay }: Pick<Reading, 'record' | 'overlay'>,
    wanted?: (unit: UnitRecord) => boolean,
  ): Promise<PartitionViews | null> {
    const { plan } = record;
    if (plan === null) return null;
    const outcomes = await this.outcomes(record, wanted);
    return new PartitionViews({
      plan,
      record,
      overlay,
      outcomes,
      index: this.index(record, plan),
    });
  }

  /**
   * Passes ends of partitions to `sink`: those that the `wanted` units recorded, and those taken over.
   * Nothing is cached.
   */
  takeEnds(record: RunRecord, sink: EndsSink, wanted: (unit: UnitRecord) => boolean): Promise<void> {
    return takeEnds(record, this.fileReader(record), sink, wanted);
  }

  /** The partition index of a planned run. */
  index(record: RunRecord, { index: ref }: RunPlan): PartitionIndex {
    if (this.#index?.path !== ref.path) {
      const index = new PartitionIndex(() => this.stage(record)!.localFile(ref));
      this.#index = { path: ref.path, index };
    }
    return this.#index.index;
  }

  /** The stage named in the run's history; null until the run is opened. */
  stage({ plan, opened }: RunRecord): Stage | null {
    const uri = plan?.stage ?? opened?.stage;
    if (uri === undefined) return null;
    const stage = openStage(uri, opened?.stageToken);
    return opened === null
      ? stage
      : new StageOfRun(stage, { runId: this.runId, generation: opened.generation });
  }

  /** Reads files that the record names. */
  fileReader(record: RunRecord): ReadFile {
    return (ref) => this.stage(record)!.read(ref);
  }

  async #reading(
    history: ExecutionHistory,
    record: RunRecord,
    description: Description | null,
  ): Promise<Reading> {
    const asOf = new Date().toISOString();
    let overlay: LiveOverlay | null = null;
    if (record.closed === null && description !== null) {
      const pending = description.pendingActivities ?? [];
      const ofShards = await pendingOf(openShards(record), (shard) => this.#shard(record, history, shard));
      const units = await this.#liveUnits.describe([...pending, ...ofShards], record, this.stage(record));
      const step = await waitingStep(pending, this.source.decoder);
      overlay = liveOverlay(record, { units, step }, asOf);
    }
    const archived = history.description === null;
    const retries = waitingRetries(record, overlay?.retries ?? null, await this.#thrown(record, overlay));
    return { record, overlay, state: { ...runState(record, this.runId, asOf, overlay), archived, retries } };
  }

  /**
   * Why the first partitions failed that batches gave back. Reads only their units' files, and does without
   * them if the stage cannot be read from here.
   */
  async #thrown(record: RunRecord, overlay: LiveOverlay | null): Promise<ThrownError> {
    const ordinals = overlay === null ? [] : firstGivenBack(record);
    if (ordinals.length === 0) return () => undefined;
    const gaveBack = ({ task, end }: UnitRecord): boolean =>
      end?.type === 'result' &&
      (end.result.retry ?? end.result.big) !== null &&
      ordinals.some((ordinal) => task.from <= ordinal && ordinal <= task.to);
    const outcomes = await this.outcomes(record, gaveBack).catch(() => null);
    return (ordinal) => outcomes?.thrown.get(ordinal)?.outcome;
  }
}

/** An archive that was written just before the end contains the end separately. */
function endAsRecorded(record: RunRecord, closing: ArchivedClosing | null): void {
  if (record.closed !== null || closing === null) return;
  applyFact(record, { type: 'closed', realExecution: null, ...closing });
}

/** Null if the server does not answer now: live information is optional, and no reason to stop following. */
function describeNow(history: ExecutionHistory): Promise<Description | null> {
  return history.describe().catch(() => null);
}

function pauseAfter({ user, system }: NodeJS.CpuUsage): number {
  return Math.min(Math.max(TICK_MS, (PAUSE_PER_WORK * (user + system)) / 1_000), MAX_PAUSE_MS);
}

/** The promise's value, or `tick` if it takes longer than this. */
async function orTick<T>(promise: Promise<T>, ms: number): Promise<T | 'tick'> {
  const timer = new AbortController();
  try {
    return await Promise.race([promise, sleep(Math.max(0, ms), 'tick' as const, { signal: timer.signal })]);
  } finally {
    timer.abort();
  }
}
