/**
 * The retry budget of a unit, computed from the attempt's number, which Temporal increments for every kind of
 * failure, and from the heartbeat details of the previous attempt. See `core/failures/budgets` for the rules.
 */
import { afterLoss, mayCallAgain, maxLostWorkers, type AfterLoss } from '../../core/failures/budgets';
import { callsBefore } from '../../history/fold';
import type { UnitTask } from '../../core/tasks';
import type { UnitPlan } from '../../core/unit-plan';
import { ownRule, retryWaitMs } from '../../core/failures/retry-plan';
import { isOwnActivity } from '../../core/units/cut-units';
import type { NextCall } from '../../core/outcome';
import type { CallResult } from '../../runners/protocol';
import type { UnitBeat } from './heartbeat';

/** Partitions whose calls a heartbeat names, which the server keeps for each unit. */
const MAX_INTERRUPTED = 1_000;

interface BudgetParts {
  task: UnitTask;
  plan: UnitPlan;
  /** Temporal's attempt number. */
  attempt: number;
  before: UnitBeat;
  /** Partitions that were recorded when this attempt started. */
  recorded: ReadonlySet<number>;
}

export class UnitBudget {
  /** Workers lost with this unit since it last made progress. */
  readonly lostWorkers: number;
  /** The fields of this attempt's heartbeats that describe previous attempts. */
  readonly beat: Pick<UnitBeat, 'startedWith' | 'forgiven' | 'interrupted'>;

  /** With the calls of this attempt. */
  readonly #interrupted: UnitBeat['interrupted'];

  constructor(private readonly parts: BudgetParts) {
    const { task, attempt, before, recorded } = parts;
    const { throws, shutdowns, forgiven, startedWith } = before;
    const lost = Math.max(0, attempt - 1 - throws - shutdowns - forgiven);
    const gotFurther = recorded.size > startedWith;
    this.lostWorkers = (gotFurther ? 0 : lost) + (task.lostBefore ?? 0);
    this.beat = {
      startedWith: recorded.size,
      forgiven: forgiven + (gotFurther ? lost : 0),
      interrupted: interruptedCalls(parts),
    };
    this.#interrupted = { ...this.beat.interrupted };
  }

  get isOwnActivity(): boolean {
    return isOwnActivity(this.parts.task);
  }

  /** Whether the budget of lost workers is used up. */
  get isSpent(): boolean {
    return this.lostWorkers >= maxLostWorkers(this.parts.plan.retry);
  }

  /**
   * Whether the first call must run alone, because the partition exceeded its memory in a previous attempt.
   */
  get mustBeAlone(): boolean {
    return this.parts.before.losses.includes('OutOfMemory');
  }

  /** Calls of each partition of the unit before this attempt, not counting earlier executions. */
  get priorCalls(): number {
    return this.#badEnds + (this.isOwnActivity ? this.lostWorkers : 0);
  }

  /** Calls in addition to `priorCalls`, for partitions that have any. */
  extraCalls(ordinals: readonly number[]): Record<number, number> {
    const extra = ordinals.map((ordinal) => [ordinal, this.callsBefore(ordinal) - this.priorCalls] as const);
    return Object.fromEntries(extra.filter(([, calls]) => calls > 0));
  }

  /** All calls of a partition before this attempt. */
  callsBefore(ordinal: number): number {
    const earlier = this.parts.plan.earlierCalls[ordinal] ?? 0;
    return this.priorCalls + earlier + (this.beat.interrupted[ordinal] ?? 0);
  }

  /** All calls of a partition so far, with those of this attempt that lost their runner. */
  callsSoFar(ordinal: number): number {
    const before = this.beat.interrupted[ordinal] ?? 0;
    return this.callsBefore(ordinal) - before + (this.#interrupted[ordinal] ?? 0);
  }

  /** Whether the partition is called again within its budget, and after which wait. */
  nextCall({ outcome, retryable, retryDelayMs }: CallResult): NextCall {
    const type = outcome.error?.type ?? '';
    const { retry } = this.parts.plan;
    const badEnds = this.#badEnds + outcome.attempts - this.callsBefore(outcome.ordinal);
    if (!retryable || outcome.status !== 'FAILED' || !mayCallAgain(retry, type, badEnds))
      return { retryable: false, retryDelayMs: null };
    const rule = ownRule(retry, type) ?? (this.isOwnActivity ? retry : null);
    return { retryable, retryDelayMs: retryDelayMs ?? (rule === null ? null : retryWaitMs(rule, badEnds)) };
  }

  /** Losses of all attempts; `types` are the losses in this one. */
  withLosses(types: readonly string[]): string[] {
    return [...this.parts.before.losses, ...types];
  }

  /**
   * The calls that a batch has not recorded: for its next attempt, if this one ends before those partitions
   * have ended. `calls` are those in addition to `priorCalls`, by ordinal.
   */
  withInterrupted(calls: Iterable<readonly [number, number]>): UnitBeat['interrupted'] {
    for (const [ordinal, extra] of calls) {
      const open = extra - (this.parts.plan.earlierCalls[ordinal] ?? 0);
      if (open > 0) this.#interrupted[ordinal] = open;
    }
    return Object.fromEntries(Object.entries(this.#interrupted).slice(-MAX_INTERRUPTED));
  }

  /** `types` are the losses in this attempt. */
  afterLoss(types: readonly string[]): AfterLoss {
    const { plan, task } = this.parts;
    const losses = {
      types: this.withLosses(types),
      badEnds: this.#badEnds + types.length,
      lostWorkers: this.lostWorkers,
    };
    return afterLoss(plan.retry, losses, plan.hasBigTaskQueue && !task.big);
  }

  get #badEnds(): number {
    const { task, before } = this.parts;
    return callsBefore(task) + before.throws + before.losses.length;
  }
}

/**
 * In a batch, a lost worker interrupted the call named in the last heartbeat; later partitions were not
 * called.
 */
function interruptedCalls({ task, before, recorded }: BudgetParts): UnitBeat['interrupted'] {
  if (isOwnActivity(task)) return {};
  const calls = { ...before.interrupted };
  if (before.ordinal !== null) calls[before.ordinal] = (calls[before.ordinal] ?? 0) + 1;
  return Object.fromEntries(Object.entries(calls).filter(([ordinal]) => !recorded.has(Number(ordinal))));
}
