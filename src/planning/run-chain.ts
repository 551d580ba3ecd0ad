/**
 * The executions of a run id, found by write-once locators on the stage. A locator only says which Temporal
 * execution is which; state comes from history.
 */
import type { Client } from '@temporalio/client';
import { archivedExecution, leftPlan } from '../reader/archive/archives';
import { hasPlanned, hasPlannedIn } from '../reader/chain';
import { HistorySource, isNotFound } from '../reader/histories/history-source';
import { damagedLocators, readLocators, type Locator } from '../stored/locators';
import { payloadDecoder } from '../reader/histories/payloads';
import { Visibility } from '../reader/visibility';
import type { Stage } from '../stage';
import type { PayloadDecoder } from '../history/events';

/** Where an execution that is being opened stands among those of its run id. */
export interface Chain {
  /** This execution's own: a retried call finds it. */
  own: Locator | null;
  /** The newest earlier execution that came as far as a plan: it is the run. */
  previous: Locator | null;
  /** Number of the newest execution, planned or not; 0: none. */
  last: number;
  /** Why nothing is known of some execution, as a sentence; null: all locators can be read. */
  damage: string | null;
}

export async function readChain(
  client: Client,
  stage: Stage,
  { runId, workflowRunId }: { runId: string; workflowRunId: string },
): Promise<Chain> {
  const { found: locators, damaged, newest } = await readLocators(stage, runId);
  const earlier = locators.filter((locator) => locator.workflowRunId !== workflowRunId);
  let previous: Locator | null = null;
  for (const locator of earlier.toReversed()) {
    const planned = await isRun(client, runId, locator.workflowRunId);
    if (!(planned ?? (await wasRun(client, stage, locator)))) continue;
    previous = locator;
    break;
  }
  const own = locators.find((locator) => locator.workflowRunId === workflowRunId) ?? null;
  const damage = damaged.length === 0 ? null : damagedLocators(stage, runId, damaged);
  return { own, previous, last: newest, damage };
}

/** The Temporal run id of an execution of the same id that planned on another stage, which has no locator here. */
export async function plannedElsewhere(
  client: Client,
  runId: string,
  workflowRunId: string,
): Promise<string | null> {
  for await (const { execution } of new Visibility(client).runsOf([runId])) {
    const other = execution?.runId ?? '';
    if (other !== workflowRunId && (await isRun(client, runId, other)) !== false) return other;
  }
  return null;
}

/**
 * An execution that ended before it had a plan (an empty source, a full disk) started nothing, and does not hold its id. Null: the
 * server does not know it.
 */
async function isRun(client: Client, workflowId: string, runId: string): Promise<boolean | null> {
  try {
    return await hasPlanned(new HistorySource(client), decoderOf(client), { workflowId, runId });
  } catch (error) {
    if (!isNotFound(error)) throw error;
    return null;
  }
}

/** What the stage says of an execution that the server has forgotten, or lost with its last seconds. */
async function wasRun(client: Client, stage: Stage, locator: Locator): Promise<boolean> {
  const archived = await archivedExecution(stage, locator.runId, locator.workflowRunId);
  const decoder = decoderOf(client, { verify: false });
  return archived === null ? leftPlan(stage, locator) : hasPlannedIn(archived.events, decoder);
}

function decoderOf({ options }: Client, { verify = true } = {}): PayloadDecoder {
  return payloadDecoder(options.loadedDataConverter, { verify });
}
