/**
 * Pins a run's rows: numbers the distinct keys in key order, and writes the partition index and the rows,
 * sorted by partition, as Parquet. What could read differently a second time is first read into a temporary
 * table (I1).
 */
import { join } from 'node:path';
import type { DuckDBConnection } from '@duckdb/node-api';
import { didYouMean } from '../../core/nearest';
import type { FileRef } from '../../core/files';
import type { Column, SnapshotFile } from '../../core/plan';
import { Refusal } from '../../core/refusal';
import type {
  PartitionSizes,
  PartitionsRequest,
  PinnedSource,
  RangedPlace,
  Snapshot,
  SnapshotPlace,
  SnapshotRequest,
  SourceShape,
} from '../warehouse';
import { queryRows, quoteIdentifier, quoteText } from '../../duckdb/database-file';
import { fingerprintSql } from './fingerprint';
import type { Parameters } from './parameters';
import { nameOf, type DescribedSource } from './source';

export async function pinRows(
  connection: DuckDBConnection,
  request: SnapshotRequest,
  source: DescribedSource,
): Promise<PinnedSource> {
  await createPinned(connection, request, source);
  await listKeys(connection, request, source.shape.keyColumns, { from: 'pinned' });
  await refuseUnusable(connection, request, source.shape.keyColumns);
  if (request.only !== null) await narrow(connection, request.only);
  return pinned(connection, request, source);
}

/** Like `pinRows`, for partitions that `countPartitions` returned: rows of others are never kept. */
export async function pinSample(
  connection: DuckDBConnection,
  request: SnapshotRequest & { only: string[] },
  source: DescribedSource,
): Promise<PinnedSource> {
  const { keyColumns } = source.shape;
  const ids = request.only.map(quoteText).join(', ');
  const select = `SELECT * FROM (${source.select}) WHERE ${idSql(keyColumns)} IN (${ids})`;
  await createPinned(connection, request, { ...source, select });
  await listKeys(connection, request, keyColumns, { from: 'pinned' });
  return pinned(connection, request, source);
}

/** Creates `pinned`: the source's rows with their positions, which are the same each time it is read. */
async function createPinned(
  connection: DuckDBConnection,
  request: SnapshotRequest,
  { select, parameters, isStable }: DescribedSource,
): Promise<void> {
  // enforces I1: files may change while they are read, and queries may return different rows each time.
  const held = isStable
    ? `CREATE TEMP VIEW pinned AS SELECT * EXCLUDE (rowid), rowid AS __partwise_row FROM (${select})`
    : `CREATE TEMP TABLE pinned AS SELECT *, row_number() OVER () - 1 AS __partwise_row FROM (${select})`;
  await run(connection, request.signal, held, parameters);
}

/** Uses the tables `pinned` and `partition_keys`. */
async function pinned(
  connection: DuckDBConnection,
  request: SnapshotRequest,
  { shape, pushDown }: DescribedSource,
): Promise<PinnedSource> {
  const { keyColumns } = shape;
  await numberPartitions(connection, request, keyColumns);
  const match = quoted(keyColumns)
    .map((key, i) => `pinned.${key} IS NOT DISTINCT FROM partition_index.key_${i}`)
    .join(' AND ');
  if (request.fingerprints === true) await addFingerprints(connection, request, shape, match);
  const sizes = { ...shape, ...(await listPartitions(connection)) };
  const fingerprints = request.fingerprints === true ? await listFingerprints(connection) : null;
  const put = async (place: SnapshotPlace): Promise<Snapshot> => ({
    index: await putIndex(connection, request, place, sizes.rows.length),
    files:
      place.ranges === null
        ? []
        : await putRows(connection, request, match, sizes.rows, { ...place, ranges: place.ranges }),
  });
  return { ...sizes, fingerprints, files: null, pushDown, put };
}

/** Writes the table `partition_index` to the stage. */
export async function putIndex(
  connection: DuckDBConnection,
  { scratch, signal }: Pick<SnapshotRequest, 'scratch' | 'signal'>,
  { stage, folder, ranges }: SnapshotPlace,
  partitions: number,
): Promise<FileRef> {
  const file = join(scratch, 'index.parquet');
  await run(
    connection,
    signal,
    `COPY (SELECT * FROM partition_index ORDER BY ord) TO ${quoteText(file)} (${parquet(partitions, ranges ?? [])})`,
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

/** Sorts all rows once. On stages without partial reads, each range then gets its own file. */
async function putRows(
  connection: DuckDBConnection,
  { scratch, signal }: SnapshotRequest,
  match: string,
  rows: readonly number[],
  { stage, folder, ranges }: RangedPlace,
): Promise<SnapshotFile[]> {
  const sorted = join(scratch, 'snapshot.parquet');
  const format = parquet(
    rows.reduce((sum, n) => sum + n, 0),
    ranges,
  );
  await run(
    connection,
    signal,
    `COPY (SELECT pinned.* EXCLUDE (__partwise_row), partition_index.ord AS __partwise_ord FROM pinned JOIN partition_index ON ${match} ` +
      `ORDER BY __partwise_ord, __partwise_row) TO ${quoteText(sorted)} (${format})`,
  );
  if (stage.isLocal) {
    const whole = await stage.put(`${folder}snapshot.parquet`, { file: sorted });
    return [{ ...whole, from: 0, to: rows.length - 1 }];
  }
  const files: SnapshotFile[] = [];
  for (const { from, to } of ranges) {
    const file = join(scratch, 'range.parquet');
    await run(
      connection,
      signal,
      `COPY (SELECT * FROM read_parquet(${quoteText(sorted)}) WHERE __partwise_ord BETWEEN ${from} AND ${to} ` +
        `ORDER BY __partwise_ord) TO ${quoteText(file)} (${format})`,
    );
    files.push({ ...(await stage.put(`${folder}rows-${from}.parquet`, { file })), from, to });
  }
  return files;
}

export async function listFingerprints(connection: DuckDBConnection): Promise<string[]> {
  const listed = await connection.runAndReadAll('SELECT fingerprint FROM partition_index ORDER BY ord');
  return (listed.getColumns()[0] ?? []) as string[];
}

/** Adds the column `fingerprint` to `partition_index`. `match` is the SQL that joins it with `pinned`. */
async function addFingerprints(
  connection: DuckDBConnection,
  { signal }: SnapshotRequest,
  { columns }: SourceShape,
  match: string,
): Promise<void> {
  await run(connection, signal, 'ALTER TABLE partition_index ADD COLUMN fingerprint VARCHAR');
  await run(
    connection,
    signal,
    `UPDATE partition_index SET fingerprint = found.fingerprint FROM
       (SELECT partition_index.ord, ${fingerprintSql(columns)} AS fingerprint
          FROM pinned JOIN partition_index ON ${match} GROUP BY partition_index.ord) AS found
     WHERE partition_index.ord = found.ord`,
  );
}

/** Returns the partitions that `pinRows` would make, without keeping any rows. */
export async function countPartitions(
  connection: DuckDBConnection,
  request: PartitionsRequest,
  { shape, select, parameters }: DescribedSource,
): Promise<PartitionSizes> {
  const { keyColumns } = shape;
  await listKeys(connection, request, keyColumns, { from: `(${select})`, parameters });
  await refuseUnusable(connection, request, keyColumns);
  if (request.only !== null) await narrow(connection, request.only);
  await numberPartitions(connection, request, keyColumns);
  return { ...shape, ...(await listPartitions(connection)) };
}

/** Creates the table `partition_keys`: each key once, with its id and rows. */
async function listKeys(
  connection: DuckDBConnection,
  request: PartitionsRequest,
  keyColumns: readonly Column[],
  { from, parameters }: { from: string; parameters?: Parameters },
): Promise<void> {
  const keys = quoted(keyColumns);
  await run(
    connection,
    request.signal,
    `CREATE TEMP TABLE partition_keys AS SELECT ${idSql(keyColumns)} AS id, count(*) AS rows, ` +
      `${keys.map((key, i) => `${key} AS key_${i}`).join(', ')} FROM ${from} GROUP BY ${keys.join(', ')}`,
    parameters,
  );
}

/** Creates the table `partition_index` from `partition_keys`. */
async function numberPartitions(
  connection: DuckDBConnection,
  request: PartitionsRequest,
  keyColumns: readonly Column[],
): Promise<void> {
  const keyList = keyColumns.map((_, i) => `key_${i}`).join(', ');
  const order = keyColumns.map((_, i) => `key_${i} NULLS LAST`).join(', ');
  await run(
    connection,
    request.signal,
    `CREATE TEMP TABLE partition_index AS SELECT (row_number() OVER (ORDER BY ${order}, id) - 1)::INTEGER AS ord, id, rows, ${keyList} FROM partition_keys`,
  );
}

export async function listPartitions(
  connection: DuckDBConnection,
): Promise<{ rows: number[]; ids: string[] }> {
  const listed = await connection.runAndReadAll('SELECT rows::DOUBLE, id FROM partition_index ORDER BY ord');
  const [rows, ids] = listed.getColumns() as [number[], string[]];
  return { rows: rows ?? [], ids: ids ?? [] };
}

function quoted(columns: readonly Column[]): string[] {
  return columns.map(({ name }) => quoteIdentifier(name));
}

/** The partition id of a row, in SQL. It must match `encodePartitionId` exactly (I6). */
export function idSql(keyColumns: readonly Column[]): string {
  return keyColumns
    .map(({ name }) => {
      const text = `CAST(${quoteIdentifier(name)} AS VARCHAR)`;
      // encodeURIComponent does not escape five characters that url_encode does.
      const encoded = ['!', "'", '(', ')', '*'].reduce(
        (sql, char) =>
          `replace(${sql}, '%${char.charCodeAt(0).toString(16).toUpperCase()}', ${quoteText(char)})`,
        `url_encode(${text})`,
      );
      return `CASE WHEN ${text} IS NULL THEN '%-' WHEN ${text} = '' THEN '%_' ELSE ${encoded} END`;
    })
    .join(" || '/' || ");
}

/** Throws a `Refusal` if a run cannot use the table `partition_keys`. */
export async function refuseUnusable(
  connection: DuckDBConnection,
  request: PartitionsRequest,
  keyColumns: readonly Column[],
): Promise<void> {
  const filled = keyColumns.map((_, i) => `count(key_${i})::DOUBLE AS filled_${i}`).join(', ');
  const [found] = await queryRows<Record<string, number>>(
    connection,
    `SELECT count(*)::DOUBLE AS partitions, ${filled} FROM partition_keys`,
  );
  const partitions = found!.partitions!;
  if (partitions === 0) {
    const narrowed = request.where === null ? '' : ` that meet the condition "${request.where}"`;
    throw new Refusal('SourceEmpty', [
      `There are no rows in ${nameOf(request.source)}${narrowed}, so there is nothing to run.`,
    ]);
  }
  const allNull = keyColumns.filter((_, i) => found![`filled_${i}`] === 0);
  if (allNull.length > 0) {
    throw new Refusal(
      'InvalidInput',
      allNull.map(
        ({ name }) =>
          `The column "${name}" is NULL in every row of ${nameOf(request.source)}: partition by a column that has values.`,
      ),
    );
  }
  if (partitions > request.maxPartitions && request.only === null) {
    throw new Refusal('TooManyPartitions', [
      `Partitioning by ${keyColumns.map(({ name }) => name).join(', ')} makes ${partitions.toLocaleString('en')} partitions, ` +
        `more than maxPartitions (${request.maxPartitions.toLocaleString('en')}): most likely the wrong column. ` +
        `If it is the right one, raise options.maxPartitions (--max-partitions).`,
    ]);
  }
}

/** Removes all partitions except those with these ids from `partition_keys`. */
export async function narrow(connection: DuckDBConnection, only: readonly string[]): Promise<void> {
  const known = await queryRows<{ id: string }>(connection, 'SELECT id FROM partition_keys');
  const ids = known.map(({ id }) => id);
  const present = new Set(ids);
  const missing = only.filter((id) => !present.has(id));
  if (missing.length > 0) {
    throw new Refusal(
      'InvalidInput',
      missing.map((id) => `There is no partition "${id}" in the source.${didYouMean(id, ids)}`),
    );
  }
  await connection.run(`DELETE FROM partition_keys WHERE id NOT IN (${only.map(quoteText).join(', ')})`);
}

async function run(
  connection: DuckDBConnection,
  signal: AbortSignal,
  sql: string,
  parameters?: Parameters,
): Promise<void> {
  signal.throwIfAborted();
  const interrupt = (): void => connection.interrupt();
  signal.addEventListener('abort', interrupt, { once: true });
  try {
    await connection.run(sql, parameters);
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  } finally {
    signal.removeEventListener('abort', interrupt);
  }
}
