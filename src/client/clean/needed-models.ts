/**
 * Finds the files that model versions need: those named by the manifests on the stage. The registry only
 * decides which old manifests belong to no version; if it cannot be read, all of them count.
 */
import { startedAt, isRoot, type Manifest, markOf, readBlock, readManifest } from '../../models/manifest';
import type { ModelRecord } from '../../models/records';
import { digest } from '../../files/digest';
import { folderOf } from '../../stored/layout';
import { ObjectMissing, type Stage } from '../../stage';
import type { StageObject } from './stage-runs';

/** Newer files may belong to a version still being written: its manifest is written last. */
const WRITE_MS = 86_400_000;

interface Registry {
  /** Ids of its models. */
  models: Set<string>;
  /** Paths of the manifests of their versions. */
  roots: Set<string>;
}

function registryOf(records: readonly ModelRecord[]): Registry {
  return {
    models: new Set(records.flatMap((record) => (record.kind === 'model' ? [record.body.id] : []))),
    roots: new Set(records.flatMap((record) => (record.kind === 'version' ? [record.body.root.path] : []))),
  };
}

/** `records` returns all records of the project's registry, or null if it cannot be read. */
export async function neededByModels(
  stage: Stage,
  objects: readonly StageObject[],
  now: number,
  records: () => Promise<readonly ModelRecord[] | null>,
): Promise<{ needed: Set<string>; unnamed: StageObject[] }> {
  const needed = new Set<string>();
  const paths = new Set(objects.map(({ path }) => path));
  const old = (path: string): boolean => startedAt(path) < now - WRITE_MS;
  let registry: Promise<Registry | null> | null = null;
  for (const { path } of objects) {
    if (!isRoot(path)) continue;
    if (old(path)) registry ??= records().then((all) => (all === null ? null : registryOf(all)));
    const known = (await registry) ?? null;
    try {
      const manifest = await rootAt(stage, path);
      // Its version was never registered, or was removed. Models of another registry cannot be judged here.
      const isCutOff = old(path) && !paths.has(markOf(path));
      if (isCutOff && known?.models.has(manifest.id!) === true && !known.roots.has(path)) continue;
      needed.add(path).add(markOf(path));
      await addNamed(stage, manifest, needed);
    } catch (error) {
      // Its version has just been removed.
      if (!(error instanceof ObjectMissing)) throw error;
    }
  }
  const roots = new Set(objects.filter(({ path }) => isRoot(path)).map(({ path }) => folderOf(path, 3)));
  const unnamed = objects.filter(
    ({ path }) => !needed.has(path) && (roots.has(folderOf(path, 3)) || old(path)),
  );
  return { needed, unnamed };
}

/**
 * Model files needed by runs whose plan cannot be read here: their history may be on another server, or they
 * are still being planned. `objects` are the runs' files.
 */
export async function pinnedModels(stage: Stage, objects: readonly StageObject[]): Promise<Set<string>> {
  const needed = new Set<string>();
  for (const { path } of objects) {
    if (!/\/plan-[^/]+\/models\/manifest\.json$/.test(path)) continue;
    needed.add(path);
    await addNamed(stage, await rootAt(stage, path), needed);
  }
  return needed;
}

async function rootAt(stage: Stage, path: string): Promise<Manifest> {
  return readManifest(stage, { path, ...digest(await stage.get(path)) });
}

/** Adds the blocks and the models. */
async function addNamed(stage: Stage, { blocks }: Manifest, needed: Set<string>): Promise<void> {
  for (const block of blocks) {
    // Versions share most of their blocks, so read each block once.
    if (needed.has(block.path)) continue;
    // enforces I3: blocks are shared between versions, and models are files of runs.
    for (const entry of await readBlock(stage, block)) needed.add(entry.path);
    needed.add(block.path);
  }
}
