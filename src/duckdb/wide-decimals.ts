/**
 * DECIMAL columns of Parquet files with more digits than DuckDB has, which it reads as a DOUBLE with a wrong
 * value.
 */
import type { DuckDBConnection, DuckDBValue } from '@duckdb/node-api';
import { queryRows } from './database-file';
import { pathList } from './file-reader';
import { MAX_DECIMAL_DIGITS } from './guessed-types';
import { SqlError } from './sql-error';

export interface WideDecimal {
  file: string;
  /** The column, and for a field within it, the names that lead there. */
  path: string[];
  digits: number;
}

/** Such columns of Parquet files. */
export async function wideDecimals(
  connection: DuckDBConnection,
  paths: readonly string[],
): Promise<WideDecimal[]> {
  const [found] = await queryRows<{ files: string[] | null }>(
    connection,
    `SELECT list(DISTINCT file_name) AS files FROM parquet_schema(${pathList(paths)}) WHERE precision > ${MAX_DECIMAL_DIGITS}`,
  );
  const files = found!.files ?? [];
  if (files.length === 0) return [];
  const nodes = await queryRows<{ file: string; name: string; digits: number | null; children: number }>(
    connection,
    `SELECT file_name AS file, name, precision::INTEGER AS digits, coalesce(num_children, 0)::INTEGER AS children
       FROM parquet_schema(${pathList(files)}) ORDER BY file_name, column_id`,
  );
  const wide: WideDecimal[] = [];
  // A file's columns are listed depth first, from a root that has no name of its own.
  let open: { name: string; left: number }[] = [];
  let last: string | null = null;
  for (const { file, name, digits, children } of nodes) {
    if (file !== last) open = [];
    const parent = open.at(-1);
    if (parent !== undefined) parent.left--;
    if ((digits ?? 0) > MAX_DECIMAL_DIGITS)
      wide.push({ file, path: [...open.slice(1).map((each) => each.name), name], digits: digits! });
    open.push({ name, left: children });
    while (open.at(-1)?.left === 0) open.pop();
    last = file;
  }
  return wide;
}

/** The sentence about such a column. */
export function wideDecimalProblem({ file, path, digits }: WideDecimal, wayOut: string): string {
  return (
    `The column "${path[0]}" of "${file}" is a DECIMAL with ${digits} digits, which DuckDB reads wrong: it has up to ${MAX_DECIMAL_DIGITS}. ` +
    `Write the file with fewer digits, or with the column as text${wayOut}.`
  );
}

/** A statement of a user, for `wideDecimalsIn`. */
export interface UserQuery {
  sql: string;
  parameters?: DuckDBValue[] | Record<string, DuckDBValue>;
}

/**
 * Problems with Parquet columns that a query uses. It finds the files that the database has opened since it
 * was opened itself, so the query must have been prepared, which opens the first file of each pattern, or
 * run, which opens all.
 */
export async function wideDecimalsIn(connection: DuckDBConnection, query: UserQuery): Promise<string[]> {
  const opened = await queryRows<{ path: string }>(
    connection,
    'SELECT DISTINCT path FROM duckdb_external_file_cache() ORDER BY path',
  );
  const wide = await wideDecimalsOfAny(
    connection,
    opened.map(({ path }) => path),
  );
  if (wide.length === 0) return [];
  const isUsed = await usedColumns(connection, query);
  return wide
    .filter(({ path }) => isUsed(path))
    .map((column) => wideDecimalProblem(column, ', or use a query that does not name it'));
}

async function wideDecimalsOfAny(
  connection: DuckDBConnection,
  paths: readonly string[],
): Promise<WideDecimal[]> {
  if (paths.length === 0) return [];
  try {
    return await wideDecimals(connection, paths);
  } catch {
    // A file has been removed meanwhile, or an extension opened one of another format.
    const found = paths.map((path) => wideDecimals(connection, [path]).catch(() => []));
    return (await Promise.all(found)).flat();
  }
}

/** Throws for Parquet columns that a query of a function has used. */
export async function refuseWideDecimals(connection: DuckDBConnection, query: UserQuery): Promise<void> {
  const wrong = await wideDecimalsIn(connection, query);
  if (wrong.length > 0) throw new SqlError('Conversion', wrong.join(' '));
}

interface PlanNode {
  name: string;
  extra_info?: Record<string, string | string[]>;
  children?: PlanNode[];
}

/** Whether a query may use a column. */
async function usedColumns(
  connection: DuckDBConnection,
  { sql, parameters }: UserQuery,
): Promise<(path: readonly string[]) => boolean> {
  const everything = (): boolean => true;
  // Of several statements, the first would be explained and the others run again.
  if ((await connection.extractStatements(sql)).count !== 1) return everything;
  const explained = await connection
    .runAndReadAll(`EXPLAIN (FORMAT JSON) ${sql}`, parameters)
    .catch(() => null);
  if (explained === null) return everything;
  const plan = JSON.parse(explained.getRows()[0]![1] as string) as PlanNode[];
  const read: string[] = [];
  // DuckDB leaves out conditions that a column's minimum and maximum decide, and those of such a column are
  // wrong too. So what the query, or a view or a macro that it may use, names is used.
  const defined = await definitions(connection);
  if ((await renamesColumns(connection, sql)) !== false) return everything;
  for (const text of defined)
    if (/parquet/i.test(text) && (await renamesColumns(connection, text))) return everything;
  const texts = [sql, ...defined];
  for (const nodes = [...plan]; nodes.length > 0;) {
    const { name: operator, extra_info: info = {}, children = [] } = nodes.pop()!;
    nodes.push(...children);
    // COPY … FROM reads all columns, and its scan names none.
    if (operator.endsWith('INSERT') && children.some((child) => child.extra_info?.Projections === ''))
      return everything;
    // Scans of tables have none.
    if (info.Function === undefined) continue;
    const { Projections: projections = [], ...rest } = info;
    read.push(...[projections].flat());
    texts.push(...Object.values(rest).flat());
  }
  const projected = read.map((name) => name.toLowerCase());
  return (path) => {
    const whole = path.join('.').toLowerCase();
    return (
      projected.some((name) => name === whole || whole.startsWith(`${name}.`)) ||
      texts.some((text) => names(text, path.at(-1)!))
    );
  };
}

/**
 * Whether a statement renames columns where it names a file (`FROM 'a.parquet' AS t(x, y)`), since its plan
 * then has only the new names; also true if it cannot be known. Null for a text without a query.
 */
async function renamesColumns(connection: DuckDBConnection, text: string): Promise<boolean | null> {
  const at = text.search(/\b(?:SELECT|FROM|WITH)\b/i);
  if (at < 0) return null;
  const parsed = await connection.runAndReadAll('SELECT json_serialize_sql($1::VARCHAR)', [text.slice(at)]);
  const tree = parsed.getRows()[0]![0] as string;
  return !tree.startsWith('{"error":false') || tree.includes('"column_name_alias":["');
}

async function definitions(connection: DuckDBConnection): Promise<string[]> {
  const found = await queryRows<{ text: string | null }>(
    connection,
    `SELECT sql AS text FROM duckdb_views() WHERE NOT internal
      UNION ALL SELECT macro_definition FROM duckdb_functions() WHERE NOT internal`,
  );
  return found.flatMap(({ text }) => text ?? []);
}

function names(text: string, column: string): boolean {
  const word = column.replace(/[$()*+.?[\\\]^{|}]/g, String.raw`\$&`);
  return new RegExp(`(?<![\\p{L}\\p{N}_])${word}(?![\\p{L}\\p{N}_])`, 'iu').test(text.replaceAll('""', '"'));
}
