import { queryRows, quoteText, withDatabase } from './database';

/** A partition as the index knows it. */
export interface IndexEntry {
  ordinal: number;
  id: string;
  rows: number;
}

/** Entries of the given ordinals, in order. */
export function readIndex(file: string, ordinals: readonly number[]): Promise<IndexEntry[]> {
  if (ordinals.length === 0) return Promise.resolve([]);
  return withDatabase(':memory:', 'read', (connection) =>
    queryRows<IndexEntry>(
      connection,
      `SELECT ord AS ordinal, id, rows::DOUBLE AS rows FROM read_parquet(${quoteText(file)}) WHERE ord IN (${ordinals.join(', ')}) ORDER BY ord`,
    ),
  );
}
