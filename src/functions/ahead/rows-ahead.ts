import type { DuckDBConnection } from '@duckdb/node-api';

/** Rows of several partitions of a unit, in the order in which each partition has them. */
export interface RowsAhead {
  /** A table of the connection with the source's columns and `__partwise_ord`. */
  table: string;
  /** The partition that was asked for and the ones that are called after it. */
  ordinals: number[];
}

/** Loads the rows of a partition and of those after it, or returns null if they cannot be loaded together. */
export type LoadAhead = (connection: DuckDBConnection, ordinal: number) => Promise<RowsAhead | null>;

/** The view whose rows a statement for several partitions reads. */
export const AHEAD = '__partwise_ahead';

/** Limits the view to some of the partitions in a table. */
export async function selectAhead(
  connection: DuckDBConnection,
  { table }: RowsAhead,
  ordinals: readonly number[],
): Promise<void> {
  const select = `SELECT * FROM ${table} WHERE ${amongOrdinals(ordinals)}`;
  await connection.run(`CREATE OR REPLACE TEMP VIEW ${AHEAD} AS ${select}`);
}

/** The condition for rows of these partitions. */
export function amongOrdinals(ordinals: readonly number[]): string {
  const [first, last] = [Math.min(...ordinals), Math.max(...ordinals)];
  const sparse = last - first + 1 > ordinals.length ? ` AND __partwise_ord IN (${ordinals.join(', ')})` : '';
  return `__partwise_ord BETWEEN ${first} AND ${last}${sparse}`;
}
