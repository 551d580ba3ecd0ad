/**
 * The partition index of a run's plan as readers use it: a block at a time, however many partitions there
 * are.
 */
import {
  findOrdinals,
  readIndex,
  readIndexRange,
  readIndexRows,
  readWholeIndex,
  type IndexEntry,
} from '../../rows/partition-index';

/** Entries that are read at once. */
const BLOCK = 16_384;

export class PartitionIndex {
  readonly #blocks = new Map<number, Promise<IndexEntry[]>>();

  /** `file`: a local Parquet file. */
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

  /** Null when there is no partition of this id. */
  async ordinalOf(id: string): Promise<number | null> {
    return (await findOrdinals(this.file, [id])).get(id) ?? null;
  }

  /** Ids of a few partitions, by ordinal. */
  async idsOf(ordinals: readonly number[]): Promise<Map<number, string>> {
    const entries = await readIndex(this.file, ordinals);
    return new Map(entries.map(({ ordinal, id }) => [ordinal, id]));
  }

  /** Rows of each partition from `from` to `to`, which is not included. */
  rows(from: number, to: number): Promise<Float64Array> {
    return readIndexRows(this.file, from, to);
  }

  /** All ids, for messages. */
  async ids(): Promise<string[]> {
    return (await readWholeIndex(this.file)).ids;
  }
}
