import type { UnitResult } from './outcome';
import type { CloseTask, OpenedRun, PlanTask } from './opened-run';
import type {
  ArchiveShardTask,
  CommitResult,
  CommitTask,
  FindTask,
  FoundPartitions,
  LoadedShard,
  LoadTask,
  RunPlan,
  UnitTask,
} from './plan';

/** The activities of `partitionedRun` and `partitionShard`, as the workflows see them. */
// A type alias, because proxyActivities wants an index signature.
export type RunActivities = {
  openRun(input: unknown): Promise<OpenedRun>;
  planRun(task: PlanTask): Promise<RunPlan>;
  loadShard(task: LoadTask): Promise<LoadedShard>;
  processUnit(task: UnitTask): Promise<UnitResult>;
  findPartitions(task: FindTask): Promise<FoundPartitions>;
  commitRun(task: CommitTask): Promise<CommitResult>;
  archiveShard(task: ArchiveShardTask): Promise<void>;
  closeRun(task: CloseTask): Promise<void>;
};
