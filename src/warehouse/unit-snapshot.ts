import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { UnitPlan } from '../core/unit-plan';
import type { Stage } from '../stage';
import { snapshotOf } from '../stored/unit-plan';
import type { Warehouse } from './warehouse';

/**
 * Local files with the rows of these partitions (and of others beside them), sorted by partition; none where
 * the run has no snapshot. What the warehouse unloaded is put in order here, in the worker and with little
 * memory: once for an attempt, however many runners it takes.
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
