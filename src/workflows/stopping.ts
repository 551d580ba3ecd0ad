/** Decides whether a run stops early, because of how its partitions have ended so far. */
import { CancellationScope } from '@temporalio/workflow';
import type { RunPlan } from '../core/plan';
import { failed } from '../core/status';
import { stopReason, type Standing, type StopReason } from '../core/failures/stop';
import type { Control } from './control';
import type { Progress } from './progress';

export class Stopping {
  /** Why the run was stopped; null if it was not. */
  reason: StopReason | null = null;
  /** Partitions are processed in this scope. Cancelled by a stop, and with the run. */
  readonly scope = new CancellationScope();

  constructor(
    private readonly plan: Pick<RunPlan, 'failFast' | 'stopAfterAlike'>,
    private readonly progress: Progress,
    private readonly control: Control,
  ) {}

  get closed(): boolean {
    return this.scope.consideredCancelled;
  }

  get standing(): Standing {
    const { counts, ownCounts, waitingEnds, alike } = this.progress;
    return {
      counts: ownCounts,
      done: counts.DONE,
      waiting: failed(waitingEnds),
      alike,
      toleratedFailures: this.control.toleratedFailures!,
    };
  }

  /** Stops the run if there is a reason to. */
  consider(): void {
    if (this.closed) return;
    this.reason = stopReason(this.standing, this.plan);
    if (this.reason !== null) this.scope.cancel();
  }
}
