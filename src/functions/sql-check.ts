/** Whether SQL of the user's can be run over a partition at all, found out before any row is read. */
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DuckDBConnection } from '@duckdb/node-api';
import type { Confinement } from '../duckdb/confinement';
import { conditionProblem } from '../duckdb/input-sql';
import type { Column } from '../core/plan';
import { openDatabase } from '../duckdb/database';
import { identifier } from '../duckdb/quote';
import { asSqlError, SqlError } from '../duckdb/sql-error';
import { checkQuery, resultTableSql } from './sql-function';

/** Of its own: DuckDB lets a confined database read whatever is in it. */
const TEMP_FOLDER = join(tmpdir(), `partwise-checks-${process.pid}`);
const MEMORY_BYTES = 256 * 2 ** 20;
/**
 * Of what rows that are not there can say nothing: values that do not convert, files that are missing now.
 */
const BEFORE_ROWS = ['ParserError', 'SyntaxError', 'BinderError', 'CatalogError', 'PermissionError'];

/**
 * What is wrong with it, as a sentence; null when nothing is. `columns`: of the source; null: each file has
 * its own. `confinement`: as when it is run.
 */
export async function sqlProblem(
  sql: string,
  columns: readonly Column[] | null,
  confinement: Confinement | null,
): Promise<string | null> {
  const problem = await problemOn(columns, confinement, async (connection) => {
    await checkQuery(connection, sql);
    return resultTableSql(sql);
  });
  return problem === null ? null : `"sql" cannot be run: ${problem}`;
}

/** What is wrong with a condition on the rows of `data`; null when nothing is. */
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
  columns: readonly Column[] | null,
  confinement: Confinement | null,
  statement: (connection: DuckDBConnection) => Promise<string>,
): Promise<string | null> {
  const database = await openDatabase({ memoryBytes: MEMORY_BYTES, tempFolder: TEMP_FOLDER, confinement });
  try {
    const connection = await database.connect();
    const known = columns !== null && (await makeData(connection, columns));
    try {
      const prepared = await connection.prepare(await statement(connection));
      prepared.destroySync();
      return null;
    } catch (thrown) {
      const error = asSqlError(thrown);
      if (!(error instanceof SqlError) || !BEFORE_ROWS.includes(error.name)) return null;
      const needsColumns = error.name === 'BinderError' || error.name === 'CatalogError';
      return needsColumns && !known ? null : error.message.split('\n\n')[0]!;
    }
  } finally {
    database.closeSync();
  }
}

/** An empty `data`. False when DuckDB does not know one of the types without an extension. */
async function makeData(connection: DuckDBConnection, columns: readonly Column[]): Promise<boolean> {
  const declared = columns.map(({ name, type }) => `${identifier(name)} ${type}`).join(', ');
  return connection.run(`CREATE TEMP TABLE data (${declared})`).then(
    () => true,
    () => false,
  );
}
