/**
 * What people may change while a run is under way: pause, concurrency, tolerance. What they set before the
 * plan is there holds from then on.
 */
import { upsertMemo } from '@temporalio/workflow';
import { concurrencyLimit, concurrencyProblems } from '../core/live-settings';
import { PAUSED_MEMO } from '../core/workflow';
import type { RunPlan } from '../core/plan';
import { toleratedOf, type Tolerance } from '../core/failures/tolerance';

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
    return concurrencyProblems(value, concurrencyLimit(this.#plan));
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
