import type { DuckDBConnection } from '@duckdb/node-api';
import type { Column } from '../core/plan';
import type { Shape, Slice, Constants } from './slices';

/** Partitions up to this many rows are held in memory as DuckDB's chunks; larger ones are streamed. */
export const HELD_ROWS = 300_000;

/** Rows in memory, as DuckDB's chunks. */
export interface HeldRows {
  slices: readonly Slice[];
  shape: Shape;
}

/** Where the rows of one partition come from: a range of a snapshot, a file, or a table of a test. */
export interface PartitionRows {
  readonly rowCount: number;
  /** The source's columns; Partwise's own are not among them. */
  readonly columns: Column[];
  readonly constants: Constants;
  /**
   * All rows in order, of a partition that is small enough to be held; null: it is not. May be called more
   * than once.
   */
  held(): Promise<HeldRows> | null;
  /** The rows in order, in chunks; may be called more than once. */
  slices(): AsyncIterable<{ slice: Slice; shape: Shape }>;
  /**
   * What `data` stands for in SQL: a SELECT over the partition's rows, ready to be run on this connection.
   */
  view(connection: DuckDBConnection): Promise<string>;
}
