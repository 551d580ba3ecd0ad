/** Statements for many partitions at once, by DuckDB's own parser. */
import { isDeepStrictEqual } from 'node:util';
import type { DuckDBConnection } from '@duckdb/node-api';
import type { Column } from '../../core/plan';
import { typeName } from '../../duckdb/type-name';
import { groupedTree } from './grouped-tree';
import { isExact, isExactInAnyOrder } from './known-functions';
import { AHEAD } from './rows-ahead';
import type { Limit } from './row-order';
import type { Node } from './tree';

export interface GroupedStatement {
  /**
   * Answers a query for every partition in the view `AHEAD`: the rows of each in their order, with
   * `__partwise_ord` as the last column.
   */
  many: string;
  /**
   * The query for one partition in the view. All partitions of whose rows it selects none have the same
   * answer, which `many` does not return; null if partitions without an answer must be asked by themselves.
   */
  single: string | null;
  /** Whether `many` returns `UNDECIDED` as the last column but one. */
  hasUndecided: boolean;
  /** The rows of each partition that are its answer; null: all. */
  limit: Limit | null;
}

/**
 * The statements for a query over `data`, or null if each partition must be asked by itself. The connection
 * has the view `data` of one partition.
 */
export async function groupedStatement(
  connection: DuckDBConnection,
  sql: string,
  columns: readonly Column[],
): Promise<GroupedStatement | null> {
  const parsed = await parse(connection, sql);
  const grouped = parsed === null ? null : groupedTree(parsed, columns, AHEAD);
  if (grouped === null) return null;
  const { tree, single, exact, isInAnyOrder, hasUndecided, limit } = grouped;
  try {
    if (exact !== null && !(await areExact(connection, exact, isInAnyOrder ? isExactInAnyOrder : isExact)))
      return null;
    return {
      many: await write(connection, tree),
      single: single === null ? null : await write(connection, single),
      hasUndecided,
      limit,
    };
  } catch {
    // DuckDB does not write everything that it parses.
    return null;
  }
}

/** The tree without positions in the text, or null if JavaScript cannot hold it. */
async function parse(connection: DuckDBConnection, sql: string): Promise<Node | null> {
  const reader = await connection.runAndReadAll('SELECT json_serialize_sql($1::VARCHAR)', [sql]);
  let isRounded = false;
  const tree = JSON.parse(reader.getRows()[0]![0] as string, (key, value: unknown) => {
    if (key === 'query_location') return undefined;
    isRounded ||= typeof value === 'number' && Math.abs(value) > Number.MAX_SAFE_INTEGER;
    return value;
  }) as Node;
  return tree.error === true || isRounded ? null : tree;
}

/** The text of a tree. Throws if DuckDB does not read the same tree from it. */
async function write(connection: DuckDBConnection, tree: Node): Promise<string> {
  const reader = await connection.runAndReadAll('SELECT json_deserialize_sql($1::JSON)', [
    JSON.stringify(tree),
  ]);
  const text = reader.getRows()[0]![0] as string;
  if (!isDeepStrictEqual(await parse(connection, text), tree))
    throw new Error(`Not the same statement: ${text}`);
  return text;
}

async function areExact(
  connection: DuckDBConnection,
  tree: Node,
  isExactType: (type: string) => boolean,
): Promise<boolean> {
  const prepared = await connection.prepare(await write(connection, tree));
  try {
    for (let i = 0; i < prepared.columnCount; i++)
      if (!isExactType(typeName(prepared.columnType(i)))) return false;
    return true;
  } finally {
    prepared.destroySync();
  }
}
