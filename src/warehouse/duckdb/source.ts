/** A source as SQL, and checks of it. */
import type { DuckDBConnection } from '@duckdb/node-api';
import { accessProblem, type Confinement } from '../../duckdb/confinement';
import { conditionProblem, selectProblem, withoutEnd } from '../../duckdb/input-sql';
import type { Source } from '../../core/input';
import { didYouMean } from '../../core/nearest';
import type { Column } from '../../core/plan';
import { quote } from '../../core/quote';
import type { PushDown } from '../../core/push-down';
import { tableParts } from '../../core/table-name';
import { Refusal } from '../../core/refusal';
import type { TypeGuesses } from '../../core/type-guesses';
import type { SourceRequest, SourceShape } from '../warehouse';
import { queryRows, userProblem } from '../../duckdb/database-file';
import { identifier } from '../../duckdb/quote';
import { parametersOf, type Parameters } from './parameters';
import { columnsOfFiles } from '../../duckdb/file-columns';
import { wideDecimalsIn } from '../../duckdb/wide-decimals';
import { typeProblem, withoutEnums } from '../../rows/storable';
import { readerSql } from '../../duckdb/file-reader';
import { nameHint, listFiles } from './list-files';

/** Names of columns that snapshot files add, which a source may not have. */
const RESERVED = /^__partwise_/i;
/** Number of names listed in a message. */
const MAX_NAMES = 20;

/** Names in a message, each in quotes: a name may have commas. */
function listNames(names: readonly string[]): string {
  const shown = names.slice(0, MAX_NAMES).map((name) => `"${name}"`);
  return `${shown.join(', ')}${names.length > MAX_NAMES ? ', …' : ''}`;
}

/** The FROM clause, and how the types of files were found. */
async function sourceSql(
  connection: DuckDBConnection,
  { source, partitionBy }: SourceRequest,
  projectDir: string,
): Promise<{ from: string; guesses: TypeGuesses | null }> {
  if ('table' in source) return { from: quoteTable(source.table), guesses: null };
  if ('query' in source) return { from: `(${withoutEnd(source.query)}\n)`, guesses: null };
  const paths = await listFiles(connection, source, projectDir);
  const { files, columns, guesses, dialect } = await columnsOfFiles(connection, paths, {
    keys: partitionBy,
    types: source.types,
  });
  if (columns.length === 0) {
    throw new Refusal('SourceEmpty', [
      `The file "${source.files}" is empty: it has neither columns nor rows.`,
    ]);
  }
  return { from: readerSql(files, guesses === null ? {} : { columns, dialect }), guesses };
}

/** `main.sales` → `"main"."sales"`. */
export function quoteTable(name: string): string {
  return (tableParts(name) ?? [name]).map(identifier).join('.');
}

/** `SELECT * FROM … WHERE …` */
function selectSource({ where }: SourceRequest, from: string): string {
  return `SELECT * FROM ${from} AS data${where === null ? '' : ` WHERE (${where}\n)`}`;
}

/** Where a source is read. */
interface Place {
  projectDir: string;
  confinement: Confinement | null;
}

/** A source's shape, and how to read it. */
export interface DescribedSource {
  shape: SourceShape;
  /** Its rows, with the shape's types. */
  select: string;
  /** Parameters of `select`. */
  parameters: Parameters | undefined;
  /**
   * Null if it has parameters, since those are named, and if it may be in a database that only the worker
   * attaches.
   */
  pushDown: PushDown | null;
  /**
   * Whether it stays the same while the warehouse is open, which is so for a whole table. Its rows then have
   * a `rowid`.
   */
  isStable: boolean;
  /**
   * Refuses columns of Parquet files that DuckDB reads wrong. Called again once the source has been read:
   * only then are all files of a pattern known.
   */
  refuseWrongColumns: () => Promise<void>;
}

function selectShaped(columns: readonly Column[], select: string, isStable: boolean): string {
  const cast = columns.map(({ name, type }) => `CAST(${identifier(name)} AS ${type}) AS ${identifier(name)}`);
  return `SELECT ${cast.join(', ')}${isStable ? ', rowid' : ''} FROM ${select}`;
}

/** The rows of a stable source, and their positions as `__partwise_row`. */
export function positioned(select: string): string {
  return `SELECT * EXCLUDE (rowid), rowid AS __partwise_row FROM (${select})`;
}

/** Whether nothing is attached, which others could change meanwhile. */
async function hasNoOtherDatabase(connection: DuckDBConnection): Promise<boolean> {
  const others = await queryRows(
    connection,
    'SELECT 1 FROM duckdb_databases() WHERE NOT internal AND database_name <> current_database()',
  );
  return others.length === 0;
}

/** Views look like tables, but have no `rowid`, or an ordinary column of that name. */
async function isTable(
  connection: DuckDBConnection,
  { source, where }: SourceRequest,
  columns: readonly Column[],
): Promise<boolean> {
  if (!('table' in source) || where !== null) return false;
  if (columns.some(({ name }) => name.toLowerCase() === 'rowid')) return false;
  return connection.run(`SELECT rowid FROM ${quoteTable(source.table)} LIMIT 0`).then(
    () => true,
    () => false,
  );
}

/**
 * Finds the source's columns and the exact names of the key columns. Throws a `Refusal` with all problems.
 */
export async function describeSource(
  connection: DuckDBConnection,
  request: SourceRequest,
  place: Place,
): Promise<DescribedSource> {
  await refuseOtherStatements(connection, request);
  const { columns, parameters, from, guesses } = await columnsOf(connection, request, place);
  const problems = columns
    .filter(({ name }) => RESERVED.test(name))
    .map(
      ({ name }) =>
        `The source has a column "${name}", a name that is reserved for Partwise: rename it in a query.`,
    );
  problems.push(
    ...columns.flatMap(({ name, type }) => {
      const problem = typeProblem(type);
      return problem === null
        ? []
        : [
            `The column "${name}" of ${nameOf(request.source)} ${problem}: leave it out or convert it in a query.`,
          ];
    }),
  );
  const keyColumns: Column[] = [];
  for (const wanted of request.partitionBy) {
    const found = findColumn(columns, wanted);
    if (found !== undefined) keyColumns.push(found);
    else {
      const names = columns.map(({ name }) => name);
      problems.push(
        `There is no column "${wanted}" in ${nameOf(request.source)}.${didYouMean(wanted, names)} It has: ${listNames(names)}.`,
      );
    }
  }
  if (problems.length > 0) throw new Refusal('InvalidInput', problems);
  const isAlone = await hasNoOtherDatabase(connection);
  const isStable = isAlone && (await isTable(connection, request, columns));
  const source = selectSource(request, from);
  const refuseWrongColumns = async (): Promise<void> => {
    // The files of such a source have been checked.
    if (isStable || ('files' in request.source && request.where === null)) return;
    const wrong = await wideDecimalsIn(connection, { sql: source, parameters });
    if (wrong.length > 0) throw new Refusal('InvalidInput', wrong);
  };
  await refuseWrongColumns();
  return {
    shape: { columns, keyColumns, guesses },
    select: selectShaped(columns, isStable ? from : `(${source})`, isStable),
    parameters,
    isStable,
    refuseWrongColumns,
    pushDown: parameters === undefined && isAlone ? pushDownOf(request, keyColumns, from) : null,
  };
}

/** Reads the source in its current state. */
function pushDownOf({ where }: SourceRequest, keyColumns: readonly Column[], from: string): PushDown {
  return {
    from: `${from} AS data`,
    later: null,
    pinned: false,
    conditions: [
      ...(where === null ? [] : [`(${where}\n)`]),
      ...keyColumns.map(
        ({ name, type }) => `data.${identifier(name)} IS NOT DISTINCT FROM CAST(? AS ${type})`,
      ),
    ],
    binds: [],
    forms: null,
  };
}

/** Checks SQL of the input before it is pasted into statements. */
async function refuseOtherStatements(connection: DuckDBConnection, request: SourceRequest): Promise<void> {
  const { source, where } = request;
  const ofQuery = 'query' in source ? await selectProblem(connection, source.query) : null;
  const ofCondition = where === null ? null : await conditionProblem(connection, where);
  const problems = [
    ...(ofQuery === null ? [] : [`DuckDB cannot read the query: ${ofQuery}`]),
    ...(ofCondition === null
      ? []
      : [`"where" is ${quote(where)}, which is not one condition: ${ofCondition}`]),
  ];
  // enforces I9: checked before any of it runs.
  if (problems.length > 0) throw new Refusal('InvalidInput', problems);
}

/** Looks for the exact spelling first, and then, as DuckDB does, case-insensitively. */
function findColumn(columns: readonly Column[], wanted: string): Column | undefined {
  return (
    columns.find(({ name }) => name === wanted) ??
    columns.find(({ name }) => name.toLowerCase() === wanted.toLowerCase())
  );
}

async function columnsOf(
  connection: DuckDBConnection,
  request: SourceRequest,
  place: Place,
): Promise<{
  columns: Column[];
  parameters: Parameters | undefined;
  from: string;
  guesses: TypeGuesses | null;
}> {
  try {
    const { from, guesses } = await sourceSql(connection, request, place.projectDir);
    const describe = `DESCRIBE ${selectSource(request, from)}`;
    const parameters = await parametersOf(connection, describe, request);
    const described = await connection.runAndReadAll(describe, parameters);
    const columns = (described.getRowObjectsJS() as { column_name: string; column_type: string }[]).map(
      ({ column_name: name, column_type: type }) => ({
        name,
        type: type.includes('ENUM(') ? withoutEnums(type) : type,
      }),
    );
    return { columns, parameters, from, guesses };
  } catch (error) {
    throw await explain(connection, request, place, error);
  }
}

async function explain(
  connection: DuckDBConnection,
  request: SourceRequest,
  { projectDir, confinement }: Place,
  error: unknown,
): Promise<unknown> {
  const message = error instanceof Error ? error.message : String(error);
  const { source } = request;
  if (error instanceof Refusal) return error;
  if ('table' in source && /Catalog Error/.test(message)) {
    const tables = await queryRows<{ name: string }>(
      connection,
      "SELECT table_name AS name FROM information_schema.tables WHERE table_schema NOT IN ('pg_catalog')",
    );
    const names = tables.map(({ name }) => name);
    const known = names.length === 0 ? 'The warehouse has no tables.' : `Tables there: ${listNames(names)}.`;
    return new Refusal('SourceMissing', [
      `There is no table "${source.table}" in the warehouse.${didYouMean(source.table, names)} ${known}${nameHint(source.table, projectDir)}`,
    ]);
  }
  return refusedSql(error, request, confinement) ?? error;
}

/** The refusal for SQL or data that DuckDB does not accept, or null for other errors. */
export function refusedSql(
  error: unknown,
  { source, where }: SourceRequest,
  confinement: Confinement | null,
): Refusal | null {
  const problem = userProblem(error);
  if (problem === null) return null;
  const outside = accessProblem(problem, confinement);
  if (outside !== null) return new Refusal('InvalidInput', [outside]);
  const place = where === null ? nameOf(source) : `${nameOf(source)} with the condition "${where}"`;
  return new Refusal('InvalidInput', [
    `DuckDB cannot read ${place}: ${problem}${readerHint(problem, source)}`,
  ]);
}

/** The query that reads the files, where an option of DuckDB's reader helps. */
function readerHint(problem: string, source: Source): string {
  if (!('files' in source)) return '';
  const reads = (reader: string, option: string): string =>
    `in a query, such as: query:SELECT * FROM ${reader}('${source.files}', ${option}).`;
  if (/not utf-8 encoded/i.test(problem))
    return ` Name its encoding ${reads('read_csv', "encoding = 'latin-1'")}`;
  if (/maximum line size/i.test(problem))
    return ` Allow longer lines ${reads('read_csv', 'max_line_size = 100000000')}`;
  if (/maximum_object_size/.test(problem))
    return ` Allow larger objects ${reads('read_json', 'maximum_object_size = 100000000')}`;
  return '';
}

/** The source's name in messages. */
export function nameOf(source: Source): string {
  if ('table' in source) return `the table "${source.table}"`;
  if ('query' in source) return 'the query';
  return `"${source.files}"`;
}
