/** Which of the partitions that are to be skipped have ended, or are not run by this execution. */
import type { FileRef } from '../core/files';
import { partitionName } from '../core/partition-name';
import { quote } from '../core/quote';
import { Refusal } from '../core/refusal';
import type { FoundPartitions } from '../core/tasks';
import { decodeOrdinals } from '../core/units/ordinals';
import type { RunRecord } from '../history/fold';
import type { RunReader } from '../reader/run-reader';
import { readIndex } from '../rows/partition-index';
import type { Stage } from '../stage';
import { loadUnitPlan } from '../stored/unit-plan';
import { ordinalsById } from './known-partitions';

/** Partitions by id, or by number if `ordinals` is not null. */
export interface WantedPartitions {
  ids: readonly string[];
  ordinals: readonly number[] | null;
}

/** Throws a `Refusal` for partitions that the run does not have, or that this execution does not run. */
export async function findSkippable(
  reader: RunReader,
  record: RunRecord,
  stage: Stage,
  { index: indexRef, unitPlan }: { index: FileRef; unitPlan: FileRef },
  { ids, ordinals: given }: WantedPartitions,
): Promise<Pick<FoundPartitions, 'ordinals' | 'ended'>> {
  const index = await stage.localFile(indexRef);
  const byId = given === null ? await ordinalsById(index, ids) : null;
  const ordinals = byId === null ? given! : ids.map((id) => byId.get(id)!);
  const outcomes = await reader.outcomes(record, ({ task: { from, to } }) =>
    ordinals.some((ordinal) => from <= ordinal && ordinal <= to),
  );
  const ended: { ordinal: number; status: FoundPartitions['ended'][number]['status'] }[] = [];
  const others: number[] = [];
  const { selected } = await loadUnitPlan(stage, unitPlan);
  const run = selected === null ? null : new Set(decodeOrdinals(selected));
  for (const ordinal of ordinals) {
    const status = outcomes.statusOf(ordinal);
    if (status !== undefined) ended.push({ ordinal, status });
    else if (run?.has(ordinal) === false) others.push(ordinal);
  }
  const idsOf = await idsByOrdinal(index, [...others, ...ended.map(({ ordinal }) => ordinal)]);
  if (others.length > 0) {
    throw new Refusal(
      'InvalidInput',
      others.map(
        (ordinal) =>
          `${quote(partitionName(idsOf(ordinal)))} is not among the partitions that this execution runs.`,
      ),
    );
  }
  return {
    ordinals: [...ordinals],
    ended: ended.map(({ ordinal, status }) => ({ id: idsOf(ordinal), status })),
  };
}

/** Why an ended partition cannot be skipped. */
export function hasEnded({ id, status }: FoundPartitions['ended'][number]): string {
  return `${quote(partitionName(id))} has already ended: it is ${status}.`;
}

async function idsByOrdinal(index: string, ordinals: number[]): Promise<(ordinal: number) => string> {
  const ids = new Map((await readIndex(index, ordinals)).map(({ ordinal, id }) => [ordinal, id]));
  return (ordinal) => ids.get(ordinal)!;
}
