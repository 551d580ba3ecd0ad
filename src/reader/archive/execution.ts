/** Puts the history of an execution, and of its shards, on the stage. */
import { shardsIn } from '../../history/decode';
import { archiveFolder, type ExecutionPlace } from '../../stored/layout';
import type { Stage } from '../../stage';
import { writeArchive, writeShardArchive } from './archive';
import type { ShardRef } from '../../history/facts';
import { shardArchiveNames } from './content';
import { findArchive } from './archives';
import { HistorySource, isNotFound } from '../histories/history-source';
import type { HistoryEvent } from '../../history/events';

/**
 * Archives an execution that has ended, with its shards. What the server has forgotten stays as it was
 * archived before, if it was.
 */
export async function archiveExecution(
  source: HistorySource,
  stage: Stage,
  place: ExecutionPlace,
  workflowRunId: string,
): Promise<{ path: string | null; shards: string[] }> {
  const begun: ShardRef[] = [];
  const pages = notingShards(source.pages({ workflowId: place.runId, runId: workflowRunId }), begun);
  const path = await unlessForgotten(
    writeArchive(stage, { place, workflowRunId, shard: null, closing: null, pages }),
    () => findArchive(stage, place.runId, workflowRunId),
  );
  return { path, shards: await archiveShards(source, stage, place, begun) };
}

/** Those that have no archive with their own end; `lacking`: only those that have no archive at all. */
export async function archiveShards(
  source: HistorySource,
  stage: Stage,
  place: ExecutionPlace,
  shards: readonly ShardRef[],
  { lacking = false }: { lacking?: boolean } = {},
): Promise<string[]> {
  const folder = archiveFolder(place.runId);
  const there = new Set((await stage.list(folder)).map(({ path }) => path));
  const paths: string[] = [];
  for (const shard of shards) {
    const [full, partial] = shardArchiveNames(place.execution, shard).map((name) => `${folder}${name}`);
    const archived = [full!, partial!].find((path) => there.has(path)) ?? null;
    if (archived === full || (lacking && archived !== null)) {
      paths.push(archived!);
      continue;
    }
    const pages = source.pages(shard.execution);
    const path = await unlessForgotten(
      writeShardArchive(stage, place, shard, { pages, complete: true }),
      () => Promise.resolve(archived),
    );
    if (path !== null) paths.push(path);
  }
  return paths;
}

async function unlessForgotten<T>(work: Promise<T>, otherwise: () => Promise<T | null>): Promise<T | null> {
  try {
    return await work;
  } catch (error) {
    if (isNotFound(error)) return otherwise();
    throw error;
  }
}

/** The pages as they are. */
export async function* notingShards(
  pages: AsyncIterable<HistoryEvent[]>,
  begun: ShardRef[],
): AsyncGenerator<HistoryEvent[]> {
  for await (const events of pages) {
    begun.push(...shardsIn(events));
    yield events;
  }
}
