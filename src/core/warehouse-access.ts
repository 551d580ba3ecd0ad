/**
 * Messages that a function in a runner uses to query the warehouse through its worker: a runner has no
 * credentials (I11).
 */

/** A bind value of a statement. */
export type Bind = string | number | boolean | null;

export interface WarehouseQuery {
  partitionId: string;
  /** The call's number. */
  attempt: number;
  sql: string;
  binds: Bind[];
}

export interface RowsQuery {
  ordinal: number;
  partitionId: string;
  /** Number of rows when the run was planned. */
  rows: number;
  /** The call's number. */
  attempt: number;
}

export interface QueryAnswer {
  /** Column names, all distinct. */
  names: string[];
  /** Values as passed to functions; tagged values in `reply`. */
  rows: unknown[][];
}

/** Warehouse operations that the worker performs for runners; the signal cancels them. */
export interface WarehouseAccess {
  query(query: WarehouseQuery, signal: AbortSignal): Promise<QueryAnswer>;
  rows(query: RowsQuery, signal: AbortSignal): Promise<{ file: string }>;
}
