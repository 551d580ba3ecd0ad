/** Decides whether a run stops early, because of how its partitions have ended so far. */
import { CancellationScope } from '@temporalio/workflow';
import type { AlikeFailures } from '../core/outcome';
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
  /** The common error when the run was stopped: a unit that was still running may have ended otherwise. */
  #alikeAtStop: AlikeFailures | null = null;

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
      alike: alike ?? this.#alikeAtStop,
      toleratedFailures: this.control.toleratedFailures!,
    };
  }

  /** Stops the run if there is a reason to. */
  consider(): void {
    if (this.closed) return;
    const { standing } = this;
    this.reason = stopReason(standing, this.plan);
    if (this.reason === null) return;
    this.#alikeAtStop = standing.alike;
    this.scope.cancel();
  }
}
