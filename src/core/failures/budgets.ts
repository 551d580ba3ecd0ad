/**
 * Decides when a partition is called again. Pure.
 *
 * | how a call ended | the partition is called again |
 * | --- | --- |
 * | it threw | while it has had fewer bad ends than `maximumAttempts`, of its error's type or of all |
 * | it exceeded its timeout, or killed its process | the same, and at most 3 calls may end this way |
 * | out of memory | the same, but only once: alone in the worker, or on the function's `bigTaskQueue` |
 * | its worker was lost | 3 times, whatever `maximumAttempts` is: the partition did not cause it |
 * | its worker was shut down, or the run paused | always |
 *
 * Bad ends are throws, timeouts, killed processes and exceeded memory limits.
 */
import type { RetryPlan } from '../plan';
import { ownRule } from './retry-plan';

/** Runners and workers that may be lost to a partition before it is given up. */
const MAX_LOSSES = 3;
const MAX_OUT_OF_MEMORY = 2;
/** Calls that end without the function's own error. */
const LOSSES = ['Timeout', 'RunnerKilled'];

/**
 * What happens to a partition whose call was lost. `alone`: called again with nothing else running in the
 * worker.
 */
export type AfterLoss = 'again' | 'alone' | 'bigTaskQueue' | 'end';

export interface Losses {
  /** Why its calls were lost, in order: `Timeout`, `RunnerKilled`, `OutOfMemory`. */
  types: readonly string[];
  /** Its bad ends so far, including these. */
  badEnds: number;
  lostWorkers: number;
}

/** Whether another call is allowed after `badEnds` bad ends, the last of which threw this type. */
export function mayCallAgain(retry: RetryPlan, type: string, badEnds: number): boolean {
  return badEnds < (ownRule(retry, type) ?? retry).maximumAttempts;
}

/** `hasBigTaskQueue`: the function has a big task queue, and this call was not on it. */
export function afterLoss(retry: RetryPlan, losses: Losses, hasBigTaskQueue: boolean): AfterLoss {
  const { types, badEnds, lostWorkers } = losses;
  const type = types.at(-1)!;
  const { maximumAttempts } = ownRule(retry, type) ?? retry;
  if (badEnds >= maximumAttempts || types.length + lostWorkers >= MAX_LOSSES) return 'end';
  if (type !== 'OutOfMemory') return 'again';
  if (types.filter((each) => each === 'OutOfMemory').length >= MAX_OUT_OF_MEMORY) return 'end';
  return hasBigTaskQueue ? 'bigTaskQueue' : 'alone';
}

/** How many calls a partition has if all of them end with an error of this type. */
export function maxCalls(retry: RetryPlan, type: string): number {
  if (type === 'WorkerLost') return maxLostWorkers(retry);
  const { maximumAttempts } = ownRule(retry, type) ?? retry;
  if (type === 'OutOfMemory') return Math.min(maximumAttempts, MAX_OUT_OF_MEMORY);
  return LOSSES.includes(type) ? Math.min(maximumAttempts, MAX_LOSSES) : maximumAttempts;
}

/** Maximum number of workers that may be lost while running a partition. */
export function maxLostWorkers(retry: RetryPlan): number {
  return Math.min(MAX_LOSSES, ownRule(retry, 'WorkerLost')?.maximumAttempts ?? MAX_LOSSES);
}
