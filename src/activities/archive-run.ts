import type { Context } from '@temporalio/activity';
import { writeArchive } from '../client/archive';
import { HistorySource } from '../client/history-source';
import type { CloseTask } from '../run/plan';
import type { ActivityDeps } from './deps';
import { openPlannedStage } from './stage-access';

/** Puts the history so far on the stage: all of it but for the end, which the closing says. A refused run has no place there. */
export async function archiveClosingRun(_: ActivityDeps, task: CloseTask, context: Context): Promise<void> {
  const { runId, opened, closing } = task;
  if (opened === null) return;
  const { stage, stageToken, generation, execution } = opened;
  const { runId: workflowRunId } = context.info.workflowExecution!;
  await writeArchive(await openPlannedStage(stage, stageToken), {
    place: { runId, generation, execution },
    workflowRunId,
    closing: { ...closing, at: new Date().toISOString() },
    pages: new HistorySource(context.client).pages({ workflowId: runId, runId: workflowRunId }),
  });
}
