/**
 * Messages that a function in a runner uses to query the warehouse through its worker: a runner has no
 * credentials (I11).
 */

import type { Column } from './plan';

/** The most rows that a function's query returns. */
export const MAX_QUERY_ROWS = 100_000;

export class TooManyRows extends Error {
  override name = 'TooManyRows';
  readonly nonRetryable = true;
  constructor() {
    super(
      `The query returns more than ${MAX_QUERY_ROWS.toLocaleString('en')} rows. Aggregate in the query, or read the partition's rows from data.`,
    );
  }
}

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

/** The rows of a query as a file in the format of a snapshot, without ordinals. */
export interface QueryFile {
  file: string;
  /** The types to restore when reading. */
  columns: Column[];
}

/** Warehouse operations that the worker performs for runners; the signal cancels them. */
export interface WarehouseAccess {
  query(query: WarehouseQuery, signal: AbortSignal): Promise<QueryAnswer>;
  /** The same with all digits, for languages other than JavaScript. */
  queryFile(query: WarehouseQuery, signal: AbortSignal): Promise<QueryFile>;
  rows(query: RowsQuery, signal: AbortSignal): Promise<{ file: string }>;
}
