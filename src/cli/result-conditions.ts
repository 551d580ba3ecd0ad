/** Flags that select and sort returned rows, as people type them: "orders >= 20", "-total". */
import type { ResultFilter, ResultSort } from '..';
import { FILTER_OPERATORS, type FilterOperator } from '../core/filter-operators';
import { quote } from '../core/quote';
import { CannotDo } from './exit';

/** Longer operators first: ">=" is not ">" and a value that begins with "=". */
const SYMBOLS = FILTER_OPERATORS.filter((op) => !/\w/.test(op)).sort((a, b) => b.length - a.length);
const CONDITION = new RegExp(
  `^\\s*(?:(?<nullColumn>.+?)\\s+(?<nullOp>isNull|isNotNull)|(?<column>.+?)\\s*(?<op>${SYMBOLS.join('|')}|\\scontains\\s)\\s*(?<value>.*?))\\s*$`,
  's',
);

/** Throws a `CannotDo` for text that is not a condition. Columns and values are checked by the library. */
export function conditionOf(text: string): ResultFilter {
  const found = CONDITION.exec(text)?.groups;
  if (found === undefined) {
    throw new CannotDo(
      `--where is ${quote(text)}; it takes a column, one of ${FILTER_OPERATORS.join(', ')}, and a value, such as "orders >= 20" or "total isNull".`,
    );
  }
  const { nullColumn, nullOp, column, op, value } = found;
  if (nullColumn !== undefined) return { column: nullColumn, op: nullOp as FilterOperator };
  return { column: column!, op: op!.trim() as FilterOperator, value: value! };
}

/** "-total": by the column total, largest first. */
export function sortOf(text: string): ResultSort {
  return text.startsWith('-') ? { column: text.slice(1), descending: true } : { column: text };
}
