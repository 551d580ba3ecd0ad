import { queryRows, withDatabase } from '../duckdb/database-file';
import { literal } from '../duckdb/quote';
import { readColumns } from '../duckdb/read-columns';

/** A partition's entry in the index. */
export interface IndexEntry {
  ordinal: number;
  id: string;
  rows: number;
}

/** Returns the entries of the given ordinals, in order. */
export function readIndex(file: string, ordinals: readonly number[]): Promise<IndexEntry[]> {
  return ordinals.length === 0 ? Promise.resolve([]) : readEntries(file, `ord IN (${ordinals.join(', ')})`);
}

/** Returns the entries of the ordinals `from` to `to` (inclusive), in order. */
export function readIndexRange(file: string, from: number, to: number): Promise<IndexEntry[]> {
  return readEntries(file, `ord BETWEEN ${from} AND ${to}`);
}

function readEntries(file: string, condition: string): Promise<IndexEntry[]> {
  return withDatabase(':memory:', 'read', (connection) =>
    queryRows<IndexEntry>(
      connection,
      `SELECT ord AS ordinal, id, rows::DOUBLE AS rows FROM read_parquet(${literal(file)}) WHERE ${condition} ORDER BY ord`,
    ),
  );
}

/** Returns the whole index by column, in order. */
export function readWholeIndex(file: string): Promise<{ ids: string[]; rows: number[] }> {
  return withDatabase(':memory:', 'read', async (connection) => {
    const sql = `SELECT id, rows::DOUBLE FROM read_parquet(${literal(file)}) ORDER BY ord`;
    const [ids, rows] = await readColumns(connection, sql);
    return { ids: ids as string[], rows: rows as number[] };
  });
}

/** Joins two indexes by partition id: those of the first in order, then those that only the second has. */
export async function joinIndexes(
  a: string,
  b: string,
): Promise<{ a: Int32Array; b: Int32Array; changed: Uint8Array | null }> {
  const isKnown = (await hasFingerprints(a)) && (await hasFingerprints(b));
  return withDatabase(':memory:', 'read', async (connection) => {
    const changed = isKnown ? 'a.fingerprint IS DISTINCT FROM b.fingerprint' : 'false';
    const [ofA, ofB, differs] = (await readColumns(
      connection,
      `SELECT coalesce(a.ord, -1)::INTEGER, coalesce(b.ord, -1)::INTEGER, (${changed})::INTEGER
       FROM read_parquet(${literal(a)}) a FULL JOIN read_parquet(${literal(b)}) b USING (id)
       ORDER BY a.ord NULLS LAST, b.ord`,
    )) as [number[], number[], number[]];
    return {
      a: Int32Array.from(ofA),
      b: Int32Array.from(ofB),
      changed: isKnown ? Uint8Array.from(differs) : null,
    };
  });
}

/** Returns the row counts of all partitions, in order. */
export function readIndexRows(file: string): Promise<Float64Array> {
  return withDatabase(':memory:', 'read', async (connection) => {
    const sql = `SELECT rows::DOUBLE FROM read_parquet(${literal(file)}) ORDER BY ord`;
    const [rows] = await readColumns(connection, sql);
    return Float64Array.from(rows as number[]);
  });
}

/** Number of ids that are turned into bytes together. */
const CHUNK = 65_536;

/**
 * All ids, as bytes: their text, and four bytes each for where it ends, instead of an object each.
 */
export class PackedIds {
  constructor(
    private readonly bytes: Buffer,
    /** Where each id ends. */
    private readonly ends: Uint32Array,
  ) {}

  at(ordinal: number): string {
    return this.bytes.toString('utf8', ordinal === 0 ? 0 : this.ends[ordinal - 1], this.ends[ordinal]);
  }
}

/** Returns all ids, in order. */
export function readPackedIds(file: string): Promise<PackedIds> {
  return withDatabase(':memory:', 'read', async (connection) => {
    const ends: number[] = [];
    const parts: Buffer[] = [];
    let size = 0;
    let last = -1;
    for (;;) {
      const sql = `SELECT id FROM read_parquet(${literal(file)}) WHERE ord > ${last} AND ord <= ${last + CHUNK} ORDER BY ord`;
      const [ids] = (await readColumns(connection, sql)) as [string[]];
      if (ids.length === 0) return new PackedIds(Buffer.concat(parts), Uint32Array.from(ends));
      for (const id of ids) ends.push((size += Buffer.byteLength(id)));
      parts.push(Buffer.from(ids.join('')));
      last += CHUNK;
    }
  });
}

/** Returns the ordinals of the ids that contain the text, whether in capitals or not, ascending. */
export function searchIds(file: string, text: string): Promise<Int32Array> {
  return withDatabase(':memory:', 'read', async (connection) => {
    const sql = `SELECT ord FROM read_parquet(${literal(file)}) WHERE contains(lower(id), lower(?)) ORDER BY ord`;
    const [ordinals] = await readColumns(connection, sql, [text]);
    return Int32Array.from(ordinals as number[], Number);
  });
}

/** Returns the ordinals of those ids that are in the index. */
export function findOrdinals(file: string, ids: readonly string[]): Promise<Map<string, number>> {
  if (ids.length === 0) return Promise.resolve(new Map());
  return withDatabase(':memory:', 'read', async (connection) => {
    const found = await queryRows<{ id: string; ordinal: number }>(
      connection,
      `SELECT id, ord AS ordinal FROM read_parquet(${literal(file)}) WHERE id IN (${ids.map(() => '?').join(', ')})`,
      [...ids],
    );
    return new Map(found.map(({ id, ordinal }) => [id, ordinal]));
  });
}

/** Returns each partition's fingerprint by ordinal, or null if the run was planned without fingerprints. */
export async function readFingerprints(file: string): Promise<string[] | null> {
  if (!(await hasFingerprints(file))) return null;
  return withDatabase(':memory:', 'read', async (connection) => {
    const sql = `SELECT fingerprint FROM read_parquet(${literal(file)}) ORDER BY ord`;
    const [fingerprints] = await readColumns(connection, sql);
    return fingerprints as string[];
  });
}

function hasFingerprints(file: string): Promise<boolean> {
  return withDatabase(':memory:', 'read', async (connection) => {
    const found = await queryRows(
      connection,
      `SELECT name FROM parquet_schema(${literal(file)}) WHERE name = 'fingerprint'`,
    );
    return found.length > 0;
  });
}
