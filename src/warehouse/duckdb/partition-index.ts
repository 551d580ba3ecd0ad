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

/** The fingerprint of each partition, by ordinal; null when the run was planned without. */
export function readFingerprints(file: string): Promise<string[] | null> {
  return withDatabase(':memory:', 'read', async (connection) => {
    const [column] = await queryRows(
      connection,
      `SELECT name FROM parquet_schema(${quoteText(file)}) WHERE name = 'fingerprint'`,
    );
    if (column === undefined) return null;
    const read = await connection.runAndReadAll(
      `SELECT fingerprint FROM read_parquet(${quoteText(file)}) ORDER BY ord`,
    );
    return (read.getColumns()[0] ?? []) as string[];
  });
}
