/** Arguments and results of activities and of shards. They travel through Temporal's history. */
import type { StopReason } from './failures/stop';
import type { FileRef } from './files';
import type { ErrorInfo } from './outcome';
import type { Column, FileRange, OutputPlan, RunPlan, Unit } from './plan';
import type { PartitionStatus, RunStatus, StatusCounts } from './status';
import type { ReportRule } from './units/shard-report';

/** What of a plan shapes the activities of units. */
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
  /** Where its units are on the stage. */
  list: FileRange & { path: string };
  plan: UnitCallPlan;
  /** Ordinals that were skipped before it began (`"3,7-9"`). */
  skipped: string;
  report: Omit<ReportRule, 'everyFailures'>;
  settings: ShardSettings;
}

/** What a shard is told of the run's settings; a later one has a higher number. */
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
  /** How many of from … to are run. */
  partitions: number;
  /** Retry units: only these ordinals (`"3,7-9"`). */
  only: string | null;
  /** Of a batch: not these ordinals, which were skipped before it was started. */
  except: string | null;
  /** How often each of these partitions has thrown before: 0 in the first round. */
  round: number;
  /** The partitions ran out of memory before, and this is their second chance. */
  big: boolean;
  /**
   * How many activities of this unit ended without a result before this one, because something else was
   * recorded as their result; absent: none. They count as lost workers.
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
  /** With the run id, what tells this run's commits from those of a run of the same id on another stage. */
  stageToken: string;
  output: OutputPlan;
  keyColumns: Column[];
  index: FileRef;
}

/** What `commitRun` returns. */
export interface CommitResult {
  version: 1;
  /** What was written, as a person would name it. */
  target: string;
  /** Rows; of models, how many of them are new. */
  rows: number;
  committedAt: string;
  /** The version that models became. */
  modelVersion?: number;
}

/** What the workflow returns, or carries in its failure's details. */
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
   * Why the run was stopped before all partitions were started: those that were not are SKIPPED. Null when it
   * was not.
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
}

/** What `findPartitions` returns. */
export interface FoundPartitions {
  version: 1;
  /** In the order of the ids. */
  ordinals: number[];
  /** Those of them that have ended already. */
  ended: { id: string; status: PartitionStatus }[];
}
