/**
 * The executions of a run id, found through write-once locators on the stage. A locator only identifies a
 * Temporal execution; state comes from history.
 */
import type { Context } from '@temporalio/activity';
import type { Client } from '@temporalio/client';
import { archivedExecution, leftPlan } from '../reader/archive/archives';
import { hasPlanned, hasPlannedIn } from '../reader/find-execution';
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

/** The place of an execution that is being opened among those of its run id. */
interface Chain {
  /** This execution's own locator, which a retried call finds. */
  own: Locator | null;
  /** The newest earlier execution; null if none was accepted. */
  newest: Locator | null;
  /** The newest earlier execution that was planned: it is the run. */
  previous: Locator | null;
  /** Number of the newest execution, planned or not; 0 if there is none. */
  last: number;
  /** A sentence about locators that cannot be read; null if all can be read. */
  damage: string | null;
}

/** An earlier execution that has been read. */
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

  /** Makes the next call read the locators again, because another attempt has written one in the meantime. */
  reread(): void {
    this.#chain = null;
    this.#previous = null;
  }

  /**
   * The run. Null if there is none, or if it has expired on the server and the stage has no archive of it.
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
      // Shards of a terminated run are ended after it, and may start units until then (I4). The activity is
      // retried.
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
  const damage = damaged.length === 0 ? null : damagedLocators(stage, runId, damaged, { overwritable: true });
  return { own, newest: earlier.at(-1) ?? null, previous, last, damage };
}

/**
 * The Temporal run id of an execution with the same id that was planned on another stage, and so has no
 * locator here.
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
 * Whether the execution counts as the run: one that ended before it was planned (an empty source, a full
 * disk) started nothing and does not, so its run id stays free. Null if the server does not have it.
 */
async function isRun(client: Client, workflowId: string, runId: string): Promise<boolean | null> {
  try {
    return await hasPlanned(new HistorySource(client), decoderOf(client), { workflowId, runId });
  } catch (error) {
    if (!isNotFound(error)) throw error;
    return null;
  }
}

/**
 * The same according to the stage, for an execution that has expired on the server or was lost with its last
 * seconds.
 */
async function wasRun(client: Client, stage: Stage, locator: Locator): Promise<boolean> {
  const archived = await archivedExecution(stage, locator.runId, locator.workflowRunId);
  const decoder = decoderOf(client, { verify: false });
  return archived === null ? leftPlan(stage, locator) : hasPlannedIn(archived.events, decoder);
}

function decoderOf({ options }: Client, { verify = true } = {}): PayloadDecoder {
  return payloadDecoder(options.loadedDataConverter, { verify });
}
