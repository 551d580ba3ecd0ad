import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { UnitPlan } from '../run/plan';
import type { Stage } from '../stage';
import { readIndex } from '../warehouse/duckdb/partition-index';
import { restoreRows } from '../warehouse/snowflake/restore-rows';
import { snapshotOf } from './unit-plan';

/**
 * Local files with the rows of these partitions (and of others beside them), sorted by partition. What the warehouse unloaded is put in
 * order here, in the worker and with little memory: once for an attempt, however many runners it takes. `index`: a local copy of the
 * partition index.
 */
export async function fetchSnapshot(
  stage: Stage,
  plan: UnitPlan,
  { index, ordinals }: { index: string; ordinals: readonly number[] },
  scratch: string,
  signal: AbortSignal,
): Promise<string[]> {
  const { snapshot, columns, files: sources, pushDown, warehouse, snapshotTime } = plan;
  if (sources === null && snapshot.length === 0) {
    const target = join(scratch, 'queried.parquet');
    const entries = await readIndex(index, ordinals);
    // Not on top: it loads DuckDB.
    const { queryPartitions } =
      require('../warehouse/snowflake/query-partitions') as typeof import('../warehouse/snowflake/query-partitions');
    const tempFolder = join(scratch, 'restore');
    await queryPartitions({
      uri: warehouse,
      pushDown: pushDown!,
      columns,
      entries,
      snapshotTime,
      target,
      tempFolder,
      signal,
    });
    return [target];
  }
  const refs = snapshotOf(snapshot, ordinals);
  const files = await stage.localFiles(refs, scratch);
  const unloaded = refs.flatMap(({ unloadedRows }) => unloadedRows ?? []);
  if (unloaded.length === 0) return files;
  const target = join(scratch, 'restored.parquet');
  const rows = unloaded.reduce((sum, n) => sum + n, 0);
  await restoreRows({ files, columns, rows, target, tempFolder: join(scratch, 'restore'), signal });
  await Promise.all(files.map((file) => rm(file, { force: true })));
  return [target];
}
