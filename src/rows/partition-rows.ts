import type { DuckDBConnection } from '@duckdb/node-api';
import type { Column } from '../core/plan';
import type { Shape, Slice } from './slices';

/** Partitions up to this many rows are held in memory as DuckDB's chunks; larger ones are streamed. */
export const HELD_ROWS = 300_000;

/** Rows in memory, as DuckDB's chunks. */
export interface HeldRows {
  slices: readonly Slice[];
  shape: Shape;
}

/** The source of one partition's rows: a range of a snapshot, a file, or a table of a test. */
export interface PartitionRows {
  readonly rowCount: number;
  /** The source's columns, without Partwise's own. */
  readonly columns: Column[];
  /**
   * Returns all rows in order, or null if the partition is too large to be held in memory. May be called more
   * than once.
   */
  held(): Promise<HeldRows> | null;
  /** Returns the rows in order, in chunks. May be called more than once. */
  slices(): AsyncIterable<{ slice: Slice; shape: Shape }>;
  /**
   * Returns the definition of the view `data`: a SELECT over the partition's rows that can run on this
   * connection.
   */
  view(connection: DuckDBConnection): Promise<string>;
}
