/**
 * Runs one unit: reads what previous attempts recorded, runs the rest in runner processes, and reports an
 * outcome for each partition. `UnitBudget` decides about retries.
 */
import type { Recorded } from '../../stored/checkpoints';
import { randomUUID } from 'node:crypto';
import { rm, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Context } from '@temporalio/activity';
import { inTurn } from '../../core/in-turn';
import { widened, type Confinement } from '../../duckdb/confinement';
import type { ErrorInfo, UnitResult } from '../../core/outcome';
import { decodeOrdinals } from '../../core/units/ordinals';
import type { HandedOver } from '../../core/handed-over';
import type { UnitTask } from '../../core/tasks';
import type { UnitPlan } from '../../core/unit-plan';
import { isFailure } from '../../core/status';
import { attemptFolder, attemptOf, nextAttempt, unitFolder } from '../../stored/layout';
import { makeFolders } from '../../files/folders';
import type { Stage } from '../../stage';
import { monotonicMs } from '../../runners/call-record';
import { callMemory } from '../../runners/memory';
import type { RunnerUnit } from '../../runners/protocol';
import { runnerUnit } from '../../runners/runner-unit';
import { assertRoom } from '../../runners/scratch-room';
import { runUnit } from '../../runners/unit-run';
import { readIndex } from '../../rows/partition-index';
import { readCheckpoints } from '../../stored/checkpoints';
import { allowedFiles, confinementOf } from '../../planning/allowed-files';
import type { ActivityDeps } from '../deps';
import { refusing, unitFailure } from '../failures';
import { FunctionMissing } from '../../functions/errors';
import type { UnitBundle } from '../../planning/function-catalog';
import { HandOver } from './hand-over';
import { beatFrom, startHeartbeats, type Heartbeats, type UnitBeat } from './heartbeat';
import { Interruptions } from './interruptions';
import { openPlannedStage } from '../../stored/stage-access';
import { StageWait } from './stage-wait';
import { UnitBudget } from './unit-budget';
import { UnitRecorder } from './recorder';
import { localFiles } from '../../warehouse/staged-files';
import { fetchSnapshot } from '../../warehouse/unit-snapshot';
import { loadUnitPlan } from '../../stored/unit-plan';
import { unitResult } from './result';
import { openWarehouse } from '../../warehouse';
import type { UnitRunOptions } from '../../runners/unit-run-types';

/** After waiting this long for a worker, check whether the run was paused in the meantime. */
const LONG_WAIT_MS = 2_000;
/** Left of an attempt's time when it stops waiting for the stage. */
const STAGE_WAIT_MARGIN_MS = 10_000;
/**
 * Size of the test write that must succeed before an attempt calls the function, if the previous one could
 * not store its results.
 */
const TRIED_BYTES = 64 * 1024;
/** Room in the scratch folder that such an attempt waits for. */
const ROOM_BYTES = 1024 * 1024;
/**
 * In addition to the heartbeat timeout: a live worker gives its functions two seconds to stop, and a
 * continuation waits for three.
 */
const LEASE_GRACE_MS = 2_500;

export function processUnit(deps: ActivityDeps, task: UnitTask): Promise<UnitResult> {
  const attempt = new UnitAttempt(deps, task, Context.current());
  return refusing(() => attempt.run(), attempt.handedOver);
}

/** The state of an attempt after it has read the plan and what was recorded. */
interface Work {
  plan: UnitPlan;
  budget: UnitBudget;
  recorder: UnitRecorder;
  /** Local copy of the partition index. */
  index: string;
  bundle: UnitBundle;
  /** The attempt's folder on the stage. */
  folder: string;
}

class UnitAttempt {
  readonly #before: UnitBeat;
  readonly #heartbeats: Heartbeats;
  readonly #interruptions: Interruptions;
  readonly #handOver: HandOver;
  #recorder: UnitRecorder | null = null;
  readonly #startedAt = monotonicMs();
  /** Whether the worker's log already says that this unit is waiting for its stage. */
  #loggedWait = false;

  constructor(
    private readonly deps: ActivityDeps,
    private readonly task: UnitTask,
    private readonly context: Context,
  ) {
    this.#before = beatFrom(context.info.heartbeatDetails);
    const fresh = { segment: 0, ordinal: null, call: null, ended: 0 };
    const beat = { ...this.#before, ...fresh, waiting: undefined, stageRefused: undefined };
    this.#interruptions = new Interruptions(context, deps.stopping);
    this.#heartbeats = startHeartbeats(context, beat, {
      onLost: (reason) => this.#interruptions.lose(reason),
      poll: () => this.#recorder?.beat ?? {},
    });
    this.#handOver = new HandOver(deps.identity, this.#before, this.#heartbeats);
  }

  /** The attempts before, at no cost. */
  get handedOver(): HandedOver {
    return { handedOver: this.#before.shutdowns };
  }

  async run(): Promise<UnitResult> {
    const { task, context } = this;
    const unit = unitFolder(task, context.info.activityId);
    let scratch: string | null = null;
    this.deps.metrics?.unitWaited(Date.now() - context.info.currentAttemptScheduledTimestampMs);
    try {
      const folder = (scratch = await this.#makeScratch());
      // A server that was unavailable, or has lost its last seconds, starts another attempt while the
      // previous one is still running here: that one ends within the heartbeat timeout, and what it records
      // is not run again. An attempt that is to stop runs nothing, so it need not wait.
      return await inTurn(`${task.stage}/${unit}`, this.#interruptions.stop, () =>
        this.#attempt(unit, folder),
      );
    } catch (error) {
      return await this.#handOver.afterError(error);
    } finally {
      this.#interruptions.close();
      this.#heartbeats.stop();
      if (scratch !== null) await removeFolder(scratch);
    }
  }

  async #attempt(unit: string, scratch: string): Promise<UnitResult> {
    const { context, task } = this;
    const stage = await openPlannedStage(task.stage, task.stageToken);
    const plan = await loadUnitPlan(stage, task.plan);
    // Also for the first attempt: the server may have forgotten others.
    const objects = await stage.list(unit);
    const places = objects.flatMap(({ path }) => attemptOf(path.slice(unit.length)) ?? []);
    const folder = `${unit}${attemptFolder(nextAttempt(context.info.attempt, places))}`;
    const own = new Set(ordinalsToRun(task, plan.selected));
    const recorded = await readCheckpoints(stage, objects, (ordinal) => own.has(ordinal));
    const done = new Set(recorded.ordinals);
    const { attempt } = context.info;
    const budget = new UnitBudget({ task, plan, attempt, before: this.#before, recorded: done });
    this.#heartbeats.update(budget.beat);
    const bundle = await this.#bundle(plan);
    const index = await stage.localFile(plan.index);
    const { keyColumns } = plan;
    const heartbeats = this.#heartbeats;
    const wait = this.#stageWait();
    const recorder = new UnitRecorder({
      context,
      stage,
      wait,
      folder,
      heartbeats,
      errors: this.#before.errors,
      recorded,
      keyColumns,
      budget,
      scratch,
      functionDigest: bundle.digest,
      models: plan.models ?? null,
    });
    this.#recorder = recorder;
    const work: Work = { plan, budget, recorder, index, bundle, folder };
    // enforces I4: recorded partitions do not run again.
    const ordinals = [...own].filter((ordinal) => !done.has(ordinal));
    if (this.#before.stageRefused === true && ordinals.length > 0)
      await wait.patiently(() => Promise.all([tryWriting(stage, folder), assertRoom(scratch, ROOM_BYTES)]));
    if (budget.isSpent) recorder.giveUp(await readIndex(index, ordinals), this.#workerLost(budget));
    else if (ordinals.length > 0) await this.#runPartitions(work, ordinals, stage, scratch);
    return this.deps.slots.conclude(async () => {
      await recorder.close();
      return this.#conclude(work);
    });
  }

  async #runPartitions(work: Work, ordinals: number[], stage: Stage, scratch: string): Promise<void> {
    const { plan, budget, recorder, index, bundle } = work;
    const { stop } = this.#interruptions;
    const warehouse = openWarehouse(plan.warehouse, this.deps.projectDir);
    const fetch = () => fetchSnapshot({ stage, warehouse }, plan, ordinals, scratch, stop);
    const snapshot = await fetch();
    if (this.#hasWaited) await this.#interruptions.checkForPause();
    if (!budget.isOwnActivity) this.#interruptions.watchForPause();
    const { pool, projectDir } = this.deps;
    const files = await localFiles(plan, ordinals, { projectDir, scratch, signal: stop });
    const memory = callMemory({ wanted: plan.memoryBytes, runners: pool.size, big: this.task.big });
    const unit = await this.#runnerUnit(work, ordinals, { snapshot, files }, scratch, memory.each);
    const { timeoutMs } = plan;
    const { hasDuckDB } = bundle.language;
    const { confinement } = unit;
    const { left, failed } = await runUnit({
      pool,
      language: bundle.language,
      unit,
      timeoutMs,
      memory,
      gpus: plan.gpus,
      signal: this.#interruptions.stop,
      drain: this.#interruptions.drain,
      alone: budget.mustBeAlone,
      entryOf: async (ordinal) => (await readIndex(index, [ordinal]))[0]!,
      afterLoss: (types) => budget.afterLoss(types),
      handlers: recorder,
      access: warehouse.access(unit, { timeoutMs, scratch, hasDuckDB, confinement }),
      lease: () => this.#heartbeats.left() + LEASE_GRACE_MS,
    });
    if (failed === null) return this.#endWith(left, recorder, index);
    if (!failed.retryable) return recorder.giveUp(await readIndex(index, left), failed.error);
    const { type, message } = failed.error;
    // Throws the actual problem if it persists: the stage is unavailable, or a file is missing or damaged.
    if (type === 'SnapshotUnreadable') await Promise.all([stage.localFile(plan.index), fetch()]);
    await this.#handOver.note({ lastError: { type, message } });
    throw unitFailure(failed.error, { nonRetryable: false });
  }

  async #runnerUnit(
    { plan, budget, bundle, index }: Work,
    ordinals: number[],
    { snapshot, files }: Pick<RunnerUnit, 'snapshot' | 'files'>,
    scratch: string,
    memoryBytes: number,
  ): Promise<UnitRunOptions['unit']> {
    return runnerUnit(plan, {
      function: { ...plan.function, digest: bundle.digest, python: bundle.python },
      bundle: bundle.path,
      index,
      snapshot,
      files,
      ordinals,
      isBatch: !budget.isOwnActivity,
      priorCalls: budget.priorCalls,
      extraCalls: budget.extraCalls(ordinals),
      spill: join(this.deps.scratch, 'spill'),
      scratch,
      nonRetryableErrorTypes: plan.retry.nonRetryableErrorTypes,
      memoryBytes,
      ...(plan.trusted === false && {
        confinement: await this.#confinement([index, ...snapshot, ...(files ?? []).map(({ path }) => path)]),
      }),
    });
  }

  /** `paths` are the unit's own files. */
  async #confinement(paths: readonly string[]): Promise<Confinement> {
    const allowed = await confinementOf(await allowedFiles(await this.deps.project()));
    return widened(allowed, { directories: [this.deps.scratch], paths });
  }

  /** Whether the run may have been paused since the attempt was scheduled. */
  get #hasWaited(): boolean {
    const { attempt, currentAttemptScheduledTimestampMs } = this.context.info;
    return attempt > 1 || Date.now() - currentAttemptScheduledTimestampMs > LONG_WAIT_MS;
  }

  async #makeScratch(): Promise<string> {
    const folder = join(this.deps.scratch, `unit-${this.context.info.activityId}-${randomUUID()}`);
    await makeFolders(folder);
    return folder;
  }

  async #bundle(plan: UnitPlan): Promise<UnitBundle> {
    try {
      return await this.deps.functions.forUnit(plan.function);
    } catch (error) {
      if (!(error instanceof FunctionMissing)) throw error;
      return this.#handOver.toAnotherWorker(error.message, error.name);
    }
  }

  /**
   * Stops waiting for the stage before the server would time out this attempt, which would cost the partition
   * an attempt.
   */
  #stageWait(): StageWait {
    const { startToCloseTimeoutMs: timeoutMs } = this.context.info;
    return new StageWait({
      signal: this.#interruptions.stop,
      until: this.#startedAt + timeoutMs - Math.min(timeoutMs / 4, STAGE_WAIT_MARGIN_MS),
      onChange: (reason) => {
        this.#heartbeats.update({ waiting: reason ?? undefined });
        if (reason === null) return;
        if (!this.#loggedWait) this.context.log.warn(`A unit is waiting for its stage. ${reason}`);
        this.#loggedWait = true;
        this.#recorder?.holdCalls();
      },
    });
  }

  /**
   * Handles partitions that were not run: a cancelled unit completes with what it has, any other hands them
   * to the next attempt.
   */
  async #endWith(left: readonly number[], recorder: UnitRecorder, index: string): Promise<void> {
    if (left.length === 0 && recorder.handedBack.length === 0) return;
    const { why, stop } = this.#interruptions;
    if (why === 'cancelled') return recorder.cutOff(await readIndex(index, left));
    await recorder.close();
    return this.#handOver.interrupted(why, stop.reason);
  }

  #workerLost({ lostWorkers }: UnitBudget): ErrorInfo {
    const { lastError } = this.#before;
    if (lastError !== undefined) return { ...lastError, stack: null };
    const times = lostWorkers === 1 ? 'once' : `${lostWorkers} times`;
    return {
      type: 'WorkerLost',
      message: `The worker was lost ${times} while running this unit (last known attempt: ${this.context.info.attempt - 1}), so the unit is not retried.`,
      stack: null,
    };
  }

  async #conclude({ plan, budget, recorder, bundle, folder }: Work): Promise<UnitResult> {
    const { task } = this;
    const single = budget.isOwnActivity ? recorder.recorded.outcomes.at(-1)! : null;
    if (single?.retryable === true) {
      const { errors } = recorder.afterThrow(single.outcome);
      await this.#handOver.note({ throws: this.#before.throws + 1, errors });
      throw unitFailure(single.outcome.error!, {
        nonRetryable: false,
        nextRetryDelayMs: single.retryDelayMs,
      });
    }
    const worker = this.deps.identity;
    const result = await unitResult({ task, recorder, functionDigest: bundle.digest, logs: folder, worker });
    this.deps.metrics?.unitEnded(plan.function.name, result, recorder.recorded);
    this.#reportFailures(recorder.recorded);
    if (single !== null && !single.big && isFailure(single.outcome.status))
      throw unitFailure(single.outcome.error!, { nonRetryable: true, details: [result] });
    return result;
  }

  #reportFailures({ outcomes }: Recorded): void {
    const { runId } = this.task;
    for (const { outcome, retryable, big } of outcomes) {
      const { id, status, attempts, error } = outcome;
      if (retryable || big || error === null || !isFailure(status)) continue;
      this.deps.onEvent({ type: 'partitionFailed', runId, partition: id, status, attempts, error });
    }
  }
}

/** Throws `StageUnavailable` while the stage is not writable. */
async function tryWriting(stage: Stage, folder: string): Promise<void> {
  const { path } = await stage.put(`${folder}tried-${randomUUID()}`, Buffer.alloc(TRIED_BYTES));
  await stage.remove(path);
}

/** The folder is usually empty: its contents are on the stage. */
async function removeFolder(path: string): Promise<void> {
  await rmdir(path).catch(() => rm(path, { recursive: true, force: true }));
}

/** The partitions of a unit. */
function ordinalsToRun({ only, except, from, to }: UnitTask, selected: string | null): number[] {
  if (only !== null) return decodeOrdinals(only);
  const skipped = new Set(decodeOrdinals(except ?? ''));
  const all =
    selected === null
      ? Array.from({ length: to - from + 1 }, (_, i) => from + i)
      : decodeOrdinals(selected).filter((ordinal) => ordinal >= from && ordinal <= to);
  return all.filter((ordinal) => !skipped.has(ordinal));
}
