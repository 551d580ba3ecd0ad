/** Which expressions give a partition among others the same values, to the bit, as alone. Pure. */
import { isDeepStrictEqual } from 'node:util';
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
import { knownWindow } from './known-windows';
import { childrenOf, isEmpty, type Node } from './tree';

export type Over = 'rows' | 'aggregates';

/** Whether expressions give the same values for a partition among others as alone. */
export class Check {
  private readonly columns: ReadonlySet<string>;
  private readonly alias: string;
  /** Arguments of aggregates whose type must make sums exact. */
  readonly mustBeExact: Node[] = [];
  /** Whether they must be exact in whatever order values are added up. */
  isInAnyOrder = false;
  readonly windows: Node[] = [];
  /** What the statement groups by. */
  groups: readonly Node[] = [];

  constructor(columns: readonly Column[], alias: string) {
    this.columns = new Set(columns.map(({ name }) => name.toLowerCase()));
    this.alias = alias.toLowerCase();
  }

  /** An expression of the values of one row, or of aggregates, in which columns are only arguments. */
  isScalar(node: Node, over: Over): boolean {
    if (over === 'aggregates' && this.groups.some((group) => isSame(group, node))) return true;
    if (over === 'aggregates' && isAggregate(node)) return this.isAggregateCall(node);
    switch (node.class) {
      case 'COLUMN_REF':
        return over === 'rows' && this.isColumn(node.column_names as string[]);
      case 'FUNCTION':
        if (!SCALARS.has(node.function_name as string) || !isPlainCall(node) || node.distinct === true)
          return false;
        if (node.filter !== null) return false;
        break;
      case 'WINDOW':
        return this.isWindow(node, over);
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

  private isWindow(node: Node, over: Over): boolean {
    const known = knownWindow(node);
    const { partitions, orders, children } = node as { partitions: Node[]; orders: Node[]; children: Node[] };
    const terms = orders.map(({ expression }) => expression as Node);
    const filter = node.filter_expr === null ? [] : [node.filter_expr as Node];
    const all = [...partitions, ...terms, ...children, ...filter];
    if (known === null || !all.every((each) => this.isScalar(each, over))) return false;
    if (known.combines) this.mustBeExact.push(...children);
    if (known.combines) this.isInAnyOrder = true;
    this.windows.push(node);
    return !known.isByPlace || orders.length > 0;
  }

  /** Whether a name is that of a column of the source. */
  hasColumn(name: string): boolean {
    return this.columns.has(name.toLowerCase());
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

export function isAggregate({ class: kind, function_name: name }: Node): boolean {
  if (kind !== 'FUNCTION') return false;
  return [AGGREGATES, SUMS, FLOAT_SUMS].some((known) => known.has(name as string));
}

/** Whether expressions are the same but for their names. */
function isSame(one: Node, other: Node): boolean {
  return isDeepStrictEqual({ ...one, alias: '' }, { ...other, alias: '' });
}
