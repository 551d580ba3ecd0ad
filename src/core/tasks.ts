/** Arguments and results of activities and of shards. They travel through Temporal's history. */
import type { StopReason } from './failures/stop';
import type { FileRef } from './files';
import type { ErrorInfo } from './outcome';
import type { Column, FileRange, OutputPlan, RunPlan, Unit } from './plan';
import type { PartitionStatus, RunStatus, StatusCounts } from './status';
import type { ReportRule } from './units/shard-report';

/** The part of a plan that affects the activities of units. */
export type UnitCallPlan = Pick<
  RunPlan,
  | 'generation'
  | 'execution'
  | 'stage'
  | 'unitPlan'
  | 'taskQueue'
  | 'bigTaskQueue'
  | 'retry'
  | 'heartbeatTimeoutMs'
  | 'unitTimeoutMs'
  | 'partitionTimeoutMs'
  | 'retryUnitsPerRound'
  | 'joinUpToMs'
>;

/** The argument of the workflow `partitionShard`. */
export interface ShardTask {
  version: 1;
  runId: string;
  stageToken: string;
  shard: number;
  partitions: number;
  firstUnit: number;
  /** Where its units are stored on the stage. */
  list: FileRange & { path: string };
  plan: UnitCallPlan;
  /** Ordinals that were skipped before it started (`"3,7-9"`). */
  skipped: string;
  report: Omit<ReportRule, 'everyFailures'>;
  settings: ShardSettings;
}

/** The run's settings as sent to a shard; later messages have higher numbers. */
export interface ShardSettings extends Pick<ReportRule, 'everyFailures'> {
  number: number;
  paused: boolean;
  /** Units in flight. */
  lanes: number;
}

/** `processUnit`'s argument. */
export interface UnitTask {
  version: 1;
  runId: string;
  generation: number;
  execution: number;
  stage: string;
  stageToken: string;
  plan: FileRef;
  unit: number;
  from: number;
  to: number;
  /** Number of partitions in [from, to] that this unit runs. */
  partitions: number;
  /** For retry units: run only these ordinals (`"3,7-9"`). */
  only: string | null;
  /** For batches: exclude these ordinals, which were skipped before the unit was started. */
  except: string | null;
  /** How often each of these partitions has already thrown: 0 in the first round. */
  round: number;
  /** Whether the partitions ran out of memory before and this is their second chance. */
  big: boolean;
  /**
   * Number of earlier activities of this unit that ended without a result because something else was recorded
   * as their result; absent: none. They count as lost workers.
   */
  lostBefore?: number;
}

/** `loadShard`'s argument. */
export type LoadTask = Pick<ShardTask, 'version' | 'stageToken' | 'list'> & Pick<RunPlan, 'stage'>;

/** `loadShard`'s result. */
export interface LoadedShard {
  version: 1;
  units: Unit[];
}

/** `archiveShard`'s argument. */
export type ArchiveShardTask = Pick<ShardTask, 'version' | 'runId' | 'stageToken' | 'shard'> &
  Pick<RunPlan, 'stage' | 'generation' | 'execution'>;

/** `commitRun`'s argument. */
export interface CommitTask {
  version: 1;
  runId: string;
  generation: number;
  execution: number;
  stage: string;
  warehouse: string;
  /**
   * Together with the run id, distinguishes this run's commits from those of a run with the same id on
   * another stage.
   */
  stageToken: string;
  output: OutputPlan;
  keyColumns: Column[];
  index: FileRef;
}

/** The result of `commitRun`. */
export interface CommitResult {
  version: 1;
  /** What was written, for display. */
  target: string;
  /** Number of rows, or of new models. */
  rows: number;
  committedAt: string;
  /** The version created from the models. */
  modelVersion?: number;
}

/** The workflow's result, or the details of its failure. */
export interface RunSummary {
  version: 1;
  runId: string;
  status: RunStatus;
  counts: StatusCounts & { total: number };
  rows: number;
  generation: number;
  execution: number;
  commit: CommitResult | null;
  /** The first few failures. */
  firstErrors: { id: string; error: ErrorInfo }[];
  /**
   * Why the run was stopped before all partitions were started: the others are SKIPPED. Null if it was not
   * stopped.
   */
  stopped: { reason: StopReason; message: string } | null;
}

/** `findPartitions`' argument. */
export interface FindTask {
  version: 1;
  stage: string;
  stageToken: string;
  plan: FileRef;
  index: FileRef;
  /** Partition ids. */
  ids: string[];
  /** Partitions by number (`"3,7-9"`), in place of ids. */
  ordinals?: string;
}

/** The result of `findPartitions`. */
export interface FoundPartitions {
  version: 1;
  /** In the order of the ids; empty if the partitions were given by number. */
  ordinals: number[];
  /** Those that have already ended. */
  ended: { id: string; status: PartitionStatus }[];
}
