/**
 * The combined rows of a run as a local table, made once and kept, so that pages, filters and statistics do
 * not read the run's files again. Made again when the run has more files.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { DuckDBConnection } from '@duckdb/node-api';
import type { RowsFile } from '../../core/files';
import { showJson } from '../../core/json';
import type { Column } from '../../core/plan';
import { userProblem, withDatabase } from '../../duckdb/database-file';
import { columnStatistics, type ColumnStatistics } from '../../rows/column-statistics';
import { combinedRows, ORDINAL, POSITION } from '../../rows/combined-rows';
import { conditionOf, orderOf, TABLE, unknownColumn, type ResultFilter } from '../../rows/results-query';
import { identifier, literal } from '../../duckdb/quote';
import { processFolder } from '../../files/process-folder';
import type { Stage } from '../../stage';
import type { Row } from '../../core/row';
import type { ResultRows, ResultsOptions, ResultsPage, ResultsPageOptions } from '../results-types';
import { withColumns, withLocalRows } from './results';

const DEFAULT_ROWS = 100;
const MAX_ROWS = 500;
const MAX_COLUMNS = 50;
/** Tables of all runs that are kept on the local disk. */
const MAX_TABLES = 8;
const LIMITS = ["SET memory_limit = '512MB'", 'SET threads = 1'];

interface ResultTable {
  /** DuckDB database. */
  file: string;
  columns: Column[];
}

/** The rows that are asked for. */
export interface ResultRowsOf {
  stage: Stage;
  files: readonly RowsFile[];
  keyColumns: readonly Column[];
}

/** The rows in the form of `data`, as `readRows` returns them. */
export async function selectedRows(rows: ResultRowsOf, options: ResultsOptions): Promise<ResultRows> {
  return withTable(rows, async (connection, columns) =>
    withColumns(await select(connection, columns, options), columns),
  );
}

export async function resultsPage(rows: ResultRowsOf, options: ResultsPageOptions): Promise<ResultsPage> {
  const { offset = 0, limit = DEFAULT_ROWS, where = [] } = options;
  if (!Number.isInteger(limit) || limit < 1 || limit > MAX_ROWS)
    throw new RangeError(`"limit" is ${limit}; it takes a whole number from 1 to ${MAX_ROWS}.`);
  return withTable(rows, async (connection, columns) => {
    const found = await select(connection, columns, { ...options, limit });
    const condition = conditionOf(columns, where);
    const counted = await connection.runAndReadAll(
      `SELECT count(*)::DOUBLE FROM ${TABLE}${condition.sql}`,
      condition.values,
    );
    const values = found.map((row) => columns.map(({ name }) => row[name]));
    return {
      columns,
      rows: JSON.parse(showJson(values)) as unknown[][],
      offset,
      total: Number(counted.getRows()[0]![0]),
    };
  });
}

async function select(
  connection: DuckDBConnection,
  columns: readonly Column[],
  { offset = 0, limit, sort = [], where = [] }: ResultsOptions,
): Promise<Row[]> {
  const condition = conditionOf(columns, where);
  const names = columns.map(({ name }) => identifier(name)).join(', ');
  const limited = limit === undefined ? '' : ` LIMIT ${wholeNumber('limit', limit)}`;
  const { allRows }: typeof import('../../rows/slices') = require('../../rows/slices');
  const found = await connection.stream(
    `SELECT ${names} FROM ${TABLE}${condition.sql}${orderOf(columns, sort)}${limited} OFFSET ${wholeNumber('offset', offset)}`,
    condition.values,
  );
  return allRows(found, 'exact');
}

function wholeNumber(name: string, value: number): number {
  if (Number.isSafeInteger(value) && value >= 0) return value;
  throw new RangeError(`"${name}" is ${value}; it takes a whole number, 0 or more.`);
}

export async function resultsColumns(
  rows: ResultRowsOf,
  { columns: names, where = [] }: { columns?: readonly string[]; where?: readonly ResultFilter[] },
): Promise<ColumnStatistics[]> {
  return withTable(rows, async (connection, columns) => {
    const condition = conditionOf(columns, where);
    const wanted = (names ?? columns.slice(0, MAX_COLUMNS).map(({ name }) => name)).map((name) => {
      const column = columns.find((each) => each.name === name);
      if (column === undefined) throw new RangeError(unknownColumn(name, columns));
      return column;
    });
    if (wanted.length > MAX_COLUMNS)
      throw new RangeError(`"columns" has ${wanted.length} names; at most ${MAX_COLUMNS} are possible.`);
    const statistics: ColumnStatistics[] = [];
    for (const column of wanted) statistics.push(await columnStatistics(connection, column, condition));
    return statistics;
  });
}

async function withTable<T>(
  rows: ResultRowsOf,
  use: (connection: DuckDBConnection, columns: Column[]) => Promise<T>,
): Promise<T> {
  const kept = keptTable(rows);
  kept.users++;
  try {
    const { file, columns } = await kept.table;
    const read = async (connection: DuckDBConnection): Promise<T> => {
      // The rows are in the database; nothing else is to be read.
      for (const limit of [...LIMITS, 'SET enable_external_access = false']) await connection.run(limit);
      return use(connection, columns);
    };
    return await withDatabase(file, 'read', read, { tempFolder: dirname(file) });
  } catch (error) {
    // A value that is not one of the column's type.
    const problem = userProblem(error);
    throw problem?.startsWith('Conversion Error') ? new RangeError(problem) : error;
  } finally {
    kept.users--;
    await dropUnused();
  }
}

interface Kept {
  /** Stage and key columns: what tables of one run have in common. */
  of: string;
  /** Each file with the partitions that are left out of it, as text. */
  files: ReadonlySet<string>;
  table: Promise<ResultTable>;
  folder: Promise<string>;
  users: number;
  /** A table with more files of the same run has been made: nobody will ask for this one. */
  isSuperseded: boolean;
}

/** By stage, key columns and files; least recently used first. */
const tables = new Map<string, Kept>();

function keptTable(rows: ResultRowsOf): Kept {
  const of = JSON.stringify([rows.stage.uri, rows.keyColumns]);
  const files = new Set(rows.files.map((file) => JSON.stringify(file)));
  const key = [of, ...files].join('\n');
  const known = tables.get(key);
  tables.delete(key);
  const kept = known ?? newTable(rows, of, files);
  tables.set(key, kept);
  // Failures are not kept: the stage may be reachable the next time.
  if (known === undefined)
    kept.table.catch(() => {
      tables.delete(key);
      void kept.folder.then(
        (path) => rm(path, { recursive: true, force: true }),
        () => {},
      );
    });
  return kept;
}

/** While a run is in progress, the table of the files before has most of the rows. */
function newTable(rows: ResultRowsOf, of: string, files: ReadonlySet<string>): Kept {
  const folder = mkdtemp(join(processFolder('results'), 'rows-'));
  const before = [...tables.values()].findLast(
    (each) => each.of === of && [...each.files].every((file) => files.has(file)),
  );
  // Before anything is waited for: it could be dropped meanwhile.
  if (before !== undefined) before.users++;
  const made = folder.then((path) => tableFrom(before, rows, path));
  return {
    of,
    files,
    folder,
    table: before === undefined ? made : made.finally(() => before.users--),
    users: 0,
    isSuperseded: false,
  };
}

async function tableFrom(before: Kept | undefined, rows: ResultRowsOf, folder: string): Promise<ResultTable> {
  if (before === undefined) return makeTable(rows, folder, null);
  try {
    const added = rows.files.filter((file) => !before.files.has(JSON.stringify(file)));
    const extended = await makeTable({ ...rows, files: added }, folder, await before.table);
    before.isSuperseded = true;
    return extended;
  } catch (error) {
    if (!(error instanceof OtherColumns)) throw error;
    return makeTable(rows, folder, null);
  }
}

/** The added rows have columns that the table before does not have, or lack some. */
class OtherColumns extends Error {}

async function dropUnused(): Promise<void> {
  for (const [key, { users, folder, isSuperseded }] of tables) {
    if (users > 0 || (tables.size <= MAX_TABLES && !isSuperseded)) continue;
    tables.delete(key);
    await rm(await folder, { recursive: true, force: true });
  }
}

/** `before` has more rows, which are copied. Throws `OtherColumns` if these do not fit. */
function makeTable(
  { stage, files, keyColumns }: ResultRowsOf,
  folder: string,
  before: ResultTable | null,
): Promise<ResultTable> {
  const file = join(folder, before === null ? 'rows.duckdb' : 'more.duckdb');
  return withLocalRows(stage, files, (local) =>
    withDatabase(
      file,
      'write',
      async (connection) => {
        for (const limit of LIMITS) await connection.run(limit);
        const { placed, columns } = await combinedRows(connection, keyColumns, local);
        if (before !== null && JSON.stringify(before.columns) !== JSON.stringify(columns))
          throw new OtherColumns();
        if (before !== null) await connection.run(`ATTACH ${literal(before.file)} AS earlier (READ_ONLY)`);
        const earlier = before === null ? '' : `SELECT * FROM earlier.${TABLE} UNION ALL `;
        await connection.run(
          `CREATE TABLE ${TABLE} AS SELECT * FROM (${earlier}${placed}) ORDER BY ${ORDINAL}, ${POSITION}`,
        );
        return { file, columns };
      },
      { tempFolder: folder },
    ),
  );
}
