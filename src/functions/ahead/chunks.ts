/** How many partitions are asked at once. */
import type { DuckDBConnection } from '@duckdb/node-api';

/**
 * With up to this many groups, DuckDB keeps one hash table for all of them, so that each group gets its rows
 * one after another: floating-point sums depend on it. With one thread and no more rows than are loaded at
 * once, it does so with GROUP BY, too (tried with 245,000 groups).
 */
const MAX_PARTITIONS = 1_000;
const MIN_PARTITIONS = 10;
/** The partitions are asked before their calls, to which this time is not charged. */
const MAX_MS = 200;

export class Chunks {
  private size = MAX_PARTITIONS;
  private largest = MAX_PARTITIONS;

  /** Whether the partitions take so long that asking them together gains nothing. */
  get areFutile(): boolean {
    return this.largest < MIN_PARTITIONS;
  }

  /**
   * Asks the first partitions of `ordinals`: as many as can be asked without an error, and within the time.
   * The answer is null if that is none of `chunk`.
   */
  async ask<T>(
    connection: DuckDBConnection,
    ordinals: readonly number[],
    work: (chunk: readonly number[]) => Promise<T>,
  ): Promise<{ chunk: readonly number[]; answer: T | null }> {
    for (;;) {
      const chunk = ordinals.slice(0, this.size);
      let isLate = false;
      const timer = setTimeout(() => {
        isLate = true;
        connection.interrupt();
      }, MAX_MS);
      try {
        const answer = await work(chunk);
        this.size = Math.min(this.size * 10, this.largest);
        return { chunk, answer };
      } catch {
        // What is wrong is found out by the partition that is at fault, when it is asked by itself.
        if (isLate) this.largest = this.size / 10;
        if (this.size === MIN_PARTITIONS || this.areFutile) return { chunk, answer: null };
        this.size /= 10;
      } finally {
        clearTimeout(timer);
      }
    }
  }
}
