/**
 * Copies a table whose rows are in the order of the snapshot already, without sorting them.
 *
 * Whether they are is decided by the first and the last position of each key's rows: if, in key order, every
 * key's rows come after all rows of the key before, then the order by partition and position is the order by
 * position, which is that of the table.
 */
import { join } from 'node:path';
import type { DuckDBConnection } from '@duckdb/node-api';
import type { RangedPlace, SnapshotRequest } from '../warehouse';
import { type Connect, queryRows } from '../../duckdb/database-file';
import { isPrepared } from '../../duckdb/setup';
import { literal } from '../../duckdb/quote';
import { storingClause } from '../../rows/storable';
import { runUntilAborted } from './interrupt';
import { quotedNames } from './partition-keys';
import { positioned, type DescribedSource } from './source';

/** Fewer rows are sorted sooner than checked. */
const MIN_ROWS = 200_000;
/** Partitions that are checked first: nearly all tables in another order show it there. */
const CHECKED_FIRST = 1_000;

type Range = RangedPlace['ranges'][number];

/** A local file with the rows of neighbouring partitions, sorted. */
export type LocalFile = Range & { file: string };

/**
 * Whether a source may be copied as it is. Other connections must find the same table by its name, and all of
 * its rows must be in the snapshot.
 */
export function mayBeOrdered(
  connection: DuckDBConnection,
  { only }: Pick<SnapshotRequest, 'only'>,
  { isStable }: DescribedSource,
): boolean {
  return isStable && only === null && !isPrepared(connection);
}

/** Uses the tables `partition_index`, and `partition_keys` with spans. */
export async function isOrdered(connection: DuckDBConnection, rows: number): Promise<boolean> {
  if (rows < MIN_ROWS) return false;
  for (const checked of [`WHERE ord < ${CHECKED_FIRST}`, '']) {
    const [found] = await queryRows<{ early: number }>(
      connection,
      `SELECT count(*)::INTEGER AS early FROM
         (SELECT first_row < lag(last_row) OVER (ORDER BY ord) AS is_early
            FROM partition_index JOIN partition_keys USING (id) ${checked})
        WHERE is_early`,
    );
    if (found!.early > 0) return false;
  }
  return true;
}

/**
 * Writes the rows to as many files as there are threads: DuckDB keeps their order only while one thread reads
 * and writes them. `ranges` cover all partitions, in order.
 */
export async function copyOrdered(
  connection: DuckDBConnection,
  connect: Connect,
  { scratch, signal }: Pick<SnapshotRequest, 'scratch' | 'signal'>,
  { shape, select }: DescribedSource,
  { rows, ranges, format }: { rows: readonly number[]; ranges: RangedPlace['ranges']; format: string },
): Promise<LocalFile[]> {
  const keys = quotedNames(shape.keyColumns);
  const isNext = keys.map((key) => `${key} IS DISTINCT FROM lag(${key}) OVER ()`).join(' OR ');
  const copies = (await partsOf(connection, rows, ranges)).map(async ({ from, to }) => {
    const file = join(scratch, `rows-${from}.parquet`);
    const [first, last] = await spanOf(connection, from, to);
    const own = await connect();
    try {
      await runUntilAborted(
        own,
        signal,
        // No row comes before the first, whose key may be NULL, as \`lag\` is then.
        `COPY (SELECT * EXCLUDE (__partwise_row, __partwise_next)${storingClause(shape.columns)},
                      (${from} - 1 + sum(__partwise_next) OVER (ROWS UNBOUNDED PRECEDING))::INTEGER AS __partwise_ord
                 FROM (SELECT *, (lag(__partwise_row) OVER () IS NULL OR ${isNext})::INTEGER AS __partwise_next
                         FROM (${positioned(select)}) WHERE __partwise_row BETWEEN ${first} AND ${last}))
           TO ${literal(file)} (${format})`,
      );
    } finally {
      own.closeSync();
    }
    return { from, to, file };
  });
  // None may still be written when the database is closed.
  await Promise.allSettled(copies);
  return Promise.all(copies);
}

/** Neighbouring ranges with about the same number of rows for each thread. */
async function partsOf(
  connection: DuckDBConnection,
  rows: readonly number[],
  ranges: readonly Range[],
): Promise<Range[]> {
  const [set] = await queryRows<{ threads: number }>(
    connection,
    "SELECT current_setting('threads')::INTEGER AS threads",
  );
  const share = rows.reduce((sum, n) => sum + n, 0) / set!.threads;
  const parts: Range[] = [];
  let [from, sum] = [0, 0];
  for (const [i, range] of ranges.entries()) {
    for (let ordinal = range.from; ordinal <= range.to; ordinal++) sum += rows[ordinal]!;
    if (sum < share && i < ranges.length - 1) continue;
    parts.push({ from, to: range.to });
    [from, sum] = [range.to + 1, 0];
  }
  return parts;
}

/** The positions of the first and the last row of neighbouring partitions. */
async function spanOf(connection: DuckDBConnection, from: number, to: number): Promise<[number, number]> {
  const [span] = await queryRows<{ first: number; last: number }>(
    connection,
    `SELECT min(first_row)::DOUBLE AS first, max(last_row)::DOUBLE AS last
       FROM partition_index JOIN partition_keys USING (id) WHERE ord IN (${from}, ${to})`,
  );
  return [span!.first, span!.last];
}
