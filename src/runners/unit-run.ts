/**
 * Runs one unit to its end, on as many runners as needed.
 *
 *   queue ──► a runner takes all of it, in order ──► unitDone: the queue is empty
 *                 │ the runner dies or breaks, or the partition times out
 *                 ▼
 *             the partition that was running is a suspect: it is set aside, and run separately
 *             in a fresh runner after the others; partitions whose outcome was not handed over
 *             go back into the queue
 *
 * 1. A partition that was handed over (its segment's handler resolved) is never run again.
 * 2. Each loss of a partition counts, and `afterLoss` decides when it ends as INTERNAL_ERROR. The others are
 *    not charged.
 * 3. Artifacts belong to the call that uploaded them; a call that did not end leaves none.
 * 4. When the promise settles, nothing of the unit is running, handlers included.
 */
import type { ErrorInfo } from '../core/outcome';
import { neverBegan } from './exit-reason';
import type { CallResult, RunnerSegment } from './protocol';
import { runOnRunner } from './runner-session';
import type { LostCall, UnitRunOptions } from './unit-run-types';

/** How many runners in a row may be lost before calling any function. */
const MAX_IDLE_RUNNERS = 3;

export interface UnitRunResult {
  /** Ordinals that were not run, because the unit was cancelled or drained. */
  left: number[];
  /** The unit could not be run, and no partition is to blame. */
  failed: { error: ErrorInfo; retryable: boolean } | null;
}

export async function runUnit(options: UnitRunOptions): Promise<UnitRunResult> {
  const { unit, signal, drain, handlers, afterLoss, entryOf } = options;
  let queue = [...unit.ordinals];
  const suspects: Suspect[] = [];
  const losses = new Map<number, string[]>();
  const calls = new Map(Object.entries(unit.extraCalls ?? {}).map(([ordinal, n]) => [Number(ordinal), n]));
  let deaths = 0;
  /** A function may have broken other processes in the same way. */
  let needsFresh = false;
  let idleRunners = 0;

  const leftWith = (open: readonly number[]): number[] =>
    [...open, ...suspects.map(({ ordinal }) => ordinal)].sort((a, b) => a - b);

  while (!signal.aborted && !drain.aborted && queue.length + suspects.length > 0) {
    const suspect = queue.length === 0 ? suspects.shift()! : null;
    const ordinals = suspect === null ? queue : [suspect.ordinal];
    const end = await runOnRunner({
      ...options,
      ordinals,
      calls,
      fresh: suspect !== null || needsFresh,
      alone: suspect?.alone ?? options.alone,
      cautious: deaths > 0,
    });
    if (end.death !== null || end.broken !== null) deaths++;
    needsFresh = end.broken !== null;
    const open = ordinals.filter((ordinal) => !end.ended.has(ordinal));
    const interrupted = open.filter((ordinal) => calls.has(ordinal));
    // A call that was stopped with its unit, for a deploy or a pause, costs nothing.
    if (interrupted.length > 0 && !signal.aborted)
      handlers.onInterrupted(interrupted.map((ordinal) => [ordinal, calls.get(ordinal)!] as const));
    if (end.failed !== null) return { left: leftWith(open), failed: end.failed };
    const { lost, suspected } = end;
    // enforces I5
    if (suspected !== null) suspects.push({ ordinal: suspected, alone: false });
    for (const call of lost) {
      const { ordinal, error } = call;
      const hand = async (big: boolean): Promise<void> =>
        handlers.onSegment(alone(failedCall(call, await entryOf(ordinal), big)));
      if (error === null) {
        await hand(false);
        continue;
      }
      const types = [...(losses.get(ordinal) ?? []), error.type];
      losses.set(ordinal, types);
      handlers.onLoss({ ...call, error }, types);
      const next = afterLoss(types);
      // enforces I5
      if (next === 'end') await hand(false);
      else if (next === 'bigTaskQueue') await hand(true);
      else suspects.push({ ordinal, alone: next === 'alone' });
    }
    const apart = new Set([...lost.map(({ ordinal }) => ordinal), suspected]);
    const rest = open.filter((ordinal) => !apart.has(ordinal));
    const isIdle = lost.length === 0 && end.ended.size === 0 && !signal.aborted && !drain.aborted;
    idleRunners = isIdle ? idleRunners + 1 : 0;
    if (idleRunners >= MAX_IDLE_RUNNERS)
      return {
        left: leftWith(rest),
        failed: { error: end.death ?? end.broken ?? neverBegan(), retryable: true },
      };
    if (suspect === null) queue = rest;
    else if (rest.length > 0) suspects.unshift(suspect);
  }
  return { left: leftWith(queue), failed: null };
}

function alone(result: CallResult): RunnerSegment {
  return { done: null, outcomes: [result], rows: null, pack: null };
}

function failedCall(
  { ordinal, attempt: attempts, startedAt, durationMs, error }: LostCall,
  { id, rows }: { id: string; rows: number },
  big: boolean,
): CallResult {
  const status = error === null ? 'CANCELLED' : 'INTERNAL_ERROR';
  const nothing = { preview: null, outputRows: 0, reused: false };
  const outcome = { ordinal, id, status, attempts, rows, startedAt, durationMs, error, ...nothing } as const;
  return { outcome, artifacts: [], retryable: false, retryDelayMs: null, big };
}

/** A partition whose call was lost. If `alone`, it is retried as the worker's only runner. */
interface Suspect {
  ordinal: number;
  alone: boolean;
}
