/** The order of a statement's rows: ORDER BY and LIMIT. Pure. */
import type { Check, Over } from './expression-check';
import { knownWindow } from './known-windows';
import { contains, integerOf, nameOf, type Node, selectedAs } from './tree';

/** Of a row: whether its partition, asked alone, may get another row in its place, or another value in it. */
export const UNDECIDED = '__partwise_undecided';

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
        // In its place, the number that a selected column is would be taken for the number of a column.
        if (expression === null || isValue(expression) || contains(expression, isWindow)) return null;
        if (!check.isScalar(expression, over)) return null;
        order.terms.push({ ...each, expression: { ...expression, alias: '' } });
      }
    } else if (modifier.type === 'LIMIT_MODIFIER') {
      const count = modifier.limit === null ? null : integerOf(modifier.limit as Node);
      const offset = modifier.offset === null ? 0 : integerOf(modifier.offset as Node);
      if (offset === null || (count === null && modifier.limit !== null)) return null;
      order.limit = { offset, count };
    } else return null;
  }
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

/** The selected column `UNDECIDED`, for rows in this order within each partition, with values of windows. */
export function undecided({ terms, limit }: RowOrder, windows: readonly Node[], ordinal: Node): Node {
  const ways = [
    isTied(terms, [ordinal]),
    ...(limit === null ? [] : terms.map(hasZero)),
    ...windows
      .filter((window) => knownWindow(window)!.isByPlace)
      .map(({ orders, partitions }) => isTied(orders as Node[], [ordinal, ...(partitions as Node[])])),
  ];
  if (ways.length === 1) return { ...ways[0], alias: UNDECIDED };
  return { class: 'CONJUNCTION', type: 'CONJUNCTION_OR', alias: UNDECIDED, children: ways };
}

function isValue({ class: kind }: Node): boolean {
  return kind === 'CONSTANT' || kind === 'PARAMETER';
}

function isWindow(node: Node): boolean {
  return node.class === 'WINDOW';
}

/** Whether another row has the same place in an order: which comes first is up to DuckDB. */
function isTied(order: readonly Node[], partitions: readonly Node[]): Node {
  const peers = {
    class: 'WINDOW',
    type: 'WINDOW_AGGREGATE',
    alias: '',
    function_name: 'count_star',
    schema: '',
    catalog: '',
    children: [],
    partitions,
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
  const one = constant('INTEGER', 1);
  return { class: 'COMPARISON', type: 'COMPARE_GREATERTHAN', alias: '', left: peers, right: one };
}

/**
 * Whether a value has a floating-point zero. Sorting returns 0.0 for -0.0, but with a LIMIT, DuckDB may find
 * the first rows without sorting all.
 */
function hasZero({ expression }: Node): Node {
  // Unlike a CAST, it is read as it is written, whatever the type.
  const text = call('concat_ws', [constant('VARCHAR', ''), expression as Node]);
  return call('regexp_matches', [text, constant('VARCHAR', '(^|[^0-9])0\\.0([^0-9]|$)')]);
}

function call(name: string, children: readonly Node[]): Node {
  return {
    class: 'FUNCTION',
    type: 'FUNCTION',
    alias: '',
    function_name: name,
    schema: '',
    children,
    filter: null,
    order_bys: { type: 'ORDER_MODIFIER', orders: [] },
    distinct: false,
    is_operator: false,
    export_state: false,
    catalog: '',
  };
}

function constant(type: string, value: string | number): Node {
  const typed = { type: { id: type, type_info: null }, is_null: false, value };
  return { class: 'CONSTANT', type: 'VALUE_CONSTANT', alias: '', value: typed };
}

/** An order of rows by partition, and then as given. */
export function byOrdinal(ordinal: Node, orders: readonly Node[]): Node {
  const first = { type: 'ORDER_DEFAULT', null_order: 'ORDER_DEFAULT', expression: ordinal };
  return { type: 'ORDER_MODIFIER', orders: [first, ...orders] };
}
