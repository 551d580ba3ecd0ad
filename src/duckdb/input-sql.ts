/**
 * SQL of an input is pasted into Partwise's own statements. It is first parsed separately, without running
 * it: a query that is one SELECT, or a condition that is one expression, cannot close the parenthesis around
 * it.
 */
import type { DuckDBConnection } from '@duckdb/node-api';
import { isPrepared } from './setup';

/**
 * Table functions that do more than read: they change settings of the whole database, write logs and
 * profiles, or access memory addresses. Also those that run a query from a string, which could hide such a
 * function.
 */
export const REFUSED_FUNCTIONS: ReadonlySet<string> = new Set([
  'arrow_scan',
  'arrow_scan_dumb',
  'checkpoint',
  'disable_logging',
  'disable_peg_parser',
  'disable_profiling',
  'enable_logging',
  'enable_peg_parser',
  'enable_profiling',
  'force_checkpoint',
  'json_execute_serialized_sql',
  'query',
  'truncate_duckdb_logs',
]);

/**
 * Functions and views that show what the configuration's setup contains (paths of attached databases,
 * settings), and functions that reach other servers and files on their own. Where there is a setup, confined
 * SQL may not use them.
 */
const REFUSED_WHERE_CONFINED: ReadonlySet<string> = new Set([
  'current_setting',
  'duckdb_databases',
  'duckdb_logs',
  'duckdb_logs_parsed',
  'duckdb_secrets',
  'duckdb_settings',
  'duckdb_variables',
  'getvariable',
  'pg_settings',
  'pragma_database_list',
  // By a name in a string.
  'query_table',
  ...['mysql', 'postgres', 'sqlite'].flatMap((kind) =>
    ['attach', 'execute', 'query', 'scan', 'scan_pushdown'].map((what) => `${kind}_${what}`),
  ),
  'which_secret',
]);

/**
 * Why a text is not one read-only SELECT, worded like DuckDB's errors (`Parser Error: …`), or null if it is.
 */
export async function selectProblem(connection: DuckDBConnection, text: string): Promise<string | null> {
  return (
    (await problemOf(connection, text)) ?? problemOf(connection, `SELECT * FROM (${withoutEnd(text)}\n)`)
  );
}

/** Why a text is not one read-only condition, or null if it is. */
export async function conditionProblem(connection: DuckDBConnection, text: string): Promise<string | null> {
  // Without added parentheses, the text cannot close one that it did not open; with them, no clause can
  // follow the condition.
  return (
    (await problemOf(connection, `SELECT 1 WHERE ${text}\n`)) ??
    problemOf(connection, `SELECT 1 WHERE (${text}\n)`)
  );
}

/** A query without its final semicolon, to put in parentheses, and without comments that follow it. */
export function withoutEnd(query: string): string {
  return query.replace(COMMENTED_END, '').replace(/[;\s]+$/, '');
}

/** Not with a quote: then the semicolon may be inside a string that only looks like the end. */
const COMMENTED_END = /;(?:[;\s]|--[^\n'"$]*(?:\n|$)|\/\*[^'"$]*?\*\/)*$/;

/** The result of `json_serialize_sql`, which parses a statement without binding or running it. */
type Parsed =
  { error: false; statements: unknown[] } | { error: true; error_type: string; error_message: string };

async function problemOf(connection: DuckDBConnection, sql: string): Promise<string | null> {
  const reader = await connection.runAndReadAll('SELECT json_serialize_sql($1::VARCHAR)', [sql]);
  const parsed = JSON.parse(reader.getRows()[0]![0] as string) as Parsed;
  if (parsed.error) {
    if (parsed.error_type === 'parser') return `Parser Error: ${parsed.error_message}`;
    return (
      'It must be one SELECT statement that does not change data, settings or files. ' +
      'PIVOT must name its values: PIVOT … ON … IN (…).'
    );
  }
  if (parsed.statements.length === 0) return 'It must be one SELECT statement, but there is none.';
  if (parsed.statements.length > 1)
    return `It must be one SELECT statement, but there are ${parsed.statements.length}.`;
  const { functions, tables } = namesIn(parsed.statements[0]);
  const refused = [...functions].filter((name) => REFUSED_FUNCTIONS.has(name));
  if (refused.length > 0)
    return `The function ${refused.join(', ')} does more than read rows, so a run's SQL may not call it.`;
  const hidden = [...functions, ...tables].filter((name) => REFUSED_WHERE_CONFINED.has(name));
  if (hidden.length === 0 || !isPrepared(connection) || !(await isConfined(connection))) return null;
  return `${hidden.join(', ')} shows or reaches more than this run's rows, so its SQL may not use it.`;
}

async function isConfined(connection: DuckDBConnection): Promise<boolean> {
  const reader = await connection.runAndReadAll("SELECT current_setting('enable_external_access')");
  return reader.getRows()[0]![0] === false;
}

/** The names of all functions that a parsed statement calls, and of all tables that it reads. */
function namesIn(tree: unknown): { functions: Set<string>; tables: Set<string> } {
  const found = { functions: new Set<string>(), tables: new Set<string>() };
  const open: unknown[] = [tree];
  while (open.length > 0) {
    const node = open.pop();
    if (typeof node !== 'object' || node === null) continue;
    const { function_name: called, table_name: read } = node as Record<string, unknown>;
    if (typeof called === 'string') found.functions.add(called.toLowerCase());
    if (typeof read === 'string') found.tables.add(read.toLowerCase());
    open.push(...(Object.values(node) as unknown[]));
  }
  return found;
}
