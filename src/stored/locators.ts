/**
 * Locators: write-once objects on the stage that map the executions of a run id to Temporal executions. They
 * contain no state.
 */
import { locatorPath, runFolder } from './layout';
import { ObjectExists, type Stage } from '../stage';
import { sha256Of } from '../files/digest';

export interface Locator {
  version: 1;
  runId: string;
  generation: number;
  execution: number;
  workflowRunId: string;
  /** ISO 8601 UTC. */
  openedAt: string;
}

/** Null if another execution has taken the number in the meantime. */
export async function putLocator(stage: Stage, locator: Locator): Promise<Locator | null> {
  try {
    await stage.put(
      locatorPath(locator.runId, locator.execution),
      Buffer.from(`${JSON.stringify({ ...locator, sha256: digestOf(locator) })}\n`),
    );
    return locator;
  } catch (error) {
    if (error instanceof ObjectExists) return null;
    throw error;
  }
}

/** The locators of a run, and which of them cannot be read. */
export interface Locators {
  /** In the order of the executions. */
  readonly found: Locator[];
  /** Numbers of executions with damaged locators. */
  readonly damaged: number[];
  /** The highest number in use; 0 if there is none. */
  readonly newest: number;
}

export async function readLocators(stage: Stage, runId: string): Promise<Locators> {
  return locatorsAmong(stage, await stage.list(`${runFolder(runId)}/executions/`));
}

/** The locators among the objects. */
export async function locatorsAmong(stage: Stage, objects: readonly { path: string }[]): Promise<Locators> {
  const found: Locator[] = [];
  const damaged: number[] = [];
  for (const { path } of objects) {
    const number = executionIn(path);
    if (number === null) continue;
    const locator = parseLocator(await stage.get(path), path);
    if (locator === null) damaged.push(number);
    else found.push(locator);
  }
  found.sort((a, b) => a.execution - b.execution);
  const numbers = [...damaged, ...found.map(({ execution }) => execution)];
  return { found, damaged, newest: Math.max(0, ...numbers) };
}

/**
 * The Temporal run id of the run's first execution, which distinguishes its commits from those of another run
 * with the same id. `earlier`: the executions listed in the history of its newest execution.
 */
export function lineageOf(
  { found, damaged }: Locators,
  earlier: readonly { execution: number | null; workflowRunId: string }[],
): string | null {
  const first = Math.min(...damaged, ...found.map(({ execution }) => execution));
  const known = [...found, ...earlier].find(({ execution }) => execution === first);
  return known?.workflowRunId ?? null;
}

/**
 * The message for locators that cannot be read. A new snapshot helps (`overwritable`) unless it is to be
 * written to an output, where the rows of the earlier executions could not be found and replaced.
 */
export function damagedLocators(
  stage: Stage,
  runId: string,
  damaged: readonly number[],
  { overwritable }: { overwritable: boolean },
): string {
  const paths = damaged.map((execution) => `"${locatorPath(runId, execution)}"`).join(', ');
  return (
    `${paths} on the stage ${stage.uri} can no longer be read, so it is unknown what the run "${runId}" has recorded: ` +
    (overwritable
      ? 'restore an intact copy, take a new snapshot with onExisting "overwrite" (--on-existing overwrite), or choose another id.'
      : 'restore an intact copy, choose another id, or leave out the output.')
  );
}

export function isLocator(path: string): boolean {
  return executionIn(path) !== null;
}

function executionIn(path: string): number | null {
  const number = /^[^/]+\/executions\/(\d+)\.json$/.exec(path)?.[1];
  return number === undefined ? null : Number(number);
}

/**
 * Null if it is not the locator of its path: it was damaged, or its content was lost in a power failure under
 * a release that did not flush files to disk. Readers continue without it.
 */
function parseLocator(content: Uint8Array, path: string): Locator | null {
  try {
    const { sha256, ...locator } = JSON.parse(Buffer.from(content).toString('utf8')) as Locator & {
      sha256?: string;
    };
    const isIts = locatorPath(locator.runId, locator.execution) === path;
    // Earlier releases wrote locators without a digest.
    return isIts && (sha256 === undefined || sha256 === digestOf(locator)) ? locator : null;
  } catch {
    return null;
  }
}

function digestOf(locator: Locator): string {
  return sha256Of(JSON.stringify(locator));
}
