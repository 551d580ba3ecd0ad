/** Files on a stage that are partitions, for the unit that reads them. */
import { mkdtemp, rename, truncate, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { inParallel } from '../core/in-parallel';
import { makeFolders } from '../files/folders';
import { Refusal } from '../core/refusal';
import type { LocalFile, PinnedFile, UnitPlan } from '../core/unit-plan';
import { ObjectChanged, ObjectDamaged, ObjectMissing, openStage, stageUri, type Stage } from '../stage';

/**
 * The absolute URI of the place on a stage that a source's files are on, and the stage itself. Throws a
 * `Refusal` if it is invalid, or a package for it is not installed: no retry would help.
 */
export function sourceStage(
  files: string,
  projectDir: string,
  warehouse: string,
): { uri: string; stage: Stage } {
  try {
    const uri = stageUri(files, projectDir, warehouse);
    return { uri, stage: openStage(uri) };
  } catch (error) {
    throw new Refusal('InvalidInput', [(error as Error).message]);
  }
}

/**
 * The folders of a place on a stage, from the bucket's or the stage's root: they may hold the values of
 * columns (`day=1`).
 */
export function foldersOf(uri: string): string[] {
  const path = uri
    .replace(/^[a-z0-9]+:\/\//, '')
    .split('/')
    .slice(1);
  return path.filter((part) => part !== '');
}

/**
 * The files of these partitions as local files; null if files are not partitions. Those on a stage are copied
 * to `scratch`; of one that has changed there is no copy, and its own partition reports it (I1).
 */
export async function localFiles(
  { files, filesOn, warehouse }: Pick<UnitPlan, 'files' | 'filesOn' | 'warehouse'>,
  ordinals: readonly number[],
  { projectDir, scratch, signal }: { projectDir: string; scratch: string; signal: AbortSignal },
): Promise<LocalFile[] | null> {
  if (files === null) return null;
  const own = ordinals.map((ordinal) => files[ordinal]!);
  if (filesOn === undefined) return own;
  const stage = openStage(stageUri(filesOn, projectDir, warehouse));
  const folder = await mkdtemp(join(scratch, 'files-'));
  const at = join(folder, ...foldersOf(filesOn));
  const found: LocalFile[] = [];
  const together = await fetchTogether(stage, own, folder);
  await inParallel(own, async (file, i) => {
    signal.throwIfAborted();
    const target = join(at, ...file.path.split('/'));
    await makeFolders(dirname(target));
    const change = await copyTo(stage, file, target, together?.[i] ?? null, folder);
    found[i] = {
      ...file,
      path: target,
      copyOf: `${filesOn}${file.path}`,
      ...(change !== null && { change }),
    };
  });
  return found;
}

/** Null if they cannot be fetched by one request, or one of them has changed. */
async function fetchTogether(
  stage: Stage,
  files: readonly PinnedFile[],
  folder: string,
): Promise<string[] | null> {
  if (stage.copyVersion !== undefined) return null;
  return stage.localFiles(files, folder).catch((error: unknown) => {
    if (changeOf(error) === null) throw error;
    return null;
  });
}

/** Returns how the object has changed since it was pinned; null if it has not. */
async function copyTo(
  stage: Stage,
  { path, bytes, sha256, version }: PinnedFile,
  target: string,
  fetched: string | null,
  folder: string,
): Promise<string | null> {
  try {
    if (version === undefined)
      await rename(fetched ?? (await stage.localFile({ path, bytes, sha256 }, folder)), target);
    else {
      await writeFile(target, '');
      await truncate(target, bytes);
      await stage.copyVersion!({ path, bytes, version }, target);
    }
    return null;
  } catch (error) {
    const change = changeOf(error);
    if (change === null) throw error;
    return change;
  }
}

function changeOf(error: unknown): string | null {
  if (error instanceof ObjectMissing) return 'it is missing';
  return error instanceof ObjectDamaged || error instanceof ObjectChanged ? 'its content differs' : null;
}
