/** Archives a run that has ended: each of its executions that the server still has, with the whole of its history. */
import type { Client } from '@temporalio/client';
import { shardsIn, type HistoryEvent } from '../history/decode';
import type { OpenedRun } from '../core/plan';
import { archiveFolder, type ExecutionPlace } from '../stored/layout';
import { openStage, type Stage } from '../stage';
import { writeArchive, writeShardArchive } from '../reader/archive/archive';
import type { ShardRef } from '../history/facts';
import { shardArchiveNames } from '../reader/archive/content';
import { findArchive } from '../reader/archive/archives';
import { CannotArchive } from '../reader/errors';
import { HistorySource, isNotFound } from '../reader/histories/history-source';
import type { RunReader } from '../reader/run-reader';
import type { RunArchive } from '../reader/types';

export async function archiveRun(client: Client, reader: RunReader): Promise<RunArchive> {
  const { runId } = reader;
  const { state, record } = await reader.read();
  if (record.closed === null) {
    throw new CannotArchive(
      `The run "${runId}" is still running: it is archived when it ends, or stop it with partwise cancel ${runId}.`,
    );
  }
  const { opened } = record;
  if (opened === null) {
    throw new CannotArchive(
      `The run "${runId}" was refused before it had a stage, so there is nothing of it to archive.`,
    );
  }
  const stage = await seenFromHere(opened);
  const executions: RunArchive['executions'] = [];
  for (const { workflowRunId, generation, execution } of state.executions) {
    if (generation === null || execution === null) continue;
    const place = { runId, generation, execution };
    const archived = await archiveExecution(new HistorySource(client), stage, place, workflowRunId);
    executions.push({ generation, execution, workflowRunId, ...archived });
  }
  return { stage: stage.uri, executions };
}

/** Archives an execution that has ended, with its shards. What the server has forgotten stays as it was archived before, if it was. */
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

async function seenFromHere({ stage: uri, stageToken }: OpenedRun): Promise<Stage> {
  const stage = openStage(uri);
  if ((await stage.token({ create: false })) === stageToken) return stage;
  throw new CannotArchive(
    `The stage ${uri} that the run was planned on is not seen from here: mount the same folder, or archive the run where it is.`,
  );
}
