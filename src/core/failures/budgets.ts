/**
 * When a partition is called again. Pure.
 *
 * | how a call ended | the partition is called again |
 * | --- | --- |
 * | it threw | while it has come to fewer bad ends than `maximumAttempts`, of its error's type or of all |
 * | past its time-out, or it killed its process | the same, and at most 3 calls may end so |
 * | out of memory | the same, but once only: with nothing beside it, or on the function's `bigTaskQueue` |
 * | its worker was lost | 3 times, whatever `maximumAttempts` says: that is not the partition's doing |
 * | its worker was shut down, or the run paused | always |
 *
 * Bad ends are throws, time-outs, processes killed and memory outgrown.
 */
import type { RetryPlan } from '../plan';
import { ownRule } from './retry-plan';

/** Runners and workers that a partition may cost before it is given up. */
const MAX_LOSSES = 3;
const MAX_OUT_OF_MEMORY = 2;

/**
 * What becomes of a partition whose call was lost. `alone`: called again with nothing beside it in the
 * worker.
 */
export type AfterLoss = 'again' | 'alone' | 'bigTaskQueue' | 'end';

export interface Losses {
  /** Why calls of it were lost, in order: `Timeout`, `RunnerKilled`, `OutOfMemory`. */
  types: readonly string[];
  /** Bad ends of it so far, these included. */
  badEnds: number;
  lostWorkers: number;
}

/** Whether the last of so many bad ends, a throw of this type, leaves another call. */
export function mayCallAgain(retry: RetryPlan, type: string, badEnds: number): boolean {
  return badEnds < (ownRule(retry, type) ?? retry).maximumAttempts;
}

/** `hasBigTaskQueue`: there is one, and this is not it. */
export function afterLoss(retry: RetryPlan, losses: Losses, hasBigTaskQueue: boolean): AfterLoss {
  const { types, badEnds, lostWorkers } = losses;
  const type = types.at(-1)!;
  const most = (ownRule(retry, type) ?? retry).maximumAttempts;
  if (badEnds >= most || types.length + lostWorkers >= MAX_LOSSES) return 'end';
  if (type !== 'OutOfMemory') return 'again';
  if (types.filter((each) => each === 'OutOfMemory').length >= MAX_OUT_OF_MEMORY) return 'end';
  return hasBigTaskQueue ? 'bigTaskQueue' : 'alone';
}

/** How many workers may be lost while they run a partition. */
export function maxLostWorkers(retry: RetryPlan): number {
  return Math.min(MAX_LOSSES, ownRule(retry, 'WorkerLost')?.maximumAttempts ?? MAX_LOSSES);
}
