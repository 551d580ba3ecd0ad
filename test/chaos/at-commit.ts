/** Faults that come while a commit waits for the warehouse file. */
import { once } from 'node:events';
import { holdWarehouse } from '../support/hold-warehouse';
import { patiently } from './patiently';
import type { Victim } from './victim';

/** Acts while the commit waits. False if there is none, or if the act came too late. */
export async function atCommit(
  { world, closed, workflowRunId }: Victim,
  act: () => Promise<boolean> | boolean,
): Promise<boolean> {
  const holder = await patiently('the warehouse file', () => holdWarehouse(world.warehouse));
  const handle = world.client.workflow.getHandle(world.runId, workflowRunId);
  try {
    const found = await patiently('the commit', async () => {
      if (closed.aborted) return false;
      const { raw } = await handle.describe();
      const { pendingActivities } = raw as { pendingActivities?: { activityType?: { name?: string } }[] };
      return pendingActivities?.some(({ activityType }) => activityType?.name === 'commitRun') || undefined;
    });
    return found && (await act());
  } finally {
    const exited = once(holder, 'exit');
    holder.kill('SIGKILL');
    await exited;
  }
}
