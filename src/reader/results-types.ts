/** Types of pages of combined rows. */
import type { Column } from '../core/plan';
import type { Row } from '../core/row';
import type { ResultFilter, ResultSort } from '../rows/results-query';

/** Selects combined rows. */
export interface ResultsOptions {
  /** Number of rows before the first one. Default 0. */
  offset?: number;
  /** Maximum number of rows. Default: all. */
  limit?: number;
  /** Default: by partition, in key order. */
  sort?: readonly ResultSort[];
  /** All of these must hold. */
  where?: readonly ResultFilter[];
}

/** Selects a page of combined rows. */
export interface ResultsPageOptions extends ResultsOptions {
  /** 1 to 500, default 100. */
  limit?: number;
}

/** A page of combined rows. */
export interface ResultsPage {
  /** Key columns first, with DuckDB's types. */
  columns: Column[];
  /** Each with a value per column as JSON has it: large integers and bytes are text. */
  rows: unknown[][];
  offset: number;
  /** Number of rows that the filters select, on all pages. */
  total: number;
}

/**
 * Rows that functions returned. Values are as in `data`, but without losing digits: a DECIMAL that a number
 * cannot hold and a time with a fraction of a millisecond are text.
 */
export type ResultRows = Row[] & {
  /** The columns in order, with DuckDB's types: objects list names such as `10` first. */
  readonly columns?: { name: string; type: string }[];
};
