/**
 * Archived histories on the stage, for runs whose history has expired on the server. An archive is the
 * history in Temporal's JSON format, with payloads still encoded (and encrypted).
 */
import { once } from 'node:events';
import { createGzip } from 'node:zlib';
import type { ShardRef } from '../../history/facts';
import { archiveFolder, type ExecutionPlace } from '../../stored/layout';
import { ObjectExists, type Stage } from '../../stage';
import { assertOfRun, parseEvents, shardArchiveNames, type Archive, type ReadArchive } from './content';
import type { RecordedClosing } from './closing';
import { RecordedHistory } from '../histories/execution-history';
import { eventsToJson } from '../histories/history-json';
import type { HistoryEvent } from '../../history/events';
import { WORKFLOW_TYPE } from '../../core/workflow';

export interface ArchiveContent {
  place: ExecutionPlace;
  workflowRunId: string;
  /** Null for the run's own history. */
  shard: number | null;
  closing: RecordedClosing | null;
  pages: AsyncIterable<HistoryEvent[]>;
}

/**
 * Path of an execution's archive. An archive that includes the execution's end takes precedence over one
 * written just before the end.
 */
function archivePath({ runId, execution }: ExecutionPlace, workflowRunId: string, complete: boolean): string {
  // Temporal's run ids begin with the time, so only their ends distinguish them.
  const name = `${workflowRunId.slice(-8)}${complete ? '-full' : ''}`;
  return `${archiveFolder(runId)}e${execution}-${name}.json.gz`;
}

/** Returns the path. An existing archive is kept, because it has the same contents. */
export async function writeArchive(stage: Stage, content: ArchiveContent): Promise<string> {
  return writeArchiveTo(
    archivePath(content.place, content.workflowRunId, content.closing === null),
    stage,
    content,
  );
}

/** `complete`: the history includes its end. */
export async function writeShardArchive(
  stage: Stage,
  place: ExecutionPlace,
  shard: ShardRef,
  { pages, complete }: { pages: AsyncIterable<HistoryEvent[]>; complete: boolean },
): Promise<string> {
  const [full, partial] = shardArchiveNames(place.execution, shard);
  const path = `${archiveFolder(place.runId)}${complete ? full : partial}`;
  const workflowRunId = shard.execution.runId;
  return writeArchiveTo(path, stage, { place, workflowRunId, shard: shard.number, closing: null, pages });
}

async function writeArchiveTo(path: string, stage: Stage, content: ArchiveContent): Promise<string> {
  try {
    await stage.put(path, await compressed(content));
  } catch (error) {
    if (!(error instanceof ObjectExists)) throw error;
  }
  return path;
}

/** Holds one page of events at a time in memory, plus the compressed result. */
async function compressed({
  place,
  workflowRunId,
  shard,
  closing,
  pages,
}: ArchiveContent): Promise<Uint8Array> {
  const { runId, generation, execution } = place;
  const head: Omit<Archive, 'history'> = {
    version: 1,
    runId,
    workflowRunId,
    generation,
    execution,
    ...(shard !== null && { shard }),
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
 * Parses an archive, or the output of `temporal workflow show --output json`, compressed or not. `place` says
 * in errors where it was read; `shards` reads the archives of shards next to it. Throws `UnreadableHistory`.
 */
export function parseHistory(
  content: Uint8Array,
  place: string,
  shards: { read: ReadArchive; place: string },
): RecordedHistory {
  const { events, archive, execution, type } = parseEvents(content, place);
  assertOfRun(type, place, [WORKFLOW_TYPE]);
  return new RecordedHistory(execution, events, archive.closing ?? null, shards);
}
