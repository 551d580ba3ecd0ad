import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { UnitPlan } from '../core/unit-plan';
import type { Stage } from '../stage';
import { snapshotOf } from '../stored/unit-plan';
import type { Warehouse } from './warehouse';

/**
 * Fetches local files with the rows of these partitions (and possibly of others), sorted by partition; none
 * if the run has no snapshot. Files that the warehouse unloaded are sorted here in the worker, with little
 * memory and once per attempt, regardless of the number of runners.
 */
export async function fetchSnapshot(
  { stage, warehouse }: { stage: Stage; warehouse: Warehouse },
  { snapshot, columns }: UnitPlan,
  ordinals: readonly number[],
  scratch: string,
  signal: AbortSignal,
): Promise<string[]> {
  const refs = snapshotOf(snapshot, ordinals);
  const files = await stage.localFiles(refs, scratch);
  const unloaded = refs.flatMap(({ unloadedRows }) => unloadedRows ?? []);
  if (unloaded.length === 0) return files;
  const target = join(scratch, 'restored.parquet');
  const rows = unloaded.reduce((sum, n) => sum + n, 0);
  await warehouse.restore({ files, columns, rows, target, tempFolder: join(scratch, 'restore'), signal });
  await Promise.all(files.map((file) => rm(file, { force: true })));
  return [target];
}
