/** Checks whether the user's SQL can run over a partition, before any row is read. */
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DuckDBConnection } from '@duckdb/node-api';
import type { Confinement } from '../duckdb/confinement';
import { conditionProblem, withoutEnd } from '../duckdb/input-sql';
import type { Column } from '../core/plan';
import { openDatabase } from '../duckdb/database';
import { identifier } from '../duckdb/quote';
import { asSqlError, SqlError } from '../duckdb/sql-error';
import { wideDecimalsIn } from '../duckdb/wide-decimals';
import { allRows } from '../rows/slices';
import { typeProblem } from '../rows/storable';
import { checkQuery, resultTableSql } from './sql-function';

/** A separate folder, because DuckDB lets a confined database read everything in its temporary folder. */
const TEMP_FOLDER = join(tmpdir(), `partwise-checks-${process.pid}`);
const MEMORY_BYTES = 256 * 2 ** 20;
/**
 * Errors that do not depend on rows. Others do (values that do not convert), or may pass (a missing file).
 */
const STATIC_ERRORS = ['ParserError', 'SyntaxError', 'BinderError', 'CatalogError', 'PermissionError'];

/**
 * The problem with the query as a sentence, or null. `columns` are the source's; `confinement` is the one
 * that the query runs with.
 */
export async function sqlProblem(
  sql: string,
  columns: readonly Column[],
  confinement: Confinement | null,
): Promise<string | null> {
  const problem = await problemOn(columns, confinement, async (connection) => {
    await checkQuery(connection, sql);
    await refuseTypes(connection, sql);
    return resultTableSql(sql);
  });
  return problem === null ? null : `"sql" cannot be run: ${problem}`;
}

/** Refuses columns whose types cannot be stored. */
async function refuseTypes(connection: DuckDBConnection, sql: string): Promise<void> {
  const described = await connection.run(`DESCRIBE SELECT * FROM (${withoutEnd(sql)}\n)`);
  for (const { column_name: name, column_type: type } of await allRows(described)) {
    const problem = typeProblem(type as string);
    if (problem === null) continue;
    const cast = `${identifier(name as string)}::VARCHAR`;
    throw new SqlError('Syntax', `The column "${name as string}" ${problem}. Cast it in the query: ${cast}.`);
  }
}

/** The problem with a condition on the rows of `data`, or null. */
export function holdoutProblem(
  condition: string,
  columns: readonly Column[],
  confinement: Confinement | null,
): Promise<string | null> {
  return problemOn(columns, confinement, async (connection) => {
    const problem = await conditionProblem(connection, condition);
    if (problem !== null) throw new SqlError('Syntax', problem);
    const query = `SELECT 1 FROM data WHERE (${condition}\n)`;
    await checkQuery(connection, query);
    return query;
  });
}

async function problemOn(
  columns: readonly Column[],
  confinement: Confinement | null,
  statement: (connection: DuckDBConnection) => Promise<string>,
): Promise<string | null> {
  const database = await openDatabase({
    memoryBytes: MEMORY_BYTES,
    tempFolder: TEMP_FOLDER,
    confinement,
    knowsFiles: true,
  });
  try {
    const connection = await database.connect();
    const known = await createEmptyData(connection, columns);
    try {
      const sql = await statement(connection);
      const prepared = await connection.prepare(sql);
      prepared.destroySync();
      const wrong = await wideDecimalsIn(connection, { sql });
      return wrong.length === 0 ? null : wrong.join(' ');
    } catch (thrown) {
      const error = asSqlError(thrown, confinement);
      if (!(error instanceof SqlError) || !STATIC_ERRORS.includes(error.name)) return null;
      const needsColumns = error.name === 'BinderError' || error.name === 'CatalogError';
      return needsColumns && !known ? null : error.message.split('\n\n')[0]!;
    }
  } finally {
    database.closeSync();
  }
}

/** Creates an empty `data`. Returns false if one of the types needs an extension. */
async function createEmptyData(connection: DuckDBConnection, columns: readonly Column[]): Promise<boolean> {
  const declared = columns.map(({ name, type }) => `${identifier(name)} ${type}`).join(', ');
  return connection.run(`CREATE TEMP TABLE data (${declared})`).then(
    () => true,
    () => false,
  );
}
