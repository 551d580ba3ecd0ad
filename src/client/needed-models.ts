/** What versions of models cannot do without, which is what any manifest on the stage names: no warehouse need be asked. */
import { createHash } from 'node:crypto';
import { begunAt, isRoot, readBlock, readManifest } from '../models/manifest';
import { folderOf } from '../run/stage-layout';
import { ObjectMissing, type Stage } from '../stage';
import type { StageObject } from './stage-runs';

/** What is younger may be of a version in the making, whose manifest comes last. */
const IN_THE_MAKING_MS = 86_400_000;

export async function neededByModels(
  stage: Stage,
  objects: readonly StageObject[],
  now: number,
): Promise<{ needed: Set<string>; unnamed: StageObject[] }> {
  const needed = new Set<string>();
  for (const { path } of objects) {
    if (!isRoot(path)) continue;
    try {
      const bytes = await stage.get(path);
      const root = { path, bytes: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') };
      // enforces I3: blocks are shared, and models are files of runs.
      for (const block of (await readManifest(stage, root)).blocks) {
        // Most versions share most blocks: each is read once.
        if (needed.has(block.path)) continue;
        for (const entry of await readBlock(stage, block)) needed.add(entry.path);
        needed.add(block.path);
      }
      needed.add(path);
    } catch (error) {
      // Its version was removed just now.
      if (!(error instanceof ObjectMissing)) throw error;
    }
  }
  const roots = new Set(objects.filter(({ path }) => isRoot(path)).map(({ path }) => folderOf(path, 3)));
  const unnamed = objects.filter(
    ({ path }) =>
      !needed.has(path) && (roots.has(folderOf(path, 3)) || begunAt(path) < now - IN_THE_MAKING_MS),
  );
  return { needed, unnamed };
}
