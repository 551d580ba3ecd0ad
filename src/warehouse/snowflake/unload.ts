/**
 * Writes pinned rows to a stage: unloaded by Snowflake itself, or otherwise read through the driver.
 */
import type { DuckDBConnection } from '@duckdb/node-api';
import type { SnapshotFile } from '../../core/unit-plan';
import type { Session, StatementOptions } from '../../snowflake';
import type { SnowflakeStage } from '../../stage/snowflake/snowflake-stage';
import { queryRows } from '../../duckdb/database-file';
import { literal as quoteForDuckDb } from '../../duckdb/quote';
import { putRanges } from '../duckdb/put-ranges';
import { parquet } from '../duckdb/snapshot';
import type { RangedPlace } from '../warehouse';
import { assertCounted } from './counted-rows';
import type { PinnedSelect } from './pinned-select';
import { restoredColumns } from './restore-rows';
import { loadTexts } from './text-rows';

/** The column with the number of a row's range. */
const UNIT = 'PARTWISE_UNIT';
/** Large, because files are fetched and sorted one unit at a time, and fewer files need fewer requests. */
const MAX_FILE_BYTES = 256 * 1024 * 1024;

type Range = RangedPlace['ranges'][number];

/**
 * Runs one COPY INTO for all rows. Its folders are the ranges, not the keys: a file for each key and thread
 * would be far too many. The number of rows is checked against `rows` (by ordinal), and only the files that
 * the statement names count.
 */
export async function unload(
  session: Session,
  pinned: PinnedSelect,
  rows: readonly number[],
  { stage, folder, ranges }: RangedPlace & { stage: SnowflakeStage },
  options: StatementOptions,
): Promise<SnapshotFile[]> {
  const { sql, binds } = pinned.select(`units.${UNIT}`);
  const place = `${folder}rows/`;
  const { rows: unloaded } = await session.run(
    `COPY INTO ${stage.place(place)} FROM (${sql}) PARTITION BY ('b=' || ${UNIT}) ` +
      `FILE_FORMAT = (TYPE = PARQUET) HEADER = TRUE MAX_FILE_SIZE = ${MAX_FILE_BYTES} DETAILED_OUTPUT = TRUE`,
    { ...options, binds },
  );
  const listed = await stage.list(place);
  const files = unloaded.map(([name, , count]) => {
    const [tail, range] = /\/b=(\d+)\/[^/]+$/.exec(`/${name}`) ?? [];
    const found = listed.find(({ path }) => tail !== undefined && path.endsWith(tail));
    if (found === undefined)
      throw new Error(
        `Snowflake reported that it unloaded "${name}", but it is not on the stage ${stage.uri}.`,
      );
    return { ...found, range: Number(range), count: Number(count) };
  });
  ranges.forEach(({ from, to }, i) => {
    const found = files.filter(({ range }) => range === i).map(({ count }) => count);
    assertCounted(sum(found), sum(rows.slice(from, to + 1)), `partition numbers ${from} to ${to}`);
  });
  return files.map(({ path, bytes, range, count }) => {
    const { from, to } = ranges[range]!;
    return { path, bytes, sha256: null, from, to, unloadedRows: count };
  });
}

/**
 * Writes the same rows through this process, for stages that this connection cannot reach and roles that may
 * not unload.
 */
export async function readThrough(
  session: Session,
  connection: DuckDBConnection,
  pinned: PinnedSelect,
  rows: readonly number[],
  place: RangedPlace,
  { scratch, ...options }: StatementOptions & { scratch: string },
): Promise<SnapshotFile[]> {
  const { columns } = pinned;
  const { sql, binds } = pinned.select();
  await loadTexts(connection, 'pinned_texts', columns.length + 1, session.stream(sql, { ...options, binds }));
  const restored = restoredColumns(columns, `C${columns.length}`);
  const format = parquet(sum(rows), place.ranges);
  const ranges: readonly Range[] = place.stage.isLocal ? [{ from: 0, to: rows.length - 1 }] : place.ranges;
  const [read] = await queryRows<{ n: number }>(connection, 'SELECT count(*)::DOUBLE AS n FROM pinned_texts');
  assertCounted(read!.n, sum(rows), 'all partitions');
  return putRanges({ ...place, ranges }, scratch, async ({ from, to }, file) => {
    options.signal?.throwIfAborted();
    await connection.run(
      `COPY (SELECT ${restored} FROM pinned_texts WHERE CAST(C${columns.length} AS INTEGER) BETWEEN ${from} AND ${to} ` +
        `ORDER BY __partwise_ord, pinned_texts.rowid) TO ${quoteForDuckDb(file)} (${format})`,
    );
  });
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, n) => total + n, 0);
}
