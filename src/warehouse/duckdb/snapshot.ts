/**
 * Pins a run's rows: writes the partition index and the rows, sorted by partition, as Parquet. What could
 * read differently a second time is first read into a temporary table (I1).
 */
import { basename, join } from 'node:path';
import type { DuckDBConnection } from '@duckdb/node-api';
import type { FileRef } from '../../core/files';
import type { Column } from '../../core/plan';
import type { SnapshotFile } from '../../core/unit-plan';
import type {
  PinnedSource,
  RangedPlace,
  Snapshot,
  SnapshotPlace,
  SnapshotRequest,
  SourceShape,
} from '../warehouse';
import type { Connect } from '../../duckdb/database-file';
import { literal } from '../../duckdb/quote';
import { indexKeys, storingClause } from '../../rows/storable';
import { fingerprintSql } from './fingerprint';
import { runUntilAborted } from './interrupt';
import {
  idSql,
  listFingerprints,
  listKeys,
  listPartitions,
  narrow,
  numberPartitions,
  quotedNames,
  refuseUnusable,
} from './partition-keys';
import { copyOrdered, isOrdered, mayBeOrdered, type LocalFile } from './ordered-rows';
import { putRanges } from './put-ranges';
import { positioned, type DescribedSource } from './source';

export async function pinRows(
  connection: DuckDBConnection,
  request: SnapshotRequest,
  source: DescribedSource,
  connect: Connect,
): Promise<PinnedSource> {
  const { keyColumns } = source.shape;
  await createPinned(connection, request, source);
  const spans = mayBeOrdered(connection, request, source);
  await listKeys(connection, request, keyColumns, { from: 'pinned', spans });
  await refuseUnusable(connection, request, keyColumns);
  if (request.only !== null) await narrow(connection, request.only);
  return pinned(connection, request, source, spans ? connect : null);
}

/** Like `pinRows`, for partitions that `countPartitions` returned: rows of others are never kept. */
export async function pinSample(
  connection: DuckDBConnection,
  request: SnapshotRequest & { only: string[] },
  source: DescribedSource,
): Promise<PinnedSource> {
  const { keyColumns } = source.shape;
  const ids = request.only.map(literal).join(', ');
  const select = `SELECT * FROM (${source.select}) WHERE ${idSql(keyColumns)} IN (${ids})`;
  await createPinned(connection, request, { ...source, select });
  await listKeys(connection, request, keyColumns, { from: 'pinned' });
  return pinned(connection, request, source, null);
}

/** Creates `pinned`: the source's rows with their positions, which are the same each time it is read. */
async function createPinned(
  connection: DuckDBConnection,
  request: SnapshotRequest,
  { select, parameters, isStable, refuseWrongColumns }: DescribedSource,
): Promise<void> {
  // enforces I1: files may change while they are read, and queries may return different rows each time.
  const held = isStable
    ? `CREATE TEMP VIEW pinned AS ${positioned(select)}`
    : `CREATE TEMP TABLE pinned AS SELECT *, row_number() OVER () - 1 AS __partwise_row FROM (${select})`;
  await runUntilAborted(connection, request.signal, held, parameters);
  await refuseWrongColumns();
}

/**
 * Uses the tables `pinned` and `partition_keys`. `connect` is null if the rows have to be sorted, whatever
 * their order.
 */
async function pinned(
  connection: DuckDBConnection,
  request: SnapshotRequest,
  source: DescribedSource,
  connect: Connect | null,
): Promise<PinnedSource> {
  const { shape, pushDown } = source;
  const { keyColumns } = shape;
  await numberPartitions(connection, request, keyColumns);
  const match = quotedNames(keyColumns)
    .map((key, i) => `pinned.${key} IS NOT DISTINCT FROM partition_index.key_${i}`)
    .join(' AND ');
  if (request.fingerprints === true) await addFingerprints(connection, request, shape, match);
  const sizes = { ...shape, ...(await listPartitions(connection)) };
  const fingerprints = request.fingerprints === true ? await listFingerprints(connection) : null;
  const { rows } = sizes;
  const put = async (place: SnapshotPlace): Promise<Snapshot> => {
    const { ranges } = place;
    const index = (): Promise<FileRef> => putIndex(connection, request, place, rows.length, keyColumns);
    if (ranges === null || rows.length === 0) return { index: await index(), files: [] };
    const total = rows.reduce((sum, n) => sum + n, 0);
    const format = parquet(total, ranges);
    const sorted =
      connect !== null && (await isOrdered(connection, total))
        ? await copyOrdered(connection, connect, request, source, { rows, ranges, format })
        : [await writeSorted(connection, request, shape, match, { partitions: rows.length, format })];
    // Not before the sort, which may fail and be done again: objects are written once.
    return {
      index: await index(),
      files: await putRows(connection, request, { ...place, ranges }, sorted, format),
    };
  };
  return { ...sizes, fingerprints, files: null, pushDown, put };
}

/** Writes the table `partition_index` to the stage. */
export async function putIndex(
  connection: DuckDBConnection,
  { scratch, signal }: Pick<SnapshotRequest, 'scratch' | 'signal'>,
  { stage, folder, ranges }: SnapshotPlace,
  partitions: number,
  keyColumns: readonly Column[],
): Promise<FileRef> {
  const file = join(scratch, 'index.parquet');
  await runUntilAborted(
    connection,
    signal,
    `COPY (SELECT *${storingClause(indexKeys(keyColumns))} FROM partition_index ORDER BY ord) TO ${literal(file)} (${parquet(partitions, ranges ?? [])})`,
  );
  return stage.put(`${folder}index.parquet`, { file });
}

/**
 * Options of COPY. Row groups have about as many rows as a range, so that reading a range decodes little
 * else. DuckDB's vectors have 2,048 rows.
 */
export function parquet(rows: number, ranges: readonly unknown[]): string {
  const vectors = Math.ceil(rows / Math.max(1, ranges.length) / 2_048);
  return `FORMAT parquet, ROW_GROUP_SIZE ${2_048 * Math.min(60, Math.max(1, vectors))}`;
}

/** On stages without partial reads, each range gets its own file. */
async function putRows(
  connection: DuckDBConnection,
  { scratch, signal }: SnapshotRequest,
  { stage, folder, ranges }: RangedPlace,
  sorted: readonly LocalFile[],
  format: string,
): Promise<SnapshotFile[]> {
  if (stage.isLocal) {
    const files: SnapshotFile[] = [];
    for (const { file, from, to } of sorted)
      files.push({ ...(await stage.put(`${folder}${basename(file)}`, { file })), from, to });
    return files;
  }
  const all = `read_parquet([${sorted.map(({ file }) => literal(file)).join(', ')}])`;
  return putRanges({ stage, folder, ranges }, scratch, ({ from, to }, file) =>
    runUntilAborted(
      connection,
      signal,
      // Sorting by partition alone would not keep the order of its rows.
      `COPY (SELECT * EXCLUDE (__partwise_place)
               FROM (SELECT *, row_number() OVER () AS __partwise_place
                       FROM ${all} WHERE __partwise_ord BETWEEN ${from} AND ${to})
              ORDER BY __partwise_place) TO ${literal(file)} (${format})`,
    ),
  );
}

/** Sorts all rows. */
async function writeSorted(
  connection: DuckDBConnection,
  { scratch, signal }: SnapshotRequest,
  { columns }: SourceShape,
  match: string,
  { partitions, format }: { partitions: number; format: string },
): Promise<LocalFile> {
  const file = join(scratch, 'snapshot.parquet');
  await runUntilAborted(
    connection,
    signal,
    // Names of the source's columns may be those of the index.
    `COPY (SELECT * EXCLUDE (__partwise_row)${storingClause(columns)} FROM (SELECT pinned.*, partition_index.ord AS __partwise_ord FROM pinned JOIN partition_index ON ${match}) ` +
      `ORDER BY __partwise_ord, __partwise_row) TO ${literal(file)} (${format})`,
  );
  return { file, from: 0, to: partitions - 1 };
}

/** Adds the column `fingerprint` to `partition_index`. `match` is the SQL that joins it with `pinned`. */
async function addFingerprints(
  connection: DuckDBConnection,
  { signal }: SnapshotRequest,
  { columns }: SourceShape,
  match: string,
): Promise<void> {
  await runUntilAborted(connection, signal, 'ALTER TABLE partition_index ADD COLUMN fingerprint VARCHAR');
  await runUntilAborted(
    connection,
    signal,
    `UPDATE partition_index SET fingerprint = found.fingerprint FROM
       (SELECT __partwise_ord, ${fingerprintSql(columns)} AS fingerprint
          FROM (SELECT pinned.*, partition_index.ord AS __partwise_ord FROM pinned JOIN partition_index ON ${match})
         GROUP BY __partwise_ord) AS found
     WHERE partition_index.ord = found.__partwise_ord`,
  );
}
