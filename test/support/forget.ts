import type { Client } from '@temporalio/client';
import { isNotFound } from '../../src/reader/histories/history-source';
import { until } from './until';

/**
 * Deletes an execution from the server, as retention does, and waits until it is gone. Without `runId`, the
 * newest one.
 */
export async function forget(
  { workflowService, options }: Client,
  execution: { workflowId?: string | null; runId?: string | null },
): Promise<void> {
  const { namespace } = options;
  await workflowService.deleteWorkflowExecution({ namespace, workflowExecution: execution });
  await until(async () => {
    try {
      await workflowService.describeWorkflowExecution({ namespace, execution });
      return false;
    } catch (error) {
      if (isNotFound(error)) return true;
      throw error;
    }
  });
}
