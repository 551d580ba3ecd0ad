/** The time that a run is for. */
import type { Context } from '@temporalio/activity';
import { defineSearchAttributeKey, SearchAttributeType } from '@temporalio/common';
import type { NormalizedInput } from '../core/normalized-input';
import type { EarlierExecutions } from './earlier-executions';

/**
 * Temporal sets it on every workflow that a schedule starts: the nominal time, without jitter, however late
 * the start.
 */
const SCHEDULED_START = defineSearchAttributeKey('TemporalScheduledStartTime', SearchAttributeType.DATETIME);

/**
 * The scheduled time in the input; otherwise the time at which the schedule that started this execution was
 * due; otherwise, for an overwritten run, its previous scheduled time. ISO 8601 UTC; null if there is none.
 */
export async function scheduledTimeOf(
  context: Context,
  { scheduledTime, onExisting }: NormalizedInput,
  earlier: EarlierExecutions | null,
): Promise<string | null> {
  const time = scheduledTime ?? (await scheduledStart(context));
  if (time !== null || onExisting !== 'overwrite' || earlier === null) return time;
  return (await earlier.previous())?.reading.record.opened?.scheduledTime ?? null;
}

async function scheduledStart({ client, info }: Context): Promise<string | null> {
  const { workflowId, runId } = info.workflowExecution!;
  const { typedSearchAttributes } = await client.workflow.getHandle(workflowId, runId).describe();
  return typedSearchAttributes.get(SCHEDULED_START)?.toISOString() ?? null;
}
