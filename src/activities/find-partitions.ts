/**
 * Partition ids → ordinals, and which of them have ended: for the update `skip`, because a workflow cannot
 * read files.
 */
import { Context } from '@temporalio/activity';
import { RunReader } from '../reader/run-reader';
import { ServerRun } from '../reader/run-source';
import { decodeOrdinals } from '../core/units/ordinals';
import type { FindTask, FoundPartitions } from '../core/tasks';
import { partitionName } from '../core/partition-name';
import { quote } from '../core/quote';
import { Refusal } from '../core/refusal';
import { refusing } from './failures';
import { withHeartbeats } from './unit/heartbeat';
import { ordinalsById } from '../planning/known-partitions';
import { openPlannedStage } from '../stored/stage-access';
import { loadUnitPlan } from '../stored/unit-plan';

export function findPartitions(task: FindTask): Promise<FoundPartitions> {
  const context = Context.current();
  return withHeartbeats(context, () => refusing(() => find(task, context)));
}

async function find(task: FindTask, context: Context): Promise<FoundPartitions> {
  const stage = await openPlannedStage(task.stage, task.stageToken);
  const index = await stage.localFile(task.index);
  const found = await ordinalsById(index, task.ids);
  const ordinals = task.ids.map((id) => found.get(id)!);
  const { workflowId, runId } = context.info.workflowExecution!;
  const reader = new RunReader(new ServerRun(context.client, workflowId, runId));
  const { record } = await reader.read();
  const outcomes = await reader.outcomes(record, ({ task: { from, to } }) =>
    ordinals.some((ordinal) => from <= ordinal && ordinal <= to),
  );
  const ended = task.ids.flatMap((id, i) => {
    const status = outcomes.statusOf(ordinals[i]!);
    return status === undefined ? [] : [{ id, status }];
  });
  const { selected } = await loadUnitPlan(stage, task.plan);
  const run = selected === null ? null : new Set(decodeOrdinals(selected));
  const others = task.ids.filter(
    (_, i) => run?.has(ordinals[i]!) === false && outcomes.statusOf(ordinals[i]!) === undefined,
  );
  if (others.length > 0) {
    throw new Refusal(
      'InvalidInput',
      others.map((id) => `${quote(partitionName(id))} is not among the partitions that this execution runs.`),
    );
  }
  return { version: 1, ordinals, ended };
}
