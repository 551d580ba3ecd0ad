/**
 * What a unit has cost so far and may cost still: from the attempt's number, which Temporal counts up for
 * whatever reason, and from what the attempt before left in its heartbeat. See `core/failures/budgets` for
 * the rules.
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

interface LedgerParts {
  task: UnitTask;
  plan: UnitPlan;
  /** Temporal's number. */
  attempt: number;
  before: UnitBeat;
  /** Partitions that were recorded when this attempt began. */
  recorded: ReadonlySet<number>;
}

export class UnitLedger {
  /** Workers that were lost with this unit since it last got further. */
  readonly lostWorkers: number;
  /** What the heartbeats of this attempt say of those before it. */
  readonly beat: Pick<UnitBeat, 'startedWith' | 'forgiven' | 'interrupted'>;

  constructor(private readonly parts: LedgerParts) {
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
  }

  get isOwnActivity(): boolean {
    return isOwnActivity(this.parts.task);
  }

  /** Whether workers enough were lost. */
  get isSpent(): boolean {
    return this.lostWorkers >= maxLostWorkers(this.parts.plan.retry);
  }

  /**
   * Whether the first call must have nothing beside it: the partition has outgrown its memory in an attempt
   * before.
   */
  get mustBeAlone(): boolean {
    return this.parts.before.losses.includes('OutOfMemory');
  }

  /** Calls of every partition of the unit before this attempt, those in earlier executions aside. */
  get priorCalls(): number {
    return this.#badEnds + (this.isOwnActivity ? this.lostWorkers : 0);
  }

  /** Calls on top of `priorCalls`, where there were any. */
  extraCalls(ordinals: readonly number[]): Record<number, number> {
    const extra = ordinals.map((ordinal) => [ordinal, this.callsBefore(ordinal) - this.priorCalls] as const);
    return Object.fromEntries(extra.filter(([, calls]) => calls > 0));
  }

  /** All calls of a partition before this attempt. */
  callsBefore(ordinal: number): number {
    const earlier = this.parts.plan.earlierCalls[ordinal] ?? 0;
    return this.priorCalls + earlier + (this.beat.interrupted[ordinal] ?? 0);
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

  /** Losses of all attempts; `types`: of those in this one. */
  withLosses(types: readonly string[]): string[] {
    return [...this.parts.before.losses, ...types];
  }

  /** `types`: of the losses in this attempt. */
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
 * Of a batch, a lost worker interrupted the call that the last heartbeat named; the partitions after it were
 * not called.
 */
function interruptedCalls({ task, before, recorded }: LedgerParts): UnitBeat['interrupted'] {
  if (isOwnActivity(task)) return {};
  const calls = { ...before.interrupted };
  if (before.ordinal !== null) calls[before.ordinal] = (calls[before.ordinal] ?? 0) + 1;
  return Object.fromEntries(Object.entries(calls).filter(([ordinal]) => !recorded.has(Number(ordinal))));
}
