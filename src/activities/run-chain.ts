/**
 * The executions of a run id, found by write-once locators on the stage. A locator only says which Temporal
 * execution is which; state comes from history.
 */
import type { Client } from '@temporalio/client';
import { hasPlanned } from '../client/chain';
import { HistorySource, isNotFound } from '../client/history-source';
import { Visibility } from '../client/visibility';
import { locatorPath, runFolder } from '../run/stage-layout';
import { ObjectExists, type Stage } from '../stage';

export interface Locator {
  version: 1;
  runId: string;
  generation: number;
  execution: number;
  workflowRunId: string;
  /** ISO 8601 UTC. */
  openedAt: string;
}

/** Where an execution that is being opened stands among those of its run id. */
export interface Chain {
  /** This execution's own: a retried call finds it. */
  own: Locator | null;
  /** The newest earlier execution that came as far as a plan: it is the run. */
  previous: Locator | null;
  /** Number of the newest earlier execution, planned or not; 0: none. */
  last: number;
}

export async function readChain(
  client: Client,
  stage: Stage,
  { runId, workflowRunId }: { runId: string; workflowRunId: string },
): Promise<Chain> {
  const locators = await readLocators(stage, runId);
  const earlier = locators.filter((locator) => locator.workflowRunId !== workflowRunId);
  let previous: Locator | null = null;
  for (const locator of earlier.toReversed()) {
    if (!(await isRun(client, runId, locator.workflowRunId))) continue;
    previous = locator;
    break;
  }
  const own = locators.find((locator) => locator.workflowRunId === workflowRunId) ?? null;
  return { own, previous, last: earlier.at(-1)?.execution ?? 0 };
}

/** Null: another execution took the number meanwhile. */
export async function putLocator(stage: Stage, locator: Locator): Promise<Locator | null> {
  try {
    await stage.put(
      locatorPath(locator.runId, locator.execution),
      Buffer.from(`${JSON.stringify(locator)}\n`),
    );
    return locator;
  } catch (error) {
    if (error instanceof ObjectExists) return null;
    throw error;
  }
}

/** In the order of the executions. */
export async function readLocators(stage: Stage, runId: string): Promise<Locator[]> {
  const listed = await stage.list(`${runFolder(runId)}/executions/`);
  const locators: Locator[] = [];
  for (const { path } of listed)
    locators.push(JSON.parse(Buffer.from(await stage.get(path)).toString('utf8')) as Locator);
  return locators.sort((a, b) => a.execution - b.execution);
}

/** The Temporal run id of an execution of the same id that planned on another stage, which has no locator here. */
export async function plannedElsewhere(
  client: Client,
  runId: string,
  workflowRunId: string,
): Promise<string | null> {
  for await (const { execution } of new Visibility(client).runsOf(runId)) {
    const other = execution?.runId ?? '';
    if (other !== workflowRunId && (await isRun(client, runId, other))) return other;
  }
  return null;
}

/** An execution that ended before it had a plan (an empty source, a full disk) started nothing, and does not hold its id. */
async function isRun(client: Client, workflowId: string, runId: string): Promise<boolean> {
  try {
    return await hasPlanned(new HistorySource(client), { workflowId, runId });
  } catch (error) {
    // The server has forgotten it, but the stage has not: it was a run.
    if (isNotFound(error)) return true;
    throw error;
  }
}
