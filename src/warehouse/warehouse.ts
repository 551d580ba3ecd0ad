import type { ModelRecord } from '../models/records';
import type { Check } from '../core/check';
import type { Source } from '../core/input';
import type { FileRef } from '../core/files';
import type { Column, OutputPlan } from '../core/plan';
import type { CommitResult, CommitTask } from '../core/tasks';
import type { PinnedFile, SnapshotFile, UnitPlan } from '../core/unit-plan';
import type { PushDown } from '../core/push-down';
import type { WarehouseAccess } from '../core/warehouse-access';
import type { Stage } from '../stage';

/** What a run was scheduled for, as its source query sees it: `$scheduled_time` and `$scheduled_date`. */
export interface Scheduled {
  /** ISO 8601 UTC. */
  time: string;
  /**
   * `2026-11-01`, in the schedule's time zone: half past midnight in Berlin is still the day before in UTC.
   */
  date: string;
}

/** Which rows of a source a run takes, and how they fall into partitions. */
export interface SourceRequest {
  source: Source;
  /** Key columns; empty when each file is a partition. */
  partitionBy: string[];
  where: string | null;
  /** Values of `$scheduled_time` and `$scheduled_date` in the query and in `where`; null: it uses neither. */
  scheduled: Scheduled | null;
}

/** A source that can be read: exact names, the warehouse's types. */
export interface SourceShape {
  columns: Column[];
  keyColumns: Column[];
}

/** Which partitions of a source a run takes. */
export interface PartitionsRequest extends SourceRequest {
  /** Only these partition ids; null: all. */
  only: string[] | null;
  maxPartitions: number;
  signal: AbortSignal;
}

export interface SnapshotRequest extends PartitionsRequest {
  /** Local folder for files in the making. */
  scratch: string;
  /**
   * Whether the index is to have `fingerprint`s of the partitions' rows; files that are partitions always
   * have them.
   */
  fingerprints?: boolean;
}

/** How a source falls into partitions. */
export interface PartitionSizes extends SourceShape {
  /** Rows of each partition, by ordinal. */
  rows: number[];
  /** Partition ids, by ordinal. */
  ids: string[];
}

/** Where a snapshot is put, and how. */
export interface SnapshotPlace {
  stage: Stage;
  /** On the stage; ends in `/`. */
  folder: string;
  /**
   * Partitions that are read together, as ordinals, both included: on a stage that is not local each range
   * has files of its own. Null: only the index is put, and rows are read in the warehouse when they are
   * needed.
   */
  ranges: readonly { from: number; to: number }[] | null;
}

/** Where rows are put too. */
export type RangedPlace = SnapshotPlace & { ranges: NonNullable<SnapshotPlace['ranges']> };

/**
 * A source's rows as they were at one moment. They are nowhere but in the warehouse's hands until they are
 * `put`.
 */
export interface PinnedSource extends PartitionSizes {
  /** By ordinal; null where nobody asked for them. */
  fingerprints: string[] | null;
  /** By ordinal: files that are partitions are read where they lie; else null. */
  files: PinnedFile[] | null;
  /** The rows in the warehouse's SQL; null: it has none for them. */
  pushDown: PushDown | null;
  /**
   * Puts the partition index (Parquet: `ord, id, rows, key_0…`, and `fingerprint` where it was asked for) and
   * the rows (Parquet: the source's columns and `__partwise_ord`, sorted by that, and within a partition in
   * the order of the source; or what the warehouse unloaded: `SnapshotFile.unloadedRows`). Together the
   * ranges must have every partition.
   */
  put(place: SnapshotPlace): Promise<Snapshot>;
}

export interface Snapshot {
  index: FileRef;
  files: SnapshotFile[];
}

/** What a commit writes: local copies of files, and which partitions they are of. */
export interface CommitRows {
  /**
   * Temporal's id of the execution: what tells a commit whose answer was lost from another one with its
   * number.
   */
  workflowRunId: string;
  /**
   * Temporal's id of the run's first execution. A run whose id was free again after `clean` has another, and
   * numbers from 1.
   */
  lineage: string;
  index: string;
  /** The Parquet files of rows that recorded outcomes name. */
  rows: { file: string; except: readonly number[] }[];
  /**
   * Ordinals of DONE partitions that were recorded after the given execution: with mode `append` the others'
   * rows are there.
   */
  doneAfter(execution: number): number[];
  /** Aborted when the run was cancelled; looked at last before anything becomes visible. */
  signal: AbortSignal;
  /** The run's newest execution: with a file as output, an older one writes nothing. */
  newestExecution(): Promise<number>;
  /** Ordinals of partitions that are not DONE: with mode `partitions` their earlier rows stay. */
  notDone: number[];
}

/** Files that a warehouse unloaded to a stage (`SnapshotFile.unloadedRows`), as local copies. */
export interface UnloadedFiles {
  files: readonly string[];
  /** Of the snapshot. */
  columns: readonly Column[];
  /** In all of the files. */
  rows: number;
  /** The Parquet file to write: in the form that `PinnedSource.put` names. */
  target: string;
  tempFolder: string;
  signal: AbortSignal;
}

/** The engine behind a source. Opened for as short as possible: see `docs/architecture.md`, locks. */
export interface Warehouse {
  /** Absolute URI, e.g. `duckdb:/data/warehouse.duckdb`. */
  readonly uri: string;
  /** Checks that the source and its key columns are there. Throws a `Refusal` with every problem. */
  inspect(request: SourceRequest): Promise<SourceShape>;
  /**
   * What keeps a run's results from being written there, as sentences, as far as that can be known before
   * there are any. The commit finds the rest.
   */
  inspectOutput(output: OutputPlan, signal?: AbortSignal): Promise<string[]>;
  /** The partitions that a snapshot would have, without making one. Throws what `snapshot` throws. */
  count(request: PartitionsRequest): Promise<PartitionSizes>;
  /**
   * Reads the source once; its rows stay pinned until `use` settles. Throws a `Refusal` for what no retry can
   * mend.
   */
  snapshot<T>(request: SnapshotRequest, use: (pinned: PinnedSource) => Promise<T>): Promise<T>;
  /** Like `snapshot`, of a few partitions that `count` has named; rows of others are never kept. */
  sample<T>(
    request: SnapshotRequest & { only: string[] },
    use: (pinned: PinnedSource) => Promise<T>,
  ): Promise<T>;
  /** Writes the combined rows in one transaction, or a file in one move. */
  commit(task: CommitTask, local: CommitRows): Promise<CommitResult>;
  /** The registry's records of a model, or of all (null). */
  readModels(model: string | null): Promise<(ModelRecord & { model: string })[]>;
  /**
   * Changes a model's records in one transaction: `change` sees them as they are then, and nobody else
   * changes them meanwhile. What it throws leaves them as they were.
   */
  changeModels<T>(
    model: string,
    change: (records: readonly ModelRecord[]) => { records: readonly ModelRecord[]; result: T },
  ): Promise<T>;
  /**
   * What functions get of the warehouse by way of the worker, whose credentials they do not have (I11). Null:
   * they open it themselves. `timeoutMs`: of the partition, and so of its statements; null: an hour.
   * `scratch`: for rows of partitions.
   */
  access(
    plan: Pick<UnitPlan, 'pushDown' | 'columns' | 'snapshotTime'>,
    options: { timeoutMs: number | null; scratch: string },
  ): WarehouseAccess | null;
  /** Brings what it unloaded into the form of a snapshot. Throws when there are other than `rows` rows. */
  restore(unloaded: UnloadedFiles): Promise<void>;
  /**
   * Tries, one by one, what runs need of it. The last check is the first that fails when others make no sense
   * without it.
   */
  checks(): AsyncGenerator<Check>;
  /** Tries what it does with this stage by itself; null: nothing. */
  checkStage(stage: Stage): Promise<Check | null>;
}
