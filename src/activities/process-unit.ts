/**
 * Runs one unit: reads what earlier attempts recorded, runs the rest in runner processes, and reports an outcome for each
 * partition.
 *
 * Budgets. `retry.maximumAttempts` counts throws of the function. Lost workers, killed runners and time-outs have
 * a budget of their own, and a worker's graceful shutdown costs nothing. Temporal's `attempt` counts all of these
 * alike, so the server retries without a maximum and this activity decides, from what it keeps in heartbeat details:
 * losses = attempt − 1 − throws − shutdowns. A batch that got further before its worker was lost begins to count anew.
 */
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { ApplicationFailure, CancelledFailure, Context } from '@temporalio/activity';
import type { ErrorInfo, PartitionOutcome, UnitResult } from '../run/outcome';
import { decodeOrdinals } from '../run/ordinals';
import type { UnitPlan, UnitTask } from '../run/plan';
import { Refusal } from '../run/refusal';
import { attemptFolder } from '../run/stage-layout';
import type { Stage } from '../stage';
import { runUnit } from '../runners/unit-run';
import { readIndex } from '../warehouse/duckdb/partition-index';
import { readCheckpoints } from './checkpoints';
import type { ActivityDeps } from './deps';
import { refusing, unitFailure } from './failures';
import { FunctionMissing } from './function-catalog';
import { duckdbMemory } from './function-limits';
import { FIRST_BEAT, startHeartbeats, type Heartbeats, type UnitBeat } from './heartbeat';
import { openPlannedStage } from './stage-access';
import { UnitRecorder } from './unit-recorder';
import { loadUnitPlan } from './unit-plan';
import { unitResult } from './unit-result';

/** Runners, workers and time-outs that a partition may cost before it is given up. */
const MOST_LOSSES = 3;

export function processUnit(deps: ActivityDeps, task: UnitTask): Promise<UnitResult> {
  return refusing(() => new UnitAttempt(deps, task, Context.current()).run());
}

class UnitAttempt {
  readonly #before: UnitBeat;
  readonly #activityId: string;
  readonly #attempt: number;
  /** Aborts the runners: a cancel, a shutdown, or no heartbeat accepted. */
  readonly #stop = new AbortController();

  constructor(
    private readonly deps: ActivityDeps,
    private readonly task: UnitTask,
    private readonly context: Context,
  ) {
    const { info } = context;
    this.#before = { ...FIRST_BEAT, ...(info.heartbeatDetails as Partial<UnitBeat> | undefined) };
    this.#activityId = info.activityId;
    this.#attempt = info.attempt;
  }

  /** Attempts that ended without a word (their worker was lost), since the unit last got further. */
  get #losses(): number {
    const { throws, shutdowns, forgiven } = this.#before;
    return Math.max(0, this.#attempt - 1 - throws - shutdowns - forgiven);
  }

  async run(): Promise<UnitResult> {
    const { context } = this;
    const beat: UnitBeat = { ...this.#before, segment: 0, ordinal: null, ended: 0, progress: undefined };
    const heartbeats = startHeartbeats(context, beat, (reason) => this.#stop.abort(new Error(reason)));
    const stopOnCancel = (): void => this.#stop.abort(context.cancellationSignal.reason);
    context.cancellationSignal.addEventListener('abort', stopOnCancel, { once: true });
    if (context.cancellationSignal.aborted) stopOnCancel();
    const scratch = await this.#makeScratch();
    try {
      return await this.#attemptUnit(heartbeats, scratch);
    } catch (error) {
      // What the next attempt says when it gives up. A failure of our own making says all itself.
      if (!(error instanceof ApplicationFailure) && !(error instanceof CancelledFailure)) {
        heartbeats.update({ lastError: trouble(error) });
        await heartbeats.flush();
      }
      throw error;
    } finally {
      context.cancellationSignal.removeEventListener('abort', stopOnCancel);
      heartbeats.stop();
      await rm(scratch, { recursive: true, force: true });
    }
  }

  async #attemptUnit(heartbeats: Heartbeats, scratch: string): Promise<UnitResult> {
    const { context, task } = this;
    const stage = await this.#stage(heartbeats);
    const plan = await loadUnitPlan(stage, task.plan);
    const folder = attemptFolder(task, this.#activityId, this.#attempt);
    const unitFolder = folder.slice(0, folder.lastIndexOf('/', folder.length - 2) + 1);
    const recorded =
      this.#attempt === 1 ? { outcomes: [], output: [] } : await readCheckpoints(stage, unitFolder);
    const startedWith = recorded.outcomes.length;
    if (startedWith > this.#before.startedWith) this.#before.forgiven += this.#losses;
    heartbeats.update({ startedWith, forgiven: this.#before.forgiven });
    const index = await stage.localFile(plan.index);
    const bundle = await this.#bundle(plan, heartbeats);
    const ordinals = this.#remaining(
      plan.selected,
      recorded.outcomes.map(({ outcome }) => outcome.ordinal),
    );
    const priorCalls = task.round + this.#before.throws + this.#losses;
    const recorder = new UnitRecorder({
      context,
      stage,
      folder,
      heartbeats,
      recorded,
      keyColumns: plan.keyColumns,
      isBatch: this.#isBatch,
      scratch,
      callsBefore: (ordinal) => priorCalls + (plan.earlierCalls[ordinal] ?? 0),
    });
    if (this.#losses >= MOST_LOSSES) {
      recorder.giveUp(await readIndex(index, ordinals), this.#workerLost());
    } else {
      const snapshot = await Promise.all(plan.snapshot.map((ref) => stage.localFile(ref)));
      const { left, failed } = await runUnit({
        pool: this.deps.pool,
        unit: {
          function: { ...plan.function, digest: bundle.digest },
          bundle: bundle.path,
          runId: task.runId,
          params: plan.params,
          warehouse: plan.warehouse,
          keyColumns: plan.keyColumns,
          columns: plan.columns,
          index,
          snapshot,
          files: plan.files === null ? null : ordinals.map((ordinal) => plan.files![ordinal]!),
          ordinals,
          priorCalls,
          extraCalls: pick(plan.earlierCalls, ordinals),
          snapshotTime: plan.snapshotTime,
          scheduledTime: plan.scheduledTime,
          scratch,
          nonRetryableErrorTypes: plan.retry.nonRetryableErrorTypes,
          duckdbMemoryBytes: duckdbMemory(plan.memoryBytes),
        },
        timeoutMs: plan.timeoutMs,
        memoryBytes: plan.memoryBytes,
        maximumLosses: MOST_LOSSES - this.#losses,
        signal: this.#stop.signal,
        handlers: recorder,
      });
      if (failed?.retryable === true) throw unitFailure(failed.error, { nonRetryable: false });
      if (failed !== null) recorder.giveUp(await readIndex(index, left), failed.error);
      else await this.#handOver(left, recorder, heartbeats, index);
    }
    await recorder.close();
    return this.#conclude(plan, recorder, heartbeats, bundle.digest, folder);
  }

  get #isBatch(): boolean {
    return this.task.to > this.task.from;
  }

  #remaining(selected: string | null, recorded: readonly number[]): number[] {
    const { only, except, from, to } = this.task;
    const all =
      only !== null
        ? decodeOrdinals(only)
        : selected === null
          ? Array.from({ length: to - from + 1 }, (_, i) => from + i)
          : decodeOrdinals(selected).filter((ordinal) => ordinal >= from && ordinal <= to);
    // enforces I4: what is recorded does not run again.
    const done = new Set([...recorded, ...(except === null ? [] : decodeOrdinals(except))]);
    return all.filter((ordinal) => !done.has(ordinal));
  }

  async #makeScratch(): Promise<string> {
    await mkdir(this.deps.scratch, { recursive: true });
    return mkdtemp(join(this.deps.scratch, `unit-${this.#activityId}-`));
  }

  async #stage(heartbeats: Heartbeats): Promise<Stage> {
    try {
      return await openPlannedStage(this.task.stage, this.task.stageToken);
    } catch (error) {
      if (!(error instanceof Refusal && error.type === 'StageUnreachable')) throw error;
      // A worker without the folder, or a mount that comes and goes.
      return this.#elsewhere(error.message, error.type, heartbeats);
    }
  }

  /** Leaves the unit to another worker: like a shutdown, this costs no attempt. */
  async #elsewhere(why: string, type: string, heartbeats: Heartbeats): Promise<never> {
    heartbeats.update({ shutdowns: this.#before.shutdowns + 1 });
    await heartbeats.flush();
    throw ApplicationFailure.retryable(`${why} (worker ${this.deps.identity})`, type);
  }

  async #bundle(plan: UnitPlan, heartbeats: Heartbeats) {
    try {
      return await this.deps.functions.forUnit(plan.function);
    } catch (error) {
      if (!(error instanceof FunctionMissing)) throw error;
      return this.#elsewhere(error.message, error.name, heartbeats);
    }
  }

  /** After an abort: a cancelled unit completes with what it has; a shutdown or a lost server hands it to another attempt. */
  async #handOver(
    left: readonly number[],
    recorder: UnitRecorder,
    heartbeats: Heartbeats,
    index: string,
  ): Promise<void> {
    if (left.length === 0 && recorder.handedBack.length === 0) return;
    const { cancellationDetails } = this.context;
    if (cancellationDetails?.cancelRequested === true) {
      recorder.cutOff(await readIndex(index, left));
      return;
    }
    await recorder.close();
    if (cancellationDetails?.workerShutdown === true) {
      heartbeats.update({ shutdowns: this.#before.shutdowns + 1 });
      await heartbeats.flush();
      throw ApplicationFailure.create({
        message: `The worker ${this.deps.identity} is shutting down; another one goes on.`,
        type: 'WorkerShutdown',
        nextRetryDelay: '100ms',
      });
    }
    throw new CancelledFailure(String(this.#stop.signal.reason));
  }

  #workerLost(): ErrorInfo {
    const { lastError } = this.#before;
    if (lastError !== undefined) return { ...lastError, stack: null };
    return {
      type: 'WorkerLost',
      message: `The worker was lost ${this.#losses} times while this ran (last known attempt: ${this.#attempt - 1}); it is not tried again.`,
      stack: null,
    };
  }

  async #conclude(
    plan: UnitPlan,
    recorder: UnitRecorder,
    heartbeats: Heartbeats,
    functionDigest: string,
    logs: string,
  ): Promise<UnitResult> {
    const { task } = this;
    const calls = task.round + 1;
    const make = (mayRetry: boolean): Promise<UnitResult> =>
      unitResult({ task, recorder, mayRetry, functionDigest, logs, worker: this.deps.identity });
    if (this.#isBatch || task.only !== null) return make(calls < plan.retry.maximumAttempts);

    const [last] = recorder.recorded.outcomes;
    const { error } = last!.outcome;
    const throws = this.#before.throws + 1;
    if (last!.outcome.status === 'FAILED' && last!.retryable && throws < plan.retry.maximumAttempts) {
      heartbeats.update({ throws });
      await heartbeats.flush();
      throw unitFailure(error!, { nonRetryable: false, nextRetryDelayMs: last!.retryDelayMs });
    }
    const result = await make(false);
    if (isFailure(last!.outcome)) throw unitFailure(error!, { nonRetryable: true, details: [result] });
    return result;
  }
}

function isFailure({ status }: PartitionOutcome): boolean {
  return status === 'FAILED' || status === 'INTERNAL_ERROR';
}

/** The counts of these ordinals alone: a plan may hold those of a hundred thousand. */
function pick(counts: Record<number, number>, ordinals: readonly number[]): Record<number, number> {
  return Object.fromEntries(ordinals.flatMap((each) => (each in counts ? [[each, counts[each]!]] : [])));
}

function trouble(error: unknown): { type: string; message: string } {
  const { name, message } = error instanceof Error ? error : new Error(String(error));
  return { type: name.slice(0, 200), message: message.slice(0, 1_000) };
}
