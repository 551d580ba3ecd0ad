/**
 * Drives one unit to its end, on as many runners as it takes.
 *
 *   queue ──► a runner takes all of it, in order ──► unitDone: the queue is empty
 *                 │ the runner dies, or the partition's time is up
 *                 ▼
 *             the partition that was running is a suspect: it is put aside, and run by itself in a fresh runner after the
 *             others; partitions whose end was not handed over go back into the queue
 *
 * 1. A partition that was handed over (its segment's handler resolved) is never run again.
 * 2. Each loss of a partition counts; when `afterLoss` says so it ends as INTERNAL_ERROR. The others are not charged.
 * 3. Artifacts belong to the call that uploaded them; a call that did not end leaves none.
 * 4. When the promise settles, nothing of the unit is running and no handler is at work.
 */
import type { AfterLoss } from '../core/budgets';
import type { ArtifactCodec, FileRef } from '../core/files';
import type { ErrorInfo } from '../core/outcome';
import { neverBegan } from './exit-reason';
import type { CallMemory } from './memory';
import type { RunnerPool } from './pool';
import type {
  FromRunner,
  LogLine,
  ModelFile,
  RunnerOutcome,
  RunnerSegment,
  RunnerUnit,
  WarehouseAccess,
} from './protocol';
import { runOnRunner } from './runner-session';

/** How often in a row a runner may be lost before it has called any function. */
const MAX_IDLE_RUNNERS = 3;

/** A partition's end. */
export interface EndedCall extends RunnerOutcome {
  /** It ran out of memory, and is to be tried on the function's `bigTaskQueue`. */
  big: boolean;
}

/** Partitions that ended, as a runner hands them over: see `RunnerSegment`. */
export interface UnitSegment extends Omit<RunnerSegment, 'outcomes'> {
  ended: EndedCall[];
}

/** A call that came to no end of its own. */
export interface LostCall {
  ordinal: number;
  attempt: number;
  /** ISO 8601 UTC. */
  startedAt: string;
  durationMs: number;
  /** Null: it was cancelled. */
  error: ErrorInfo | null;
}

/** `attempt` is different for each call of a partition, so that paths made with it never meet. */
export type UploadRequest = Omit<Extract<FromRunner, { type: 'upload' }>, 'type' | 'id'>;

/** What a runner is at. */
export interface RunningSession {
  running(): { ordinal: number; attempt: number } | null;
  /** The call that runs is the last one for now; the rest goes on when what has ended was handed over. */
  holdCalls(): void;
}

/** What the worker does with what a runner says. A handler that rejects ends the unit with that error. */
export interface UnitHandlers {
  /** The next segment waits for it. */
  onSegment(segment: UnitSegment): Promise<void>;
  onLog(lines: LogLine[]): void;
  /** The error of an upload or a download is the function's. */
  onUpload(request: UploadRequest): Promise<FileRef>;
  onDownload(request: {
    name: string;
    partition: string;
    run: string | null;
  }): Promise<{ file: string; codec: ArtifactCodec }>;
  /** Fetches a partition's model; null: it has none. */
  onModel(partition: string): Promise<ModelFile | null>;
  /** A runner begins with the unit; null: it has ended. */
  onSession(session: RunningSession | null): void;
  /** How long calls have waited for the stage since then, by the clock of `monotonicMs`: that time is not the function's. */
  waitedSince(then: number): number;
  /** A call of it was lost: `types` of the errors of all such calls here. */
  onLoss(ordinal: number, types: readonly string[]): void;
  onHeartbeat(ordinal: number, progress: unknown): void;
}

export interface UnitRunOptions {
  pool: RunnerPool;
  unit: RunnerUnit;
  /** Per call of the function; null: no limit. */
  timeoutMs: number | null;
  memory: CallMemory;
  /** Cancels: the running call gets two seconds, the rest is left. */
  signal: AbortSignal;
  /** Ends early without harm: the running call is finished, the rest is left. */
  drain: AbortSignal;
  /** What becomes of a partition after a loss; `types`: of the errors of all its losses here, the last one at the end. */
  afterLoss: (types: readonly string[]) => AfterLoss;
  /** Begin with nothing beside it in the worker. */
  alone: boolean;
  /** What the partition index says of a partition. */
  entryOf: (ordinal: number) => Promise<{ id: string; rows: number }>;
  handlers: UnitHandlers;
  /** For what functions read in the warehouse; null: they open it themselves. */
  access: WarehouseAccess | null;
  /**
   * For how many milliseconds the attempt may go on without its worker, if that is stopped: afterwards its runners end by themselves.
   * Null: for ever.
   */
  lease: (() => number) | null;
}

export interface UnitRunResult {
  /** Ordinals that were not run, because the unit was cancelled or drained. */
  left: number[];
  /** The unit could not be run at all: no partition is to blame. */
  failed: { error: ErrorInfo; retryable: boolean } | null;
}

export async function runUnit(options: UnitRunOptions): Promise<UnitRunResult> {
  const { unit, signal, drain, handlers, afterLoss, entryOf } = options;
  let queue = [...unit.ordinals];
  const suspects: Suspect[] = [];
  const losses = new Map<number, string[]>();
  const calls = new Map(Object.entries(unit.extraCalls ?? {}).map(([ordinal, n]) => [Number(ordinal), n]));
  let deaths = 0;
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
      fresh: suspect !== null,
      alone: suspect?.alone ?? options.alone,
      cautious: deaths > 0,
    });
    if (end.death !== null) deaths++;
    const open = ordinals.filter((ordinal) => !end.ended.has(ordinal));
    if (end.failed !== null) return { left: leftWith(open), failed: end.failed };
    const { lost } = end;
    for (const call of lost) {
      const { ordinal, error } = call;
      const hand = async (big: boolean): Promise<void> =>
        handlers.onSegment(alone(endedBadly(call, await entryOf(ordinal), big)));
      if (error === null) {
        await hand(false);
        continue;
      }
      const types = [...(losses.get(ordinal) ?? []), error.type];
      losses.set(ordinal, types);
      handlers.onLoss(ordinal, types);
      const next = afterLoss(types);
      // enforces I5
      if (next === 'end') await hand(false);
      else if (next === 'bigTaskQueue') await hand(true);
      else suspects.push({ ordinal, alone: next === 'alone' });
    }
    const lostOrdinals = new Set(lost.map(({ ordinal }) => ordinal));
    const rest = open.filter((ordinal) => !lostOrdinals.has(ordinal));
    const isIdle = lost.length === 0 && end.ended.size === 0 && !signal.aborted && !drain.aborted;
    idleRunners = isIdle ? idleRunners + 1 : 0;
    if (idleRunners >= MAX_IDLE_RUNNERS)
      return { left: leftWith(rest), failed: { error: end.death ?? neverBegan(), retryable: true } };
    if (suspect === null) queue = rest;
    else if (rest.length > 0) suspects.unshift(suspect);
  }
  return { left: leftWith(queue), failed: null };
}

function alone(ended: EndedCall): UnitSegment {
  return { done: null, ended: [ended], rows: null, pack: null };
}

function endedBadly(
  { ordinal, attempt: attempts, startedAt, durationMs, error }: LostCall,
  { id, rows }: { id: string; rows: number },
  big: boolean,
): EndedCall {
  const status = error === null ? 'CANCELLED' : 'INTERNAL_ERROR';
  const nothing = { preview: null, outputRows: 0, reused: false };
  const outcome = { ordinal, id, status, attempts, rows, startedAt, durationMs, error, ...nothing } as const;
  return { outcome, artifacts: [], retryable: false, retryDelayMs: null, big };
}

/** A partition whose call was lost. `alone`: with nothing beside it in the worker. */
interface Suspect {
  ordinal: number;
  alone: boolean;
}
