/**
 * What people may change while a run is under way: pause, concurrency, tolerance. What they set before the plan is there holds
 * from then on.
 */
import { upsertMemo } from '@temporalio/workflow';
import { concurrencyProblems, MOST_LANES } from '../run/live-settings';
import { PAUSED_MEMO } from '../run/memo';
import type { RunPlan } from '../run/plan';
import { toleratedOf, type Tolerance } from '../run/tolerance';

const NOT_PLANNED = ' until the run is planned';

export class Control {
  #plan: RunPlan | null = null;
  #paused = false;
  #maxConcurrency: number | null = null;
  #tolerance: Tolerance | null = null;
  #changed: () => void = () => {};
  /** Resolves when shards have what was set; null where there are none to be told. */
  passedOn: (() => Promise<void>) | null = null;

  /** Tells that something was changed. A later listener takes the place of the one before. */
  onChange(listener: () => void): void {
    this.#changed = listener;
  }

  begin(plan: RunPlan): void {
    this.#plan = plan;
  }

  get paused(): boolean {
    return this.#paused;
  }

  /** The memo tells attempts that wait, and batches, which do not see the workflow's state. */
  pause(paused: boolean): void | Promise<void> {
    if (paused === this.#paused) return;
    this.#paused = paused;
    const remember = (): void => upsertMemo({ [PAUSED_MEMO]: paused });
    if (this.passedOn === null) {
      remember();
      return this.#changed();
    }
    this.#changed();
    // The memo says that it is in force.
    return this.passedOn().then(remember);
  }

  /** Units in flight at once; null before it is known. */
  get maxConcurrency(): number | null {
    return this.#maxConcurrency ?? this.#plan?.maxConcurrency ?? null;
  }

  /** What is wrong with a number of units in flight for this run, as sentences. */
  concurrencyProblems(value: unknown): string[] {
    const plan = this.#plan;
    if (plan === null) return concurrencyProblems(value, { most: MOST_LANES, why: NOT_PLANNED });
    const shards = plan.sharding?.shards.length ?? 0;
    const has = shards === 0 ? 'has no shards' : `has ${shards} shards of ${MOST_LANES} at a time each`;
    const why = `: it was planned for ${plan.maxConcurrency}, so it ${has}, and that cannot change while it is under way`;
    return concurrencyProblems(value, { most: MOST_LANES * Math.max(1, shards), why });
  }

  setConcurrency(maxConcurrency: number): void {
    this.#maxConcurrency = maxConcurrency;
    this.#changed();
  }

  /** Partitions that may fail; null before it is known. */
  get toleratedFailures(): number | null {
    if (this.#plan === null) return typeof this.#tolerance === 'number' ? this.#tolerance : null;
    return this.#tolerance === null
      ? this.#plan.toleratedFailures
      : toleratedOf(this.#tolerance, this.#plan.partitions);
  }

  setTolerance(tolerance: Tolerance): void {
    this.#tolerance = tolerance;
    this.#changed();
  }
}
