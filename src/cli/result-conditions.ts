/** Flags that select and sort returned rows, as people type them: "orders >= 20", "-total". */
import type { FilterOperator, ResultFilter, ResultSort } from '..';
import { CannotDo } from './exit';

/** Throws a `CannotDo` for text that is not a condition. Columns and values are checked by the library. */
export function conditionOf(text: string): ResultFilter {
  const { FILTER_OPERATORS }: typeof import('..') = require('..');
  // Longer operators first: ">=" is not ">" and a value that begins with "=".
  const symbols = FILTER_OPERATORS.filter((op) => !/\w/.test(op)).sort((a, b) => b.length - a.length);
  const condition = new RegExp(
    `^\\s*(?:(?<nullColumn>.+?)\\s+(?<nullOp>isNull|isNotNull)|(?<column>.+?)\\s*(?<op>${symbols.join('|')}|\\scontains\\s)\\s*(?<value>.*?))\\s*$`,
    's',
  );
  const found = condition.exec(text)?.groups;
  if (found === undefined) {
    throw new CannotDo(
      `--where is ${JSON.stringify(text)}; it takes a column, one of ${FILTER_OPERATORS.join(', ')}, and a value, such as "orders >= 20" or "total isNull".`,
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
