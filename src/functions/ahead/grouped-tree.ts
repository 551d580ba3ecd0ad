/**
 * Rewrites one partition's statement into one for many: from `SELECT sum(a) FROM data` to
 * `SELECT sum(a), __partwise_ord FROM … GROUP BY __partwise_ord`. Works on DuckDB's own parse tree, and only
 * if everything in it is known to give each partition the answer that it gets alone. Pure.
 */
import type { Column } from '../../core/plan';
import {
  AGGREGATES,
  ARITHMETIC,
  DISTINCT_AGGREGATES,
  FLOAT_SUMS,
  HEAPS,
  SCALARS,
  SUMS,
} from './known-functions';

export const ORDINAL = '__partwise_ord';

/** A node of the tree that `json_serialize_sql` returns. */
export type Node = Record<string, unknown>;

export interface GroupedTree {
  tree: Node;
  /** The statement for one partition in `table`, if all of whose rows it selects none get the same answer. */
  single: Node | null;
  /** The statement `SELECT … FROM data` of those arguments of aggregates whose type must make sums exact. */
  exact: Node | null;
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
  const selected = node.select_list as Node[];
  const having = node.having as Node | null;
  const where = node.where_clause as Node | null;
  if (where !== null && !check.isScalar(where, 'rows')) return null;
  if (!selected.every((each) => !isReserved(each.alias as string) && check.isScalar(each, 'aggregates')))
    return null;
  if (having !== null && !check.isScalar(having, 'aggregates')) return null;
  // Without one, a SELECT returns a row for each row.
  if (!selected.some(hasAggregate)) return null;
  const ordinal = { class: 'COLUMN_REF', type: 'COLUMN_REF', alias: '', column_names: [ORDINAL] };
  const many = { ...from, table_name: table, alias };
  const grouped = {
    ...node,
    // Last, so that the numbers and names of the other columns stay what they are.
    select_list: [...selected, ordinal],
    from_table: many,
    group_expressions: [ordinal],
    group_sets: [[0]],
  };
  const exact = { ...node, select_list: check.mustBeExact, where_clause: null, having: null };
  return {
    tree: withNode(tree, statement, grouped),
    single:
      where !== null && having === null ? withNode(tree, statement, { ...node, from_table: many }) : null,
    exact: check.mustBeExact.length === 0 ? null : withNode(tree, statement, exact),
  };
}

function withNode(tree: Node, statement: Node, node: Node): Node {
  return { ...tree, statements: [{ ...statement, node }] };
}

function isPlainSelect(node: Node): boolean {
  return (
    node.type === 'SELECT_NODE' &&
    isEmpty(node.modifiers) &&
    isEmpty((node.cte_map as Node).map) &&
    isEmpty(node.group_expressions) &&
    isEmpty(node.group_sets) &&
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

function isEmpty(list: unknown): boolean {
  return (list as unknown[]).length === 0;
}

function isReserved(name: string): boolean {
  return /^__partwise_/i.test(name);
}

function isAggregate({ class: kind, function_name: name }: Node): boolean {
  if (kind !== 'FUNCTION') return false;
  return [AGGREGATES, SUMS, FLOAT_SUMS].some((known) => known.has(name as string));
}

function hasAggregate(node: Node): boolean {
  return isAggregate(node) || childrenOf(node).some(hasAggregate);
}

/** Whether expressions give the same values for a partition among others as alone. */
class Check {
  private readonly columns: ReadonlySet<string>;
  private readonly alias: string;
  readonly mustBeExact: Node[] = [];

  constructor(columns: readonly Column[], alias: string) {
    this.columns = new Set(columns.map(({ name }) => name.toLowerCase()));
    this.alias = alias.toLowerCase();
  }

  /** An expression of the values of one row, or of aggregates, in which columns are only arguments. */
  isScalar(node: Node, over: 'rows' | 'aggregates'): boolean {
    if (over === 'aggregates' && isAggregate(node)) return this.isAggregateCall(node);
    switch (node.class) {
      case 'COLUMN_REF':
        return over === 'rows' && this.isColumn(node.column_names as string[]);
      case 'FUNCTION':
        if (!SCALARS.has(node.function_name as string) || !isPlainCall(node) || node.distinct === true)
          return false;
        if (node.filter !== null) return false;
        break;
      case 'CONSTANT':
      case 'PARAMETER':
      case 'COMPARISON':
      case 'CONJUNCTION':
      case 'BETWEEN':
      case 'CASE':
      case 'CAST':
        break;
      case 'OPERATOR':
        if (!OPERATORS.has(node.type as string)) return false;
        break;
      default:
        return false;
    }
    return childrenOf(node).every((child) => this.isScalar(child, over));
  }

  private isAggregateCall(node: Node): boolean {
    const name = node.function_name as string;
    const args = node.children as Node[];
    const filter = node.filter as Node | null;
    if (!isPlainCall(node) || !args.every((arg) => this.isScalar(arg, 'rows'))) return false;
    if (filter !== null && !this.isScalar(filter, 'rows')) return false;
    // The distinct values come in the order of a hash table.
    if (node.distinct === true && !DISTINCT_AGGREGATES.has(name)) return false;
    if (HEAPS.has(name) && args.length !== HEAPS.get(name)) return false;
    if (FLOAT_SUMS.has(name)) return args.every(isAddedByRow);
    if (SUMS.has(name) && !args.every(isAddedByRow)) this.mustBeExact.push(...args);
    return true;
  }

  /** Whether it is a column of the source; `data` alone, for example, is a STRUCT of all columns. */
  private isColumn(names: readonly string[]): boolean {
    const [first, second, ...others] = names.map((name) => name.toLowerCase());
    if (second === undefined) return this.columns.has(first!);
    return (
      others.length === 0 && first === this.alias && !this.columns.has(first) && this.columns.has(second)
    );
  }
}

const OPERATORS: ReadonlySet<string> = new Set([
  'OPERATOR_NOT',
  'OPERATOR_IS_NULL',
  'OPERATOR_IS_NOT_NULL',
  'OPERATOR_COALESCE',
  'OPERATOR_NULLIF',
  'COMPARE_IN',
  'COMPARE_NOT_IN',
  'ARRAY_EXTRACT',
  'ARRAY_SLICE',
  'STRUCT_EXTRACT',
  'ARRAY_CONSTRUCTOR',
]);

function isPlainCall(node: Node): boolean {
  return (
    (node.schema === '' || node.schema === 'main') &&
    node.catalog === '' &&
    isEmpty((node.order_bys as Node).orders) &&
    node.export_state === false
  );
}

/**
 * Whether an aggregate gets the values one by one. DuckDB adds up a vector that is known to be constant by
 * one multiplication, where that is possible: for a whole partition, but not for some rows of a group.
 */
function isAddedByRow(node: Node): boolean {
  if (node.class === 'COLUMN_REF') return true;
  if (node.class === 'CAST') return isAddedByRow(node.child as Node);
  if (node.class !== 'FUNCTION' || !ARITHMETIC.has(node.function_name as string)) return false;
  const children = node.children as Node[];
  return (
    children.some(isAddedByRow) &&
    children.every(
      (child) => child.class === 'CONSTANT' || child.class === 'PARAMETER' || isAddedByRow(child),
    )
  );
}

/** The expressions inside an expression. */
function childrenOf(node: Node): Node[] {
  const fields = ['children', 'left', 'right', 'child', 'input', 'lower', 'upper', 'else_expr'];
  const inside = fields.flatMap((field) => (node[field] ?? []) as Node[]);
  const checks = (node.case_checks ?? []) as { when_expr: Node; then_expr: Node }[];
  return [...inside, ...checks.flatMap((check) => [check.when_expr, check.then_expr])];
}
