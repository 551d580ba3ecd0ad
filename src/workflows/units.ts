/**
 * The units of a run: each is processed once, followed by retry rounds for partitions of batches that threw.
 *
 *   waiting ──► running ──► ended            a stop or a cancel: running units are cancelled, and no more are started
 *      │           └── skipped (a unit of one partition): cancelled, and counted as SKIPPED
 *      └── skipped: removed from its unit, which is not started if nothing is left in it
 */
import { CancellationScope, isCancellation, sleep } from '@temporalio/workflow';
import type { FinalStatus } from '../core/outcome';
import type { Unit } from '../core/plan';
import type { UnitCallPlan } from '../core/tasks';
import { lanesAtWork, unitsToJoin } from '../core/units/joining';
import { retryWaitMs } from '../core/failures/retry-plan';
import { cutRetryUnits, type GivenBack } from '../core/units/retry-units';
import { PARTITION_STATUSES } from '../core/status';
import { isOwnActivity, spansOne } from '../core/units/cut-units';
import type { Control } from './control';
import { throughLanes, type LaneGate } from './lanes';
import type { Progress } from './progress';
import { UnitCall, type RunOfUnits, type UnitEnd, type UnitOfCall } from './unit-call';

/** Where a partition is that has not ended according to history. */
export type UnitPlace =
  | { type: 'waiting' }
  | { type: 'running'; label: string; isSingle: boolean }
  /** It has just ended, is already skipped, or is not run by this execution. */
  | { type: 'gone' };

/** The result of a skip. `cutOff`: its unit was running, and recorded it as cut off. */
export interface Skipped {
  status: FinalStatus;
  cutOff: boolean;
}

/** Processes the partitions of a run: its units, or its shards. */
export interface RunWork {
  /**
   * Resolves when all partitions have ended, or when the run was stopped or cancelled and all running ones
   * have ended.
   */
  process(): Promise<void>;
  /** Whether no more work is started. */
  readonly closed: boolean;
  /** Returns where partitions are. Except for running ones, they stay there until `skip` or `release`. */
  hold(ordinals: readonly number[]): UnitPlace[] | Promise<UnitPlace[]>;
  /** Skips partitions that are waiting, or that run as their own unit. */
  skip(ordinals: readonly number[]): Promise<Skipped[]>;
  release(): void;
}

/** The dependencies for processing units. */
export interface UnitWork {
  plan: UnitCallPlan;
  run: RunOfUnits;
  /** Largest first. */
  units: readonly Unit[];
  progress: Progress;
  control: Control;
  /** Cancelled to stop starting units and to cut off the running ones. */
  scope: CancellationScope;
  /** Called when partitions have ended, and when a setting has changed. */
  consider: () => void;
  /** Set for a shard: units and activities are numbered across the whole run. */
  shard?: { number: number; firstUnit: number };
}

export class RunUnits implements LaneGate, RunWork {
  /** Calls of the current round. */
  #calls: UnitCall[] = [];
  #inKeyOrder: UnitCall[] = [];
  #advance: () => void = () => {};
  /** Number of callers that hold partitions and have not decided about them. */
  #holding = 0;
  /** Calls whose partition is being skipped, with the callback for the result. */
  readonly #skipping = new Map<UnitCall, (skipped: Skipped) => void>();
  /** How partitions ended that ran as their own unit. */
  readonly #ended = new Map<number, Skipped>();

  /** Number of ended activities. */
  #activities = 0;
  #startedAt = 0;

  constructor(private readonly work: UnitWork) {}

  get width(): number {
    const { control } = this.work;
    return control.paused || this.#holding > 0 ? 0 : control.maxConcurrency!;
  }

  get closed(): boolean {
    return this.work.scope.consideredCancelled;
  }

  onChange(listener: () => void): void {
    this.#advance = listener;
  }

  /** `skipped`: ordinals that were already skipped. */
  async process(skipped: readonly number[] = []): Promise<void> {
    const { plan, progress, units, control, scope, shard } = this.work;
    this.#startedAt = Date.now();
    control.onChange(() => this.#changed());
    scope.cancelRequested.catch(() => this.#advance());
    const first = shard?.firstUnit ?? 0;
    this.#begin(
      units.map((unit, i) => ({
        ...unit,
        unit: first + i,
        activityId: `${first + i}`,
        only: null,
        round: 0,
        big: false,
      })),
    );
    for (const ordinal of skipped) void this.#skip(ordinal);
    await this.#throughLanes();
    for (let round = 1; progress.waiting.size > 0 && (await this.#waited(round)); round++) {
      const again = cutRetryUnits(progress.waiting, plan.retryUnitsPerRound);
      const prefix = shard === undefined ? `r${round}.` : `r${round}.${shard.number}.`;
      this.#begin(again.map((unit, i) => ({ ...unit, unit: i, activityId: `${prefix}${i}` })));
      await this.#throughLanes();
    }
  }

  hold(ordinals: readonly number[]): UnitPlace[] {
    this.#holding++;
    return ordinals.map((ordinal) => this.#place(ordinal));
  }

  skip(ordinals: readonly number[]): Promise<Skipped[]> {
    const skipped = Promise.all(ordinals.map((ordinal) => this.#skip(ordinal)));
    // Once, not for each of thousands.
    this.work.consider();
    this.release();
    return skipped;
  }

  release(): void {
    this.#holding--;
    this.#advance();
  }

  #place(ordinal: number): UnitPlace {
    const call = this.#callOf(ordinal);
    if (call?.state === 'running' && !this.#skipping.has(call))
      return { type: 'running', label: call.of.label, isSingle: spansOne(call.of) };
    return call?.state === 'waiting' || this.work.progress.waiting.has(ordinal)
      ? { type: 'waiting' }
      : { type: 'gone' };
  }

  async #skip(ordinal: number): Promise<Skipped> {
    const call = this.#callOf(ordinal);
    if (call?.state === 'running') {
      return new Promise((resolve) => {
        this.#skipping.set(call, resolve);
        call.cancel();
      });
    }
    const { progress } = this.work;
    // It was running, and ended while it was held.
    const ended = progress.waiting.has(ordinal) ? undefined : this.#ended.get(ordinal);
    if (ended !== undefined) return ended;
    call?.takeOut(ordinal);
    progress.skip(ordinal);
    return { status: 'SKIPPED', cutOff: false };
  }

  /** Skips a partition that was running when it was asked for. */
  #skipLate(ordinal: number): Promise<Skipped> {
    const skipped = this.#skip(ordinal);
    this.#changed();
    return skipped;
  }

  #callOf(ordinal: number): UnitCall | undefined {
    return this.#calls.find((call) => call.state !== 'ended' && call.includes(ordinal));
  }

  #begin(units: readonly UnitOfCall[]): void {
    this.#calls = units.map((unit) => new UnitCall(unit, this.work.scope));
    this.#inKeyOrder = [...this.#calls].sort((a, b) => a.of.from - b.of.from);
  }

  async #throughLanes(): Promise<void> {
    await throughLanes(
      this.#calls,
      this,
      (call) => this.#process(call),
      // All of its partitions were skipped, or are part of another call.
      (call) => call.partitions === 0,
    );
  }

  /** False if the run was stopped or cancelled in the meantime. */
  async #waited(round: number): Promise<boolean> {
    const { plan, progress, scope } = this.work;
    const waitMs = Math.max(retryWaitMs(plan.retry, round), progress.retryAfterMs);
    progress.retryAfterMs = 0;
    try {
      await scope.run(() => sleep(waitMs));
      return true;
    } catch (error) {
      if (isCancellation(error)) return false;
      throw error;
    }
  }

  /** Adds neighbours to the next call of one partition, if partitions have been quick so far. */
  #join(call: UnitCall): void {
    const { joinUpToMs } = this.work.plan;
    const { doneMs, ownCounts } = this.work.progress;
    // Absent in runs planned by an earlier release.
    if (!joinUpToMs || ownCounts.DONE === 0 || !isOwnActivity(call.of)) return;
    const units = unitsToJoin({
      meanMs: doneMs / ownCounts.DONE,
      left: this.#calls.filter(({ state, partitions: left }) => state === 'waiting' && left > 0).length,
      lanes: lanesAtWork({
        lanes: this.width,
        activities: this.#activities,
        doneMs,
        elapsedMs: Date.now() - this.#startedAt,
      }),
      joinUpToMs,
    });
    const neighbours: UnitCall[] = [];
    for (const step of [1, -1]) {
      for (let at = this.#inKeyOrder.indexOf(call) + step; neighbours.length < units - 1; at += step) {
        const next = this.#inKeyOrder[at];
        if (next?.state !== 'waiting' || next.partitions === 0 || !spansOne(next.of)) break;
        neighbours.push(next);
      }
    }
    if (neighbours.length > 0) call.takeOver(neighbours);
  }

  async #process(call: UnitCall): Promise<void> {
    const { progress, plan, run, consider } = this.work;
    this.#join(call);
    // Without those skipped in the meantime.
    const taken = call.retried.flatMap((ordinal) => {
      const given = progress.waiting.get(ordinal);
      return given === undefined ? [] : [[ordinal, given] as const];
    });
    for (const [ordinal] of taken) progress.waiting.delete(ordinal);
    progress.running.add(call.of);
    const end = await call.run(plan, run);
    progress.running.delete(call.of);
    this.#activities++;
    if (end.type === 'notStarted') this.#putBack(call, taken);
    else this.#record(call, end);
    consider();
  }

  /**
   * Puts the partitions of a call that never started back: a pending skip is done there, and the end of the
   * run counts the rest.
   */
  #putBack(call: UnitCall, taken: readonly (readonly [number, GivenBack])[]): void {
    for (const [ordinal, given] of taken) this.work.progress.waiting.set(ordinal, given);
    const onSkipped = this.#skipping.get(call);
    this.#skipping.delete(call);
    if (onSkipped !== undefined) void this.#skipLate(call.of.from).then(onSkipped);
  }

  #record(call: UnitCall, end: RecordedEnd): void {
    const { progress } = this.work;
    const onSkipped = this.#skipping.get(call);
    const skipped = onSkipped !== undefined;
    this.#skipping.delete(call);
    if (end.type === 'result') progress.record(end.result, call.of, { skipped });
    else if (end.type === 'lost') progress.recordLost(call.of.label, call.partitions, end.error, call.of);
    else progress.recordCutOff(call.partitions, { skipped });
    if (spansOne(call.of)) this.#ended.set(call.of.from, skippedEnd(end));
    if (!skipped) return;
    // It threw just before, and would otherwise wait for another round.
    if (progress.waiting.has(call.of.from)) void this.#skipLate(call.of.from).then(onSkipped);
    else onSkipped(skippedEnd(end));
  }

  #changed(): void {
    this.work.consider();
    this.#advance();
  }
}

type RecordedEnd = Exclude<UnitEnd, { type: 'notStarted' }>;

/** How a one-partition unit ended that was cancelled for a skip. */
function skippedEnd(end: RecordedEnd): Skipped {
  if (end.type === 'cutOff') return { status: 'SKIPPED', cutOff: true };
  if (end.type === 'lost') return { status: 'INTERNAL_ERROR', cutOff: false };
  const status = PARTITION_STATUSES.find((each) => end.result.counts[each] > 0) as FinalStatus;
  return status === 'CANCELLED' ? { status: 'SKIPPED', cutOff: true } : { status, cutOff: false };
}
