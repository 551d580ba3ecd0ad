import { queryRows, quoteText, withDatabase } from '../duckdb/database-file';

/** A partition as the index knows it. */
export interface IndexEntry {
  ordinal: number;
  id: string;
  rows: number;
}

/** Entries of the given ordinals, in order. */
export function readIndex(file: string, ordinals: readonly number[]): Promise<IndexEntry[]> {
  return ordinals.length === 0 ? Promise.resolve([]) : readEntries(file, `ord IN (${ordinals.join(', ')})`);
}

/** Entries of the ordinals `from` to `to`, both included, in order. */
export function readIndexRange(file: string, from: number, to: number): Promise<IndexEntry[]> {
  return readEntries(file, `ord BETWEEN ${from} AND ${to}`);
}

function readEntries(file: string, condition: string): Promise<IndexEntry[]> {
  return withDatabase(':memory:', 'read', (connection) =>
    queryRows<IndexEntry>(
      connection,
      `SELECT ord AS ordinal, id, rows::DOUBLE AS rows FROM read_parquet(${quoteText(file)}) WHERE ${condition} ORDER BY ord`,
    ),
  );
}

/** The whole index by columns, in order. */
export function readWholeIndex(file: string): Promise<{ ids: string[]; rows: number[] }> {
  return withDatabase(':memory:', 'read', async (connection) => {
    const read = await connection.runAndReadAll(
      `SELECT id, rows::DOUBLE FROM read_parquet(${quoteText(file)}) ORDER BY ord`,
    );
    const [ids = [], rows = []] = read.getColumns();
    return { ids: ids as string[], rows: rows as number[] };
  });
}

/** Rows of the partitions with the ordinals from `from` to `to`, which is not included. */
export function readIndexRows(file: string, from: number, to: number): Promise<Float64Array> {
  return withDatabase(':memory:', 'read', async (connection) => {
    const read = await connection.runAndReadAll(
      `SELECT rows::DOUBLE FROM read_parquet(${quoteText(file)}) WHERE ord >= ${from} AND ord < ${to} ORDER BY ord`,
    );
    return Float64Array.from((read.getColumns()[0] ?? []) as number[]);
  });
}

/** Ordinals of the ids that the index has. */
export function findOrdinals(file: string, ids: readonly string[]): Promise<Map<string, number>> {
  if (ids.length === 0) return Promise.resolve(new Map());
  return withDatabase(':memory:', 'read', async (connection) => {
    const found = await queryRows<{ id: string; ordinal: number }>(
      connection,
      `SELECT id, ord AS ordinal FROM read_parquet(${quoteText(file)}) WHERE id IN (${ids.map(() => '?').join(', ')})`,
      [...ids],
    );
    return new Map(found.map(({ id, ordinal }) => [id, ordinal]));
  });
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
