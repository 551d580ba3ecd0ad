/** The contents and names of archived histories. */
import { gunzipSync } from 'node:zlib';
import type { ShardRef } from '../../history/facts';
import { UnreadableHistory } from '../errors';
import { eventsFromJson } from '../histories/history-json';
import type { ExecutionRef } from '../histories/history-source';
import { SHARD_TYPE } from '../visibility';
import type { HistoryEvent } from '../../history/events';
import type { RecordedClosing } from './closing';

/** The JSON of an archive. */
export interface Archive {
  version: 1;
  runId: string;
  workflowRunId: string;
  generation: number;
  execution: number;
  /** The shard's number, for the history of a shard. */
  shard?: number;
  /** Null if the history includes its end, or is a shard's. */
  closing: RecordedClosing | null;
  /** In the format of `temporal workflow show --output json`. */
  history: { events: unknown[] };
}

/** Returns the content of an archive by name; null if there is none. */
export type ReadArchive = (name: string) => Promise<Uint8Array | null>;

/**
 * Possible names of a shard's archive: one that includes the end takes precedence over one written just
 * before it.
 */
export function shardArchiveNames(
  execution: number,
  { number, execution: { runId } }: ShardRef,
): [string, string] {
  const name = `e${execution}-${runId.slice(-8)}-shard-${number}`;
  return [`${name}-full.json.gz`, `${name}.json.gz`];
}

/** Throws `UnreadableHistory` for workflows of other types. */
export function assertOfRun(type: string, place: string, types: readonly string[]): void {
  if (types.includes(type)) return;
  throw new UnreadableHistory(
    type === SHARD_TYPE
      ? `${place} is the history of a shard, which covers only part of its run: use the archive of the run's execution, which is next to it.`
      : `${place} is the history of a workflow of type "${type}", not of a Partwise run. ${HISTORIES}`,
  );
}

/** The events of a shard's archive. Throws `UnreadableHistory`. */
export function parseShard(content: Uint8Array, place: string): HistoryEvent[] {
  return parseEvents(content, place).events;
}

const HISTORIES =
  'A history is an archive of Partwise, or the output of temporal workflow show --output json.';

/** Parses the history of a run, a shard or another workflow. Throws `UnreadableHistory`. */
export function parseEvents(
  content: Uint8Array,
  place: string,
): { events: HistoryEvent[]; archive: Partial<Archive>; execution: ExecutionRef; type: string } {
  const refuse = (why: string): never => {
    throw new UnreadableHistory(`${place} ${why}. ${HISTORIES}`);
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
  const workflowId = (archive.shard === undefined ? archive.runId : null) ?? started.workflowId ?? '';
  const runId = archive.workflowRunId ?? started.originalExecutionRunId ?? '';
  return { events, archive, execution: { workflowId, runId }, type };
}

function unzipped(content: Uint8Array): string {
  const isGzip = content[0] === 0x1f && content[1] === 0x8b;
  return (isGzip ? gunzipSync(content) : Buffer.from(content)).toString('utf8');
}
