/**
 * The messages between a worker and a runner process, in any language; docs/runner-protocol.md describes them
 * with their bytes (`message-bytes`) for whoever writes a runner. A worker takes nothing that a runner sends
 * on trust: see `check-message`.
 *
 * A runner first sends `ready`. It handles one unit at a time. The worker sends `unit`; the runner answers
 * with `log`, `printed`, `upload`, `download`, `heartbeat` and `segment` messages and, at the end,
 * `unitDone`. The worker may send `drain` (end what is running, begin no other) or `abort` at any time, and
 * after the latter SIGKILL the runner's process group two seconds later.
 *
 * Descriptors of a runner: 1 and 2 are files (`output-files`), 3 is the channel, 4 connects its watchdog
 * thread with the worker (`watchdog`), 5 holds which call is running (`call-record`).
 */
import type { Confinement } from '../duckdb/confinement';
import type { DoneBlock } from '../core/done-block';
import type { ArtifactCodec } from '../core/files';
import type { ErrorInfo, NextCall, PackedArtifact, PartitionOutcome } from '../core/outcome';
import type { Column } from '../core/plan';
import type { FunctionPlan, PinnedFile } from '../core/unit-plan';
import type { ModelPlan } from '../core/unit-plan';
import type { PushDown } from '../core/push-down';
import type { RowsQuery, WarehouseQuery } from '../core/warehouse-access';
import type { Offsets, OutputStream } from './output-files';
import type { ModelInput } from '../core/input';
import type { FunctionDescription } from '../core/function-description';

/** A unit as a runner sees it: local files only, no stage, no credentials. */
export interface RunnerUnit {
  function: FunctionPlan;
  /** Absolute path of the bundle to load; null for the built-in function `sql`. */
  bundle: string | null;
  runId: string;
  params: Record<string, unknown>;
  /** What the run says about models; absent: nothing. */
  model?: ModelInput;
  /** The models that it predicts with; absent: none. */
  models?: ModelPlan;
  /** For `context.withConnection`. One that runners open is `duckdb:` and an absolute path. */
  warehouse: string;
  /** `'worker'`: the worker is asked to query the warehouse; absent: the runner opens it, to read. */
  access?: 'worker';
  /** The run's rows in the warehouse's SQL; null: it has none for them. */
  pushDown: PushDown | null;
  keyColumns: Column[];
  columns: Column[];
  /**
   * Local copies of the partition index and of the snapshot (Parquet with an `__partwise_ord` column). A run
   * without a snapshot has no file of it: rows are asked for.
   */
  index: string;
  snapshot: string[];
  /** Stage mode: the file of each ordinal in `ordinals`, in the same order. */
  files: PinnedFile[] | null;
  /** What to run, in this order. */
  ordinals: number[];
  /** Many small partitions: outcomes by columns, small artifacts in one file. */
  isBatch: boolean;
  /** How often each has been called before. */
  priorCalls: number;
  /** Calls on top of `priorCalls`, by ordinal: in earlier executions, and on runners that died. */
  extraCalls?: Record<number, number>;
  /**
   * A runner died in this unit: hand ended partitions over at shorter intervals, so that the next death costs
   * fewer.
   */
  cautious?: boolean;
  /** Stop an attached debugger just before the function is called. */
  pause?: boolean;
  snapshotTime: string;
  scheduledTime: string | null;
  /** Folder for what DuckDB cannot keep in memory. */
  spill: string;
  /** Folder of this unit's attempt; uploads and output rows are written here for the worker to take. */
  scratch: string;
  /** A thrown error of these types is marked not retryable. */
  nonRetryableErrorTypes: string[];
  /** The files that SQL of the input may read; absent: any. The function's own code reads what it likes. */
  confinement?: Confinement;
  /** DuckDB's memory limit inside the runner. */
  duckdbMemoryBytes: number;
}

/** The result of one call, as the runner saw it; the worker decides about retries. */
export interface CallResult extends NextCall {
  outcome: Omit<PartitionOutcome, 'artifacts'>;
  artifacts: PackedArtifact[];
  /** Set by the worker: out of memory, and to be tried on the function's `bigTaskQueue`. */
  big?: boolean;
}

/** Partitions that ended since the segment before. Files are in the scratch folder. */
export interface RunnerSegment {
  /** Of a batch: those that are DONE. */
  done: DoneBlock | null;
  /** The others; of a unit that is no batch all. */
  outcomes: CallResult[];
  /** The rows that they returned (Parquet); null: none. */
  rows: string | null;
  /** The small artifacts of a batch, one after the other; null: none. */
  pack: string | null;
}

export interface LogLine {
  /** ISO 8601 UTC. */
  at: string;
  ordinal: number | null;
  /** Number of the call that wrote it; null: it was written outside of any. */
  attempt: number | null;
  stream: OutputStream;
  text: string;
}

/** Changes when a message does, unless a field is only added that may be absent. */
export const PROTOCOL_VERSION = 1;

export type ToRunner =
  | { type: 'describe'; bundle: string }
  | { type: 'unit'; unit: RunnerUnit }
  /** The partition that is running is finished, and those after it are left. */
  | { type: 'drain' }
  | { type: 'abort'; reason: 'cancelled' }
  /** Concerns `ordinal` alone: by the time it arrives the next one may be running. */
  | { type: 'abort'; reason: 'timeout'; ordinal: number; timeoutMs: number }
  /** Answered by `pong`. */
  | { type: 'ping' }
  | { type: 'reply'; id: number; value?: unknown; error?: ErrorInfo & { nonRetryable: boolean } };

export type FromRunner =
  /** Before anything else. */
  | { type: 'ready'; protocol: number }
  /**
   * Answer to `describe`. Settings are as the user wrote them, so they are tagged values (`tagged-values`).
   */
  | { type: 'functions'; functions: FunctionDescription[]; error: ErrorInfo | null }
  | { type: 'log'; lines: LogLine[] }
  /** What was written to descriptors 1 and 2 up to `to` belongs to the call of this number; null: to none. */
  | { type: 'printed'; call: number | null; from: Offsets; to: Offsets }
  /** Answered by `reply` when all that was `printed` has been read. */
  | { type: 'readOutput'; id: number }
  | { type: 'pong' }
  /**
   * A value was encoded to `file` in the scratch folder; answered by `reply` with its `FileRef` when it is on
   * the stage.
   */
  | {
      type: 'upload';
      id: number;
      ordinal: number;
      partitionId: string;
      /** Number of the call. */
      attempt: number;
      name: string;
      file: string;
      codec: ArtifactCodec;
    }
  /** Answered by `reply` with `{ file, codec }`: a local copy. */
  | { type: 'download'; id: number; name: string; partition: string; run: string | null }
  /** Answered by `reply` with a `ModelFile`, a local copy, or null where the partition has no model. */
  | { type: 'model'; id: number; partition: string }
  /**
   * A query of the function for a warehouse that only the worker has credentials for; answered by `reply`
   * with a `QueryAnswer`.
   */
  | ({ type: 'query'; id: number } & WarehouseQuery)
  /**
   * Of a run without a snapshot: the partition's rows; answered by `reply` with `{ file }`, a local copy that
   * is the runner's.
   */
  | ({ type: 'rows'; id: number } & RowsQuery)
  /** Those of the last two kinds whose answers nobody waits for any more. */
  | { type: 'cancelQueries'; ids: number[] }
  | { type: 'heartbeat'; ordinal: number; progress: unknown }
  /** About once a second and at the end. */
  | ({ type: 'segment' } & RunnerSegment)
  /**
   * All ordinals were handled, or the unit was cut short and `left` were not. A runner that is not `reusable`
   * has code of the user still running in it, or an error that nobody caught.
   */
  | { type: 'unitDone'; left: number[]; reusable: boolean }
  /** The unit could not be run at all (bundle does not load, snapshot unreadable). */
  | { type: 'unitFailed'; error: ErrorInfo; retryable: boolean };
