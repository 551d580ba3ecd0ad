import type { Context } from '@temporalio/activity';
import { writeArchive } from '../client/archive';
import { findArchive } from '../client/archives';
import { HistorySource } from '../client/history-source';
import type { Reading } from '../client/run-reader';
import type { CloseTask } from '../run/plan';
import type { Stage } from '../stage';
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

/**
 * Archives the execution before this one, if that had no chance to do it itself because it was terminated. Best effort: what it
 * recorded is carried over all the same.
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
    await writeArchive(stage, {
      place: { runId, generation, execution },
      workflowRunId,
      closing: null,
      pages: new HistorySource(client).pages({ workflowId: runId, runId: workflowRunId }),
    });
  } catch (error) {
    log.warn(`Execution ${execution} of the run "${runId}" was not archived. ${String(error)}`);
  }
}
