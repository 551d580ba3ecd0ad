/** A source as Snowflake's SQL, and checks of it. */
import { withoutEnd } from '../../duckdb/input-sql';
import type { Source } from '../../core/input';
import { didYouMean } from '../../core/nearest';
import type { Column } from '../../core/plan';
import { quote } from '../../core/quote';
import { Refusal } from '../../core/refusal';
import type { Scheduled } from '../warehouse';
import { isUnknownObject, SnowflakeError, type Result, type StatementOptions } from '../../snowflake';
import { nameInSnapshot, parseName, quoteName, quoteText, tableName } from '../../snowflake/names';
import { nameOf } from '../duckdb/source';
import type { SourceRequest, SourceShape } from '../warehouse';
import { isKeyType, typeInSnapshot } from './column-types';
import { unclosedProblem } from './input-sql';
import { bindParameters, type BoundSql } from './parameters';

/** Names of columns that snapshot files add, which a source may not have. */
const RESERVED = /^__partwise_/i;
/** Number of names listed in a message. */
const MAX_NAMES = 20;

/** A table or a query; Snowflake does not read files. */
export type SqlSource = Exclude<Source, { files: string }>;
export type SqlRequest = SourceRequest & { source: SqlSource };

/** Runs a statement in any session. */
export type Run = (sql: string, options?: StatementOptions) => Promise<Result>;

/** A column of the source. */
export interface SourceColumn extends Column {
  /** Its unique name in Snowflake. */
  inSnowflake: string;
}

export interface DescribedSource {
  shape: SourceShape;
  columns: SourceColumn[];
  keys: SourceColumn[];
}

/** The FROM clause, before the columns are known. */
function sourceSql({ source, scheduled }: SqlRequest): BoundSql {
  if ('table' in source) return { sql: `${tableName(source.table)} AS data`, binds: [] };
  const { sql, binds } = queryOf(source.query, scheduled);
  return { sql: `(${sql}\n) AS data`, binds };
}

function queryOf(query: string, scheduled: Scheduled | null): BoundSql {
  return bindParameters(withoutEnd(query), scheduled, 'The query');
}

/** The FROM clause for the source in its current state: `data`, with the names of the columns. */
export function dataOf({ source, scheduled }: SqlRequest, columns: readonly SourceColumn[]): BoundSql {
  if ('table' in source) return { sql: `${tableName(source.table)} AS data`, binds: [] };
  const { sql, binds } = queryOf(source.query, scheduled);
  const names = columns.map(({ inSnowflake }) => quoteName(inSnowflake)).join(', ');
  return { sql: `(WITH query (${names}) AS (${sql}\n) SELECT * FROM query) AS data`, binds };
}

/** The run's condition, which is empty if it has none. */
export function whereOf({ where, scheduled }: SqlRequest): BoundSql {
  if (where === null) return { sql: '', binds: [] };
  return bindParameters(where, scheduled, `The condition "${where}"`);
}

/** Selects the rows of `data` that meet the condition. */
export function selectRows(data: BoundSql, where: BoundSql): BoundSql {
  return { sql: `SELECT * FROM ${data.sql}${whereSql(where)}`, binds: [...data.binds, ...where.binds] };
}

/** ` WHERE …`, or nothing. */
export function whereSql({ sql }: BoundSql): string {
  return sql === '' ? '' : ` WHERE (${sql}\n)`;
}

/** Checks SQL of the input before it is pasted into statements. */
function refuseUnclosed({ source, where }: SqlRequest): void {
  const ofQuery = 'query' in source ? queryProblem(source.query) : null;
  const ofCondition = where === null ? null : unclosedProblem(where);
  const problems = [
    ...(ofQuery === null
      ? []
      : [`Snowflake cannot read the query: it must be one SELECT statement, but ${ofQuery}.`]),
    ...(ofCondition === null
      ? []
      : [`"where" is ${quote(where)}, which is not one condition: ${ofCondition}.`]),
  ];
  // enforces I9: checked before any of it is sent
  if (problems.length > 0) throw new Refusal('InvalidInput', problems);
}

function queryProblem(query: string): string | null {
  const text = withoutEnd(query);
  const [word = ''] = /^(?:\s|(?:--|\/\/)[^\n]*\n|\/\*[\s\S]*?\*\/|\()*([a-z]*)/i.exec(text)!.slice(1);
  if (/^(select|with|values)$/i.test(word)) return unclosedProblem(text);
  return `it starts with ${word === '' ? 'no keyword' : quote(word)}; only SELECT and WITH are allowed`;
}

/** Finds the columns and the exact names of the key columns. Throws a `Refusal` with all problems. */
export async function describeSource(run: Run, request: SqlRequest): Promise<DescribedSource> {
  refuseUnclosed(request);
  const { sql, binds } = selectRows(sourceSql(request), whereOf(request));
  let found: Result;
  try {
    found = await run(sql, { binds, describeOnly: true });
  } catch (error) {
    throw await explain(run, request, error);
  }
  const problems: string[] = [];
  const columns = named(found.columns.map(({ name }) => name)).flatMap((column, i) => {
    const type = typeInSnapshot(found.columns[i]!);
    if (RESERVED.test(column.name))
      problems.push(
        `The source has a column "${column.name}", a name that is reserved for Partwise: rename it in a query.`,
      );
    if (type !== null) return [{ ...column, type }];
    problems.push(
      `The column "${column.inSnowflake}" is of type ${found.columns[i]!.type.toUpperCase()}, which a snapshot cannot store: ` +
        'leave it out or convert it in a query (ST_ASWKT for GEOGRAPHY and GEOMETRY, ::ARRAY for VECTOR).',
    );
    return [];
  });
  const keys = request.partitionBy.flatMap((wanted) => {
    const column = findColumn(columns, wanted);
    if (column === undefined) problems.push(noSuchColumn(wanted, columns, request.source));
    else if (!isKeyType(column.type))
      problems.push(
        `The column "${column.inSnowflake}" is binary or semi-structured, so it cannot be a partition key: ` +
          'in a query, convert it to text, or extract a value from it and cast that, then partition by the result.',
      );
    return column ?? [];
  });
  if (problems.length > 0) throw new Refusal('InvalidInput', problems);
  return { shape: { columns: columns.map(plain), keyColumns: keys.map(plain) }, columns, keys };
}

function plain({ name, type }: SourceColumn): Column {
  return { name, type };
}

/** Makes names unique, here and in Snowflake: repeated ones are numbered, as in DuckDB. */
function named(names: readonly string[]): Omit<SourceColumn, 'type'>[] {
  const taken = new Set<string>();
  return names.map((name) => {
    const wanted = nameInSnapshot(name);
    let number = 0;
    while (taken.has(suffixed(wanted, number).toLowerCase())) number++;
    taken.add(suffixed(wanted, number).toLowerCase());
    return { name: suffixed(wanted, number), inSnowflake: suffixed(name, number) };
  });
}

function suffixed(name: string, number: number): string {
  return number === 0 ? name : `${name}_${number}`;
}

/** Looks for Snowflake's spelling first, then the snapshot's, then case-insensitively. */
function findColumn(columns: readonly SourceColumn[], wanted: string): SourceColumn | undefined {
  const exact = parseName(wanted);
  return (
    columns.find(({ inSnowflake }) => inSnowflake === wanted) ??
    columns.find(({ inSnowflake }) => exact?.length === 1 && inSnowflake === exact[0]) ??
    columns.find(({ name }) => name.toLowerCase() === wanted.toLowerCase())
  );
}

function noSuchColumn(wanted: string, columns: readonly SourceColumn[], source: Source): string {
  const names = columns.map(({ name }) => name);
  const more = names.length > MAX_NAMES ? ', …' : '';
  return `There is no column "${wanted}" in ${nameOf(source)}.${didYouMean(wanted, names)} It has: ${quoted(names)}${more}.`;
}

async function explain(run: Run, request: SqlRequest, error: unknown): Promise<unknown> {
  const { source } = request;
  if ('table' in source && isUnknownObject(error)) {
    const parts = parseName(source.table) ?? [source.table];
    const names = await namesInSchemaOf(run, parts);
    const known = names.length === 0 ? 'The role sees no tables there.' : `Tables there: ${quoted(names)}.`;
    return new Refusal('SourceMissing', [
      `There is no table "${source.table}" that the role may read.${didYouMean(parts.at(-1)!, names)} ${known} ` +
        `(${(error as SnowflakeError).message})`,
    ]);
  }
  return refusedSql(error, request) ?? error;
}

/** Tables and views in the schema of a table. */
async function namesInSchemaOf(run: Run, parts: readonly string[]): Promise<string[]> {
  const schema = parts.slice(0, -1).map(quoteName).join('.');
  try {
    const { columns, rows } = await run(`SHOW TERSE OBJECTS${schema === '' ? '' : ` IN SCHEMA ${schema}`}`);
    const at = columns.findIndex(({ name }) => name === 'name');
    return rows.map((row) => row[at]!);
  } catch (error) {
    // The names only improve the message.
    if (error instanceof SnowflakeError) return [];
    throw error;
  }
}

/** The refusal for SQL or data that Snowflake does not accept, or null for other errors. */
export function refusedSql(error: unknown, { source, where }: SourceRequest): Refusal | null {
  if (!(error instanceof SnowflakeError) || error.remedy !== 'none') return null;
  const place = where === null ? nameOf(source) : `${nameOf(source)} with the condition "${where}"`;
  return new Refusal('InvalidInput', [`Snowflake cannot read ${place}: ${error.message}`]);
}

/** Properties of a table. */
export interface TableFacts {
  /** Qualified with database and schema. */
  name: string;
  /** Whether it keeps its history, so that an earlier state can be read. */
  hasHistory: boolean;
}

/** Returns null if the table is not found. */
export async function describeTable(run: Run, table: string): Promise<TableFacts | null> {
  const parts = parseName(table)!;
  const name = parts.at(-1)!;
  const schema = parts.slice(0, -1).map(quoteName).join('.');
  // LIKE is a pattern, so other names that it matches are filtered out.
  const { columns, rows } = await run(
    `SHOW OBJECTS LIKE ${quoteText(name)}${schema === '' ? '' : ` IN SCHEMA ${schema}`}`,
  );
  const at = (column: string): number => columns.findIndex((each) => each.name === column);
  const row = rows.find((each) => each[at('name')] === name);
  if (row === undefined) return null;
  const place = [row[at('database_name')]!, row[at('schema_name')]!, name];
  return {
    name: place.map(quoteName).join('.'),
    hasHistory:
      /^(TABLE|TRANSIENT)$/.test(row[at('kind')] ?? '') && Number(row[at('retention_time')] ?? 0) > 0,
  };
}

/** Each in quotes: a name may have commas. */
function quoted(names: readonly string[]): string {
  return names
    .slice(0, MAX_NAMES)
    .map((name) => `"${name}"`)
    .join(', ');
}
