/**
 * The messages by which a function in a runner queries the warehouse through its worker: a runner has no
 * credentials (I11).
 */

/** A value that a statement binds. */
export type Bind = string | number | boolean | null;

export interface WarehouseQuery {
  partitionId: string;
  /** Number of the call. */
  attempt: number;
  sql: string;
  binds: Bind[];
}

export interface RowsQuery {
  ordinal: number;
  partitionId: string;
  /** How many there were when the run was planned. */
  rows: number;
  /** Number of the call. */
  attempt: number;
}

export interface QueryAnswer {
  /** Of the columns, no two alike. */
  names: string[];
  /** Values as functions get them; in `reply`, tagged values. */
  rows: unknown[][];
}

/** What the worker does for runners in a warehouse; the signal cancels it. */
export interface WarehouseAccess {
  query(query: WarehouseQuery, signal: AbortSignal): Promise<QueryAnswer>;
  rows(query: RowsQuery, signal: AbortSignal): Promise<{ file: string }>;
}
