/**
 * Raw histories from the server: pages, the last event, and a long poll that survives a server restart.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import type { temporal } from '@temporalio/proto';
import type { HistoryEvent } from '../../history/events';

/** One execution of a workflow id. */
export interface ExecutionRef {
  workflowId: string;
  runId: string;
}

export type Description = temporal.api.workflowservice.v1.IDescribeWorkflowExecutionResponse;

/** The server's maximum. */
const PAGE_EVENTS = 256;
/** The server answers a long poll within 20 s; without an answer by then the connection is dead. */
const LONG_POLL_MS = 60_000;
const MAX_GATHERING_MS = 200;
const FIRST_WAIT_MS = 200;
const MAX_WAIT_MS = 5_000;
/** A starting server finds its namespaces only after some seconds. */
const NOT_FOUND_FOR_MS = 20_000;
/** `HISTORY_EVENT_FILTER_TYPE_CLOSE_EVENT` */
const CLOSE_EVENT_ONLY = 2;
/** `EVENT_TYPE_WORKFLOW_TASK_SCHEDULED` and `EVENT_TYPE_WORKFLOW_TASK_STARTED` */
const [WORKFLOW_TASK_SCHEDULED, WORKFLOW_TASK_STARTED] = [5, 6];

export class HistorySource {
  constructor(private readonly client: Client) {}

  /** Describes the latest execution, or the given one. Throws the server's NOT_FOUND. */
  describe(workflowId: string, runId: string | null = null): Promise<Description> {
    return this.client.workflowService.describeWorkflowExecution({
      namespace: this.client.options.namespace,
      execution: { workflowId, runId },
    });
  }

  /** All events so far, page by page. */
  async *pages(execution: ExecutionRef): AsyncGenerator<HistoryEvent[]> {
    let token: Uint8Array | null = null;
    do {
      const page = await this.#page(execution, { token, wait: false });
      yield page.events;
      token = page.token;
    } while (token !== null);
  }

  /**
   * The events of the execution from its first to its last, as they happen. Those of workflow tasks may be
   * repeated, or be replaced by others with the same numbers.
   */
  async *follow(execution: ExecutionRef, signal?: AbortSignal): AsyncGenerator<HistoryEvent[]> {
    let last = 0;
    const begin = Date.now();
    for await (const events of this.#poll(execution, {}, signal)) {
      const fresh = events.filter((event) => Number(event.eventId) > last);
      if (fresh.length === 0) continue;
      last = Number(fresh.findLast(isLasting)?.eventId ?? last);
      yield fresh;
      // Each response costs the server a read, so bursts of events are fetched together: with a delay of at
      // most 2 % of the time so far.
      await sleep(Math.min((Date.now() - begin) / 50, MAX_GATHERING_MS), undefined, { signal });
    }
  }

  /** Waits for the end of the execution. */
  async untilClosed(execution: ExecutionRef, signal?: AbortSignal): Promise<void> {
    const pages = this.#poll(execution, { historyEventFilterType: CLOSE_EVENT_ONLY }, signal);
    for await (const events of pages) if (events.length > 0) return;
  }

  /** Responses to long polls until the last one. After a lost connection, events are repeated. */
  async *#poll(
    execution: ExecutionRef,
    filter: { historyEventFilterType?: number },
    signal?: AbortSignal,
  ): AsyncGenerator<HistoryEvent[]> {
    let token: Uint8Array | null = null;
    const backoff = new Backoff(signal);
    for (;;) {
      let page;
      try {
        page = await this.#page(execution, { ...filter, token, wait: true, signal });
        backoff.reset();
      } catch (error) {
        signal?.throwIfAborted();
        await backoff.afterFailure(error);
        // A restarted server may not accept the token: start again.
        token = null;
        continue;
      }
      yield page.events;
      if (page.token === null) return;
      token = page.token;
    }
  }

  /** The execution's close event; null while it is open. */
  async closeEvent(execution: ExecutionRef): Promise<HistoryEvent | null> {
    const answer = await this.client.workflowService.getWorkflowExecutionHistory({
      namespace: this.client.options.namespace,
      execution,
      historyEventFilterType: CLOSE_EVENT_ONLY,
    });
    return answer.history?.events?.at(-1) ?? null;
  }

  /** The execution's first event, which contains its input. */
  async firstEvent(execution: ExecutionRef): Promise<HistoryEvent | null> {
    const answer = await this.client.workflowService.getWorkflowExecutionHistory({
      namespace: this.client.options.namespace,
      execution,
      maximumPageSize: 1,
    });
    return answer.history?.events?.[0] ?? null;
  }

  async #page(
    execution: ExecutionRef,
    {
      token,
      wait,
      signal,
      ...filter
    }: { token: Uint8Array | null; wait: boolean; signal?: AbortSignal; historyEventFilterType?: number },
  ): Promise<{ events: HistoryEvent[]; token: Uint8Array | null }> {
    const ask = () =>
      this.client.workflowService.getWorkflowExecutionHistory({
        namespace: this.client.options.namespace,
        execution,
        ...filter,
        maximumPageSize: PAGE_EVENTS,
        nextPageToken: token,
        waitNewEvent: wait,
      });
    const { connection } = this.client;
    const withTimeout = wait ? () => connection.withDeadline(Date.now() + LONG_POLL_MS, ask) : ask;
    const answer = await (signal === undefined
      ? withTimeout()
      : abortable(signal, (own) => connection.withAbortSignal(own, withTimeout)));
    const next = answer.nextPageToken;
    return {
      events: answer.history?.events ?? [],
      token: next === null || next === undefined || next.length === 0 ? null : next,
    };
  }
}

/**
 * Whether the event stays. The server also shows the workflow task of a change that is not answered yet, and
 * takes it back if the workflow refuses: then other events get its numbers.
 */
function isLasting({ eventType }: HistoryEvent): boolean {
  return eventType !== WORKFLOW_TASK_SCHEDULED && eventType !== WORKFLOW_TASK_STARTED;
}

/** The client never removes its listeners from a signal, so each request gets its own signal. */
async function abortable<T>(signal: AbortSignal, ask: (own: AbortSignal) => Promise<T>): Promise<T> {
  signal.throwIfAborted();
  const own = new AbortController();
  const abort = (): void => own.abort(signal.reason);
  signal.addEventListener('abort', abort, { once: true });
  try {
    return await ask(own.signal);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}

/** Waits longer after each consecutive failure; throws errors that waiting cannot fix. */
class Backoff {
  #waitMs = FIRST_WAIT_MS;
  #failingSince: number | null = null;

  constructor(private readonly signal: AbortSignal | undefined) {}

  reset(): void {
    this.#waitMs = FIRST_WAIT_MS;
    this.#failingSince = null;
  }

  async afterFailure(error: unknown): Promise<void> {
    this.#failingSince ??= Date.now();
    if (!mayPass(error, Date.now() - this.#failingSince)) throw error;
    await sleep(this.#waitMs, undefined, { signal: this.signal });
    this.#waitMs = Math.min(this.#waitMs * 2, MAX_WAIT_MS);
  }
}

const INVALID_ARGUMENT = 3;
const NOT_FOUND = 5;
/**
 * Codes that are not retried. INVALID_ARGUMENT, for a token from another server process, is fixed by starting
 * again.
 */
const FATAL_CODES = [7, 12, 16];

function mayPass(error: unknown, failingForMs: number): boolean {
  const code = grpcCode(error);
  if (code === null) return false;
  if (code === NOT_FOUND || code === INVALID_ARGUMENT) return failingForMs < NOT_FOUND_FOR_MS;
  return !FATAL_CODES.includes(code);
}

export function isNotFound(error: unknown): boolean {
  return grpcCode(error) === NOT_FOUND;
}

/** For an execution: its name is not a valid run id. */
export function isInvalidArgument(error: unknown): boolean {
  return grpcCode(error) === INVALID_ARGUMENT;
}

/** Whether the error came from the server, or from failing to reach it. */
export function isServerError(error: unknown): boolean {
  return grpcCode(error) !== null;
}

function grpcCode(error: unknown): number | null {
  return error instanceof Error && 'code' in error && typeof error.code === 'number' ? error.code : null;
}
