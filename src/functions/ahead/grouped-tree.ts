/**
 * Rewrites one partition's statement into one for many: from `SELECT sum(a) FROM data` to
 * `SELECT sum(a), __partwise_ord FROM … GROUP BY __partwise_ord`, from `SELECT a FROM data ORDER BY b` to
 * `SELECT a, __partwise_ord FROM … ORDER BY __partwise_ord, b`. Works on DuckDB's own parse tree, and only
 * if everything in it is known to give each partition the answer that it gets alone. Pure.
 */
import { isDeepStrictEqual } from 'node:util';
import type { Column } from '../../core/plan';
import { Check, isAggregate, type Over } from './expression-check';
import { partitionedBy } from './known-windows';
import { byOrdinal, type Limit, type RowOrder, rowOrder, undecided } from './row-order';
import { columnRef, contains, integerOf, isEmpty, nameOf, type Node, selectedAs } from './tree';

export const ORDINAL = '__partwise_ord';

export interface GroupedTree {
  tree: Node;
  /** The statement for one partition in `table`, if all of whose rows it selects none get the same answer. */
  single: Node | null;
  /** The statement `SELECT … FROM data` of those arguments of aggregates whose type must make sums exact. */
  exact: Node | null;
  /** Whether those sums must be exact in whatever order values are added up. */
  isInAnyOrder: boolean;
  /** Whether the statement returns `UNDECIDED`, before the ordinal. */
  hasUndecided: boolean;
  limit: Limit | null;
}

/** `tree` is a statement over `data` with these columns, `table` has the same and `__partwise_ord`. */
export function groupedTree(tree: Node, columns: readonly Column[], table: string): GroupedTree | null {
  const [statement, ...others] = tree.statements as [Node?, ...Node[]];
  if (statement === undefined || others.length > 0) return null;
  const node = statement.node as Node;
  const { from_table: from } = node as { from_table: Node };
  if (!isPlainSelect(node) || !isData(from)) return null;
  const alias = (from.alias as string) === '' ? (from.table_name as string) : (from.alias as string);
  const check = new Check(columns, alias);
  const selected = (node.select_list as Node[]).flatMap((each) => columnsIn(each, columns, alias));
  const groups = groupsOf(node, selected, check);
  if (groups === null) return null;
  check.groups = groups;
  const having = node.having as Node | null;
  const where = node.where_clause as Node | null;
  const hasAggregates =
    groups.length > 0 || having !== null || selected.some((each) => contains(each, isAggregate));
  const over = hasAggregates ? 'aggregates' : 'rows';
  if (where !== null && !check.isScalar(where, 'rows')) return null;
  if (!selected.every((each) => !isReserved(each.alias as string) && check.isScalar(each, over))) return null;
  if (having !== null && !check.isScalar(having, 'aggregates')) return null;
  const order = rowOrder(node.modifiers as Node[], selected, check, over);
  if (order === null) return null;
  const isOneRow = hasAggregates && groups.length === 0;
  const { windows } = check;
  if (isOneRow && (windows.length > 0 || !isUnordered(order))) return null;
  if (!isOneRow && !isDetermined(order, over, windows)) return null;
  const ordinal = columnRef(ORDINAL);
  const many = { ...from, table_name: table, alias };
  const hasUndecided = order.terms.length > 0;
  const grouped = {
    ...node,
    // Last, so that the numbers and names of the other columns stay what they are.
    select_list: [
      ...partitionedBy(ordinal, selected),
      ...(hasUndecided ? [undecided(order, windows, ordinal)] : []),
      ordinal,
    ],
    from_table: many,
    group_expressions: hasAggregates ? [ordinal, ...(node.group_expressions as Node[])] : [],
    group_sets: hasAggregates ? [[0, ...groups.map((_, i) => i + 1)]] : [],
    modifiers: hasUndecided ? [byOrdinal(ordinal, order.terms)] : [],
  };
  const exact = {
    ...node,
    select_list: check.mustBeExact,
    where_clause: null,
    having: null,
    group_expressions: [],
    group_sets: [],
    modifiers: [],
  };
  const hasSingle = isOneRow && where !== null && having === null;
  return {
    tree: withNode(tree, statement, grouped),
    single: hasSingle ? withNode(tree, statement, { ...node, from_table: many }) : null,
    exact: check.mustBeExact.length === 0 ? null : withNode(tree, statement, exact),
    isInAnyOrder: check.isInAnyOrder,
    hasUndecided,
    limit: order.limit,
  };
}

function withNode(tree: Node, statement: Node, node: Node): Node {
  return { ...tree, statements: [{ ...statement, node }] };
}

function isPlainSelect(node: Node): boolean {
  return (
    node.type === 'SELECT_NODE' &&
    isEmpty((node.cte_map as Node).map) &&
    node.aggregate_handling === 'STANDARD_HANDLING' &&
    node.sample === null &&
    node.qualify === null
  );
}

function isData(from: Node): boolean {
  return (
    from.type === 'BASE_TABLE' &&
    (from.table_name as string).toLowerCase() === 'data' &&
    from.schema_name === '' &&
    from.catalog_name === '' &&
    from.sample === null &&
    from.at_clause === null &&
    isEmpty(from.column_name_alias) &&
    !isReserved(from.alias as string)
  );
}

function isReserved(name: string): boolean {
  return /^__partwise_/i.test(name);
}

/** The expressions that a statement groups by, or null if there are several sets of them. */
function groupsOf(node: Node, selected: readonly Node[], check: Check): Node[] | null {
  const groups: Node[] = [];
  for (const group of node.group_expressions as Node[]) {
    const expression = groupOf(group, selected, check);
    if (expression === null || !check.isScalar(expression, 'rows')) return null;
    groups.push(expression);
  }
  const one = groups.length === 0 ? [] : [[...groups.keys()]];
  return isDeepStrictEqual(node.group_sets, one) ? groups : null;
}

/** The expression of a term of GROUP BY, which may be the number or the name of a selected column. */
function groupOf(term: Node, selected: readonly Node[], check: Check): Node | null {
  if (term.class === 'CONSTANT') return selected[(integerOf(term) ?? 0) - 1] ?? null;
  const name = nameOf(term);
  // Unlike in ORDER BY, columns of the source come first.
  if (name === null || check.hasColumn(name)) return term;
  const [found, ...others] = selectedAs(name, selected);
  return found === undefined || others.length > 0 ? null : found;
}

function isUnordered({ terms, limit }: RowOrder): boolean {
  return terms.length === 0 && limit === null;
}

/**
 * Whether the rows of a partition have an order, but for ties. Without ORDER BY, rows come as they are read.
 * But groups come in the order of their first rows, or in that of their values, according to statistics of
 * a table in which there are other partitions too. Windows return rows in the order of one of them, and with
 * a LIMIT, a tie that decides about a value might be between rows that are left out.
 */
function isDetermined({ terms, limit }: RowOrder, over: Over, windows: readonly Node[]): boolean {
  if (windows.length > 0) return terms.length > 0 && limit === null;
  return terms.length > 0 || over === 'rows';
}

/** The columns of the source that `*` is in a list of selected ones, or the node itself. */
function columnsIn(node: Node, columns: readonly Column[], alias: string): Node[] {
  const { relation_name: table, exclude_list: excluded } = node as {
    relation_name: string;
    exclude_list: string[];
  };
  const isPlain =
    node.class === 'STAR' &&
    node.columns === false &&
    node.expr === null &&
    [node.replace_list, node.rename_list, node.qualified_exclude_list].every(isEmpty) &&
    (table === '' || table.toLowerCase() === alias.toLowerCase());
  if (!isPlain) return [node];
  const left = new Set(excluded.map((name) => name.toLowerCase()));
  return columns.filter(({ name }) => !left.has(name.toLowerCase())).map(({ name }) => columnRef(name));
}
