import { closeRun } from './close-run';
import { commitRun } from './commit-run';
import type { ActivityDeps } from './deps';
import { findPartitions } from './find-partitions';
import { openRun } from './open-run';
import { planRun } from './plan-run';
import { processUnit } from './process-unit';
import type { UnitResult } from '../run/outcome';
import type {
  CloseTask,
  CommitResult,
  CommitTask,
  FindTask,
  FoundPartitions,
  OpenedRun,
  PlanTask,
  RunPlan,
  UnitTask,
} from '../run/plan';

/** The activities of `partitionedRun`, as the workflow sees them. */
// A type alias, because proxyActivities wants an index signature.
export type RunActivities = {
  openRun(input: unknown): Promise<OpenedRun>;
  planRun(task: PlanTask): Promise<RunPlan>;
  processUnit(task: UnitTask): Promise<UnitResult>;
  findPartitions(task: FindTask): Promise<FoundPartitions>;
  commitRun(task: CommitTask): Promise<CommitResult>;
  closeRun(task: CloseTask): Promise<void>;
};

/** Binds the activities to one worker's project, runners and functions. */
export function createActivities(deps: ActivityDeps): RunActivities {
  return {
    openRun: (input) => openRun(deps, input),
    planRun: (task) => planRun(deps, task),
    processUnit: (task) => processUnit(deps, task),
    findPartitions: (task) => findPartitions(task),
    commitRun: (task) => commitRun(deps, task),
    closeRun: (task) => closeRun(deps, task),
  };
}
