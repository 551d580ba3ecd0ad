/** Reads one run: finds its execution, folds its history, and keeps what need not be read twice. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import { HistoryDecoder, type PayloadDecoder } from '../history/decode';
import { applyFact, newRecord, type RunRecord } from '../history/fold';
import { Outcomes, type ReadFile } from '../history/outcomes';
import { liveOverlay, type LiveOverlay } from '../history/overlay';
import { runState } from '../history/run-state';
import type { RunPlan } from '../run/plan';
import { openStage, type Stage } from '../stage';
import { findExecution } from './chain';
import { NoSuchRun } from './errors';
import { HistorySource, isNotFound, type Description, type ExecutionRef } from './history-source';
import { runNotFound } from './list';
import { waitingStep } from './live-step';
import { LiveUnits } from './live-units';
import { payloadDecoder } from './payloads';
import { PartitionIndex } from './partition-index';
import { PartitionViews } from './partition-views';
import type { RunState } from './types';
import { Visibility, WORKFLOW_TYPE } from './visibility';

/** A run as it was read at one moment. */
export interface Reading {
  record: RunRecord;
  /** Null when the run is closed. */
  overlay: LiveOverlay | null;
  state: RunState;
}

/** How often a follower asks the server which partitions are running. */
const TICK_MS = 1_000;

export class RunReader {
  readonly #source: HistorySource;
  readonly #visibility: Visibility;
  readonly #decoder: PayloadDecoder;
  #closed: RunRecord | null = null;
  #outcomes: { workflowRunId: string; outcomes: Outcomes } | null = null;
  #index: { path: string; index: Promise<PartitionIndex> } | null = null;
  #liveUnits: LiveUnits;

  /** `pinned`: the execution to read whatever came after it; null: the run's real one. */
  constructor(
    private readonly client: Client,
    readonly runId: string,
    private readonly pinned: string | null,
  ) {
    this.#source = new HistorySource(client);
    this.#visibility = new Visibility(client);
    this.#decoder = payloadDecoder(client);
    this.#liveUnits = new LiveUnits(this.#decoder);
  }

  /** The run's execution as the server describes it. Throws `NoSuchRun`. */
  async locate(): Promise<{ execution: ExecutionRef; description: Description }> {
    let description: Description;
    try {
      description =
        this.pinned === null
          ? await findExecution(this.#source, this.#visibility, this.#decoder, this.runId)
          : await this.#source.describe(this.runId, this.pinned);
    } catch (error) {
      throw isNotFound(error) ? await runNotFound(this.client, this.runId) : error;
    }
    const info = description.workflowExecutionInfo!;
    const type = info.type?.name ?? '';
    if (type !== WORKFLOW_TYPE) {
      throw new NoSuchRun(
        this.runId,
        `"${this.runId}" is a workflow of type "${type}", not a run of Partwise: runs are workflows of type "${WORKFLOW_TYPE}".`,
      );
    }
    return { execution: { workflowId: this.runId, runId: info.execution!.runId! }, description };
  }

  /** The run as it is now. */
  async read(): Promise<Reading> {
    const { execution, description } = await this.locate();
    if (this.#closed?.workflowRunId === execution.runId) return this.#reading(this.#closed, null);
    const record = newRecord(execution.runId);
    const decoder = new HistoryDecoder(this.#decoder);
    for await (const events of this.#source.pages(execution)) {
      for (const event of events) {
        const fact = await decoder.decode(event);
        if (fact !== null) applyFact(record, fact);
      }
    }
    if (record.closed !== null) this.#closed = record;
    return this.#reading(record, description);
  }

  /**
   * The run whenever it has changed, until its end, which comes last. The record is one object that grows. `ticks`: also about
   * once a second while it is open, since what is running, or fails and is tried again, is in no history.
   */
  async *follow({ signal, ticks }: { signal?: AbortSignal; ticks: boolean }): AsyncGenerator<Reading> {
    for (;;) {
      const { execution, description } = await this.locate();
      let superseded = false;
      for await (const reading of this.#followExecution(execution, description, signal, ticks)) {
        superseded = await this.#isSuperseded(reading.record);
        if (!superseded) yield reading;
      }
      if (!superseded) return;
    }
  }

  /** Whether this execution was refused while it was read, and the run is another one. */
  async #isSuperseded({ workflowRunId, closed, plan }: RunRecord): Promise<boolean> {
    if (this.pinned !== null || closed?.kind !== 'failed' || plan !== null) return false;
    return (await this.locate()).execution.runId !== workflowRunId;
  }

  async *#followExecution(
    execution: ExecutionRef,
    first: Description,
    signal: AbortSignal | undefined,
    ticks: boolean,
  ): AsyncGenerator<Reading> {
    const record = newRecord(execution.runId);
    const decoder = new HistoryDecoder(this.#decoder);
    // What had happened before is read in one go.
    const behind = Number(first.workflowExecutionInfo?.historyLength ?? 0);
    // Whoever stops reading in the middle of a long poll does not wait for its end.
    const stop = new AbortController();
    const either = signal === undefined ? stop.signal : AbortSignal.any([signal, stop.signal]);
    const pages = this.#source.follow(execution, either);
    try {
      for (let next = pages.next(); ;) {
        const page = await (ticks ? orTick(next) : next);
        if (page === 'tick') {
          yield await this.#reading(record, await this.#describe(execution));
          continue;
        }
        if (page.done) return;
        for (const event of page.value) {
          const fact = await decoder.decode(event);
          if (fact !== null) applyFact(record, fact);
        }
        if (record.closed !== null) this.#closed = record;
        const last = Number(page.value.at(-1)!.eventId);
        if (last >= behind) {
          const open = record.closed === null && ticks;
          yield await this.#reading(record, open ? await this.#describe(execution) : null);
        }
        next = pages.next();
      }
    } finally {
      stop.abort();
    }
  }

  /** Null when the server cannot say now: what runs is good to know, and no reason to stop following. */
  #describe({ workflowId, runId }: ExecutionRef): Promise<Description | null> {
    return this.#source.describe(workflowId, runId).catch(() => null);
  }

  /** How every partition that ended did so. Reads files that the record names. */
  async outcomes(record: RunRecord): Promise<Outcomes> {
    if (this.#outcomes?.workflowRunId !== record.workflowRunId) {
      this.#outcomes = { workflowRunId: record.workflowRunId, outcomes: new Outcomes() };
    }
    const { outcomes } = this.#outcomes;
    await outcomes.update(record, this.#readFile(record));
    return outcomes;
  }

  /** The run's partitions, ended or not. Null before the plan is there. */
  async views({ record, overlay }: Pick<Reading, 'record' | 'overlay'>): Promise<PartitionViews | null> {
    const { plan } = record;
    if (plan === null) return null;
    const outcomes = await this.outcomes(record);
    return new PartitionViews({
      plan,
      record,
      overlay,
      outcomes,
      loadIndex: () => this.#loadIndex(record, plan),
    });
  }

  #loadIndex(record: RunRecord, { index: ref }: RunPlan): Promise<PartitionIndex> {
    if (this.#index?.path !== ref.path) {
      const index = this.stage(record)!.localFile(ref).then(PartitionIndex.read);
      // A failure is not kept: the stage may be reachable the next time.
      index.catch(() => (this.#index = null));
      this.#index = { path: ref.path, index };
    }
    return this.#index.index;
  }

  /** The stage that the run's history names; null before the run was opened. */
  stage({ plan, opened }: RunRecord): Stage | null {
    const uri = plan?.stage ?? opened?.stage;
    return uri === undefined ? null : openStage(uri);
  }

  #readFile(record: RunRecord): ReadFile {
    return (ref) => this.stage(record)!.get(ref.path);
  }

  async #reading(record: RunRecord, description: Description | null): Promise<Reading> {
    const asOf = new Date().toISOString();
    let overlay: LiveOverlay | null = null;
    if (record.closed === null && description !== null) {
      const pending = description.pendingActivities ?? [];
      const units = await this.#liveUnits.describe(pending, record, this.stage(record));
      const step = await waitingStep(pending, this.#decoder);
      overlay = liveOverlay(record, { units, step }, asOf);
    }
    return { record, overlay, state: runState(record, this.runId, asOf, overlay) };
  }
}

/** The promise's value, or `tick` when it takes longer than a tick. */
async function orTick<T>(promise: Promise<T>): Promise<T | 'tick'> {
  const timer = new AbortController();
  try {
    return await Promise.race([promise, sleep(TICK_MS, 'tick' as const, { signal: timer.signal })]);
  } finally {
    timer.abort();
  }
}
