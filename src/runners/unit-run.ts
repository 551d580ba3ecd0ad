/**
 * Drives one unit to its end, on as many runners as it takes.
 *
 *   queue ──► a runner takes all of it, in order ──► unitDone: the queue is empty
 *                 │ the runner dies, or the partition's time is up
 *                 ▼
 *             the partition that was running is a suspect: it is put aside, and run alone in a fresh runner after the
 *             others; partitions whose end was not handed over go back into the queue
 *
 * 1. A partition that was handed over (its segment's handler resolved) is never run again.
 * 2. Each loss of a partition counts; with the last of its budget it ends as INTERNAL_ERROR. The others are not charged.
 * 3. Artifacts belong to the call that uploaded them; a call that did not end leaves none.
 * 4. When the promise settles, nothing of the unit is running and no handler is at work.
 */
import type { ArtifactRef } from '../run/files';
import type { ErrorInfo, PartitionOutcome } from '../run/outcome';
import type { RunnerPool } from './pool';
import type { LogLine, RunnerOutcome, RunnerUnit } from './protocol';
import { runOnRunner } from './runner-session';

/** How often a partition may be lost (killed, timed out, out of memory) before it is given up. */
const MAXIMUM_LOSSES = 3;
/** How often a runner may die before it has called any function. */
const MAXIMUM_IDLE_DEATHS = 3;

/** A partition's end with its artifacts. */
export interface EndedPartition extends Omit<RunnerOutcome, 'outcome'> {
  outcome: PartitionOutcome;
}

export interface UploadRequest {
  ordinal: number;
  partitionId: string;
  /** Which call of the partition uploads: different for each one, so that paths made with it never meet. */
  call: number;
  name: string;
  file: string;
  codec: ArtifactRef['codec'];
}

/** What the worker does with what a runner says. A handler that rejects ends the unit with that error. */
export interface UnitHandlers {
  /** Partitions that ended, and a Parquet file of their rows in the scratch folder. The next segment waits for it. */
  onSegment(ended: EndedPartition[], rows: string | null): Promise<void>;
  onLog(lines: (LogLine & { attempt: number | null })[]): void;
  /** The error of an upload or a download is the function's. */
  onUpload(request: UploadRequest): Promise<ArtifactRef>;
  onDownload(request: {
    name: string;
    partition: string;
    run: string | null;
  }): Promise<{ file: string; codec: ArtifactRef['codec'] }>;
  onStart(ordinal: number, id: string): void;
  onHeartbeat(ordinal: number, progress: unknown): void;
}

export interface UnitRunOptions {
  pool: RunnerPool;
  unit: RunnerUnit;
  /** Per call of the function; null: no limit. */
  timeoutMs: number | null;
  memoryBytes: number;
  /** Cancels: the running call gets two seconds, the rest is left. */
  signal: AbortSignal;
  /** Default 3. */
  maximumLosses?: number;
  handlers: UnitHandlers;
}

export interface UnitRunResult {
  /** Ordinals that were not run, because the unit was cancelled. */
  left: number[];
  /** The unit could not be run at all: no partition is to blame. */
  failed: { error: ErrorInfo; retryable: boolean } | null;
}

export async function runUnit(options: UnitRunOptions): Promise<UnitRunResult> {
  const { unit, signal, handlers, maximumLosses = MAXIMUM_LOSSES } = options;
  let queue = [...unit.ordinals];
  const suspects: number[] = [];
  const losses = new Map<number, number>();
  const calls = new Map(Object.entries(unit.extraCalls ?? {}).map(([ordinal, n]) => [Number(ordinal), n]));
  let deaths = 0;
  let idleDeaths = 0;

  while (!signal.aborted && queue.length + suspects.length > 0) {
    const alone = queue.length === 0;
    const ordinals = alone ? [suspects.shift()!] : queue;
    const end = await runOnRunner({
      ...options,
      ordinals,
      calls,
      fresh: alone && losses.size > 0,
      cautious: deaths > 0,
    });
    if (end.death !== null) deaths++;
    const open = ordinals.filter((ordinal) => !end.ended.has(ordinal));
    if (end.failed !== null) return { left: [...open, ...suspects], failed: end.failed };
    const lost = end.lost;
    for (const { ordinal, ended } of lost) {
      const count = (losses.get(ordinal) ?? 0) + 1;
      losses.set(ordinal, count);
      // enforces I5
      if (ended.outcome.status === 'CANCELLED' || count >= maximumLosses)
        await handlers.onSegment([ended], null);
      else suspects.push(ordinal);
    }
    const lostOrdinals = new Set(lost.map(({ ordinal }) => ordinal));
    const rest = open.filter((ordinal) => !lostOrdinals.has(ordinal));
    idleDeaths = end.death !== null && lost.length === 0 && end.ended.size === 0 ? idleDeaths + 1 : 0;
    if (end.death !== null && idleDeaths >= MAXIMUM_IDLE_DEATHS) {
      return { left: [...rest, ...suspects], failed: { error: end.death, retryable: true } };
    }
    if (alone) suspects.unshift(...rest);
    else queue = rest;
  }
  return { left: [...queue, ...suspects].sort((a, b) => a - b), failed: null };
}
