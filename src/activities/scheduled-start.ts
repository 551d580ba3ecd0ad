import type { Context } from '@temporalio/activity';
import { defineSearchAttributeKey, SearchAttributeType } from '@temporalio/common';

/** Temporal sets it on every workflow that a schedule starts: the time as planned, however late the start, without jitter. */
const SCHEDULED_START = defineSearchAttributeKey('TemporalScheduledStartTime', SearchAttributeType.DATETIME);

/** The time that a Temporal Schedule started this execution for, ISO 8601 UTC; null for one that no schedule started. */
export async function scheduledStart({ client, info }: Context): Promise<string | null> {
  const { workflowId, runId } = info.workflowExecution!;
  const { typedSearchAttributes } = await client.workflow.getHandle(workflowId, runId).describe();
  return typedSearchAttributes.get(SCHEDULED_START)?.toISOString() ?? null;
}
