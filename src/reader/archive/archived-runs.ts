/** Lists the runs that a stage has archives of, one entry per run id. */
import { executionEnd } from '../../core/end-memo';
import { decodeClose } from '../../history/decode-close';
import { isoTime, type HistoryEvent, type PayloadDecoder } from '../../history/events';
import { HistoryDecoder } from '../../history/decode';
import { functionOfInput } from '../../history/run-state';
import { UnreadablePayload } from '../../history/untrusted-payloads';
import { MODELS_FOLDER } from '../../models/manifest';
import type { Stage } from '../../stage';
import { runIdOfFolder, SERIES_FOLDER } from '../../stored/layout';
import { locatorsAmong, type Locators } from '../../stored/locators';
import { NoSuchRun, UnreadableHistory } from '../errors';
import { hasPlannedIn } from '../find-execution';
import type { RecordedHistory } from '../histories/execution-history';
import { inParallel } from '../../core/in-parallel';
import { Cursor } from '../list-cursor';
import { DEFAULT_LIMIT, hasText, isOfSchedule, limitOf } from '../list-filter';
import type { ListOptions, RunListing, RunPage } from '../list-types';
import { newestArchived } from './archives';

const CURSOR = new Cursor('archived-');

export class ArchivedRuns {
  /** `present` returns those of the run ids that the server has, which are left out. */
  constructor(
    private readonly stage: Stage,
    private readonly decoder: PayloadDecoder,
    private readonly present: (runIds: readonly string[]) => Promise<ReadonlySet<string>>,
  ) {}

  /** Costs a few requests to the stage for each run, and lists its folders once, but not their content. */
  async page({ limit = DEFAULT_LIMIT, after, ...filter }: Omit<ListOptions, 'archived'>): Promise<RunPage> {
    const most = limitOf(limit);
    const last = after === undefined ? null : CURSOR.decode(after).toString('utf8');
    const left = (await this.stage.folders())
      .filter((folder) => mayBe(folder, filter.text) && (last === null || folder < last))
      .sort((a, b) => (a < b ? 1 : -1));
    const folders = left.slice(0, most);
    const located = new Map<string, Locators>();
    await inParallel(folders, async (folder) => {
      const locators = await locatorsAmong(this.stage, await this.stage.list(`${folder}/executions/`));
      const runId = locators.found[0]?.runId;
      if (runId !== undefined && isNamed(runId, filter)) located.set(runId, locators);
    });
    const present = await this.present([...located.keys()]);
    const page: RunPage = { runs: [], refused: 0, unread: [], next: null };
    await inParallel([...located], async ([runId, locators]) => {
      if (!present.has(runId)) await this.#add(page, runId, locators, filter);
    });
    page.runs.sort((a, b) => (a.runId < b.runId ? 1 : -1));
    if (left.length > most) page.next = CURSOR.encode(Buffer.from(folders.at(-1)!));
    return page;
  }

  async #add(page: RunPage, runId: string, locators: Locators, filter: ListOptions): Promise<void> {
    try {
      const history = await newestArchived(this.stage, this.decoder, runId, locators);
      const listing = history === null ? null : await this.#listing(runId, history);
      if (listing === null) return;
      if (listing === 'refused') page.refused++;
      else if (isWanted(listing, filter)) page.runs.push(listing);
    } catch (error) {
      // Its newest execution was not archived: it may be in progress on another server.
      if (error instanceof NoSuchRun) return;
      if (!(error instanceof UnreadableHistory || error instanceof UnreadablePayload)) throw error;
      page.unread.push({ runId, why: error.message });
    }
  }

  async #listing(runId: string, history: RecordedHistory): Promise<RunListing | 'refused'> {
    const { events } = history;
    const planned = await hasPlannedIn(events, this.decoder);
    const closed = (await history.closing(this.decoder)) ?? (await decodeClose(events.at(-1)!, this.decoder));
    if (!planned && closed?.kind === 'failed') return 'refused';
    const status = closed?.kind === 'cancelled' ? 'CANCELLED' : 'FAILURE';
    const end = executionEnd(closed?.summary ?? null, closed?.error ?? null, { status, planned });
    return {
      runId,
      status: end.status,
      function: await this.#function(events),
      startedAt: isoTime(events[0]!.eventTime),
      endedAt: closed?.at ?? isoTime(events.at(-1)!.eventTime),
      counts: end.counts,
      rows: end.rows,
      error: end.error,
      archived: true,
    };
  }

  /** The input of a retry need not name the function; what the execution was opened with does. */
  async #function(events: readonly HistoryEvent[]): Promise<string | null> {
    const decoder = new HistoryDecoder(this.decoder);
    for (const event of events) {
      const fact = await decoder.decode(event);
      if (fact?.type === 'opened') return fact.opened.function.name;
      const named = fact?.type === 'started' ? functionOfInput(fact.input) : null;
      if (named !== null) return named;
    }
    return null;
  }
}

/** False only if the id of the folder's run cannot contain the text: long ids are cut in folders' names. */
function mayBe(folder: string, text = ''): boolean {
  if (`${folder}/` === SERIES_FOLDER || `${folder}/` === MODELS_FOLDER) return false;
  return /-[0-9a-f]{16}$/.test(folder) || hasText(runIdOfFolder(folder), text);
}

function isNamed(runId: string, { text = '', schedule }: ListOptions): boolean {
  return hasText(runId, text) && (schedule === undefined || isOfSchedule(runId, schedule));
}

function isWanted(run: RunListing, filter: ListOptions): boolean {
  const { status, function: name, startedFrom, startedBefore } = filter;
  const startedAt = new Date(run.startedAt);
  return (
    (status === undefined || run.status === status) &&
    (name === undefined || run.function === name) &&
    (startedFrom === undefined || startedAt >= startedFrom) &&
    (startedBefore === undefined || startedAt < startedBefore)
  );
}
