/**
 * The query of a run's pinned rows: those of the source, each with the number of its partition and of its
 * unit.
 */
import type { Column } from '../../core/plan';
import type { BoundSql } from './parameters';
import { KEYS, nameInData } from './partition-keys';
import { formsOf } from './push-down';
import { type DescribedSource, selectRows } from './source';

/** A source that holds still in this session. */
export interface Held {
  /** What stands after FROM. */
  data: BoundSql;
  /** Condition on it; empty: none. */
  where: BoundSql;
}

/** How pinned rows are selected: columns C0, C1, … in the form that they travel in, and `PARTWISE_ORD`. */
export interface PinnedSelect {
  columns: readonly Column[];
  /** With the columns of `units` (`ORD`, and whatever `more` names) for each row. */
  select(more?: string): { sql: string; binds: string[] };
}

/** `numbers`: those of the partitions that are taken, in order; null: all. */
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
  // Names in the condition are those of the source alone.
  const met = selectRows(data, where);
  const rows = where.sql === '' ? data : { sql: `(${met.sql}) AS data`, binds: met.binds };
  // A join on equal hashes is one that Snowflake hashes; the comparison that NULL passes too is made on top
  // of it.
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
