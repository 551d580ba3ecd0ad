/** The time that a run is for. */
import type { Context } from '@temporalio/activity';
import { defineSearchAttributeKey, SearchAttributeType } from '@temporalio/common';
import type { NormalizedInput } from '../core/normalized-input';
import { openStage } from '../stage';
import { readPrevious } from './resumed-run';
import { readChain } from './run-chain';

/** Temporal sets it on every workflow that a schedule starts: the time as planned, however late the start, without jitter. */
const SCHEDULED_START = defineSearchAttributeKey('TemporalScheduledStartTime', SearchAttributeType.DATETIME);

/**
 * What the input says; else when the schedule was due that started this execution; else, of a run that is overwritten, what it was
 * for before. ISO 8601 UTC; null: for no time in particular.
 */
export async function scheduledTimeOf(
  context: Context,
  { scheduledTime, onExisting }: NormalizedInput,
  stageUri: string | null,
): Promise<string | null> {
  const time = scheduledTime ?? (await scheduledStart(context));
  if (time !== null || onExisting !== 'overwrite' || stageUri === null) return time;
  const { workflowId: runId, runId: workflowRunId } = context.info.workflowExecution!;
  const stage = openStage(stageUri);
  const { previous } = await readChain(context.client, stage, { runId, workflowRunId });
  const before = previous === null ? null : await readPrevious(context, stage, previous);
  return before?.reading.record.opened?.scheduledTime ?? null;
}

async function scheduledStart({ client, info }: Context): Promise<string | null> {
  const { workflowId, runId } = info.workflowExecution!;
  const { typedSearchAttributes } = await client.workflow.getHandle(workflowId, runId).describe();
  return typedSearchAttributes.get(SCHEDULED_START)?.toISOString() ?? null;
}
