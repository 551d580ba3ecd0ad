/**
 * The units of a run: each once, then rounds of those partitions of batches that threw and may be tried again.
 *
 *   waiting ──► running ──► ended            a stop or a cancel: what runs is cancelled, and nothing more is begun
 *      │           └── skipped (a unit of one partition): cancelled, and counted as SKIPPED
 *      └── skipped: taken out of its unit, which is not begun when nothing is left of it
 */
import { CancellationScope, isCancellation, sleep } from '@temporalio/workflow';
import type { FinalStatus } from '../run/outcome';
import type { OpenedRun, RunPlan } from '../run/plan';
import { unitsToJoin } from '../run/joining';
import { retryWaitMs } from '../run/retry-plan';
import { cutRetryUnits, type GivenBack } from '../run/retry-units';
import { PARTITION_STATUSES } from '../run/status';
import { stopReason, type Standing, type StopReason } from '../run/stop';
import type { Control } from './control';
import { throughLanes, type LaneGate } from './lanes';
import type { Progress } from './progress';
import { UnitCall, type UnitEnd, type UnitOfCall } from './unit-call';

/** Where a partition is that has not ended as far as history says. */
export type Place =
  | { type: 'waiting' }
  | { type: 'running'; label: string; isSingle: boolean }
  /** It ended just now, is skipped already, or is not among those that this execution runs. */
  | { type: 'gone' };

/** How a skip went. `cutOff`: its unit ran, and recorded that it was cut off. */
export interface Skipped {
  status: FinalStatus;
  cutOff: boolean;
}

export class RunUnits implements LaneGate {
  /** Why the run was stopped; null when it was not. */
  stopped: StopReason | null = null;
  /** Cancelled by a stop, and with the run. */
  readonly #scope = new CancellationScope();
  /** Of this round. */
  #calls: UnitCall[] = [];
  #inKeyOrder: UnitCall[] = [];
  #advance: () => void = () => {};
  /** Calls whose partition is to end as SKIPPED, with who waits for it. */
  readonly #skipping = new Map<UnitCall, (skipped: Skipped) => void>();

  constructor(
    private readonly plan: RunPlan,
    private readonly opened: OpenedRun,
    private readonly progress: Progress,
    private readonly control: Control,
  ) {}

  get width(): number {
    return this.control.paused ? 0 : this.control.maxConcurrency!;
  }

  get closed(): boolean {
    return this.#scope.consideredCancelled;
  }

  onChange(listener: () => void): void {
    this.#advance = listener;
  }

  get standing(): Standing {
    const { counts, ownCounts, waiting, alike } = this.progress;
    return {
      counts: ownCounts,
      done: counts.DONE,
      waiting: waiting.size,
      alike,
      toleratedFailures: this.control.toleratedFailures!,
    };
  }

  /** Resolves when all have ended, or when the run was stopped or cancelled and those that ran have ended. */
  async process(): Promise<void> {
    const { plan, progress } = this;
    this.control.onChange(() => this.#changed());
    this.#scope.cancelRequested.catch(() => this.#advance());
    await this.#round(
      plan.units.map((unit, i) => ({
        ...unit,
        unit: i,
        activityId: `${i}`,
        only: null,
        round: 0,
        big: false,
      })),
    );
    for (let round = 1; progress.waiting.size > 0 && (await this.#waited(round)); round++) {
      const units = cutRetryUnits(progress.waiting, plan.retryUnitsPerRound);
      await this.#round(units.map((unit, i) => ({ ...unit, unit: i, activityId: `r${round}.${i}` })));
    }
  }

  place(ordinal: number): Place {
    const call = this.#callOf(ordinal);
    if (call?.state === 'running' && !this.#skipping.has(call))
      return { type: 'running', label: call.of.label, isSingle: call.isSingle };
    return call?.state === 'waiting' || this.progress.waiting.has(ordinal)
      ? { type: 'waiting' }
      : { type: 'gone' };
  }

  /** Skips a partition that waits, or that runs by itself. */
  async skip(ordinal: number): Promise<Skipped> {
    const call = this.#callOf(ordinal);
    if (call?.state === 'running') {
      return new Promise((resolve) => {
        this.#skipping.set(call, resolve);
        call.cancel();
      });
    }
    call?.takeOut(ordinal);
    this.progress.skip(ordinal);
    this.#changed();
    return { status: 'SKIPPED', cutOff: false };
  }

  #callOf(ordinal: number): UnitCall | undefined {
    return this.#calls.find((call) => call.state !== 'ended' && call.includes(ordinal));
  }

  async #round(units: readonly UnitOfCall[]): Promise<void> {
    this.#calls = units.map((unit) => new UnitCall(unit, this.#scope));
    this.#inKeyOrder = [...this.#calls].sort((a, b) => a.of.from - b.of.from);
    await throughLanes(
      this.#calls,
      this,
      (call) => this.#process(call),
      // All of it was skipped, or is part of another call.
      (call) => call.partitions === 0,
    );
  }

  /** False when the run was stopped or cancelled meanwhile. */
  async #waited(round: number): Promise<boolean> {
    const waitMs = Math.max(retryWaitMs(this.plan.retry, round), this.progress.retryAfterMs);
    this.progress.retryAfterMs = 0;
    try {
      await this.#scope.run(() => sleep(waitMs));
      return true;
    } catch (error) {
      if (isCancellation(error)) return false;
      throw error;
    }
  }

  /** Adds neighbours to a call of one partition that is next, when partitions have been quick so far. */
  #join(call: UnitCall): void {
    const { joinUpToMs } = this.plan;
    const { doneMs, ownCounts } = this.progress;
    // A run that was planned by an earlier release says nothing of it.
    if (!joinUpToMs || ownCounts.DONE === 0 || !call.isSingle || call.retried.length > 0) return;
    const most = unitsToJoin({
      meanMs: doneMs / ownCounts.DONE,
      left: this.#calls.filter(({ state, partitions: left }) => state === 'waiting' && left > 0).length,
      lanes: this.width,
      joinUpToMs,
    });
    const neighbours: UnitCall[] = [];
    for (const step of [1, -1]) {
      for (let at = this.#inKeyOrder.indexOf(call) + step; neighbours.length < most - 1; at += step) {
        const next = this.#inKeyOrder[at];
        if (next?.state !== 'waiting' || next.partitions === 0 || !next.isSingle) break;
        neighbours.push(next);
      }
    }
    if (neighbours.length > 0) call.takeOver(neighbours);
  }

  async #process(call: UnitCall): Promise<void> {
    const { progress } = this;
    this.#join(call);
    const taken = call.retried.map((ordinal) => [ordinal, progress.waiting.get(ordinal)!] as const);
    for (const [ordinal] of taken) progress.waiting.delete(ordinal);
    progress.running.add(call.of);
    const end = await call.run(this.plan, this.opened);
    progress.running.delete(call.of);
    if (end.type === 'notBegun') this.#putBack(call, taken);
    else this.#record(call, end);
    this.#considerStop();
  }

  /** What was to be begun is where it was: with a skip it is skipped there, and the end of the run counts the rest. */
  #putBack(call: UnitCall, taken: readonly (readonly [number, GivenBack])[]): void {
    for (const [ordinal, given] of taken) this.progress.waiting.set(ordinal, given);
    const tell = this.#skipping.get(call);
    this.#skipping.delete(call);
    if (tell !== undefined) void this.skip(call.of.from).then(tell);
  }

  #record(call: UnitCall, end: RecordedEnd): void {
    const { progress } = this;
    const tell = this.#skipping.get(call);
    const skipped = tell !== undefined;
    this.#skipping.delete(call);
    if (end.type === 'result') progress.record(end.result, call.of, { skipped });
    else if (end.type === 'lost') progress.recordLost(call.of.label, call.partitions, end.error, call.of);
    else progress.recordCutOff(call.partitions, { skipped });
    if (!skipped) return;
    // It threw just before, and would wait for another round.
    if (progress.waiting.has(call.of.from)) void this.skip(call.of.from).then(tell);
    else tell(skippedEnd(end));
  }

  #changed(): void {
    this.#considerStop();
    this.#advance();
  }

  #considerStop(): void {
    if (this.closed) return;
    this.stopped = stopReason(this.standing, this.plan);
    if (this.stopped !== null) this.#scope.cancel();
  }
}

type RecordedEnd = Exclude<UnitEnd, { type: 'notBegun' }>;

/** How a unit of one partition ended that was cancelled for a skip. */
function skippedEnd(end: RecordedEnd): Skipped {
  if (end.type === 'cutOff') return { status: 'SKIPPED', cutOff: true };
  if (end.type === 'lost') return { status: 'INTERNAL_ERROR', cutOff: false };
  const status = PARTITION_STATUSES.find((each) => end.result.counts[each] > 0) as FinalStatus;
  return status === 'CANCELLED' ? { status: 'SKIPPED', cutOff: true } : { status, cutOff: false };
}
