/** Pages and filters of combined rows as SQL: columns are checked by name, values are bound. Pure. */
import { FILTER_OPERATORS, type FilterOperator } from '../core/filter-operators';
import { didYouMean } from '../core/nearest';
import type { Column } from '../core/plan';
import { identifier } from '../duckdb/quote';
import { ORDINAL, POSITION } from './combined-rows';

/** A condition on one column. All filters of a list must hold. */
export interface ResultFilter {
  column: string;
  /**
   * `!=` includes NULL; `contains` compares the value's text, ignoring case; `isNull` and
   * `isNotNull` take no value.
   */
  op: FilterOperator;
  /** Text is read as a value of the column's type, so that it can have digits that a number cannot hold. */
  value?: string | number | bigint | boolean;
}

/** NULLs come last in both directions; equal rows stay in the order of their partitions. */
export interface ResultSort {
  column: string;
  descending?: boolean;
}

export const TABLE = 'results';
const MAX_CONDITIONS = 100;

export interface Condition {
  /** Begins with ` WHERE`, or empty. */
  sql: string;
  values: string[];
}

/** Throws `RangeError` with all problems. */
export function conditionOf(columns: readonly Column[], where: readonly ResultFilter[]): Condition {
  const problems: string[] = [];
  if (where.length > MAX_CONDITIONS)
    problems.push(`"where" has ${where.length} filters; at most ${MAX_CONDITIONS} are possible.`);
  const values: string[] = [];
  const parts = where.map(({ column, op, value }) => {
    const type = columns.find(({ name }) => name === column)?.type;
    if (type === undefined) problems.push(unknownColumn(column, columns));
    if (!FILTER_OPERATORS.includes(op))
      problems.push(`"op" is "${String(op)}"; it takes ${FILTER_OPERATORS.join(', ')}.`);
    const own = identifier(column);
    if (op === 'isNull' || op === 'isNotNull') return `${own} IS ${op === 'isNull' ? '' : 'NOT '}NULL`;
    if (!['string', 'number', 'bigint', 'boolean'].includes(typeof value))
      problems.push(`The filter of "${column}" with "${op}" has no value; to find NULL, use "isNull".`);
    values.push(String(value));
    const bound = `$${values.length}`;
    if (op === 'contains') return `contains(lower(CAST(${own} AS VARCHAR)), lower(${bound}::VARCHAR))`;
    const comparison = op === '!=' ? 'IS DISTINCT FROM' : op;
    return `${own} ${comparison} CAST(${bound}::VARCHAR AS ${type ?? 'VARCHAR'})`;
  });
  if (problems.length > 0) throw new RangeError(problems.join(' '));
  return { sql: parts.length === 0 ? '' : ` WHERE ${parts.join(' AND ')}`, values };
}

/** Throws `RangeError` with all problems. */
export function orderOf(columns: readonly Column[], sort: readonly ResultSort[]): string {
  const problems = sort
    .filter(({ column }) => !columns.some(({ name }) => name === column))
    .map(({ column }) => unknownColumn(column, columns));
  if (problems.length > 0) throw new RangeError(problems.join(' '));
  const parts = sort.map(
    ({ column, descending = false }) => `${identifier(column)} ${descending ? 'DESC' : 'ASC'} NULLS LAST`,
  );
  return ` ORDER BY ${[...parts, ORDINAL, POSITION].join(', ')}`;
}

export function unknownColumn(column: string, columns: readonly Column[]): string {
  const names = columns.map(({ name }) => name);
  return `There is no column "${column}".${didYouMean(column, names)} The rows have: ${names.slice(0, 20).join(', ')}${names.length > 20 ? ', …' : ''}.`;
}
