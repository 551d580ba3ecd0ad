/**
 * The external interface of a run's workflow: its type, the memos that can be read without its history, and
 * the activities that it calls.
 */
import type { UnitResult } from './outcome';
import type { CloseTask, OpenedRun, PlanTask } from './opened-run';
import type { RunPlan } from './plan';
import type {
  ArchiveShardTask,
  CommitResult,
  CommitTask,
  FindTask,
  FoundPartitions,
  LoadedShard,
  LoadTask,
  UnitTask,
} from './tasks';

/** Memo with the function's name, so that listing runs needs no history. */
export const FUNCTION_MEMO = 'partwiseFunction';

/**
 * Memo that records whether the run is paused (absent: it never was). Set by the workflow, obeyed by waiting
 * attempts and by batches.
 */
export const PAUSED_MEMO = 'partwisePaused';

/** Memo with how an execution ended (`core/end-memo.ts`), so that listing runs needs no history. */
export const END_MEMO = 'partwiseEnd';

/** The workflow type of runs. */
export const WORKFLOW_TYPE = 'partitionedRun';

/** The activities of `partitionedRun` and `partitionShard`, as the workflows see them. */
// A type alias, because proxyActivities requires an index signature.
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
