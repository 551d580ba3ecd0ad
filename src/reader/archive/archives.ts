/** Finds a run's archives on a stage. */
import { archiveFolder, runFolder } from '../../stored/layout';
import type { Stage } from '../../stage';
import { hasPlannedIn } from '../find-execution';
import { parseHistory } from './archive';
import { NoSuchRun } from '../errors';
import type { RecordedHistory } from '../histories/execution-history';
import { readLocators, type Locator, type Locators } from '../../stored/locators';
import { archivesOn } from '../histories/shard-history';
import type { PayloadDecoder } from '../../history/events';

/** Null if the execution was not archived. */
export async function archivedExecution(
  stage: Stage,
  runId: string,
  workflowRunId: string,
): Promise<RecordedHistory | null> {
  const path = await findArchive(stage, runId, workflowRunId);
  if (path === null) return null;
  const place = `on the stage ${stage.uri}`;
  return parseHistory(await stage.get(path), `${path} ${place}`, { read: archivesOn(stage, runId), place });
}

/**
 * Path of an execution's archive; null if there is none. An archive that includes the end takes precedence
 * over one written just before it.
 */
export async function findArchive(
  stage: Stage,
  runId: string,
  workflowRunId: string,
): Promise<string | null> {
  const name = `-${workflowRunId.slice(-8)}`;
  const paths = (await stage.list(archiveFolder(runId))).map(({ path }) => path);
  const ending = (text: string): string | undefined => paths.find((path) => path.endsWith(text));
  return ending(`${name}-full.json.gz`) ?? ending(`${name}.json.gz`) ?? null;
}

/**
 * The run's newest planned execution among those that its locators name. Null if the stage has no such run;
 * throws `NoSuchRun` if that execution was not archived, because an older one would be out of date.
 */
export async function archivedRun(
  stage: Stage,
  decoder: PayloadDecoder,
  runId: string,
): Promise<RecordedHistory | null> {
  return newestArchived(stage, decoder, runId, await readLocators(stage, runId));
}

/** `archivedRun` for a run whose locators have been read. */
export async function newestArchived(
  stage: Stage,
  decoder: PayloadDecoder,
  runId: string,
  { found }: Pick<Locators, 'found'>,
): Promise<RecordedHistory | null> {
  let newest: RecordedHistory | null = null;
  for (const locator of found.toReversed()) {
    const archived = await archivedExecution(stage, runId, locator.workflowRunId);
    if (archived !== null && (await hasPlannedIn(archived.events, decoder))) return archived;
    if (archived === null && (await leftPlan(stage, locator))) {
      throw new NoSuchRun(
        runId,
        `Execution ${locator.execution} of the run "${runId}", its newest, has expired on the Temporal server, and the stage ${stage.uri} has no archive of it. ` +
          'Its files are still on the stage; to run this id again from scratch, use --on-existing overwrite.',
      );
    }
    newest ??= archived;
  }
  return newest;
}

/** Whether an execution whose history cannot be read anywhere was planned. */
export async function leftPlan(stage: Stage, { runId, generation, execution }: Locator): Promise<boolean> {
  const listed = await stage.list(`${runFolder(runId)}/g${generation}/`);
  return listed.some(({ path }) => path.includes(`/plan-e${execution}a`));
}
