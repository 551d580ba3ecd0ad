/**
 * What versions of models cannot do without: what manifests on the stage name. The registry is asked only
 * which of the old ones are of no version; where it cannot be, all count.
 */
import { begunAt, isRoot, type Manifest, markOf, readBlock, readManifest } from '../../models/manifest';
import type { ModelRecord } from '../../models/records';
import { digest } from '../../files/digest';
import { folderOf } from '../../stored/layout';
import { ObjectMissing, type Stage } from '../../stage';
import type { StageObject } from './stage-runs';

/** What is younger may be of a version in the making, whose manifest comes last. */
const IN_THE_MAKING_MS = 86_400_000;

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

/** `records`: all of the registry that the project has; null: it cannot be read. */
export async function neededByModels(
  stage: Stage,
  objects: readonly StageObject[],
  now: number,
  records: () => Promise<readonly ModelRecord[] | null>,
): Promise<{ needed: Set<string>; unnamed: StageObject[] }> {
  const needed = new Set<string>();
  const paths = new Set(objects.map(({ path }) => path));
  const old = (path: string): boolean => begunAt(path) < now - IN_THE_MAKING_MS;
  let registry: Promise<Registry | null> | null = null;
  for (const { path } of objects) {
    if (!isRoot(path)) continue;
    if (old(path)) registry ??= records().then((all) => (all === null ? null : registryOf(all)));
    const known = (await registry) ?? null;
    try {
      const manifest = await rootAt(stage, path);
      // Its version never came to be, or is removed. Another registry's models are nobody's here to judge.
      const isCutOff = old(path) && !paths.has(markOf(path));
      if (isCutOff && known?.models.has(manifest.id!) === true && !known.roots.has(path)) continue;
      needed.add(path).add(markOf(path));
      await addNamed(stage, manifest, needed);
    } catch (error) {
      // Its version was removed just now.
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
 * What runs need of models that nobody here can read the plan of: another server may have their history, or
 * they are being planned. `objects`: their files.
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
    // Most versions share most blocks: each is read once.
    if (needed.has(block.path)) continue;
    // enforces I3: blocks are shared, and models are files of runs.
    for (const entry of await readBlock(stage, block)) needed.add(entry.path);
    needed.add(block.path);
  }
}
