/** Lines of `partwise ls`: one per run id, newest first. */
import type { Client } from '@temporalio/client';
import { decodeClose, HistoryDecoder, isoTime } from '../history/decode';
import { functionOfInput } from '../history/run-state';
import { valueOf } from '../history/untrusted-payloads';
import { FUNCTION_MEMO } from '../core/memo';
import { didYouMean } from '../core/nearest';
import type { RunStatus } from '../core/status';
import { hasPlanned, STATUS } from './chain';
import { NoSuchRun } from './errors';
import { HistorySource, isNotFound, type ExecutionRef } from './histories/history-source';
import { payloadDecoder } from './histories/payloads';
import type { RunListing } from './types';
import { Visibility, type ListedExecution } from './visibility';
import type { PayloadDecoder } from '../history/events';

const DEFAULT_LIMIT = 20;

export async function listRuns(client: Client, limit: number = DEFAULT_LIMIT): Promise<RunListing[]> {
  const list = new RunList(client);
  const listed = new Map<string, RunListing>();
  for await (const latest of list.visibility.runs()) {
    if (listed.size >= limit) break;
    const runId = latest.execution!.workflowId!;
    if (listed.has(runId)) continue;
    const line = await list.line(latest);
    if (line !== null) listed.set(runId, line);
  }
  return [...listed.values()].sort((a, b) => (a.startedAt < b.startedAt ? 1 : -1));
}

/** Lines of single runs. */
export class RunList {
  readonly visibility: Visibility;
  readonly #source: HistorySource;
  readonly #decoder: PayloadDecoder;

  constructor(client: Client) {
    this.visibility = new Visibility(client);
    this.#source = new HistorySource(client);
    this.#decoder = payloadDecoder(client.options.loadedDataConverter);
  }

  /**
   * The run of this execution; one that ran nothing gives way to the last that did. Null if its history was deleted, or expired, after
   * the server had listed it.
   */
  async line(latest: ListedExecution): Promise<RunListing | null> {
    try {
      return await this.#line(latest);
    } catch (error) {
      if (isNotFound(error)) return null;
      throw error;
    }
  }

  async #line(latest: ListedExecution): Promise<RunListing> {
    const found = await this.#status(latest);
    if (!found.ranNothing) return this.#describe(latest, found.status);
    for await (const older of this.visibility.runsOf(latest.execution!.workflowId!)) {
      const { status, ranNothing } = await this.#status(older);
      if (!ranNothing) return this.#describe(older, status);
    }
    return this.#describe(latest, found.status);
  }

  async #describe(info: ListedExecution, status: RunStatus): Promise<RunListing> {
    return {
      runId: info.execution!.workflowId!,
      status,
      function: await this.#function(info),
      startedAt: isoTime(info.startTime),
      endedAt: info.closeTime ? isoTime(info.closeTime) : null,
    };
  }

  /** Temporal's close status says it, but for completed and failed runs, whose last event holds the counts. */
  async #status(info: ListedExecution): Promise<{ status: RunStatus; ranNothing: boolean }> {
    const execution = referenceOf(info);
    switch (info.status) {
      case STATUS.running:
        return { status: 'IN_PROGRESS', ranNothing: false };
      case STATUS.completed:
      case STATUS.failed: {
        const event = await this.#source.closeEvent(execution);
        const summary = event === null ? null : (await decodeClose(event, this.#decoder))?.summary;
        if (summary != null) return { status: summary.status, ranNothing: false };
      }
    }
    const status = info.status === STATUS.cancelled ? 'CANCELLED' : 'FAILURE';
    return { status, ranNothing: !(await hasPlanned(this.#source, this.#decoder, execution)) };
  }

  async #function(info: ListedExecution): Promise<string | null> {
    const memo = info.memo?.fields?.[FUNCTION_MEMO];
    if (memo) {
      const name = await valueOf(this.#decoder, { payloads: [memo] });
      return typeof name === 'string' ? name : null;
    }
    const first = await this.#source.firstEvent(referenceOf(info));
    const started = first === null ? null : await new HistoryDecoder(this.#decoder).decode(first);
    return started?.type === 'started' ? functionOfInput(started.input) : null;
  }
}

function referenceOf({ execution }: ListedExecution): ExecutionRef {
  return { workflowId: execution!.workflowId!, runId: execution!.runId! };
}

/** Run ids that are looked through for the one that was meant. */
const MOST_CANDIDATES = 200;

/** The error for a run id that the server does not know. `archives`: the stage where it has no archive either, if one was asked. */
export async function runNotFound(
  client: Client,
  runId: string,
  archives: string | null,
): Promise<NoSuchRun> {
  const known: string[] = [];
  for await (const { execution } of new Visibility(client).runs()) {
    known.push(execution!.workflowId!);
    if (known.length >= MOST_CANDIDATES) break;
  }
  return new NoSuchRun(
    runId,
    `There is no run "${runId}" in the namespace "${client.options.namespace}" of this Temporal server.${didYouMean(runId, known)} ` +
      `Its history may have expired${archives === null ? '' : `, and the stage ${archives} has no archive of it`}; ` +
      'partwise ls lists the runs that are there.',
  );
}
