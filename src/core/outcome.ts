/**
 * What is recorded for a partition and for a unit. These travel through Temporal's history, so every field is
 * bounded (I7) and every change to them is a change of wire format.
 */
import type { ArtifactRef, FileRef, ArtifactCodec } from './files';
import type { PartitionStatus, StatusCounts } from './status';

/** Why a partition did not end well. */
export interface ErrorInfo {
  /**
   * The error's class name, or one of Partwise's own: `OutOfMemory`, `Timeout`, `RunnerKilled`,
   * `TooMuchOutput`, `WorkerLost`.
   */
  type: string;
  /** At most 1 KiB. */
  message: string;
  /** Points at the user's file and line; at most 4 KiB; null for errors that are not the function's. */
  stack: string | null;
}

/** Statuses that a partition can end with. */
export type FinalStatus = Exclude<PartitionStatus, 'PENDING' | 'RUNNING'>;

/** What is recorded for one partition. */
export interface PartitionOutcome {
  /** Position in the plan's key-sorted partition index. */
  ordinal: number;
  /** The partition id. */
  id: string;
  status: FinalStatus;
  /** How many times the function was called. */
  attempts: number;
  /** Rows of the partition in the snapshot. */
  rows: number;
  /** ISO 8601 UTC. */
  startedAt: string;
  durationMs: number;
  /**
   * Up to 1 KiB of the result as JSON text, for Temporal's UI; the rows themselves are in
   * `UnitResult.output`.
   */
  preview: string | null;
  /** Rows the function returned. */
  outputRows: number;
  artifacts: ArtifactRef[];
  error: ErrorInfo | null;
  /** Taken over from an earlier run with the same rows and code. */
  reused: boolean;
}

/** An outcome whose id and rows may be null: then only the partition index has them. */
export type EndedOutcome = Omit<PartitionOutcome, 'id' | 'rows'> & {
  id: string | null;
  rows: number | null;
};

/** Whether and when a partition is called again. */
export interface NextCall {
  /** Whether another call may help (I9: never after a programming error). True only for `FAILED`. */
  retryable: boolean;
  /** The wait that the error asks for (`nextRetryDelay`), in milliseconds. */
  retryDelayMs: number | null;
}

/**
 * A partition's outcome, or those of partitions of a batch that are DONE; all of a record were made by one
 * function bundle.
 */
export type OutcomeRecord = PartitionOutcome | { done: DoneRecord };

/** Partitions that failed with one error. */
export interface AlikeFailures {
  /**
   * The error without what differs from partition to partition: see `errorPattern`. At most 300 characters.
   */
  pattern: string;
  /** The first of them, and its error: at most 300 characters, without a stack. */
  id: string;
  error: ErrorInfo;
  partitions: number;
}

/** What `processUnit` returns (or, for a one-partition unit that threw, the details of its failure). */
export interface UnitResult {
  version: 1;
  unit: number;
  /** Which round of retries of thrown partitions this was; 0 is the first. */
  round: number;
  /** Counts of the partitions that came to an end here. */
  counts: StatusCounts;
  /** Inline up to 8 KiB, else a JSON-lines file of them. */
  outcomes: OutcomeRecord[] | FileRef;
  /** Parquet files with the rows that functions returned. */
  output: FileRef[];
  /**
   * Partitions that threw and may be tried again, as ordinals (`"3,7-9"`); null when there are none. They
   * have not ended: `counts` leaves them out, and among `outcomes` is what they threw.
   */
  retry: string | null;
  /**
   * Partitions that ran out of memory and are to be tried on the function's `bigTaskQueue`, like `retry`.
   */
  big: string | null;
  /** The longest wait that errors among `retry` ask for; null: none does. */
  retryAfterMs: number | null;
  /**
   * What all partitions that ended or threw here failed with; null when one is DONE, or two failed
   * differently. Those in `big` are left aside.
   */
  alike: AlikeFailures | null;
  /** How long the functions of the partitions that are DONE took, together. */
  doneMs: number;
  /** The first errors, for people and for the run's own failure message. */
  firstErrors: { id: string; error: ErrorInfo }[];
  /** Folder on the stage that holds the attempt's log segments, ending in `/`. */
  logs: string;
  /** sha256 of the function bundle that ran. */
  functionDigest: string;
  /** Partitions that another bundle ran, in earlier attempts of the unit: ordinals such as `"3,7-9"`. */
  otherCode: { functionDigest: string; ordinals: string }[];
  /** The worker's identity. */
  worker: string;
}

/** An artifact among others in one file; the file's path is the block's, unless it has one of its own. */
export type PackedArtifact = [
  name: string,
  codec: ArtifactCodec,
  offset: number,
  bytes: number,
  sha256: string,
  path?: string,
];

/** In JSON: a column whose values are all equal is one value. */
export interface DoneRecord {
  ordinals: string;
  attempts: number | number[];
  /** Milliseconds since 1970, of the first; then differences, each from the one before. */
  startedAt: number[];
  durationMs: number | number[];
  outputRows: number | number[];
  artifacts?: (PackedArtifact[] | 0)[];
  pack?: string;
}
