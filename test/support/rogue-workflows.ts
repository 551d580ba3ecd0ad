/**
 * A workflow of somebody else's, on a worker of their own, that schedules activities of a project's worker.
 */
import { scheduleActivity } from '@temporalio/workflow';

export async function rogue(type: string, taskQueue: string, task: unknown): Promise<unknown> {
  return scheduleActivity(type, [task], { taskQueue, startToCloseTimeout: '1 minute' });
}
