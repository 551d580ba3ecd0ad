/**
 * The query of a run's pinned rows, each with the number of its partition and of its unit.
 */
import type { Column } from '../../core/plan';
import type { BoundSql } from './parameters';
import { KEYS, nameInData } from './partition-keys';
import { formsOf } from './push-down';
import { type DescribedSource, selectRows } from './source';

/** A source that does not change in this session. */
export interface Held {
  /** The FROM clause. */
  data: BoundSql;
  /** The condition on it, or an empty one. */
  where: BoundSql;
}

/** How pinned rows are selected: columns C0, C1, … in transfer form, and `PARTWISE_ORD`. */
export interface PinnedSelect {
  columns: readonly Column[];
  /** Each row has `ORD` of `units` and the expression `more`, which may use columns of `units`. */
  select(more?: string): { sql: string; binds: string[] };
}

/** `numbers` are those of the selected partitions, in order, or null for all. */
export function pinnedSelect(
  { columns, keys }: DescribedSource,
  { data, where }: Held,
  numbers: readonly number[] | null,
  ranges: readonly { from: number; to: number }[],
): PinnedSelect {
  const ordinals =
    numbers === null
      ? `SELECT keys.*, keys.NUM AS ORD FROM ${KEYS} AS keys`
      : `SELECT keys.*, taken.INDEX AS ORD FROM ${KEYS} AS keys JOIN TABLE(FLATTEN(INPUT => PARSE_JSON(?))) AS taken ON taken.VALUE::NUMBER = keys.NUM`;
  const taken = numbers === null ? [] : [JSON.stringify(numbers)];
  const units =
    'SELECT numbered.*, ranges.INDEX AS PARTWISE_UNIT ' +
    `FROM (${ordinals}) AS numbered JOIN TABLE(FLATTEN(INPUT => PARSE_JSON(?))) AS ranges ` +
    'ON numbered.ORD BETWEEN ranges.VALUE[0]::NUMBER AND ranges.VALUE[1]::NUMBER';
  // In a subquery, so that names in the condition refer only to the source.
  const met = selectRows(data, where);
  const rows = where.sql === '' ? data : { sql: `(${met.sql}) AS data`, binds: met.binds };
  // Snowflake can use a hash join for equal hashes; the NULL-safe comparison is added to it.
  const own = keys.map(nameInData);
  const match = [
    `HASH(${own.join(', ')}) = HASH(${keys.map((_, i) => `units.K${i}`).join(', ')})`,
    ...own.map((name, i) => `EQUAL_NULL(${name}, units.K${i})`),
  ].join(' AND ');
  return {
    columns,
    select: (more) => ({
      sql: `SELECT ${[...formsOf(columns), 'units.ORD AS PARTWISE_ORD', ...(more === undefined ? [] : [more])].join(', ')} FROM ${rows.sql} JOIN (${units}) AS units ON ${match}`,
      binds: [...rows.binds, ...taken, JSON.stringify(ranges.map(({ from, to }) => [from, to]))],
    }),
  };
}
