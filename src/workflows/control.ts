/**
 * Settings that can be changed while a run is running: pause, concurrency and tolerance. Values set before
 * the run is planned apply once it is.
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
  /** Resolves when all shards have the current settings; null if the run has no shards. */
  passedOn: (() => Promise<void>) | null = null;

  /** Calls `listener` when a setting changes. A new listener replaces the previous one. */
  onChange(listener: () => void): void {
    this.#changed = listener;
  }

  begin(plan: RunPlan): void {
    this.#plan = plan;
  }

  get paused(): boolean {
    return this.#paused;
  }

  /** The memo informs waiting attempts and batches, which cannot see the workflow's state. */
  pause(paused: boolean): void | Promise<void> {
    if (paused === this.#paused) return;
    this.#paused = paused;
    const remember = (): void => upsertMemo({ [PAUSED_MEMO]: paused });
    if (this.passedOn === null) {
      remember();
      return this.#changed();
    }
    this.#changed();
    // The memo means that the pause is in force.
    return this.passedOn().then(remember);
  }

  /** Maximum number of units in flight; null until it is known. */
  get maxConcurrency(): number | null {
    return this.#maxConcurrency ?? this.#plan?.maxConcurrency ?? null;
  }

  /** Problems with a value for `maxConcurrency` in this run, as sentences. */
  concurrencyProblems(value: unknown): string[] {
    return concurrencyProblems(value, concurrencyLimit(this.#plan));
  }

  setConcurrency(maxConcurrency: number): void {
    this.#maxConcurrency = maxConcurrency;
    this.#changed();
  }

  /** Number of partitions that may fail; null until it is known. */
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
