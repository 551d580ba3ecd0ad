import type { PushDown } from '../../core/push-down';
import { quoteName } from '../../snowflake/names';
import type { BoundSql } from './parameters';
import { unloadSql } from './column-types';
import type { DescribedSource, SourceColumn } from './source';

/** Snowflake remembers statements for 14 days, regardless of a table's retention time. */
const STATEMENT_KNOWN_MS = 13 * 86_400_000;

/** A point in time in Snowflake: a statement that ended then, and the time in nanoseconds since 1970. */
export interface Moment {
  queryId: string;
  nanoseconds: string;
}

/** A table as of a point in time. */
export function pinnedTable(
  table: string,
  { queryId, nanoseconds }: Moment,
  now: number,
): Pick<PushDown, 'from' | 'later' | 'pinned'> {
  return {
    from: `${table} AT(STATEMENT => '${queryId}') AS data`,
    later: {
      from: `${table} AT(TIMESTAMP => TO_TIMESTAMP_LTZ(${nanoseconds}, 9)) AS data`,
      asOf: new Date(now + STATEMENT_KNOWN_MS).toISOString(),
    },
    pinned: true,
  };
}

export function pushDownOf(
  rows: Pick<PushDown, 'from' | 'later' | 'pinned'> & { binds: string[] },
  where: BoundSql,
  { columns, keys }: DescribedSource,
): PushDown {
  const { binds, ...from } = rows;
  return {
    ...from,
    conditions: [...(where.sql === '' ? [] : [`(${where.sql}\n)`]), ...keys.map(keyCondition)],
    binds: [...binds, ...where.binds],
    forms: formsOf(columns).join(', '),
  };
}

/** Columns of `data` in transfer form: C0, C1, … */
export function formsOf(columns: readonly SourceColumn[]): string[] {
  return columns.map(
    ({ inSnowflake, type }, i) => `${unloadSql(type, `data.${quoteName(inSnowflake)}`)} AS C${i}`,
  );
}

/** The condition for a key column; its bound value is text, as in a partition id. */
function keyCondition({ inSnowflake, type }: SourceColumn): string {
  return `EQUAL_NULL(data.${quoteName(inSnowflake)}, ${valueSql(type)})`;
}

function valueSql(type: string): string {
  switch (type) {
    case 'VARCHAR':
      return '?';
    case 'BIGINT':
      return 'CAST(? AS NUMBER(38,0))';
    case 'DOUBLE':
      return 'CAST(? AS FLOAT)';
    case 'TIMESTAMP':
      return 'CAST(? AS TIMESTAMP_NTZ)';
    case 'TIMESTAMP WITH TIME ZONE':
      return 'CAST(? AS TIMESTAMP_TZ)';
    default:
      return `CAST(? AS ${type.replace('DECIMAL', 'NUMBER')})`;
  }
}
