/** Which partitions a continuation may run, as its input selects them. */
import type { RunInput } from '../core/input';
import { parseRanges } from '../core/ordinal-ranges';
import { Refusal } from '../core/refusal';
import { quote } from '../core/quote';
import { groupsFailedWith, noGroupProblem } from '../history/failed-with';
import { failureGroups } from '../reader/partitions/whole-run';
import type { Stage } from '../stage';
import type { Previous } from './earlier-executions';
import { ordinalsById } from './known-partitions';

/** The fields of an input that select partitions to retry. */
export type Selection = Partial<Pick<RunInput, 'only' | 'failedWith' | 'ordinals' | 'generation'>>;

/**
 * Ordinals of the partitions that the continuation may run; null: all that are not DONE. Throws a `Refusal`
 * for partitions that the run does not have, and if nothing failed as selected.
 */
export async function selectedOrdinals(
  stage: Stage,
  { reader, reading }: Previous,
  { only, failedWith, ordinals, generation }: Selection,
): Promise<Set<number> | null> {
  const { opened, plan } = reading.record;
  if (ordinals != null) {
    const current = opened!.generation;
    if (generation != null && generation !== current) throw otherGeneration(generation, current);
    return inRanges(ordinals, plan!.partitions);
  }
  if (failedWith != null) {
    const groups = await failureGroups(reader, reading);
    const found = groupsFailedWith(groups, failedWith);
    if (found.length === 0) throw new Refusal('InvalidInput', [noGroupProblem(failedWith, groups)]);
    const selected = new Set<number>();
    for (const group of found) for (const ordinal of group.ordinals) selected.add(ordinal);
    return selected;
  }
  if (only != null) return new Set((await ordinalsById(await stage.localFile(plan!.index), only)).values());
  return null;
}

function inRanges(text: string, partitions: number): Set<number> {
  const ranges = parseRanges(text);
  const last = ranges.at(-1)!.to;
  if (last >= partitions) {
    const has = partitions === 0 ? 'has no partitions' : `has the ordinals 0 to ${partitions - 1}`;
    throw new Refusal('InvalidInput', [
      `"ordinals" is ${quote(text)}, which goes up to ${last}, but the run ${has}.`,
    ]);
  }
  const selected = new Set<number>();
  for (const { from, to } of ranges) for (let ordinal = from; ordinal <= to; ordinal++) selected.add(ordinal);
  return selected;
}

function otherGeneration(asked: number, current: number): Refusal {
  return new Refusal('InvalidInput', [
    `"generation" is ${asked}, but the run has been overwritten and is in generation ${current}, ` +
      'in which other partitions may have these "ordinals": read them again.',
  ]);
}
