/** Archives the history of an execution and its shards on the stage. */
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
 * Archives an ended execution with its shards. Histories that have expired on the server keep their existing
 * archives, if any.
 */
export async function archiveExecution(
  source: HistorySource,
  stage: Stage,
  place: ExecutionPlace,
  workflowRunId: string,
): Promise<{ path: string | null; shards: string[] }> {
  const shards: ShardRef[] = [];
  const pages = collectingShards(source.pages({ workflowId: place.runId, runId: workflowRunId }), shards);
  const path = await unlessExpired(
    writeArchive(stage, { place, workflowRunId, shard: null, closing: null, pages }),
    () => findArchive(stage, place.runId, workflowRunId),
  );
  return { path, shards: await archiveShards(source, stage, place, shards) };
}

/**
 * Archives the shards whose archive does not include the end; with `lacking`, only those without any archive.
 */
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
    const path = await unlessExpired(writeShardArchive(stage, place, shard, { pages, complete: true }), () =>
      Promise.resolve(archived),
    );
    if (path !== null) paths.push(path);
  }
  return paths;
}

async function unlessExpired<T>(work: Promise<T>, otherwise: () => Promise<T | null>): Promise<T | null> {
  try {
    return await work;
  } catch (error) {
    if (isNotFound(error)) return otherwise();
    throw error;
  }
}

/** Passes pages through unchanged, and collects the shards that they mention. */
export async function* collectingShards(
  pages: AsyncIterable<HistoryEvent[]>,
  shards: ShardRef[],
): AsyncGenerator<HistoryEvent[]> {
  for await (const events of pages) {
    shards.push(...shardsIn(events));
    yield events;
  }
}
