/**
 * What is recorded for a partition and for a unit. These types are stored in Temporal's history, so every
 * field is bounded (I7) and every change to them changes the wire format.
 */
import type { EarlierError } from './earlier-errors';
import type { ArtifactRef, FileRef, ArtifactCodec } from './files';
import type { PartitionStatus, StatusCounts } from './status';

/** Why a partition did not succeed. */
export interface ErrorInfo {
  /**
   * The error's class name, or one of Partwise's own: `OutOfMemory`, `Timeout`, `RunnerKilled`,
   * `TooMuchOutput`, `WorkerLost`.
   */
  type: string;
  /** At most 1 KiB. */
  message: string;
  /**
   * Points to the user's file and line; at most 4 KiB; null for errors that did not come from the function.
   */
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
  /** Number of calls of the function. */
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
  /** Errors of earlier calls, as far as they are known. Absent: none. */
  earlierErrors?: EarlierError[];
  /** Whether it was taken over from an earlier run with the same rows and code. */
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
 * One partition's outcome, or the outcomes of DONE partitions of a batch. All outcomes in a record come from
 * the same function bundle.
 */
export type OutcomeRecord = PartitionOutcome | { done: DoneRecord };

/** Partitions that failed with the same error. */
export interface AlikeFailures {
  /**
   * The error without the parts that differ between partitions: see `errorPattern`. At most 300 characters.
   */
  pattern: string;
  /** The first of these partitions, and its error: at most 300 characters, without a stack. */
  id: string;
  error: ErrorInfo;
  partitions: number;
}

/** What `processUnit` returns (or, for a one-partition unit that threw, the details of its failure). */
export interface UnitResult {
  version: 1;
  unit: number;
  /** Retry round of partitions that threw; 0 is the first attempt. */
  round: number;
  /** Counts of the partitions that ended in this unit. */
  counts: StatusCounts;
  /** Inline up to 8 KiB, otherwise in a JSON-lines file. */
  outcomes: OutcomeRecord[] | FileRef;
  /** Parquet files with the rows that functions returned. */
  output: FileRef[];
  /**
   * Partitions that threw and may be retried, as ordinals (`"3,7-9"`); null if there are none. They have not
   * ended: `counts` excludes them, and `outcomes` contains what they threw.
   */
  retry: string | null;
  /**
   * Partitions that ran out of memory and will be tried on the function's `bigTaskQueue`, in the same form as
   * `retry`.
   */
  big: string | null;
  /** Ids of partitions in `retry` and `big`, by ordinal: see `namesGivenBack`. Absent: none. */
  names?: Record<number, string>;
  /** The longest wait that an error in `retry` asks for; null if none does. */
  retryAfterMs: number | null;
  /**
   * The error that all partitions that ended or threw here have in common; null if one is DONE, or two failed
   * differently. Partitions in `big` are ignored.
   */
  alike: AlikeFailures | null;
  /** Total time that the functions of DONE partitions took. */
  doneMs: number;
  /** The first few errors, for display and for the run's failure message. */
  firstErrors: { id: string; error: ErrorInfo }[];
  /** Folder on the stage that contains the attempt's log segments, ending in `/`. */
  logs: string;
  /** sha256 of the function bundle that ran. */
  functionDigest: string;
  /**
   * Partitions that were run by another bundle, in earlier attempts of the unit: ordinals such as `"3,7-9"`.
   */
  otherCode: { functionDigest: string; ordinals: string }[];
  /** The worker's identity. */
  worker: string;
}

/** An artifact packed with others in one file; the path is the block's unless the artifact has its own. */
export type PackedArtifact = [
  name: string,
  codec: ArtifactCodec,
  offset: number,
  bytes: number,
  sha256: string,
  path?: string,
];

/** The JSON form: a column whose values are all equal is written as one value. */
export interface DoneRecord {
  ordinals: string;
  attempts: number | number[];
  /**
   * Delta-encoded: the first value in milliseconds since 1970, then the difference of each value from the
   * previous one.
   */
  startedAt: number[];
  durationMs: number | number[];
  outputRows: number | number[];
  artifacts?: (PackedArtifact[] | 0)[];
  pack?: string;
  /** By ordinal, for partitions that have any. */
  earlierErrors?: Record<number, EarlierError[]>;
}
