/** What running a unit on runners takes, and what it reports. */
import type { AfterLoss } from '../core/failures/budgets';
import type { ArtifactCodec, FileRef } from '../core/files';
import type { ErrorInfo } from '../core/outcome';
import type { Language } from './language';
import type { CallMemory } from './memory';
import type { RunnerPool } from './pool';
import type { WarehouseAccess } from '../core/warehouse-access';
import type { FromRunner, LogLine, RunnerSegment, RunnerUnit } from './protocol';
import type { ModelFile } from '../models/types';

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
  onSegment(segment: RunnerSegment): Promise<void>;
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
  /**
   * How long calls have waited for the stage since then, by the clock of `monotonicMs`: that time is not the
   * function's.
   */
  waitedSince(then: number): number;
  /** A call of it was lost: `types` of the errors of all such calls here. */
  onLoss(ordinal: number, types: readonly string[]): void;
  onHeartbeat(ordinal: number, progress: unknown): void;
}

export interface UnitRunOptions {
  pool: RunnerPool;
  /** Of the unit's bundle. */
  language: Language;
  unit: RunnerUnit;
  /** Per call of the function; null: no limit. */
  timeoutMs: number | null;
  memory: CallMemory;
  /** Cancels: the running call gets two seconds, the rest is left. */
  signal: AbortSignal;
  /** Ends early without harm: the running call is finished, the rest is left. */
  drain: AbortSignal;
  /**
   * What becomes of a partition after a loss; `types`: of the errors of all its losses here, the last one at
   * the end.
   */
  afterLoss: (types: readonly string[]) => AfterLoss;
  /** Begin with nothing beside it in the worker. */
  alone: boolean;
  /** What the partition index says of a partition. */
  entryOf: (ordinal: number) => Promise<{ id: string; rows: number }>;
  handlers: UnitHandlers;
  /** For what functions read in the warehouse; null: they open it themselves. */
  access: WarehouseAccess | null;
  /**
   * For how many milliseconds the attempt may go on without its worker, if that is stopped: afterwards its
   * runners end by themselves. Null: for ever.
   */
  lease: (() => number) | null;
}
