/** What the values of a column are like: counts, extremes and their distribution. */
import type { DuckDBConnection } from '@duckdb/node-api';
import { showJson } from '../core/json';
import type { Column } from '../core/plan';
import { queryRows } from '../duckdb/database-file';
import { identifier } from '../duckdb/quote';
import { TABLE, type Condition } from './results-query';

const MAX_BINS = 30;

export interface HistogramBin {
  /** Inclusive. Of dates and times: milliseconds since 1970. */
  from: number;
  /** Exclusive, except in the last bin. */
  to: number;
  count: number;
}

export interface ColumnStatistics extends Column {
  /** Number of values, without NULL. */
  count: number;
  nulls: number;
  /** Number of different values, approximately (a few percent). */
  distinct: number;
  /** As JSON has them: large integers are text. Null without values, and for nested types. */
  min: unknown;
  /** The lower one of two. */
  median: unknown;
  max: unknown;
  /**
   * At most 30 bins of equal width, without NaN and infinite values; null unless numbers, dates or
   * timestamps. Values count as doubles, so integers that a double cannot distinguish are in one bin.
   */
  histogram: HistogramBin[] | null;
}

export async function columnStatistics(
  connection: DuckDBConnection,
  { name, type }: Column,
  where: Condition,
): Promise<ColumnStatistics> {
  const own = identifier(name);
  const from = `FROM ${TABLE}${where.sql}`;
  const [counts] = await queryRows<{ count: number; nulls: number; distinct: number }>(
    connection,
    `SELECT count(${own})::DOUBLE AS count, (count(*) - count(${own}))::DOUBLE AS nulls,
            least(count(${own}), approx_count_distinct(${own}::VARCHAR))::DOUBLE AS "distinct" ${from}`,
    where.values,
  );
  const none = { min: null, median: null, max: null };
  const extremes =
    isNested(type) || counts!.count === 0 ? none : await extremesOf(connection, own, from, where);
  return {
    name,
    type,
    ...counts!,
    ...extremes,
    histogram: await histogramOf(connection, { name, type }, where),
  };
}

async function extremesOf(
  connection: DuckDBConnection,
  own: string,
  from: string,
  { values }: Condition,
): Promise<{ min: unknown; median: unknown; max: unknown }> {
  // Not imported at the top, because it loads DuckDB.
  const { allRows }: typeof import('./slices') = require('./slices');
  const result = await connection.run(
    `SELECT min(${own}) AS "min", quantile_disc(${own}, 0.5) AS median, max(${own}) AS "max" ${from}`,
    values,
  );
  const [found] = await allRows(result, 'exact');
  return JSON.parse(showJson(found)) as { min: unknown; median: unknown; max: unknown };
}

async function histogramOf(
  connection: DuckDBConnection,
  { name, type }: Column,
  { sql: where, values }: Condition,
): Promise<HistogramBin[] | null> {
  const number = numberSql(name, type);
  if (number === null) return null;
  const numbers = `(SELECT ${number} AS x FROM ${TABLE}${where}) WHERE isfinite(x)`;
  const [range] = await queryRows<{ low: number | null; high: number | null }>(
    connection,
    `SELECT min(x) AS low, max(x) AS high FROM ${numbers}`,
    values,
  );
  const { low, high } = range!;
  if (low === null || high === null) return [];
  // A double cannot hold the width.
  if (!Number.isFinite(high - low)) return null;
  const isWhole = /INT/.test(type) && high - low < MAX_BINS;
  const bins = low === high ? 1 : isWhole ? high - low + 1 : MAX_BINS;
  const width = low === high ? 0 : isWhole ? 1 : (high - low) / bins;
  const found = await queryRows<{ bin: number; count: number }>(
    connection,
    `SELECT bin, count(*)::DOUBLE AS count FROM
       (SELECT ${width === 0 ? '0' : `least(${bins - 1}, floor((x - (${low}::DOUBLE)) / ${width}::DOUBLE))`}::INTEGER AS bin FROM ${numbers})
     GROUP BY bin`,
    values,
  );
  const counts = new Map(found.map(({ bin, count }) => [bin, count]));
  return Array.from({ length: bins }, (_, bin) => ({
    from: low + bin * width,
    to: bin === bins - 1 && !isWhole ? high : low + (bin + 1) * width,
    count: counts.get(bin) ?? 0,
  }));
}

/** A column as DOUBLE, in SQL; null for other types. Infinite dates become NULL. */
function numberSql(name: string, type: string): string | null {
  const own = identifier(name);
  if (/^(U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?|DECIMAL\(.*\)|FLOAT|DOUBLE)$/.test(type)) return `${own}::DOUBLE`;
  if (/^(DATE|TIMESTAMP.*)$/.test(type))
    return `CASE WHEN isfinite(${own}) THEN epoch_ms(${own}::TIMESTAMP)::DOUBLE END`;
  return null;
}

function isNested(type: string): boolean {
  return /\]$|^(STRUCT|MAP|UNION|JSON|VARIANT)\b/.test(type);
}
