/** Lists runs: one entry per run id. */
import type { Client } from '@temporalio/client';
import { HistoryDecoder } from '../history/decode';
import { decodeClose } from '../history/decode-close';
import { functionOfInput } from '../history/run-state';
import { UnreadablePayload, valueOf } from '../history/untrusted-payloads';
import { asExecutionEnd, executionEnd, type ExecutionEnd } from '../core/end-memo';
import { END_MEMO, FUNCTION_MEMO } from '../core/workflow';
import { didYouMean } from '../core/nearest';
import type { ErrorInfo } from '../core/outcome';
import type { RunStatus } from '../core/status';
import { hasPlanned, STATUS } from './find-execution';
import { NoSuchRun } from './errors';
import { HistorySource, isNotFound, type ExecutionRef } from './histories/history-source';
import { payloadDecoder } from './histories/payloads';
import { inParallel } from '../core/in-parallel';
import { Cursor } from './list-cursor';
import { DEFAULT_LIMIT, hasText, isOfSchedule, limitOf, MAX_LIMIT } from './list-filter';
import type { ListOptions, RunListing, RunPage } from './list-types';
import { quoted, startingWith, Visibility, type ListedExecution } from './visibility';
import { isoTime, type PayloadDecoder } from '../history/events';

const CURSOR = new Cursor('runs-');
/** Maximum number of cached execution ends; closed executions do not change. */
const MAX_KEPT = 10_000;

/** The `limit` newest runs. */
export async function newestRuns(client: Client, limit: number): Promise<RunListing[]> {
  const list = new RunList(client);
  const runs: RunListing[] = [];
  let after: string | undefined;
  do {
    const page = await list.page({ limit, after });
    runs.push(...page.runs);
    after = page.next ?? undefined;
  } while (runs.length < limit && after !== undefined);
  return runs.slice(0, limit);
}

/** Creates the entries of lists of runs. */
export class RunList {
  readonly #visibility: Visibility;
  readonly #source: HistorySource;
  readonly #decoder: PayloadDecoder;
  /** How executions ended, by their Temporal run ids. */
  readonly #ends = new Map<string, ExecutionEnd>();

  constructor(client: Client) {
    this.#visibility = new Visibility(client);
    this.#source = new HistorySource(client);
    this.#decoder = payloadDecoder(client.options.loadedDataConverter);
  }

  /**
   * Costs two requests to the server, and one for each 50 ended runs. The end of an execution is in its memo;
   * for those of earlier releases, and for executions that were terminated or timed out, it is one more
   * request or two, once.
   */
  async page({ limit = DEFAULT_LIMIT, after, ...filter }: ServerFilter): Promise<RunPage> {
    const most = limitOf(limit);
    const token = after === undefined ? null : CURSOR.decode(after);
    const { executions, next } = await this.#executions(filter, most, token);
    const wanted = await this.#ofFunction(named(executions, filter), filter.function);
    const chains = await this.#chains(wanted);
    const found = new Map<ListedExecution, RunListing>();
    const unread: RunPage['unread'] = [];
    let refused = 0;
    await inParallel(wanted, async (listed) => {
      const { workflowId, runId } = referenceOf(listed);
      // Only the execution that is the run is listed.
      const reading = orNullIfExpired(this.#line(chains.get(workflowId) ?? [listed]));
      const line = await reading.catch((error: unknown) => {
        if (!(error instanceof UnreadablePayload)) throw error;
        unread.push({ runId: workflowId, why: error.message });
        return null;
      });
      if (line?.execution.runId !== runId) return;
      if (line.refused) refused++;
      else if (filter.status === undefined || line.listing.status === filter.status)
        found.set(listed, line.listing);
    });
    const runs = wanted.flatMap((listed) => found.get(listed) ?? []);
    return { runs, refused, unread, next: next === null ? null : CURSOR.encode(next) };
  }

  /**
   * A page of at most `limit` executions. The server cannot search within ids, so for a text it is asked for
   * as many as it gives at once, and the page ends with the last match that belongs to it.
   */
  async #executions(
    filter: Omit<ServerFilter, 'limit' | 'after'>,
    limit: number,
    token: Uint8Array | null,
  ): ReturnType<Visibility['page']> {
    const query = queryOf(filter);
    if ((filter.text ?? '') === '') return this.#visibility.page(query, limit, token);
    const most = await this.#visibility.page(query, MAX_LIMIT, token);
    const last = named(most.executions, filter)[limit - 1];
    if (last === undefined) return most;
    return this.#visibility.page(query, most.executions.indexOf(last) + 1, token);
  }

  /**
   * The status of the run with this latest execution, or why it was refused; null if its history has expired.
   */
  async outcome(latest: ListedExecution): Promise<RunOutcome | null> {
    const outcome = async (): Promise<RunOutcome> => {
      const isPlanned = (await this.#end(latest)).planned;
      const chains = isPlanned ? null : await this.#chains([latest]);
      const line = await this.#line(chains?.get(referenceOf(latest).workflowId) ?? [latest]);
      const { status } = line.listing;
      // The memo has only the first line of the reason.
      return { status, refused: line.refused ? ((await this.#closed(line.execution))?.error ?? null) : null };
    };
    return orNullIfExpired(outcome());
  }

  /** Those of the run ids that have an execution on the server that counts. */
  async present(runIds: readonly string[]): Promise<ReadonlySet<string>> {
    const found = new Set<string>();
    const executions: ListedExecution[] = [];
    for await (const execution of this.#visibility.runsOf(runIds)) executions.push(execution);
    await inParallel(executions, async (execution) => {
      const isPlanned = (await orNullIfExpired(this.#end(execution)))?.planned;
      if (isPlanned === true) found.add(referenceOf(execution).workflowId);
    });
    return found;
  }

  async #ofFunction(
    executions: readonly ListedExecution[],
    name: string | undefined,
  ): Promise<readonly ListedExecution[]> {
    if (name === undefined) return executions;
    const wanted = new Set<ListedExecution>();
    await inParallel(executions, async (listed) => {
      if ((await orNullIfExpired(this.#function(listed))) === name) wanted.add(listed);
    });
    return executions.filter((listed) => wanted.has(listed));
  }

  /**
   * All executions of the runs of the given closed executions, newest first. A running execution is always
   * the newest.
   */
  async #chains(listed: readonly ListedExecution[]): Promise<Map<string, ListedExecution[]>> {
    const chains = new Map<string, ListedExecution[]>();
    const closed = listed.filter(({ status }) => status !== STATUS.running);
    for await (const execution of this.#visibility.runsOf(
      closed.map((each) => referenceOf(each).workflowId),
    )) {
      const { workflowId } = referenceOf(execution);
      const chain = chains.get(workflowId) ?? [];
      chains.set(workflowId, chain);
      chain.push(execution);
    }
    return chains;
  }

  /** The newest of a run's executions that did not end before it was planned; the newest if all did. */
  async #line(chain: readonly ListedExecution[]): Promise<RunLine> {
    let real = chain[0]!;
    for (const execution of chain) {
      if (!(await this.#end(execution)).planned) continue;
      real = execution;
      break;
    }
    const end = await this.#end(real);
    const refused = !end.planned && real.status === STATUS.failed;
    return { execution: referenceOf(real), refused, listing: await this.#describe(real, end) };
  }

  async #describe(info: ListedExecution, end: ExecutionEnd): Promise<RunListing> {
    const { status, counts, rows, error } = end;
    return {
      runId: info.execution!.workflowId!,
      status,
      function: await this.#function(info),
      startedAt: isoTime(info.startTime),
      endedAt: info.closeTime ? isoTime(info.closeTime) : null,
      counts,
      rows,
      error,
      archived: false,
    };
  }

  async #end(info: ListedExecution): Promise<ExecutionEnd> {
    if (info.status === STATUS.running)
      return { status: 'IN_PROGRESS', planned: true, counts: null, rows: null, error: null };
    const { runId } = referenceOf(info);
    const known = this.#ends.get(runId) ?? (await this.#endInMemo(info)) ?? (await this.#readEnd(info));
    this.#ends.set(runId, known);
    if (this.#ends.size > MAX_KEPT) this.#ends.delete(this.#ends.keys().next().value!);
    return known;
  }

  /** Null if its end is not in its memo, or if it ended in another way after that was written. */
  async #endInMemo({ memo, status }: ListedExecution): Promise<ExecutionEnd | null> {
    const end = asExecutionEnd(await this.#memo({ memo }, END_MEMO));
    if (end === null) return null;
    const { completed, failed, cancelled } = STATUS;
    const closes = end.status === 'CANCELLED' ? [cancelled] : [completed, failed];
    return closes.some((close) => close === status) ? end : null;
  }

  /** Undefined if it has none. */
  async #memo({ memo }: Pick<ListedExecution, 'memo'>, name: string): Promise<unknown> {
    const payload = memo?.fields?.[name];
    return payload ? valueOf(this.#decoder, { payloads: [payload] }) : undefined;
  }

  /** Uses the counts of the last event, which completed and failed runs have there. */
  async #readEnd(info: ListedExecution): Promise<ExecutionEnd> {
    const execution = referenceOf(info);
    const closed = await this.#closed(execution);
    const summary = closed?.summary ?? null;
    const planned = summary !== null || (await hasPlanned(this.#source, this.#decoder, execution));
    const status = info.status === STATUS.cancelled ? 'CANCELLED' : 'FAILURE';
    return executionEnd(summary, closed?.error ?? null, { status, planned });
  }

  async #closed(execution: ExecutionRef): ReturnType<typeof decodeClose> {
    const event = await this.#source.closeEvent(execution);
    return event === null ? null : decodeClose(event, this.#decoder);
  }

  async #function(info: ListedExecution): Promise<string | null> {
    const name = await this.#memo(info, FUNCTION_MEMO);
    if (name !== undefined) return typeof name === 'string' ? name : null;
    const first = await this.#source.firstEvent(referenceOf(info));
    const started = first === null ? null : await new HistoryDecoder(this.#decoder).decode(first);
    return started?.type === 'started' ? functionOfInput(started.input) : null;
  }
}

type ServerFilter = Omit<ListOptions, 'archived'> & {
  /** Only runs of this task queue, which are those of one project. */
  taskQueue?: string;
};

interface RunLine {
  execution: ExecutionRef;
  /** Whether nothing of it was started. */
  refused: boolean;
  listing: RunListing;
}

interface RunOutcome {
  status: RunStatus;
  /** Why nothing of it was started; null if something was, or may be. */
  refused: ErrorInfo | null;
}

/** Temporal's close statuses that executions with a run status can have. */
const CLOSED_AS: Readonly<Record<RunStatus, readonly string[]>> = {
  IN_PROGRESS: ['Running'],
  SUCCESS: ['Completed', 'Failed'],
  PARTIAL_FAILURE: ['Completed', 'Failed'],
  FAILURE: ['Completed', 'Failed', 'Terminated', 'TimedOut'],
  CANCELLED: ['Canceled'],
};

/** The part of the filter that the server can evaluate. */
function queryOf({
  status,
  schedule,
  startedFrom,
  startedBefore,
  taskQueue,
}: Omit<ServerFilter, 'limit' | 'after'>): string[] {
  return [
    ...(taskQueue === undefined ? [] : [`TaskQueue = ${quoted(taskQueue)}`]),
    ...(schedule === undefined ? [] : startingWith(`${schedule}-`)),
    ...(status === undefined ? [] : [`ExecutionStatus IN (${CLOSED_AS[status].map(quoted).join(', ')})`]),
    ...(startedFrom === undefined ? [] : [`StartTime >= ${quoted(startedFrom.toISOString())}`]),
    ...(startedBefore === undefined ? [] : [`StartTime < ${quoted(startedBefore.toISOString())}`]),
  ];
}

function named(
  executions: readonly ListedExecution[],
  { schedule, text = '' }: Pick<ListOptions, 'schedule' | 'text'>,
): readonly ListedExecution[] {
  return executions.filter((listed) => {
    const { workflowId } = referenceOf(listed);
    return hasText(workflowId, text) && (schedule === undefined || isOfSchedule(workflowId, schedule));
  });
}

/** Null for an execution whose history was deleted or has expired since the server listed it. */
async function orNullIfExpired<T>(reading: Promise<T>): Promise<T | null> {
  try {
    return await reading;
  } catch (error) {
    if (isNotFound(error)) return null;
    throw error;
  }
}

function referenceOf({ execution }: ListedExecution): ExecutionRef {
  return { workflowId: execution!.workflowId!, runId: execution!.runId! };
}

/** Maximum number of run ids that are searched for suggestions. */
const MAX_CANDIDATES = 200;

/**
 * The error for an unknown run id. `archives` is the stage that was also searched, if any.
 */
export async function runNotFound(
  client: Client,
  runId: string,
  archives: string | null,
): Promise<NoSuchRun> {
  const known: string[] = [];
  for await (const { execution } of new Visibility(client).runs()) {
    known.push(execution!.workflowId!);
    if (known.length >= MAX_CANDIDATES) break;
  }
  return new NoSuchRun(
    runId,
    `There is no run "${runId}" in the namespace "${client.options.namespace}" of this Temporal server.${didYouMean(runId, known)} ` +
      `Its history may have expired${archives === null ? '' : `, and the stage ${archives} has no archive of it`}; ` +
      'partwise list lists the runs that exist.',
  );
}
