/** The options and results of running a unit on runners. */
import type { AfterLoss } from '../core/failures/budgets';
import type { ArtifactCodec, FileRef } from '../core/files';
import type { ErrorInfo } from '../core/outcome';
import type { Language } from './language';
import type { CallMemory } from './memory';
import type { RunnerPool } from './pool';
import type { WarehouseAccess } from '../core/warehouse-access';
import type { FromRunner, LogLine, RunnerSegment, RunnerUnit } from './protocol';
import type { ModelFile } from '../models/types';

/** A call that did not end by itself. */
export interface LostCall {
  ordinal: number;
  attempt: number;
  /** ISO 8601 UTC. */
  startedAt: string;
  durationMs: number;
  /** Null if it was cancelled. */
  error: ErrorInfo | null;
}

/** `attempt` is different for each call of a partition, so paths that include it are unique. */
export type UploadRequest = Omit<Extract<FromRunner, { type: 'upload' }>, 'type' | 'id'>;

/** The state of a runner that is running part of a unit. */
export interface RunningSession {
  running(): { ordinal: number; attempt: number } | null;
  /** Stops after the running call. The rest continues once ended partitions have been handed over. */
  holdCalls(): void;
}

/** The worker's handlers of a runner's messages. If one rejects, the unit ends with that error. */
export interface UnitHandlers {
  /** The next segment waits until it resolves. */
  onSegment(segment: RunnerSegment): Promise<void>;
  onLog(lines: LogLine[]): void;
  /** Errors of uploads and downloads are passed to the function. */
  onUpload(request: UploadRequest): Promise<FileRef>;
  /** Resolves once this many bytes can be written to the unit's scratch folder. */
  onRoom(bytes: number): Promise<void>;
  onDownload(request: {
    name: string;
    partition: string;
    run: string | null;
  }): Promise<{ file: string; codec: ArtifactCodec }>;
  /** Fetches a partition's model, or returns null if it has none. */
  onModel(partition: string): Promise<ModelFile | null>;
  /** Called when a runner starts with the unit, and with null when it has ended. */
  onSession(session: RunningSession | null): void;
  /**
   * How long calls have waited for the stage, or for room in the scratch folder, since then, on the clock of
   * `monotonicMs`. That time is not charged to the function.
   */
  waitedSince(then: number): number;
  /** Called when a partition's call was lost. `types` are the error types of all of its lost calls here. */
  onLoss(call: LostCall & { error: ErrorInfo }, types: readonly string[]): void;
  /**
   * Called when partitions have to be called again that a runner had called, with the calls of each so far in
   * addition to `priorCalls`.
   */
  onInterrupted(calls: Iterable<readonly [number, number]>): void;
  onHeartbeat(ordinal: number, progress: unknown): void;
}

export interface UnitRunOptions {
  pool: RunnerPool;
  /** The language of the unit's bundle. */
  language: Language;
  unit: RunnerUnit;
  /** Timeout of each call of the function, or null for no limit. */
  timeoutMs: number | null;
  memory: CallMemory;
  /** Number of GPUs that a call needs, or the share of one. Default: none. */
  gpus?: number;
  /** Cancels: the running call gets two seconds, and the rest is left. */
  signal: AbortSignal;
  /** Ends early: the running call is finished, and the rest is left. */
  drain: AbortSignal;
  /**
   * What to do with a partition after a loss. `types` are the error types of all of its losses here, in
   * order.
   */
  afterLoss: (types: readonly string[]) => AfterLoss;
  /** Start as the worker's only runner. */
  alone: boolean;
  /** Returns a partition's entry in the index. */
  entryOf: (ordinal: number) => Promise<{ id: string; rows: number }>;
  handlers: UnitHandlers;
  /** For the functions' warehouse queries, or null if they open it themselves. */
  access: WarehouseAccess | null;
  /**
   * For how many milliseconds the attempt may continue if its worker is suspended; then its runners end by
   * themselves. Null means no limit.
   */
  lease: (() => number) | null;
}
