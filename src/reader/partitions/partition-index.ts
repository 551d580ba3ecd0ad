/**
 * The partition index of a run's plan for readers: it is read in blocks, so it works for any number of
 * partitions.
 */
import {
  findOrdinals,
  readIndex,
  readIndexRange,
  readIndexRows,
  readWholeIndex,
  type IndexEntry,
} from '../../rows/partition-index';

/** Number of entries read together. */
const BLOCK = 16_384;

export class PartitionIndex {
  readonly #blocks = new Map<number, Promise<IndexEntry[]>>();

  /** `file` is a local Parquet file. */
  constructor(private readonly file: string) {}

  async entry(ordinal: number): Promise<IndexEntry> {
    const number = Math.floor(ordinal / BLOCK);
    let block = this.#blocks.get(number);
    if (block === undefined) {
      block = readIndexRange(this.file, number * BLOCK, (number + 1) * BLOCK - 1);
      this.#blocks.set(number, block);
    }
    return (await block)[ordinal - number * BLOCK]!;
  }

  /** Null if there is no partition with this id. */
  async ordinalOf(id: string): Promise<number | null> {
    return (await findOrdinals(this.file, [id])).get(id) ?? null;
  }

  /** Ids of a few partitions, by ordinal. */
  async idsOf(ordinals: readonly number[]): Promise<Map<number, string>> {
    const entries = await readIndex(this.file, ordinals);
    return new Map(entries.map(({ ordinal, id }) => [ordinal, id]));
  }

  /** Rows of each partition from `from` up to, but not including, `to`. */
  rows(from: number, to: number): Promise<Float64Array> {
    return readIndexRows(this.file, from, to);
  }

  /** All ids, for messages. */
  async ids(): Promise<string[]> {
    return (await readWholeIndex(this.file)).ids;
  }
}
