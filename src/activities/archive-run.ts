import { Context } from '@temporalio/activity';
import { writeArchive, writeShardArchive } from '../reader/archive/archive';
import { findArchive } from '../reader/archive/archives';
import { HistorySource } from '../reader/histories/history-source';
import type { Reading } from '../reader/run-reader';
import type { ShardRef } from '../history/facts';
import type { ArchiveShardTask } from '../core/plan';
import type { Stage } from '../stage';
import type { ActivityDeps, ClosingRun } from './deps';
import { withHeartbeats } from './unit/heartbeat';
import { openPlannedStage } from '../stored/stage-access';
import { archiveExecution, archiveShards, notingShards } from '../reader/archive/execution';

/**
 * Puts the history so far on the stage: all of it but for the end, which the closing says. A refused run has
 * no place there.
 */
export async function archiveClosingRun(
  _: ActivityDeps,
  { task, context, reader }: ClosingRun,
): Promise<void> {
  const { runId, opened, closing } = task;
  if (opened === null) return;
  const { stage, stageToken, generation, execution } = opened;
  const { runId: workflowRunId } = context.info.workflowExecution!;
  const seen = await openPlannedStage(stage, stageToken);
  const shards: ShardRef[] = [];
  const place = { runId, generation, execution };
  await writeArchive(seen, {
    place,
    workflowRunId,
    shard: null,
    closing: { ...closing, at: new Date().toISOString() },
    pages: notingShards(reader.closingPages(), shards),
  });
  // One that was lost had no chance to do it itself.
  await archiveShards(new HistorySource(context.client), seen, place, shards, { lacking: true });
}

/** Puts the history of a shard so far on the stage: all of it that tells of partitions. */
export function archiveShard(task: ArchiveShardTask): Promise<void> {
  const context = Context.current();
  return withHeartbeats(context, async () => {
    const stage = await openPlannedStage(task.stage, task.stageToken);
    const { workflowId, runId } = context.info.workflowExecution!;
    const execution = { workflowId, runId };
    const pages = new HistorySource(context.client).pages(execution);
    await writeShardArchive(stage, task, { number: task.shard, execution }, { pages, complete: false });
  });
}

/**
 * Archives the execution before this one, if that had no chance to do it itself because it was terminated.
 * Best effort: what it recorded is carried over all the same.
 */
export async function archivePrevious(
  { client, log }: Context,
  stage: Stage,
  { record, state }: Reading,
): Promise<void> {
  const { workflowRunId, opened, closed } = record;
  if (state.archived || opened === null || closed === null) return;
  const { runId, generation, execution } = opened;
  try {
    // One that was terminated while it was being closed has an archive with another end.
    const endedItself = closed.kind !== 'terminated' && closed.kind !== 'timedOut';
    if (endedItself && (await findArchive(stage, runId, workflowRunId)) !== null) return;
    const place = { runId, generation, execution };
    await archiveExecution(new HistorySource(client), stage, place, workflowRunId);
  } catch (error) {
    log.warn(`Execution ${execution} of the run "${runId}" could not be archived: ${String(error)}`);
  }
}
