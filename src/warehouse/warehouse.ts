import type { ModelRecord } from '../models/records';
import type { Confinement } from '../duckdb/confinement';
import type { Check } from '../core/setup-check';
import type { Source } from '../core/input';
import type { TypeGuesses } from '../core/type-guesses';
import type { FileRef } from '../core/files';
import type { Column, OutputPlan } from '../core/plan';
import type { CommitResult, CommitTask } from '../core/tasks';
import type { LocalFile, PinnedFile, SnapshotFile, UnitPlan } from '../core/unit-plan';
import type { PushDown } from '../core/push-down';
import type { WarehouseAccess } from '../core/warehouse-access';
import type { Stage } from '../stage';

/** A run's scheduled time, as its source query sees it: `$scheduled_time` and `$scheduled_date`. */
export interface Scheduled {
  /** ISO 8601 UTC. */
  time: string;
  /**
   * `2026-11-01`, in the schedule's time zone: half past midnight in Berlin is still the day before in UTC.
   */
  date: string;
}

/** The rows of a source that a run reads, and how they are partitioned. */
export interface SourceRequest {
  source: Source;
  /** Key columns; empty if each file is a partition. */
  partitionBy: string[];
  where: string | null;
  /**
   * Values of `$scheduled_time` and `$scheduled_date` in the query and in `where`, or null if the run has
   * none.
   */
  scheduled: Scheduled | null;
  /** Whether a source without rows is accepted: it has no partitions. Default: it is refused. */
  allowEmpty?: boolean;
}

/** The columns of a source, with exact names and the warehouse's types. */
export interface SourceShape {
  columns: Column[];
  keyColumns: Column[];
  /** How the types were found, for files of text; absent or null: the source has types. */
  guesses?: TypeGuesses | null;
}

/** The partitions of a source that a run processes. */
export interface PartitionsRequest extends SourceRequest {
  /** Only these partition ids, or null for all. */
  only: string[] | null;
  maxPartitions: number;
  signal: AbortSignal;
}

export interface SnapshotRequest extends PartitionsRequest {
  /** Local folder for temporary files. */
  scratch: string;
  /**
   * Whether the index should have `fingerprint`s of the partitions' rows. Files that are partitions always
   * have them.
   */
  fingerprints?: boolean;
}

/** The partitions of a source. */
export interface PartitionSizes extends SourceShape {
  /** Rows of each partition, by ordinal. */
  rows: number[];
  /** Partition ids, by ordinal. */
  ids: string[];
}

/** Where and how a snapshot is written. */
export interface SnapshotPlace {
  stage: Stage;
  /** On the stage; ends in `/`. */
  folder: string;
  /**
   * Ranges of partitions that are read together, as inclusive ordinals: on a stage that is not local, each
   * range has its own files. If null, only the index is written, and rows are queried in the warehouse when
   * they are needed.
   */
  ranges: readonly { from: number; to: number }[] | null;
}

/** A place where rows are written too. */
export type RangedPlace = SnapshotPlace & { ranges: NonNullable<SnapshotPlace['ranges']> };

/**
 * A source's rows as of one moment. Only the warehouse has them until they are `put`.
 */
export interface PinnedSource extends PartitionSizes {
  /** By ordinal, or null if they were not requested. */
  fingerprints: string[] | null;
  /** By ordinal, if files are partitions, which are read in place; otherwise null. */
  files: PinnedFile[] | null;
  /** As `UnitPlan.filesOn`. */
  filesOn?: string | undefined;
  /** The rows in the warehouse's SQL, or null if SQL cannot select them. */
  pushDown: PushDown | null;
  /**
   * Writes the partition index (Parquet: `ord, id, rows, key_0…`, and `fingerprint` if requested) and the
   * rows (Parquet: the source's columns and `__partwise_ord`, sorted by ordinal and then in the order of the
   * source; or files that the warehouse unloaded: `SnapshotFile.unloadedRows`). Together, the ranges must
   * cover every partition.
   */
  put(place: SnapshotPlace): Promise<Snapshot>;
}

export interface Snapshot {
  index: FileRef;
  files: SnapshotFile[];
}

/** What a commit writes: local copies of files, and their partitions. */
export interface CommitRows {
  /**
   * Temporal's id of the execution, which identifies a commit whose response was lost: another one may have
   * the same number.
   */
  workflowRunId: string;
  /**
   * Temporal's id of the run's first execution. A later run that reuses the id after `clean` has a different
   * one, and its numbers start at 1 again.
   */
  lineage: string;
  index: string;
  /** The Parquet files of rows of recorded outcomes. */
  rows: { file: string; except: readonly number[] }[];
  /**
   * Returns the ordinals of DONE partitions that were recorded after the given execution: with mode `append`,
   * the rows of the others have been appended already.
   */
  doneAfter(execution: number): number[];
  /** Aborted when the run is cancelled. It is last checked before anything becomes visible. */
  signal: AbortSignal;
  /** Returns the run's newest execution: if the output is a file, an older execution writes nothing. */
  newestExecution(): Promise<number>;
  /** Ordinals of partitions that are not DONE: with mode `partitions`, their earlier rows stay. */
  notDone: number[];
}

/** Files that a warehouse unloaded to a stage (`SnapshotFile.unloadedRows`), as local copies. */
export interface UnloadedFiles {
  files: readonly string[];
  /** The snapshot's columns. */
  columns: readonly Column[];
  /** Total number of rows. */
  rows: number;
  /** The Parquet file to write, in the format of `PinnedSource.put`. */
  target: string;
  tempFolder: string;
  signal: AbortSignal;
}

/** The part of a unit that its functions reach through the worker. */
export interface AccessedUnit extends Pick<UnitPlan, 'pushDown' | 'columns' | 'snapshotTime'> {
  ordinals: readonly number[];
  /** Files as partitions: the file of each ordinal, in the same order. */
  files: readonly LocalFile[] | null;
}

export interface AccessOptions {
  /** The timeout of a partition and its statements; null means an hour. */
  timeoutMs: number | null;
  /** A folder for rows of partitions and of queries. */
  scratch: string;
  /** Whether runners have DuckDB (`Language.hasDuckDB`). */
  hasDuckDB: boolean;
  /** The files that may be read as partitions. Default: any. */
  confinement?: Confinement | undefined;
}

/** The engine behind a source. It is opened as briefly as possible: see locks in `docs/architecture.md`. */
export interface Warehouse {
  /** Absolute URI, e.g. `duckdb:/data/warehouse.duckdb`. */
  readonly uri: string;
  /** Checks that the source and its key columns exist. Throws a `Refusal` with all problems. */
  inspect(request: SourceRequest): Promise<SourceShape>;
  /**
   * Returns what prevents results from being written to the output, as sentences, as far as that can be
   * determined before there are any. The commit finds the rest.
   */
  inspectOutput(output: OutputPlan, signal?: AbortSignal): Promise<string[]>;
  /**
   * Returns the partitions that a snapshot would have, without making one. Throws the same errors as
   * `snapshot`.
   */
  count(request: PartitionsRequest): Promise<PartitionSizes>;
  /**
   * Reads the source once; its rows stay pinned until `use` settles. Throws a `Refusal` for problems that no
   * retry can fix.
   */
  snapshot<T>(request: SnapshotRequest, use: (pinned: PinnedSource) => Promise<T>): Promise<T>;
  /** Like `snapshot`, for a few partitions that `count` returned; rows of others are never kept. */
  sample<T>(
    request: SnapshotRequest & { only: string[] },
    use: (pinned: PinnedSource) => Promise<T>,
  ): Promise<T>;
  /** Writes the combined rows in one transaction, or to a file that is renamed into place. */
  commit(task: CommitTask, local: CommitRows): Promise<CommitResult>;
  /** Returns the registry's records of a model, or of all models if null. */
  readModels(model: string | null): Promise<(ModelRecord & { model: string })[]>;
  /**
   * Changes a model's records in one transaction: `change` gets the current records, which nothing else
   * changes meanwhile. If it throws, they stay as they were.
   */
  changeModels<T>(
    model: string,
    change: (records: readonly ModelRecord[]) => { records: readonly ModelRecord[]; result: T },
  ): Promise<T>;
  /**
   * Returns the access that functions get through the worker, whose credentials they do not have (I11), or
   * null if their runners open the warehouse, and files that are partitions, themselves.
   */
  access(unit: AccessedUnit, options: AccessOptions): WarehouseAccess | null;
  /** Converts unloaded files to the format of a snapshot. Throws unless there are exactly `rows` rows. */
  restore(unloaded: UnloadedFiles): Promise<void>;
  /**
   * Tries one by one what runs need of the warehouse. Ends early if a check fails without which the others
   * make no sense.
   */
  checks(): AsyncGenerator<Check>;
  /** Tries what the warehouse does directly with this stage; null if it does nothing. */
  checkStage(stage: Stage): Promise<Check | null>;
}
