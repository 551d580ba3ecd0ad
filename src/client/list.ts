/** Lines of `partwise ls`: one per run id, newest first. */
import type { Client } from '@temporalio/client';
import { decodeClose, isoTime, type PayloadDecoder } from '../history/decode';
import { didYouMean } from '../run/nearest';
import type { RunStatus } from '../run/status';
import { WORKFLOW_TYPE } from './chain';
import { NoSuchRun } from './errors';
import { HistorySource } from './history-source';
import { payloadDecoder } from './payloads';
import type { RunListing } from './types';
import { Visibility, visibilityText, type ListedExecution } from './visibility';

/** Key of the memo that runs started by the library carry, so that listing them needs no history. */
export const FUNCTION_MEMO = 'partwiseFunction';
const DEFAULT_LIMIT = 20;
/** Executions that are looked at, at most: many refused ones must not make listing slow. */
const MOST_EXECUTIONS = 1_000;

export async function listRuns(client: Client, limit: number = DEFAULT_LIMIT): Promise<RunListing[]> {
  const reader = { source: new HistorySource(client), decoder: payloadDecoder(client) };
  const query = `WorkflowType = ${visibilityText(WORKFLOW_TYPE)}`;
  const listed = new Map<string, RunListing>();
  const refused = new Map<string, RunListing>();
  let seen = 0;
  for await (const info of new Visibility(client).executions(query)) {
    if (listed.size + refused.size >= limit || ++seen > MOST_EXECUTIONS) break;
    const runId = info.execution!.workflowId!;
    if (listed.has(runId)) continue;
    const { listing, ranNothing } = await describeListed(reader, info);
    if (!ranNothing) {
      // Keeps the place of the latest, as Map does for a key that is there; a refusal no longer stands for the run.
      listed.set(runId, listing);
      refused.delete(runId);
    } else if (!refused.has(runId)) {
      refused.set(runId, listing);
    }
  }
  return [...listed.values(), ...refused.values()]
    .sort((a, b) => (a.startedAt < b.startedAt ? 1 : -1))
    .slice(0, limit);
}

interface Reader {
  source: HistorySource;
  decoder: PayloadDecoder;
}

/** `ranNothing`: the execution was refused, so an older one of the same id stands for the run. */
async function describeListed(
  reader: Reader,
  info: ListedExecution,
): Promise<{ listing: RunListing; ranNothing: boolean }> {
  const execution = { workflowId: info.execution!.workflowId!, runId: info.execution!.runId! };
  const { status, ranNothing } = await statusOf(reader, info, execution);
  return {
    listing: {
      runId: execution.workflowId,
      status,
      function: await functionOf(reader, info, execution),
      startedAt: isoTime(info.startTime),
      endedAt: info.closeTime ? isoTime(info.closeTime) : null,
    },
    ranNothing,
  };
}

/** Temporal's close status says it, but for completed and failed runs, whose last event holds the counts. */
async function statusOf(
  { source, decoder }: Reader,
  info: ListedExecution,
  execution: { workflowId: string; runId: string },
): Promise<{ status: RunStatus; ranNothing: boolean }> {
  switch (info.status) {
    case 1:
      return { status: 'IN_PROGRESS', ranNothing: false };
    case 4:
      break;
    case 2:
      break;
    case 3:
      return { status: 'CANCELLED', ranNothing: false };
    default:
      return { status: 'FAILURE', ranNothing: false };
  }
  const event = await source.closeEvent(execution);
  const close = event === null ? null : await decodeClose(event, decoder);
  return {
    status: close?.summary?.status ?? 'FAILURE',
    ranNothing: close?.kind === 'failed' && close.summary === null,
  };
}

async function functionOf(
  { source, decoder }: Reader,
  info: ListedExecution,
  execution: { workflowId: string; runId: string },
): Promise<string | null> {
  const memo = info.memo?.fields?.[FUNCTION_MEMO];
  if (memo) {
    const [name] = await decoder.values({ payloads: [memo] });
    return typeof name === 'string' ? name : null;
  }
  const started = (await source.firstEvent(execution))?.workflowExecutionStartedEventAttributes;
  const [input] = await decoder.values(started?.input);
  return typeof input === 'object' &&
    input !== null &&
    'function' in input &&
    typeof input.function === 'string'
    ? input.function
    : null;
}

/** The error for a run id that the server does not know, with the id that was most likely meant. */
export async function runNotFound(client: Client, runId: string): Promise<NoSuchRun> {
  const known: string[] = [];
  for await (const { execution } of new Visibility(client).executions(
    `WorkflowType = ${visibilityText(WORKFLOW_TYPE)}`,
  )) {
    known.push(execution!.workflowId!);
    if (known.length >= 200) break;
  }
  return new NoSuchRun(
    runId,
    `There is no run "${runId}" in the namespace "${client.options.namespace}" of this Temporal server.${didYouMean(runId, known)} ` +
      'Its history may have expired; partwise ls lists the runs that are there.',
  );
}
