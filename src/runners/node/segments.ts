/**
 * What has ended in a unit. Ended partitions, their rows and their artifacts are handed over in segments,
 * about once a second. If the process dies, partitions that were handed over are not run again, and the
 * others are.
 */
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { DoneColumns, filterBlock, outcomeAt } from '../../core/done-block';
import type { EndedOutcome, ErrorInfo, NextCall, PackedArtifact } from '../../core/outcome';
import { untilRoom, type UntilRoom } from '../../files/full-disk';
import { describeThrown } from '../../functions/errors';
import type { IndexedPartition } from '../../functions/unit-index';
import { NOTHING_WRITTEN, type Written } from '../../rows/written-alone';
import type { CallResult, RunnerSegment, RunnerUnit } from '../protocol';
import { ArtifactPack } from './artifact-pack';
import type { RunnerHost } from './runner-host';
import type { Returned, UnitFunction } from './unit-function';
import type { UnitLink } from './worker-link';

export const SEGMENT_EVERY_MS = 1_000;
/** With this many pending rows, a segment is handed over early. */
const SEGMENT_ROWS = 50_000;
/** The same for bytes of artifacts. */
const SEGMENT_BYTES = 8 * 1024 * 1024;
/**
 * In a unit that has lost a runner, this many partitions are handed over one by one, and the others at this
 * interval.
 */
const CAUTIOUS_SEGMENTS = 20;
const CAUTIOUS_EVERY_MS = 100;

export class Segments {
  private readonly done = new DoneColumns();
  private ended: CallResult[] = [];
  private readonly pack = new ArtifactPack();
  private count = 0;
  private handedOverAt = performance.now();
  /** Segments are written one at a time. */
  private writing: Promise<unknown> = Promise.resolve();
  private broken: { error: unknown } | null = null;
  private readonly untilRoom: UntilRoom;

  constructor(
    private readonly unit: RunnerUnit,
    private readonly link: UnitLink,
    private readonly fn: UnitFunction,
    private readonly index: ReadonlyMap<number, IndexedPartition>,
  ) {
    this.untilRoom = untilRoom((bytes) => link.ask({ type: 'room', bytes }));
  }

  /** The call returned. What it returned is kept, or has failed the partition. */
  async recordSuccess(call: EndedCall, returned: Returned): Promise<void> {
    const { fn } = this;
    const { isBatch } = this.unit;
    if (fn.canAlwaysKeep && returned.keep() === true) return this.record(call, returned, isBatch);
    await this.exclusive(async () => {
      const thrown: unknown[] = [];
      const keep = async (): Promise<boolean> => {
        try {
          return await returned.keep();
        } catch (error) {
          // enforces I5: if rows cannot be kept, this partition fails and not the unit
          thrown.push(error);
          return true;
        }
      };
      if (!(await keep())) {
        await this.segment();
        await keep();
      }
      if (thrown.length === 0) this.record(call, returned, isBatch);
      else this.endThrown(call, thrown[0]);
    });
  }

  private record(call: EndedCall, { rows: outputRows, preview }: Returned, byColumns: boolean): void {
    const { partition, attempt: attempts, startedAt, durationMs, host } = call;
    const { ordinal } = partition;
    const artifacts = host.artifacts(this.pack);
    if (byColumns) {
      const some = artifacts.length === 0 ? null : artifacts;
      this.done.add({ ordinal, attempts, startedAt, durationMs, outputRows, artifacts: some });
    } else {
      const outcome = {
        ...outcomeOf(call),
        status: 'DONE' as const,
        preview,
        outputRows,
        error: null,
      };
      this.ended.push({ outcome, artifacts, retryable: false, retryDelayMs: null });
    }
  }

  endThrown(call: EndedCall, thrown: unknown): void {
    const { error, ...retry } = describeThrown(thrown, this.unit.nonRetryableErrorTypes);
    this.recordFailure(call, 'FAILED', error, retry);
  }

  recordFailure(
    call: EndedCall,
    status: 'FAILED' | 'CANCELLED' | 'INTERNAL_ERROR',
    error: ErrorInfo | null,
    retry: NextCall = { retryable: false, retryDelayMs: null },
  ): void {
    const outcome = { ...outcomeOf(call), status, preview: null, outputRows: 0, error };
    // Artifacts of an interrupted call are dropped.
    const artifacts: PackedArtifact[] = status === 'FAILED' ? call.host.artifacts(this.pack) : [];
    this.ended.push({ outcome, artifacts, ...retry });
  }

  /** Lets the function prepare calls, which must not overlap with writing. */
  lookAhead(ordinal: number): Promise<void> {
    return this.exclusive(() => this.fn.lookAhead!(ordinal));
  }

  throwIfBroken(): void {
    if (this.broken !== null) throw this.broken.error;
  }

  /** Whether what has ended must not be held back any longer. */
  get isDue(): boolean {
    if (this.fn.rows >= SEGMENT_ROWS || this.pack.bytes >= SEGMENT_BYTES) return true;
    const { cautious = false } = this.unit;
    if (cautious && this.count < CAUTIOUS_SEGMENTS) return true;
    return performance.now() - this.handedOverAt >= (cautious ? CAUTIOUS_EVERY_MS : SEGMENT_EVERY_MS);
  }

  /** Hands over what has ended. */
  handOver(): Promise<void> {
    return this.exclusive(() => this.segment());
  }

  /** Hands over in the background; `throwIfBroken` reports an error. */
  handOverSoon(): void {
    if (!this.hasEnded) return;
    this.handOver().catch((error: unknown) => (this.broken ??= { error }));
  }

  private get hasEnded(): boolean {
    return this.ended.length + this.done.length > 0;
  }

  /**
   * Hands over the partitions that have ended since the last segment. Their outcomes, rows and artifacts are
   * taken together, before the first wait.
   */
  private async segment(): Promise<void> {
    this.handedOverAt = performance.now();
    if (!this.hasEnded) return;
    const done = this.done.length === 0 ? null : this.done.take();
    const outcomes = this.ended;
    this.ended = [];
    const name = `${process.pid}-${++this.count}`;
    const rows = this.fn.rows === 0 ? null : join(this.unit.scratch, `rows-${name}.parquet`);
    const pack = this.pack.bytes === 0 ? null : join(this.unit.scratch, `pack-${name}`);
    const [written] = await Promise.all([
      rows === null ? NOTHING_WRITTEN : this.fn.write(rows, this.untilRoom),
      pack === null ? null : this.pack.write(pack, this.untilRoom),
    ]);
    const ended = this.withRefused({ done, outcomes }, written.refused);
    this.link.send({ type: 'segment', ...ended, rows: written.isWritten ? rows : null, pack });
  }

  /** Partitions whose rows could not be written have failed, as if their function had thrown. */
  private withRefused(ended: Ended, refused: Written['refused']): Ended {
    if (refused.size === 0) return ended;
    const fail = (
      { attempts, startedAt, durationMs, ordinal }: Omit<EndedOutcome, 'artifacts'>,
      artifacts: PackedArtifact[],
    ): CallResult => {
      const { id, rows } = this.index.get(ordinal)!;
      const { error, ...retry } = describeThrown(refused.get(ordinal), this.unit.nonRetryableErrorTypes);
      const called = { ordinal, id, attempts, rows, startedAt, durationMs, reused: false };
      const outcome = { ...called, status: 'FAILED' as const, preview: null, outputRows: 0, error };
      return { outcome, artifacts, ...retry };
    };
    const isKept = (ordinal: number): boolean => !refused.has(ordinal);
    const outcomes = ended.outcomes.map((each) =>
      isKept(each.outcome.ordinal) ? each : fail(each.outcome, each.artifacts),
    );
    const { done } = ended;
    if (done === null) return { done, outcomes };
    for (const [at, ordinal] of done.ordinals.entries())
      if (!isKept(ordinal)) outcomes.push(fail(outcomeAt(done, at), done.artifacts?.[at] ?? []));
    const kept = filterBlock(done, isKept);
    return { done: kept.ordinals.length === 0 ? null : kept, outcomes };
  }

  private async exclusive<T>(work: () => Promise<T>): Promise<T> {
    const result = this.writing.then(work);
    this.writing = result.catch(() => undefined);
    return result;
  }
}

type Ended = Pick<RunnerSegment, 'done' | 'outcomes'>;

/** A call that has ended, one way or another. */
export interface EndedCall {
  partition: IndexedPartition;
  attempt: number;
  /** Milliseconds since 1970. */
  startedAt: number;
  durationMs: number;
  host: RunnerHost;
}

function outcomeOf({ partition, attempt: attempts, startedAt, durationMs }: EndedCall) {
  const { ordinal, id, rows } = partition;
  return {
    ordinal,
    id,
    attempts,
    rows,
    startedAt: new Date(startedAt).toISOString(),
    durationMs,
    reused: false,
  };
}
