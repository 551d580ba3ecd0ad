/** Looks up partitions by id in the run's index. */
import { didYouMean } from '../core/nearest';
import { partitionName } from '../core/partition-name';
import { quote } from '../core/quote';
import { Refusal } from '../core/refusal';
import { findOrdinals, readWholeIndex } from '../rows/partition-index';

/** Limited because suggestions are searched among all ids, which may be a hundred thousand. */
const MAX_SUGGESTIONS = 20;

/**
 * Ordinals by id. Throws a `Refusal` with a sentence for each id that the run does not have. `index` is the
 * path of a local copy of the index.
 */
export async function ordinalsById(index: string, ids: readonly string[]): Promise<Map<string, number>> {
  const found = await findOrdinals(index, ids);
  const unknown = ids.filter((id) => !found.has(id));
  if (unknown.length === 0) return found;
  const { ids: all } = await readWholeIndex(index);
  throw new Refusal(
    'InvalidInput',
    unknown.map((id, i) => {
      const near = i < MAX_SUGGESTIONS ? didYouMean(partitionName(id), all.map(partitionName)) : '';
      return `The run has no partition ${quote(partitionName(id))}.${near}`;
    }),
  );
}
