/**
 * The executions of a run id, found by write-once locators on the stage. A locator only says which Temporal
 * execution is which; state comes from history.
 */
import { WorkflowNotFoundError, type Client } from '@temporalio/client';
import { Visibility } from '../client/visibility';
import { Refusal } from '../run/refusal';
import { locatorPath, runFolder } from '../run/stage-layout';
import { ObjectExists, type Stage } from '../stage';

interface Locator {
  version: 1;
  runId: string;
  generation: number;
  execution: number;
  workflowRunId: string;
}

export type Place = { generation: number; execution: number } | { refusal: Refusal; workflowRunId: string };

/** Gives this execution its place, or says which execution holds the id. Repeatable: a retried call finds its own locator. */
export async function takeRunId(
  client: Client,
  stage: Stage,
  { runId, workflowRunId }: { runId: string; workflowRunId: string },
): Promise<Place> {
  const locators = await readLocators(stage, runId);
  const own = locators.find((locator) => locator.workflowRunId === workflowRunId);
  if (own !== undefined) return own;
  for (const earlier of locators) {
    if (await hasPlanned(client, runId, earlier.workflowRunId)) return exists(runId, earlier.workflowRunId);
  }
  const elsewhere = await plannedElsewhere(client, runId, [
    workflowRunId,
    ...locators.map((locator) => locator.workflowRunId),
  ]);
  if (elsewhere !== null) return exists(runId, elsewhere);
  const locator: Locator = {
    version: 1,
    runId,
    generation: 1,
    execution: (locators.at(-1)?.execution ?? 0) + 1,
    workflowRunId,
  };
  try {
    await stage.put(locatorPath(runId, locator.execution), Buffer.from(`${JSON.stringify(locator)}\n`));
    return locator;
  } catch (error) {
    // Another execution took the number meanwhile: look again.
    if (error instanceof ObjectExists) return takeRunId(client, stage, { runId, workflowRunId });
    throw error;
  }
}

function exists(runId: string, workflowRunId: string): Place {
  const refusal = new Refusal('RunExists', [
    `The run "${runId}" exists already: look at it with \`partwise status ${runId}\`, or choose another id with --run-id. ` +
      'Running it again (onExisting "overwrite" or "resume") is not in this release.',
  ]);
  return { refusal, workflowRunId };
}

async function readLocators(stage: Stage, runId: string): Promise<Locator[]> {
  const listed = await stage.list(`${runFolder(runId)}/executions/`);
  const locators: Locator[] = [];
  for (const { path } of listed)
    locators.push(JSON.parse(Buffer.from(await stage.get(path)).toString('utf8')) as Locator);
  return locators.sort((a, b) => a.execution - b.execution);
}

/** An execution of the same id that planned on another stage, which has no locator here. */
async function plannedElsewhere(
  client: Client,
  runId: string,
  known: readonly string[],
): Promise<string | null> {
  for await (const { execution } of new Visibility(client).runsOf(runId)) {
    const workflowRunId = execution?.runId ?? '';
    if (!known.includes(workflowRunId) && (await hasPlanned(client, runId, workflowRunId)))
      return workflowRunId;
  }
  return null;
}

/** An execution that ended before it had a plan (an empty source, a full disk) started nothing, and does not hold its id. */
async function hasPlanned(client: Client, runId: string, workflowRunId: string): Promise<boolean> {
  try {
    const history = await client.workflow.getHandle(runId, workflowRunId).fetchHistory();
    const planId = history.events?.find(
      (event) => event.activityTaskScheduledEventAttributes?.activityType?.name === 'planRun',
    )?.eventId;
    return (history.events ?? []).some(
      (event) =>
        planId != null &&
        String(event.activityTaskCompletedEventAttributes?.scheduledEventId) === String(planId),
    );
  } catch (error) {
    // The server has forgotten it, but the stage has not: it was a run.
    if (error instanceof WorkflowNotFoundError) return true;
    throw error;
  }
}
