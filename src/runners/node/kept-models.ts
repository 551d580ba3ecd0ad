/** Caches the models that this runner has decoded, up to a limit. */

/** Total encoded size; decoded models take a few times as much memory. */
const MAX_BYTES = 64 * 1024 * 1024;

interface Kept {
  model: unknown;
  /** Size on the stage. */
  bytes: number;
}

/** Least recently used first. */
const kept = new Map<string, Kept>();
let total = 0;

/**
 * A call must not change the model that the next one gets (I5): bytes are copied, and plain data is frozen
 * when it is loaded. Users must not change instances of classes, as docs/models.md says.
 */
function copyForCall<Model>(model: Model): Model {
  return model instanceof Uint8Array ? (new Uint8Array(model) as Model) : model;
}

function freezeData(model: unknown): void {
  const open: unknown[] = [model];
  for (let value; open.length > 0;) {
    value = open.pop();
    if (typeof value !== 'object' || value === null || Object.isFrozen(value)) continue;
    const prototype: unknown = Object.getPrototypeOf(value);
    if (!Array.isArray(value) && prototype !== Object.prototype && prototype !== null) continue;
    Object.freeze(value);
    for (const inner of Object.values(value)) open.push(inner);
  }
}

/**
 * Returns the cached model for `key`, or loads and caches it. A result of null is not cached, since loading
 * it again costs little.
 */
export async function keptModel<Model>(
  key: string,
  load: () => Promise<{ model: Model; bytes: number } | null>,
): Promise<Model | null> {
  const known = kept.get(key);
  if (known !== undefined) {
    kept.delete(key);
    kept.set(key, known);
    return copyForCall(known.model as Model);
  }
  const loaded = await load();
  if (loaded === null) return null;
  // enforces I5
  freezeData(loaded.model);
  kept.set(key, loaded);
  total += loaded.bytes;
  for (const [oldest, { bytes }] of kept) {
    if (total <= MAX_BYTES) break;
    kept.delete(oldest);
    total -= bytes;
  }
  return copyForCall(loaded.model);
}
