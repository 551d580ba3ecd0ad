/**
 * The messages between a worker and a runner process in any language. docs/runner-protocol.md describes them
 * and their encoding (`message-bytes`) for authors of runners. A worker does not trust what a runner sends:
 * see `check-message`.
 *
 * A runner first sends `ready`. It handles one unit at a time. The worker sends `unit`; the runner answers
 * with `log`, `printed`, `upload`, `download`, `heartbeat` and `segment` messages and, at the end,
 * `unitDone`. At any time, the worker may send `drain` (finish the running call and start no other), or
 * `abort`, which is followed by SIGKILL to the runner's process group two seconds later.
 *
 * A runner's descriptors: 1 and 2 are files (`output-files`), 3 is the channel, 4 connects its watchdog
 * thread to the worker (`watchdog`), and 5 is the file with the running call (`call-record`).
 */
import type { Confinement } from '../duckdb/confinement';
import type { DoneBlock } from '../core/done-block';
import type { ArtifactCodec } from '../core/files';
import type { ErrorInfo, NextCall, PackedArtifact, PartitionOutcome } from '../core/outcome';
import type { Column } from '../core/plan';
import type { FunctionPlan, LocalFile } from '../core/unit-plan';
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
  /** The run's settings for models, if any. */
  model?: ModelInput;
  /** The models to predict with, if any. */
  models?: ModelPlan;
  /** For `context.withConnection`. One that runners open is `duckdb:` and an absolute path. */
  warehouse: string;
  /**
   * `'worker'`: the worker is asked to query the warehouse, and for rows of files; absent: the runner reads
   * them.
   */
  access?: 'worker';
  /** The run's rows in the warehouse's SQL, or null if SQL cannot select them. */
  pushDown: PushDown | null;
  keyColumns: Column[];
  columns: Column[];
  /**
   * Local copies of the partition index and of the snapshot (Parquet with an `__partwise_ord` column). In a
   * run without a snapshot, `snapshot` is empty, and rows are requested from the worker.
   */
  index: string;
  snapshot: string[];
  /** Files as partitions: the file of each ordinal in `ordinals`, in the same order; null: none. */
  files: LocalFile[] | null;
  /** The partitions to run, in this order. */
  ordinals: number[];
  /** Many small partitions: outcomes are columnar, and small artifacts share one file. */
  isBatch: boolean;
  /** Number of earlier calls of each partition. */
  priorCalls: number;
  /** Calls in addition to `priorCalls`, by ordinal: in earlier executions, and on runners that died. */
  extraCalls?: Record<number, number>;
  /**
   * A runner died in this unit, so ended partitions are handed over at shorter intervals: then the next death
   * loses fewer.
   */
  cautious?: boolean;
  /** Stop an attached debugger at the first line of the function. */
  pause?: boolean;
  snapshotTime: string;
  scheduledTime: string | null;
  /** `2026-11-01`, in the run's time zone. */
  scheduledDate?: string | null;
  /** Folder that DuckDB spills to. */
  spill: string;
  /** Folder of this unit's attempt, where uploads and output rows are written for the worker. */
  scratch: string;
  /** Errors of these types are marked as not retryable. */
  nonRetryableErrorTypes: string[];
  /** The files that SQL of the input may read. Default: any. The function's own code is not restricted. */
  confinement?: Confinement;
  /** DuckDB's memory limit inside the runner. */
  duckdbMemoryBytes: number;
}

/** The result of one call in the runner; the worker decides about retries. */
export interface CallResult extends NextCall {
  outcome: Omit<PartitionOutcome, 'artifacts' | 'earlierErrors'>;
  artifacts: PackedArtifact[];
  /** Set by the worker: out of memory, and to be tried on the function's `bigTaskQueue`. */
  big?: boolean;
}

/** Partitions that ended since the previous segment. Files are in the scratch folder. */
export interface RunnerSegment {
  /** The DONE partitions of a batch. */
  done: DoneBlock | null;
  /** The other partitions; outside a batch, all of them. */
  outcomes: CallResult[];
  /** The file of their returned rows (Parquet), or null if there are none. */
  rows: string | null;
  /** The file of a batch's concatenated small artifacts, or null if there are none. */
  pack: string | null;
}

export interface LogLine {
  /** ISO 8601 UTC. */
  at: string;
  ordinal: number | null;
  /** Number of the call that wrote it, or null if it was written outside any call. */
  attempt: number | null;
  stream: OutputStream;
  text: string;
}

/** Must be increased when a message changes, except for a new optional field. */
export const PROTOCOL_VERSION = 1;

export type ToRunner =
  | { type: 'describe'; bundle: string }
  | { type: 'unit'; unit: RunnerUnit }
  /** Finish the running partition, and leave the later ones. */
  | { type: 'drain' }
  | { type: 'abort'; reason: 'cancelled' }
  /** Applies only to `ordinal`: when it arrives, the next one may be running. */
  | { type: 'abort'; reason: 'timeout'; ordinal: number; timeoutMs: number }
  /** Answered by `pong`. */
  | { type: 'ping' }
  | { type: 'reply'; id: number; value?: unknown; error?: ErrorInfo & { nonRetryable: boolean } };

export type FromRunner =
  /** The first message. */
  | { type: 'ready'; protocol: number }
  /**
   * The answer to `describe`. Settings are the user's values, so they are tagged (`tagged-values`).
   */
  | { type: 'functions'; functions: FunctionDescription[]; error: ErrorInfo | null }
  | { type: 'log'; lines: LogLine[] }
  /**
   * What was written to descriptors 1 and 2 up to `to` belongs to the call with this number, or to none
   * (null).
   */
  | { type: 'printed'; call: number | null; from: Offsets; to: Offsets }
  /** Answered by `reply` once everything that was `printed` has been read. */
  | { type: 'readOutput'; id: number }
  | { type: 'pong' }
  /**
   * A value was encoded to `file` in the scratch folder; answered by `reply` with its `FileRef` once it is on
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
  /**
   * The disk of the scratch folder is full; answered by `reply` once this many bytes can be written there.
   * What has been computed waits with it.
   */
  | { type: 'room'; id: number; bytes: number }
  /** Answered by `reply` with `{ file, codec }`: a local copy. */
  | { type: 'download'; id: number; name: string; partition: string; run: string | null }
  /** Answered by `reply` with a `ModelFile`, a local copy, or null if the partition has no model. */
  | { type: 'model'; id: number; partition: string }
  /**
   * A function's query to a warehouse that only the worker opens; answered by `reply` with a `QueryAnswer`,
   * or with a `QueryFile` that the runner owns.
   */
  | ({ type: 'query'; id: number; as?: 'file' } & WarehouseQuery)
  /**
   * Requests a partition's rows in a run without a snapshot, or of a file; answered by `reply` with
   * `{ file }`, a local copy that the runner owns.
   */
  | ({ type: 'rows'; id: number } & RowsQuery)
  /**
   * Requests the rows that `model.holdout` holds out, from a runner without DuckDB. `file` is the answer to
   * `rows` in a run without a snapshot, else null. Answered by `reply` with `{ file }`, a Parquet file that
   * the runner owns.
   */
  | { type: 'heldOut'; id: number; ordinal: number; rows: number; file: string | null }
  /** Cancels requests of the last three kinds. */
  | { type: 'cancelQueries'; ids: number[] }
  | { type: 'heartbeat'; ordinal: number; progress: unknown }
  /** About once a second and at the end. */
  | ({ type: 'segment' } & RunnerSegment)
  /**
   * All ordinals were handled, except for those in `left` if the unit was cut short. A runner is not
   * `reusable` if the user's code may still be running in it, or after an uncaught error.
   */
  | { type: 'unitDone'; left: number[]; reusable: boolean }
  /** The unit could not be run (the bundle does not load, or the snapshot cannot be read). */
  | { type: 'unitFailed'; error: ErrorInfo; retryable: boolean };

type RunnerRequest = Extract<
  FromRunner,
  { type: 'upload' | 'room' | 'download' | 'model' | 'query' | 'rows' }
>;
/** A request without its id. */
export type Asked = RunnerRequest extends infer R ? (R extends RunnerRequest ? Omit<R, 'id'> : never) : never;
