/** The partition index of a run's plan: every partition's id and rows, in key order. */
import { queryRows, quoteText, withDatabase } from '../warehouse/duckdb/database';

export class PartitionIndex {
  #ordinals: Map<string, number> | null = null;

  private constructor(
    /** By ordinal. */
    readonly ids: readonly string[],
    readonly rows: readonly number[],
  ) {}

  /** From a local Parquet file. */
  static read(this: void, path: string): Promise<PartitionIndex> {
    return withDatabase(':memory:', 'read', async (connection) => {
      const found = await queryRows<{ id: string; rows: number }>(
        connection,
        `SELECT id, rows::DOUBLE AS rows FROM read_parquet(${quoteText(path)}) ORDER BY ord`,
      );
      return new PartitionIndex(
        found.map(({ id }) => id),
        found.map(({ rows }) => rows),
      );
    });
  }

  /** Null when there is no partition of this id. */
  ordinalOf(id: string): number | null {
    this.#ordinals ??= new Map(this.ids.map((each, ordinal) => [each, ordinal]));
    return this.#ordinals.get(id) ?? null;
  }
}
