/** The content of a stage: the files of each run, the ledgers of series, and the models. */
import type { Client } from '@temporalio/client';
import { isoTime } from '../../history/events';
import { MODELS_FOLDER } from '../../models/manifest';
import { folderOf, runIdOfFolder, SERIES_FOLDER } from '../../stored/layout';
import { ObjectMissing, StageUnavailable, type Stage } from '../../stage';
import { STATUS } from '../../reader/find-execution';
import { NoSuchRun, UnreadableHistory } from '../../reader/errors';
import { HistorySource, isNotFound, isServerError } from '../../reader/histories/history-source';
import { locatorsAmong, type Locator } from '../../stored/locators';
import { RunReader } from '../../reader/run-reader';
import { ServerRun } from '../../reader/run-source';

export interface StageObject {
  path: string;
  bytes: number;
}

export interface StageRun {
  runId: string;
  /** In execution order. */
  locators: Locator[];
  /** Executions whose locators cannot be read. */
  damaged: number[];
  objects: StageObject[];
  /** Whether the run has only locators, because the rest was removed or not written yet. */
  isBare: boolean;
}

/** Whether a run has ended, and when. */
export interface RunLife {
  /** `unknown`: its end is not recorded here. It may belong to another server and be running there. */
  status: 'running' | 'ended' | 'unknown';
  /** ISO 8601 UTC. If the status is unknown, when its newest execution was opened. */
  endedAt: string;
  /** Whether the server has any of its executions. */
  onServer: boolean;
}

export type KnownRun = StageRun & RunLife;

export interface StageContent {
  runs: StageRun[];
  /** By series folder. */
  series: Map<string, StageObject[]>;
  /** Manifests of versions, and their blocks. */
  models: StageObject[];
}

/** Folders without a locator do not belong to a run and are left out. */
export async function readStage(stage: Stage): Promise<StageContent> {
  const series = new Map<string, StageObject[]>();
  const models: StageObject[] = [];
  const folders = new Map<string, StageObject[]>();
  for (const object of await stage.list('')) {
    if (object.path.startsWith(MODELS_FOLDER)) {
      models.push(object);
      continue;
    }
    const isSeries = object.path.startsWith(SERIES_FOLDER);
    const groups = isSeries ? series : folders;
    const folder = folderOf(object.path, isSeries ? 2 : 1);
    const objects = groups.get(folder) ?? [];
    objects.push(object);
    groups.set(folder, objects);
  }
  const runs: StageRun[] = [];
  for (const objects of folders.values()) {
    const { found: locators, damaged } = await locatorsAmong(stage, objects);
    if (locators.length + damaged.length === 0) continue;
    const isBare = objects.length === locators.length + damaged.length;
    const runId = locators[0]?.runId ?? runIdOfFolder(folderOf(objects[0]!.path, 1).slice(0, -1));
    runs.push({ runId, locators, damaged, objects, isBare });
  }
  return { runs, series, models };
}

/** From the server, else from its archives, else from its locators. */
export async function standingOf(
  client: Client,
  stage: Stage,
  { runId, locators }: StageRun,
): Promise<RunLife> {
  const source = new HistorySource(client);
  // The newest execution may not have a locator yet, or it was refused and so did not end anything.
  const latest = (await orGone(source.describe(runId)))?.workflowExecutionInfo;
  let running = latest?.status === STATUS.running;
  let onServer = latest != null;
  let endedAt: string | null = null;
  for (const { workflowRunId } of locators) {
    const info = (await orGone(source.describe(runId, workflowRunId)))?.workflowExecutionInfo;
    onServer ||= info != null;
    running ||= info?.status === STATUS.running;
    const closedAt =
      info == null
        ? await endOf(readerOf(client, stage, runId, workflowRunId))
        : info.closeTime == null
          ? null
          : isoTime(info.closeTime);
    if (closedAt !== null && (endedAt === null || closedAt > endedAt)) endedAt = closedAt;
  }
  return {
    status: running ? 'running' : endedAt === null ? 'unknown' : 'ended',
    // Without a readable locator the run's age is unknown, so it is removed only when named by id.
    endedAt: endedAt ?? locators.at(-1)?.openedAt ?? new Date().toISOString(),
    onServer,
  };
}

/** Null if the end is not recorded here, or cannot be read. */
async function endOf(reader: RunReader): Promise<string | null> {
  const read = await orUnreadable(orGone(reader.read()));
  return 'why' in read ? null : (read.value?.state.endedAt ?? null);
}

/** A reader for one execution, on the server or in its archive. */
export function readerOf(client: Client, stage: Stage, runId: string, workflowRunId: string): RunReader {
  return new RunReader(new ServerRun(client, runId, workflowRunId, stage.uri));
}

/** Null if the server or the stage no longer has it. */
export async function orGone<T>(read: Promise<T>): Promise<T | null> {
  try {
    return await read;
  } catch (error) {
    // A run whose shards were deleted before it cannot be read.
    const isGone = [NoSuchRun, ObjectMissing, UnreadableHistory].some((kind) => error instanceof kind);
    if (isGone || isNotFound(error)) return null;
    throw error;
  }
}

/**
 * The value read, or why it cannot be read: the history, or a file of it, has unexpected content. Throws if
 * the server or the stage as a whole is unavailable.
 */
export async function orUnreadable<T>(read: Promise<T>): Promise<{ value: T } | { why: string }> {
  try {
    return { value: await read };
  } catch (error) {
    if (error instanceof StageUnavailable || isServerError(error)) throw error;
    return { why: error instanceof Error ? error.message : String(error) };
  }
}
