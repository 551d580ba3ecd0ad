import type { FileRef } from '../core/files';
import type { SnapshotFile, UnitPlan } from '../core/unit-plan';
import type { Stage } from '../stage';

/** Recently read plans, by digest: all units of a run read the same one. */
const cache = new Map<string, Promise<UnitPlan>>();
const MAX_CACHED = 16;

/** The unit plan that a task names, checked against the digest in history. */
export function loadUnitPlan(stage: Stage, ref: FileRef): Promise<UnitPlan> {
  const { sha256 } = ref;
  const known = cache.get(sha256);
  if (known !== undefined) return known;
  const loading = stage
    .read(ref)
    .then((content) => JSON.parse(Buffer.from(content).toString('utf8')) as UnitPlan);
  cache.set(sha256, loading);
  loading.catch(() => cache.delete(sha256));
  if (cache.size > MAX_CACHED) cache.delete(cache.keys().next().value!);
  return loading;
}

/** The files that contain the rows of these partitions. */
export function snapshotOf(files: readonly SnapshotFile[], ordinals: readonly number[]): SnapshotFile[] {
  return files.filter(({ from, to }) => ordinals.some((ordinal) => ordinal >= from && ordinal <= to));
}
