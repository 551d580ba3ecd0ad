/** Which partitions a run is asked to skip. Used by the workflow, and by clients for a preview. Pure. */
import { given } from './live-settings';
import { countRanges, parseRanges, rangesProblem } from './ordinal-ranges';
import { isPartitionId } from './partition-id';
import { partitionName } from './partition-name';
import type { RunPlan } from './plan';
import { quote } from './quote';

/** Partitions by number, as in `RetryInput`. */
export interface SkippedOrdinals {
  /** Such as "3,7-9": `ordinalRanges` makes this text. */
  ordinals: string;
  /** The generation that the ordinals belong to. Default: the run's current one. */
  generation?: number;
}

/** Partitions by id, or by number. */
export type SkipSelection = readonly string[] | SkippedOrdinals;

/** Maximum number of partition ids in one update. */
const MAX_IDS = 1_000;
/** Maximum total length of the ids: an activity's result repeats some of them (I7). */
const MAX_LENGTH = 100_000;
/** Shards answer for each partition (I7). */
const MAX_ORDINALS = 10_000;

/** What is wrong with a selection, as sentences. `plan` is null until the run is planned. */
export function skipProblems(
  selection: unknown,
  plan: Pick<RunPlan, 'partitions' | 'generation'> | null,
): string[] {
  const byOrdinals = asOrdinals(selection);
  if (byOrdinals === null && (!Array.isArray(selection) || selection.length === 0)) {
    return [
      `"skip" is ${given(selection)}; it takes a list of partition ids, such as ["North"], or {"ordinals": "3,7-9"}.`,
    ];
  }
  if (plan === null)
    return ['The run has no partitions yet: it is still being planned. Skip them once it is.'];
  return byOrdinals === null ? idProblems(selection as unknown[]) : ordinalProblems(byOrdinals, plan);
}

/** The ordinals of a selection without problems; null if it has ids. */
export function selectedOrdinals(selection: SkipSelection): number[] | null {
  const byOrdinals = asOrdinals(selection);
  if (byOrdinals === null) return null;
  return parseRanges(byOrdinals.ordinals).flatMap(({ from, to }) =>
    Array.from({ length: to - from + 1 }, (_, i) => from + i),
  );
}

/** `id` is null if it was selected by number. */
interface SelectedPartition {
  id: string | null;
  ordinal: number;
}

/** A partition of a selection in messages. */
export function selectedName({ id, ordinal }: SelectedPartition): string {
  return id === null ? `Partition number ${ordinal}` : quote(partitionName(id));
}

/** Why a partition cannot be skipped that has ended since, or was skipped before. */
export function isGone(partition: SelectedPartition): string {
  return `${selectedName(partition)} is already skipped, or has just ended.`;
}

/** Why a partition cannot be skipped whose batch is in flight. */
export function inBatch(partition: SelectedPartition, label: string): string {
  return `${selectedName(partition)} is in a batch that is being processed (${label}): partitions of a batch in flight cannot be skipped.`;
}

function asOrdinals(selection: unknown): SkippedOrdinals | null {
  const isOther = typeof selection !== 'object' || selection === null || Array.isArray(selection);
  if (isOther || typeof (selection as SkippedOrdinals).ordinals !== 'string') return null;
  return selection as SkippedOrdinals;
}

function idProblems(ids: readonly unknown[]): string[] {
  if (ids.length > MAX_IDS || ids.reduce<number>((sum, id) => sum + String(id).length, 0) > MAX_LENGTH) {
    return [
      `${ids.length} partition ids are too many for one update: skip at most ${MAX_IDS} at a time, of ${MAX_LENGTH} characters in total.`,
    ];
  }
  return ids
    .filter((id) => typeof id !== 'string' || !isPartitionId(id))
    .map(
      (id) =>
        `${quote(id)} is not a partition id: ids are percent-encoded text, as partwise partitions prints them.`,
    );
}

function ordinalProblems(
  { ordinals, generation }: SkippedOrdinals,
  plan: Pick<RunPlan, 'partitions' | 'generation'>,
): string[] {
  const problem = rangesProblem(ordinals, 'skip them in several steps');
  if (problem !== null) return [problem];
  if (generation != null && generation !== plan.generation) {
    return [
      `"generation" is ${given(generation)}, but the run is in generation ${plan.generation}, in which other partitions may have these "ordinals": read them again.`,
    ];
  }
  const last = parseRanges(ordinals).at(-1)!.to;
  if (last >= plan.partitions)
    return [
      `"ordinals" goes up to ${last}, but the run ${plan.partitions === 0 ? 'has no partitions' : `has the ordinals 0 to ${plan.partitions - 1}`}.`,
    ];
  const partitions = countRanges(ordinals);
  if (partitions <= MAX_ORDINALS) return [];
  return [
    `"ordinals" selects ${partitions.toLocaleString('en')} partitions: skip at most ${MAX_ORDINALS.toLocaleString('en')} at a time.`,
  ];
}
