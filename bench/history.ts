import type { World } from './world';

export interface History {
  bytes: number;
  events: number;
}

/** Size of a run's history on the server, together with those of its shards. */
export async function historyOf(world: World, runId: string): Promise<History> {
  const { workflow } = world.client;
  const { events } = await workflow.getHandle(runId).fetchHistory();
  const shards = (events ?? []).flatMap(
    (event) => event.childWorkflowExecutionStartedEventAttributes?.workflowExecution?.workflowId ?? [],
  );
  const all = await Promise.all([runId, ...shards].map((id) => workflow.getHandle(id).describe()));
  return {
    bytes: all.reduce((sum, { historySize }) => sum + (historySize ?? 0), 0),
    events: all.reduce((sum, { historyLength }) => sum + historyLength, 0),
  };
}
