import type { Client } from '@temporalio/client';
import { WORKFLOW_TYPE } from '../core/workflow';

/** Number of runs that have not ended. */
export async function countOpenRuns(client: Client): Promise<number> {
  const query = `WorkflowType = '${WORKFLOW_TYPE}' AND ExecutionStatus = 'Running'`;
  return (await client.workflow.count(query)).count;
}
