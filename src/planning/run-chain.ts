/**
 * The executions of a run id, found by write-once locators on the stage. A locator only says which Temporal
 * execution is which; state comes from history.
 */
import type { Context } from '@temporalio/activity';
import type { Client } from '@temporalio/client';
import { archivedExecution, leftPlan } from '../reader/archive/archives';
import { hasPlanned, hasPlannedIn } from '../reader/chain';
import { HistorySource, isNotFound } from '../reader/histories/history-source';
import { NoSuchRun, UnreadableHistory } from '../reader/errors';
import { openShards } from '../reader/histories/shards-reading';
import { RunReader, type Reading } from '../reader/run-reader';
import { ServerRun } from '../reader/run-source';
import { damagedLocators, readLocators, type Locator } from '../stored/locators';
import { payloadDecoder } from '../reader/histories/payloads';
import { Visibility } from '../reader/visibility';
import type { Stage } from '../stage';
import type { PayloadDecoder } from '../history/events';

/** Where an execution that is being opened stands among those of its run id. */
interface Chain {
  /** This execution's own: a retried call finds it. */
  own: Locator | null;
  /** The newest earlier execution; null: none was ever accepted. */
  newest: Locator | null;
  /** The newest earlier execution that came as far as a plan: it is the run. */
  previous: Locator | null;
  /** Number of the newest execution, planned or not; 0: none. */
  last: number;
  /** Why nothing is known of some execution, as a sentence; null: all locators can be read. */
  damage: string | null;
}

/** An earlier execution, read. */
export interface Previous {
  reader: RunReader;
  reading: Reading;
}

/**
 * The executions of a run id before the one that is being opened. Their locators and the history of the run
 * are read once.
 */
export class EarlierExecutions {
  #chain: Promise<Chain> | null = null;
  #previous: Promise<Previous | null> | null = null;

  constructor(
    private readonly context: Pick<Context, 'client' | 'info'>,
    readonly stage: Stage,
  ) {}

  chain(): Promise<Chain> {
    return (this.#chain ??= readChain(this.context.client, this.stage, executionOf(this.context)));
  }

  /** Reads the locators again: another attempt has put one meanwhile. */
  reread(): void {
    this.#chain = null;
    this.#previous = null;
  }

  /**
   * The run. Null when there is none, or when the server has forgotten it and the stage has no archive of it.
   */
  previous(): Promise<Previous | null> {
    return (this.#previous ??= this.chain().then(({ previous }) => this.#read(previous)));
  }

  /** The newest execution that was accepted, planned or not. */
  async newest(): Promise<Previous | null> {
    return this.#read((await this.chain()).newest);
  }

  async #read(locator: Locator | null): Promise<Previous | null> {
    if (locator === null) return null;
    const { runId, workflowRunId } = locator;
    const reader = new RunReader(new ServerRun(this.context.client, runId, workflowRunId, this.stage.uri));
    try {
      const reading = await reader.read();
      // Shards of a run that was terminated are ended after it, and may begin units until then (I4). This is
      // tried again.
      if (!reading.state.archived && openShards(reading.record).length > 0)
        throw new Error(`The shards of the execution ${workflowRunId} of "${runId}" have not ended yet.`);
      return { reader, reading };
    } catch (error) {
      if (error instanceof NoSuchRun || error instanceof UnreadableHistory || isNotFound(error)) return null;
      throw error;
    }
  }
}

function executionOf({ info }: Pick<Context, 'info'>): { runId: string; workflowRunId: string } {
  const { workflowId, runId } = info.workflowExecution!;
  return { runId: workflowId, workflowRunId: runId };
}

async function readChain(
  client: Client,
  stage: Stage,
  { runId, workflowRunId }: { runId: string; workflowRunId: string },
): Promise<Chain> {
  const { found: locators, damaged, newest: last } = await readLocators(stage, runId);
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
  return { own, newest: earlier.at(-1) ?? null, previous, last, damage };
}

/**
 * The Temporal run id of an execution of the same id that planned on another stage, which has no locator
 * here.
 */
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
 * An execution that ended before it had a plan (an empty source, a full disk) started nothing, and does not
 * hold its id. Null: the server does not know it.
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
