/**
 * Partition ids → ordinals, and which of them have ended: for the update `skip`, because a workflow cannot
 * read files.
 */
import { Context } from '@temporalio/activity';
import { RunReader } from '../reader/run-reader';
import { ServerRun } from '../reader/run-source';
import { decodeOrdinals } from '../core/units/ordinals';
import type { FindTask, FoundPartitions } from '../core/tasks';
import { Refusal } from '../core/refusal';
import { refusing } from './failures';
import { withHeartbeats } from './unit/heartbeat';
import { findSkippable, hasEnded } from '../planning/skippable-partitions';
import { openPlannedStage } from '../stored/stage-access';

export function findPartitions(task: FindTask): Promise<FoundPartitions> {
  const context = Context.current();
  return withHeartbeats(context, () => refusing(() => find(task, context)));
}

async function find(
  { stage: uri, stageToken, plan: unitPlan, index, ids, ordinals: given }: FindTask,
  context: Context,
): Promise<FoundPartitions> {
  const stage = await openPlannedStage(uri, stageToken);
  const { workflowId, runId } = context.info.workflowExecution!;
  const reader = new RunReader(new ServerRun(context.client, workflowId, runId));
  const { record } = await reader.read();
  const wanted = { ids, ordinals: given === undefined ? null : decodeOrdinals(given) };
  const { ordinals, ended } = await findSkippable(reader, record, stage, { index, unitPlan }, wanted);
  if (given === undefined) return { version: 1, ordinals, ended };
  // The workflow has the ordinals, and history should not have the ids of ten thousand partitions (I7).
  if (ended.length > 0) throw new Refusal('InvalidInput', ended.map(hasEnded));
  return { version: 1, ordinals: [], ended: [] };
}
