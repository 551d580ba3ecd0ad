/** Models that this runner has decoded: those it may need again, as long as there is room. */

/** Together; what they take when decoded is a few times as much. */
const MOST_BYTES = 64 * 1024 * 1024;

interface Kept {
  model: unknown;
  /** As they were kept on the stage. */
  bytes: number;
}

/** The one that was used last comes last. */
const kept = new Map<string, Kept>();
let total = 0;

/** The model known by `key`, or what `load` gives, which is kept. Null is not: it may cost nothing to ask again. */
export async function keptModel<Model>(
  key: string,
  load: () => Promise<{ model: Model; bytes: number } | null>,
): Promise<Model | null> {
  const known = kept.get(key);
  if (known !== undefined) {
    kept.delete(key);
    kept.set(key, known);
    return known.model as Model;
  }
  const loaded = await load();
  if (loaded === null) return null;
  kept.set(key, loaded);
  total += loaded.bytes;
  for (const [oldest, { bytes }] of kept) {
    if (total <= MOST_BYTES) break;
    kept.delete(oldest);
    total -= bytes;
  }
  return loaded.model;
}
