import { Context } from '@temporalio/activity';
import { runIdOf } from '../core/units/shards';
import { taggedForServices } from '../warehouse';
import { archiveShard } from './archive-run';
import { closeRun } from './close-run';
import { commitRun } from './commit-run';
import type { ActivityDeps } from './deps';
import { findPartitions } from './find-partitions';
import { loadShard } from './load-shard';
import { openRun } from './open-run';
import { planRun } from './plan-run';
import { processUnit } from './unit/process-unit';
import type { RunActivities } from '../core/workflow';

/** Binds the activities to one worker's project, runners and functions. */
export function createActivities(deps: ActivityDeps): RunActivities {
  return {
    openRun: (input) => tagged('open', () => openRun(deps, input)),
    planRun: (task) => tagged('plan', () => planRun(deps, task)),
    loadShard: (task) => tagged('load', () => loadShard(task)),
    processUnit: (task) => tagged('unit', () => processUnit(deps, task), { unit: task.unit }),
    findPartitions: (task) => tagged('find', () => findPartitions(task)),
    commitRun: (task) => tagged('commit', () => commitRun(deps, task)),
    archiveShard: (task) => tagged('archive', () => archiveShard(task)),
    closeRun: (task) => tagged('close', () => closeRun(deps, task)),
  };
}

/** Tags the statements of warehouses and stages with their purpose. */
function tagged<T>(step: string, work: () => T, more: { unit?: number } = {}): T {
  const { workflowExecution, attempt } = Context.current().info;
  const run = runIdOf(workflowExecution!.workflowId);
  return taggedForServices({ run, step, attempt, ...more }, work);
}
