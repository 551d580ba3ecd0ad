/** Another user's workflow, on their own worker, that schedules activities of a project's worker. */
import { scheduleActivity } from '@temporalio/workflow';

export async function rogue(type: string, taskQueue: string, task: unknown): Promise<unknown> {
  return scheduleActivity(type, [task], { taskQueue, startToCloseTimeout: '1 minute' });
}
