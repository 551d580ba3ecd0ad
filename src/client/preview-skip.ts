/** Which partitions a skip would skip: what the run's workflow decides, from its history. */
import { problemText, Refusal } from '../core/refusal';
import { inBatch, isGone, selectedOrdinals, skipProblems, type SkipSelection } from '../core/skip-selection';
import { spansOne } from '../core/units/cut-units';
import { ordinalsInUnit, type UnitRecord } from '../history/fold';
import { findSkippable, hasEnded } from '../planning/skippable-partitions';
import { RunEnded, UpdateRefused } from '../reader/errors';
import type { RunReader } from '../reader/run-reader';
import type { SelectedPartitions } from '../reader/types';

export async function previewSkip(reader: RunReader, selection: SkipSelection): Promise<SelectedPartitions> {
  const { record, state } = await reader.read();
  if (state.endedAt !== null) throw new RunEnded(reader.runId, 'change');
  const { plan } = record;
  const problems = skipProblems(selection, plan);
  if (plan === null || problems.length > 0) throw new UpdateRefused(reader.runId, problemText(problems));
  const given = selectedOrdinals(selection);
  const ids = given === null ? [...new Set(selection as readonly string[])] : [];
  const { ordinals, ended } = await findSkippable(reader, record, reader.stage(record)!, plan, {
    ids,
    ordinals: given,
  }).catch((error: unknown) => {
    throw error instanceof Refusal ? refused(reader, error.problems) : error;
  });
  if (ended.length > 0) throw refused(reader, ended.map(hasEnded));
  const batches = batchesOf([...record.open.values()]);
  const others = ordinals.flatMap((ordinal, i) => {
    const partition = { id: ids[i] ?? null, ordinal };
    if (record.skipped.has(ordinal)) return [isGone(partition)];
    const batch = batches.get(ordinal);
    return batch === undefined ? [] : [inBatch(partition, batch.label ?? batch.activityId)];
  });
  if (others.length > 0) throw refused(reader, others);
  return { partitions: ordinals.length, ordinals: Int32Array.from(ordinals).sort() };
}

/** Units in flight with several partitions, by ordinal. */
function batchesOf(open: readonly UnitRecord[]): Map<number, UnitRecord> {
  const found = new Map<number, UnitRecord>();
  for (const unit of open)
    if (!spansOne(unit.task)) for (const ordinal of ordinalsInUnit(unit.task)) found.set(ordinal, unit);
  return found;
}

function refused(reader: RunReader, problems: readonly string[]): UpdateRefused {
  const text = problemText(problems);
  return new UpdateRefused(
    reader.runId,
    `Nothing can be skipped.${text.startsWith('- ') ? '\n' : ' '}${text}`,
  );
}
