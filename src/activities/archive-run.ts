import { Context } from '@temporalio/activity';
import { writeArchive, writeShardArchive } from '../reader/archive/archive';
import { recordedClosing } from '../reader/archive/closing';
import { findArchive } from '../reader/archive/archives';
import { HistorySource } from '../reader/histories/history-source';
import type { Reading } from '../reader/run-reader';
import type { ShardRef } from '../history/facts';
import type { ArchiveShardTask } from '../core/tasks';
import type { Stage } from '../stage';
import type { ActivityDeps, ClosingRun } from './deps';
import { withHeartbeats } from './unit/heartbeat';
import { openPlannedStage } from '../stored/stage-access';
import { archiveExecution, archiveShards, collectingShards } from '../reader/archive/execution';

/**
 * Writes the history so far to the stage: all of it except the end, which `closing` describes. A refused run
 * is not archived.
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
    closing: await recordedClosing(
      { ...closing, at: new Date().toISOString() },
      context.client.options.loadedDataConverter,
    ),
    pages: collectingShards(reader.closingPages(), shards),
  });
  // A lost shard had no chance to archive itself.
  await archiveShards(new HistorySource(context.client), seen, place, shards, { lacking: true });
}

/** Writes a shard's history so far to the stage: it includes everything about partitions. */
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
 * Archives the previous execution if it could not archive itself because it was terminated. Best effort: its
 * outcomes are carried over in any case.
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
    // An execution that was terminated while closing has an archive with a different end.
    const endedItself = closed.kind !== 'terminated' && closed.kind !== 'timedOut';
    if (endedItself && (await findArchive(stage, runId, workflowRunId)) !== null) return;
    const place = { runId, generation, execution };
    await archiveExecution(new HistorySource(client), stage, place, workflowRunId);
  } catch (error) {
    log.warn(`Execution ${execution} of the run "${runId}" could not be archived: ${String(error)}`);
  }
}
