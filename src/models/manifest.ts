/**
 * A version's manifest: blocks of entries sorted by partition id, each block an object on the stage, and a
 * root that names the blocks. Finding one model reads the root and one block; a version that changes a few
 * entries shares all other blocks with its base.
 */
import { randomUUID } from 'node:crypto';
import type { FileRef } from '../core/files';
import { folderName } from '../files/folder-name';
import type { Stage } from '../stage';
import { RegistryConflict, RegistryRefused } from './records';
import type { ModelEntry } from './types';

/** Entries per block, about 200 KB, which is read to find one entry. */
const BLOCK_ENTRIES = 500;
/** Number of roots and blocks cached per process: neighbouring entries are usually read one after another. */
const MAX_CACHED = 64;
/** Blocks that are read concurrently. */
const MAX_BLOCK_READS = 8;
/** Folder of the models on the stage. No run's folder starts with `@`. */
export const MODELS_FOLDER = '@models/';

/** A block of a manifest: a range of partition ids, both ends inclusive. */
export interface BlockRef extends FileRef {
  first: string;
  last: string;
  entries: number;
}

export interface Manifest {
  version: 1;
  /** Name of the model. */
  model: string;
  /** The registry's id of the model. Null for a manifest that a run keeps for itself. */
  id: string | null;
  entries: number;
  blocks: BlockRef[];
}

export function isRoot(path: string): boolean {
  return path.startsWith(MODELS_FOLDER) && path.endsWith('/manifest.json');
}

/**
 * Folder for the files that one version adds, ending in `/`. From its time, `clean` knows whether it may
 * still be being written.
 */
function versionFolder(model: string, now: number): string {
  const time = new Date(now).toISOString().replace(/[:.]/g, '-');
  return `${MODELS_FOLDER}${folderName(model)}/${time}-${randomUUID().slice(0, 8)}/`;
}

/** When writing of a version's folder started, in milliseconds since 1970. */
export function startedAt(path: string): number {
  const time = /^@models\/[^/]+\/(\d{4}-\d\d-\d\dT\d\d)-(\d\d)-(\d\d)-(\d{3})Z-/.exec(path);
  return time === null ? 0 : Date.parse(`${time[1]}:${time[2]}:${time[3]}.${time[4]}Z`);
}

/**
 * Writes a manifest of `base` overlaid with `changed`, and returns its root. Unchanged blocks are shared.
 * `folder` ends in `/`; the default is a new folder below `@models/`.
 */
export async function putManifest(
  stage: Stage,
  {
    model,
    id,
    base,
    changed,
    folder = versionFolder(model, Date.now()),
  }: {
    model: string;
    id: string | null;
    base: Manifest | null;
    changed: readonly ModelEntry[];
    folder?: string;
  },
): Promise<{ root: FileRef; manifest: Manifest }> {
  const sorted = [...new Map(changed.map((entry) => [entry.partition, entry])).values()].sort(byPartition);
  const blocks: BlockRef[] = [];
  const put = async (entries: readonly ModelEntry[]): Promise<void> => {
    for (const some of chunks(entries)) {
      const text = `${some.map((entry) => JSON.stringify(entry)).join('\n')}\n`;
      const ref = await stage.put(`${folder}entries-${randomUUID().slice(0, 8)}.jsonl`, Buffer.from(text));
      blocks.push({ ...ref, first: some[0]!.partition, last: some.at(-1)!.partition, entries: some.length });
    }
  };
  let at = 0;
  const before = base?.blocks ?? [];
  for (const [i, block] of before.entries()) {
    const next = before[i + 1]?.first;
    // Entries between two blocks go into the first of them.
    const from = at;
    while (at < sorted.length && (next === undefined || sorted[at]!.partition < next)) at++;
    const own = sorted.slice(from, at);
    if (own.length === 0) blocks.push(block);
    else await put(merged(await readBlock(stage, block), own));
  }
  if (before.length === 0) await put(sorted);
  const manifest: Manifest = {
    version: 1,
    model,
    id,
    entries: blocks.reduce((sum, { entries }) => sum + entries, 0),
    blocks,
  };
  // Written last: only a root makes the other files count as needed.
  const root = await stage.put(`${folder}manifest.json`, Buffer.from(JSON.stringify(manifest)));
  return { root, manifest };
}

/**
 * A marker next to a root, written once it is a registered version. `clean` then keeps it, whatever a copy of
 * the registry says.
 */
export function markOf(root: string): string {
  return root.replace(/manifest\.json$/, 'registered');
}

/**
 * Registers a written manifest as a version. If a concurrent change won, removes the root, because nothing
 * will name it.
 */
export async function withRoot<T>(stage: Stage, root: FileRef, register: () => Promise<T>): Promise<T> {
  try {
    const made = await register();
    // Without the marker, `clean` asks the registry.
    await stage.put(markOf(root.path), Buffer.from('{}')).catch(() => {});
    return made;
  } catch (error) {
    if (error instanceof RegistryConflict || error instanceof RegistryRefused) await stage.remove(root.path);
    throw error;
  }
}

function merged(before: readonly ModelEntry[], changed: readonly ModelEntry[]): ModelEntry[] {
  const all = new Map(before.map((entry) => [entry.partition, entry]));
  for (const entry of changed) all.set(entry.partition, entry);
  return [...all.values()].sort(byPartition);
}

function* chunks(entries: readonly ModelEntry[]): Generator<readonly ModelEntry[]> {
  // Do not split a block that has grown only a little.
  const count = entries.length <= 2 * BLOCK_ENTRIES ? 1 : Math.ceil(entries.length / BLOCK_ENTRIES);
  const size = Math.ceil(entries.length / count);
  for (let from = 0; from < entries.length; from += size) yield entries.slice(from, from + size);
}

/** By UTF-16 code units, like `<`. */
function byPartition(a: ModelEntry, b: ModelEntry): number {
  return a.partition < b.partition ? -1 : a.partition > b.partition ? 1 : 0;
}

const cache = new Map<string, Promise<unknown>>();

/** Reads, verifies and caches a file that a version names. */
function readOnce<T>(stage: Stage, ref: FileRef, parse: (text: string) => T): Promise<T> {
  const known = cache.get(ref.sha256) as Promise<T> | undefined;
  cache.delete(ref.sha256);
  const reading = known ?? stage.read(ref).then((bytes) => parse(Buffer.from(bytes).toString('utf8')));
  cache.set(ref.sha256, reading);
  reading.catch(() => cache.delete(ref.sha256));
  if (cache.size > MAX_CACHED) cache.delete(cache.keys().next().value!);
  return reading;
}

export function readManifest(stage: Stage, root: FileRef): Promise<Manifest> {
  return readOnce(stage, root, (text) => JSON.parse(text) as Manifest);
}

export function readBlock(stage: Stage, block: BlockRef): Promise<ModelEntry[]> {
  return readOnce(stage, block, (text) =>
    text
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as ModelEntry),
  );
}

/** One partition's entry, or null if the version has none. Reads the root and one block. */
export async function findEntry(stage: Stage, root: FileRef, partition: string): Promise<ModelEntry | null> {
  const block = blockOf(await readManifest(stage, root), partition);
  if (block === null) return null;
  return (await readBlock(stage, block)).find((entry) => entry.partition === partition) ?? null;
}

/** The given ids that have an entry. Reads the root and the blocks that may contain them. */
export async function idsAmong(stage: Stage, root: FileRef, ids: readonly string[]): Promise<Set<string>> {
  const manifest = await readManifest(stage, root);
  const blocks = new Set(ids.flatMap((id) => blockOf(manifest, id) ?? []));
  const known = new Set<string>();
  const left = [...blocks];
  const lane = async (): Promise<void> => {
    for (let block; (block = left.pop()) !== undefined;)
      for (const { partition } of await readBlock(stage, block)) known.add(partition);
  };
  await Promise.all(Array.from({ length: MAX_BLOCK_READS }, lane));
  return new Set(ids.filter((id) => known.has(id)));
}

/** The only block that can contain the partition, or null; blocks are sorted. */
function blockOf({ blocks }: Manifest, partition: string): BlockRef | null {
  let [low, high] = [0, blocks.length - 1];
  while (low <= high) {
    const middle = (low + high) >> 1;
    const { first, last } = blocks[middle]!;
    if (partition < first) high = middle - 1;
    else if (partition > last) low = middle + 1;
    else return blocks[middle]!;
  }
  return null;
}

/** All entries, sorted by partition id. */
export async function* entriesOf(
  stage: Stage,
  root: FileRef,
  { after = null }: { after?: string | null } = {},
): AsyncGenerator<ModelEntry> {
  for (const block of (await readManifest(stage, root)).blocks) {
    if (after !== null && block.last <= after) continue;
    for (const entry of await readBlock(stage, block))
      if (after === null || entry.partition > after) yield entry;
  }
}
