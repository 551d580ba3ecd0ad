/** Window functions whose value for a row of a partition is the same among others as alone. Pure. */
import { integerOf, isEmpty, type Node } from './tree';

export interface KnownWindow {
  /** Whether it combines values in an order that depends on rows of other partitions. */
  combines: boolean;
  /** Whether it depends on which of the rows comes first that are equal in its ORDER BY. */
  isByPlace: boolean;
}

const RANKS = new Set(['WINDOW_RANK', 'WINDOW_RANK_DENSE', 'WINDOW_PERCENT_RANK', 'WINDOW_CUME_DIST']);
const PLACES = new Set([
  'WINDOW_ROW_NUMBER',
  'WINDOW_NTILE',
  'WINDOW_LAG',
  'WINDOW_LEAD',
  'WINDOW_FIRST_VALUE',
  'WINDOW_LAST_VALUE',
  'WINDOW_NTH_VALUE',
]);
const COUNTS = new Set(['count', 'count_star']);
const COMBINED = new Set(['sum', 'avg', 'mean', 'min', 'max']);

/** Ends of frames between rows that differ in ORDER BY. */
const VALUE_ENDS = new Set(['UNBOUNDED_PRECEDING', 'UNBOUNDED_FOLLOWING', 'CURRENT_ROW_RANGE']);
const ROW_ENDS = new Set(['CURRENT_ROW_ROWS', 'EXPR_PRECEDING_ROWS', 'EXPR_FOLLOWING_ROWS']);

/** Null if it is not known to be one of these. */
export function knownWindow(node: Node): KnownWindow | null {
  if (!isPlain(node)) return null;
  const ends = [node.start, node.end] as string[];
  if (!ends.every((end) => VALUE_ENDS.has(end) || ROW_ENDS.has(end))) return null;
  const type = node.type as string;
  if (RANKS.has(type)) return { combines: false, isByPlace: false };
  if (PLACES.has(type)) return { combines: false, isByPlace: true };
  const name = node.function_name as string;
  if (type !== 'WINDOW_AGGREGATE' || !(COUNTS.has(name) || COMBINED.has(name))) return null;
  return { combines: COMBINED.has(name), isByPlace: ends.some((end) => ROW_ENDS.has(end)) };
}

function isPlain(node: Node): boolean {
  const fixed = [node.start_expr, node.end_expr, node.offset_expr] as (Node | null)[];
  const other = node.default_expr as Node | null;
  return (
    (node.schema === '' || node.schema === 'main') &&
    node.catalog === '' &&
    node.distinct === false &&
    node.exclude_clause === 'NO_OTHER' &&
    isEmpty(node.arg_orders) &&
    fixed.every((each) => each === null || integerOf(each) !== null) &&
    (other === null || other.class === 'CONSTANT')
  );
}

/** An expression in which every window has one partition more. */
export function partitionedBy<T>(partition: Node, value: T): T {
  if (Array.isArray(value)) return value.map((each) => partitionedBy(partition, each)) as T;
  if (typeof value !== 'object' || value === null) return value;
  const fields = Object.entries(value).map(([key, field]) => [key, partitionedBy(partition, field)]);
  const node = Object.fromEntries(fields) as Node;
  if (node.class === 'WINDOW') node.partitions = [partition, ...(node.partitions as Node[])];
  return node as T;
}
