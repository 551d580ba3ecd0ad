/** The models of a training run as entries of a version: its artifacts, and the metrics in its rows. */
import { readRows } from '../reader/partitions/results';
import type { RunReader } from '../reader/run-reader';
import type { RunRecord } from '../history/fold';
import { readWholeIndex } from '../rows/partition-index';
import type { ModelEntry, ModelMetrics } from '../models/types';
import { Refusal } from '../core/refusal';

/** Throws a `Refusal` unless the run is of a model's training function. */
export function assertTrained(runId: string, { plan }: RunRecord): void {
  if (plan !== null && plan.function.name.endsWith('.train')) return;
  throw new Refusal('InvalidInput', [
    `The run "${runId}" trained no models: use a run of a model's train function, such as one started by partwise train.`,
  ]);
}

/**
 * Entries of the partitions that became DONE after execution number `after` (0: all DONE partitions), by
 * ordinal. Throws a `Refusal` unless the run is a training run.
 */
export async function trainedEntries(
  reader: RunReader,
  record: RunRecord,
  after: number,
): Promise<ModelEntry[]> {
  const { runId } = reader;
  assertTrained(runId, record);
  const plan = record.plan!;
  const stage = reader.stage(record)!;
  const outcomes = await reader.outcomes(record);
  const { ids, rows: sizes } = await readWholeIndex(await stage.localFile(plan.index));
  const done = ids.map((_, ordinal) => ordinal).filter((ordinal) => outcomes.statusOf(ordinal) === 'DONE');
  // A training function returns one row, and rows are in the order of the partitions.
  const rows = await readRows(stage, await reader.rowsFiles(record), plan.keyColumns);
  if (rows.length !== done.length)
    throw new Error(`The run "${runId}" has ${rows.length} rows for ${done.length} models.`);
  const holdout = record.opened?.input.model?.holdout ?? null;
  const keys = new Set(plan.keyColumns.map(({ name }) => name));
  return done.flatMap((ordinal, i) => {
    if (outcomes.executionOf(ordinal)! <= after) return [];
    const row = rows[i]!;
    const { trained_rows: trained, model_file: file, model_bytes: _, trained_with: by, ...rest } = row;
    // Functions in Python may return no model for a partition.
    if (typeof file !== 'string') return [];
    const artifact = outcomes.get(ordinal)!.outcome.artifacts.find(({ name }) => name === file);
    if (artifact === undefined)
      throw new Error(`The partition "${ids[ordinal]}" of the run "${runId}" has no artifact "${file}".`);
    const { path, offset, bytes, sha256 } = artifact;
    const metrics = Object.fromEntries(Object.entries(rest).filter(([name]) => !keys.has(name)));
    return {
      partition: ids[ordinal]!,
      path,
      offset,
      bytes,
      sha256,
      file,
      metrics: metrics as ModelMetrics,
      holdout,
      rows: Number(trained ?? sizes[ordinal]),
      ...(typeof by === 'string' ? { trainedWith: by } : {}),
      run: runId,
      snapshotTime: plan.snapshotTime,
    };
  });
}
