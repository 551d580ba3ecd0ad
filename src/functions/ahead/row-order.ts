/** The order of a statement's rows: ORDER BY and LIMIT. Pure. */
import type { Check, Over } from './expression-check';
import { contains, integerOf, nameOf, type Node, selectedAs } from './tree';

/** Whether a row has the place of another one of its partition in an order: which comes first is chance. */
export const TIED = '__partwise_tied';

/** The rows of a partition that a LIMIT leaves. */
export interface Limit {
  offset: number;
  /** Null: all after the offset. */
  count: number | null;
}

export interface RowOrder {
  /** The terms of ORDER BY, with the expressions that names and numbers of selected columns are. */
  terms: Node[];
  limit: Limit | null;
}

/** Up to so many rows, DuckDB finds the first ones without sorting all. */
const MAX_TOP = 5_000;

/** Null if the rows' order is not known to depend on nothing but a partition's own rows. */
export function rowOrder(
  modifiers: readonly Node[],
  selected: readonly Node[],
  check: Check,
  over: Over,
): RowOrder | null {
  const order: RowOrder = { terms: [], limit: null };
  for (const modifier of modifiers) {
    if (modifier.type === 'ORDER_MODIFIER') {
      for (const each of modifier.orders as Node[]) {
        const expression = resolved(each.expression as Node, selected);
        if (expression === null || !check.isScalar(expression, over)) return null;
        order.terms.push({ ...each, expression: { ...expression, alias: '' } });
      }
    } else if (modifier.type === 'LIMIT_MODIFIER') {
      const count = modifier.limit === null ? null : integerOf(modifier.limit as Node);
      const offset = modifier.offset === null ? 0 : integerOf(modifier.offset as Node);
      if (offset === null || (count === null && modifier.limit !== null)) return null;
      if (count !== null && offset + count > MAX_TOP) return null;
      order.limit = { offset, count };
    } else return null;
  }
  if (order.limit !== null && order.limit.count !== null) order.terms = order.terms.map(copied);
  return order;
}

/** The expression of a term of ORDER BY, which may be the number or the name of a selected column. */
function resolved(term: Node, selected: readonly Node[]): Node | null {
  if (term.class === 'CONSTANT') return selected[(integerOf(term) ?? 0) - 1] ?? null;
  if (term.class === 'PARAMETER') return null;
  const asNamed = (node: Node): Node[] => selectedAs(nameOf(node) ?? '', selected);
  const [found, ...others] = asNamed(term);
  if (found !== undefined) return others.length > 0 ? null : found;
  return contains(term, (node) => asNamed(node).length > 0) ? null : term;
}

/** The selected column `TIED`, for rows in such an order within each partition. */
export function tied(order: readonly Node[], ordinal: Node): Node {
  const peers = {
    class: 'WINDOW',
    type: 'WINDOW_AGGREGATE',
    alias: '',
    function_name: 'count_star',
    schema: '',
    catalog: '',
    children: [],
    partitions: [ordinal],
    orders: order,
    start: 'CURRENT_ROW_RANGE',
    end: 'CURRENT_ROW_RANGE',
    start_expr: null,
    end_expr: null,
    offset_expr: null,
    default_expr: null,
    ignore_nulls: false,
    filter_expr: null,
    exclude_clause: 'NO_OTHER',
    distinct: false,
    arg_orders: [],
  };
  return comparison('COMPARE_GREATERTHAN', peers, 1, TIED);
}

function comparison(type: string, left: Node, right: number, alias: string): Node {
  const value = { type: { id: 'INTEGER', type_info: null }, is_null: false, value: right };
  const constant = { class: 'CONSTANT', type: 'VALUE_CONSTANT', alias: '', value };
  return { class: 'COMPARISON', type, alias, left, right: constant };
}

/** An order of rows by partition, and then as given. */
export function byOrdinal(ordinal: Node, orders: readonly Node[]): Node {
  const first = { type: 'ORDER_DEFAULT', null_order: 'ORDER_DEFAULT', expression: ordinal };
  return { type: 'ORDER_MODIFIER', orders: [first, ...orders] };
}

/**
 * Orders by a copy of the values. DuckDB returns the values that it has sorted by as it compares them, with
 * 0.0 for -0.0, but not where it only looks for the first rows of a partition.
 */
function copied(term: Node): Node {
  const { expression } = term as { expression: Node };
  const isNull = { class: 'OPERATOR', type: 'OPERATOR_IS_NULL', alias: '', children: [expression] };
  const none = {
    class: 'CONSTANT',
    type: 'VALUE_CONSTANT',
    alias: '',
    value: { type: { id: 'NULL', type_info: null }, is_null: true },
  };
  const copy = {
    class: 'CASE',
    type: 'CASE_EXPR',
    alias: '',
    case_checks: [{ when_expr: isNull, then_expr: none }],
    else_expr: expression,
  };
  return { ...term, expression: copy };
}
