/**
 * The partition index of a run's plan for readers: it is read in blocks, so it works for any number of
 * partitions.
 */
import {
  findOrdinals,
  readIndex,
  readIndexRange,
  readIndexRows,
  readPackedIds,
  readWholeIndex,
  searchIds,
  type IndexEntry,
  type PackedIds,
} from '../../rows/partition-index';

/** Number of entries read together. */
const BLOCK = 16_384;
/** For more than this, all ids are read and kept. */
const FEW = 20;
/** Lists of ids up to this long are kept, the last few: a page that follows a run asks for the same ones. */
const MAX_PAGE = 500;
const MAX_PAGES = 16;

export class PartitionIndex {
  readonly #blocks = new Map<number, Promise<IndexEntry[]>>();
  #rows: Promise<Float64Array> | null = null;
  #ids: Promise<PackedIds> | null = null;
  readonly #pages = new Map<string, Promise<string[]>>();

  /** `open` resolves with a local Parquet file, the same one each time. */
  constructor(private readonly open: () => Promise<string>) {}

  async entry(ordinal: number): Promise<IndexEntry> {
    const number = Math.floor(ordinal / BLOCK);
    let block = this.#blocks.get(number);
    if (block === undefined) {
      block = this.#read(readIndexRange, number * BLOCK, (number + 1) * BLOCK - 1);
      block.catch(() => this.#blocks.delete(number));
      this.#blocks.set(number, block);
    }
    return (await block)[ordinal - number * BLOCK]!;
  }

  /** Null if there is no partition with this id. */
  async ordinalOf(id: string): Promise<number | null> {
    return (await this.#read(findOrdinals, [id])).get(id) ?? null;
  }

  /** Ids of a few partitions, by ordinal. */
  async idsOf(ordinals: readonly number[]): Promise<Map<number, string>> {
    const entries = await this.#read(readIndex, ordinals);
    return new Map(entries.map(({ ordinal, id }) => [ordinal, id]));
  }

  /** Rows of each partition from `from` up to, but not including, `to`. */
  async rows(from: number, to: number): Promise<Float64Array> {
    // Followers of a run ask for many ranges; eight bytes a partition are kept.
    this.#rows ??= this.#read(readIndexRows);
    this.#rows.catch(() => (this.#rows = null));
    return (await this.#rows).subarray(from, to);
  }

  /** Ids of any number of partitions, in the same order. */
  ids(ordinals: readonly number[]): Promise<string[]> {
    if (ordinals.length > MAX_PAGE) return this.#readIds(ordinals);
    const key = ordinals.join();
    const known = this.#pages.get(key);
    if (known !== undefined) return known;
    const page = this.#readIds(ordinals);
    page.catch(() => this.#pages.delete(key));
    this.#pages.set(key, page);
    const [oldest] = this.#pages.keys();
    if (this.#pages.size > MAX_PAGES) this.#pages.delete(oldest!);
    return page;
  }

  async #readIds(ordinals: readonly number[]): Promise<string[]> {
    if (ordinals.length <= FEW) {
      const found = await this.idsOf(ordinals);
      return ordinals.map((ordinal) => found.get(ordinal)!);
    }
    // A page in key order does not need all of them.
    const from = ordinals.reduce((least, ordinal) => Math.min(least, ordinal));
    const to = ordinals.reduce((most, ordinal) => Math.max(most, ordinal));
    if (this.#ids === null && to - from < BLOCK) {
      const entries = await this.#read(readIndexRange, from, to);
      return ordinals.map((ordinal) => entries[ordinal - from]!.id);
    }
    this.#ids ??= this.#read(readPackedIds);
    this.#ids.catch(() => (this.#ids = null));
    const ids = await this.#ids;
    return ordinals.map((ordinal) => ids.at(ordinal));
  }

  /** Ordinals of the ids that contain the text, whether in capitals or not, ascending. */
  search(text: string): Promise<Int32Array> {
    return this.#read(searchIds, text);
  }

  /** All ids, for messages. */
  async allIds(): Promise<string[]> {
    return (await this.#read(readWholeIndex)).ids;
  }

  /** Throws `StageUnavailable`, and no error of DuckDB, if the stage is away. */
  async #read<T, A extends unknown[]>(
    read: (file: string, ...args: A) => Promise<T>,
    ...args: A
  ): Promise<T> {
    const file = await this.open();
    try {
      return await read(file, ...args);
    } catch (error) {
      await this.open();
      throw error;
    }
  }
}
