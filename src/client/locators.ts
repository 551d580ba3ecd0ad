/**
 * Locators: write-once objects on the stage that say which Temporal execution is which of a run id. State never comes from them.
 */
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
