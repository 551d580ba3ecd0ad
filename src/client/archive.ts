/**
 * Histories on the stage, for runs that the server has forgotten. An archive is the history as Temporal writes it in JSON, its
 * payloads still as they were encoded (and encrypted).
 */
import { once } from 'node:events';
import { createGzip, gunzipSync } from 'node:zlib';
import type { HistoryEvent } from '../history/decode';
import type { Closing } from '../run/plan';
import { archiveFolder, type ExecutionPlace } from '../run/stage-layout';
import { ObjectExists, type Stage } from '../stage';
import { UnreadableHistory } from './errors';
import { RecordedHistory } from './execution-history';
import { eventsFromJson, eventsToJson } from './history-json';
import { WORKFLOW_TYPE } from './visibility';

/** How a history ends that was archived just before its end. */
export interface ArchivedClosing extends Closing {
  /** ISO 8601 UTC. */
  at: string;
}

/** The JSON of an archive. */
export interface Archive {
  version: 1;
  runId: string;
  workflowRunId: string;
  generation: number;
  execution: number;
  /** Null: the history has its own end. */
  closing: ArchivedClosing | null;
  /** As `temporal workflow show --output json` has it. */
  history: { events: unknown[] };
}

export interface ArchiveContent {
  place: ExecutionPlace;
  workflowRunId: string;
  closing: ArchivedClosing | null;
  pages: AsyncIterable<HistoryEvent[]>;
}

/** Path of an execution's archive: one with its own end goes before one that was written just before it. */
export function archivePath(
  { runId, execution }: ExecutionPlace,
  workflowRunId: string,
  complete: boolean,
): string {
  // Temporal's run ids begin with the time: their ends tell two apart.
  const name = `${workflowRunId.slice(-8)}${complete ? '-full' : ''}`;
  return `${archiveFolder(runId)}e${execution}-${name}.json.gz`;
}

/** Returns the path. What is there already stays: it says the same. */
export async function writeArchive(stage: Stage, content: ArchiveContent): Promise<string> {
  const { place, workflowRunId, closing } = content;
  const path = archivePath(place, workflowRunId, closing === null);
  try {
    await stage.put(path, await compressed(content));
  } catch (error) {
    if (!(error instanceof ObjectExists)) throw error;
  }
  return path;
}

/** One page of events is in memory at a time, and what they come to when compressed. */
async function compressed({ place, workflowRunId, closing, pages }: ArchiveContent): Promise<Uint8Array> {
  const { runId, generation, execution } = place;
  const head: Omit<Archive, 'history'> = {
    version: 1,
    runId,
    workflowRunId,
    generation,
    execution,
    closing,
  };
  const gzip = createGzip();
  const chunks: Buffer[] = [];
  gzip.on('data', (chunk: Buffer) => chunks.push(chunk));
  const ended = once(gzip, 'end');
  gzip.write(`${JSON.stringify(head).slice(0, -1)},"history":{"events":[`);
  let separator = '\n';
  for await (const events of pages) {
    for (const event of eventsToJson(events)) {
      if (!gzip.write(`${separator}${JSON.stringify(event)}`)) await once(gzip, 'drain');
      separator = ',\n';
    }
  }
  gzip.end('\n]}}\n');
  await ended;
  return Buffer.concat(chunks);
}

/**
 * An archive, or what `temporal workflow show --output json` prints; compressed or not. `place` says in errors where it was read.
 * Throws `UnreadableHistory`.
 */
export function parseHistory(content: Uint8Array, place: string): RecordedHistory {
  const refuse = (why: string): never => {
    throw new UnreadableHistory(
      `${place} ${why}. Histories are archives of Partwise, or what temporal workflow show --output json writes.`,
    );
  };
  let events: HistoryEvent[] = [];
  let archive: Partial<Archive> = {};
  try {
    const json = JSON.parse(unzipped(content)) as Archive | { events: unknown[] };
    if ('history' in json) archive = json;
    const list = 'history' in json ? json.history.events : json.events;
    events = eventsFromJson(list);
  } catch (error) {
    refuse(`cannot be read as a history (${(error as Error).message})`);
  }
  if ((archive.version ?? 1) !== 1) refuse('was written by a later release of Partwise');
  const started = events[0]?.workflowExecutionStartedEventAttributes;
  if (started == null) return refuse('does not begin with the start of a workflow');
  const type = started.workflowType?.name ?? '';
  if (type !== WORKFLOW_TYPE) refuse(`is of a workflow of type "${type}", not of a run of Partwise`);
  const workflowId = archive.runId ?? started.workflowId ?? '';
  const runId = archive.workflowRunId ?? started.originalExecutionRunId ?? '';
  return new RecordedHistory({ workflowId, runId }, events, archive.closing ?? null);
}

function unzipped(content: Uint8Array): string {
  const isGzip = content[0] === 0x1f && content[1] === 0x8b;
  return (isGzip ? gunzipSync(content) : Buffer.from(content)).toString('utf8');
}
