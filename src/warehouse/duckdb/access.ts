/**
 * What runners without DuckDB ask of their worker: rows of files that are partitions, and functions' queries.
 */
import { join } from 'node:path';
import type { DuckDBConnection } from '@duckdb/node-api';
import {
  MAX_QUERY_ROWS,
  TooManyRows,
  type QueryFile,
  type WarehouseAccess,
  type WarehouseQuery,
} from '../../core/warehouse-access';
import { accessProblem, confine } from '../../duckdb/confinement';
import { openDatabase } from '../../duckdb/database';
import { queryRows, withDatabase } from '../../duckdb/database-file';
import { describeColumns } from '../../duckdb/describe-columns';
import { selectProblem, withoutEnd } from '../../duckdb/input-sql';
import { literal } from '../../duckdb/quote';
import { asSqlError } from '../../duckdb/sql-error';
import { toParameter } from '../../duckdb/values';
import { copyFileRows } from '../../functions/file-rows';
import { allRows } from '../../rows/slices';
import { storingClause } from '../../rows/storable';
import type { AccessedUnit, AccessOptions } from '../warehouse';

/** Small, because the worker has runners too. */
const MEMORY_BYTES = 1_000_000_000;
/** The temporary table with a query's rows. */
const ANSWER = '__partwise_answer';

class NotAQuery extends Error {
  override name = 'NotAQuery';
  readonly nonRetryable = true;
}

export function warehouseAccess(
  path: string,
  { columns, ordinals, files }: AccessedUnit,
  { scratch, confinement }: AccessOptions,
): WarehouseAccess {
  const fileOf = new Map(ordinals.map((ordinal, i) => [ordinal, files?.[i]]));
  let queries = 0;
  return {
    query: (query, signal) =>
      answering(path, query, signal, scratch, async (connection) => {
        const result = await connection.run(`SELECT * FROM ${ANSWER}`);
        const names = result.columnNames();
        return { names, rows: (await allRows(result)).map((row) => names.map((name) => row[name])) };
      }),
    queryFile: (query, signal) =>
      answering(path, query, signal, scratch, async (connection): Promise<QueryFile> => {
        const found = await describeColumns(connection, ANSWER);
        const file = join(scratch, `query-${++queries}.parquet`);
        await connection.run(
          `COPY (SELECT *${storingClause(found)} FROM ${ANSWER}) TO ${literal(file)} (FORMAT parquet)`,
        );
        return { file, columns: found };
      }),
    async rows({ ordinal, attempt }, signal) {
      const file = fileOf.get(ordinal);
      if (file == null) throw new Error(`Partition number ${ordinal} is not a file.`);
      const target = join(scratch, `rows-${ordinal}-${attempt}.parquet`);
      const database = await openDatabase({ memoryBytes: MEMORY_BYTES, tempFolder: scratch, confinement });
      try {
        signal.throwIfAborted();
        await copyFileRows(database, file, { columns, ordinal }, target);
      } finally {
        database.closeSync();
      }
      return { file: target };
    },
  };
}

/** Runs a query into the table `ANSWER`. */
async function answering<T>(
  path: string,
  { sql, binds }: WarehouseQuery,
  signal: AbortSignal,
  scratch: string,
  use: (connection: DuckDBConnection) => Promise<T>,
): Promise<T> {
  try {
    return await withDatabase(
      path,
      'read',
      async (connection) => {
        signal.throwIfAborted();
        const interrupt = (): void => connection.interrupt();
        signal.addEventListener('abort', interrupt, { once: true });
        try {
          await connection.run(`SET memory_limit = '${MEMORY_BYTES}B'`);
          // enforces I11: extensions and files would give away the credentials of the worker's environment.
          await confine(connection, { directories: [scratch], paths: [], extensions: [] });
          await answer(connection, sql, binds);
          return await use(connection);
        } finally {
          signal.removeEventListener('abort', interrupt);
        }
      },
      { tempFolder: scratch, signal },
    );
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof Error && accessProblem(error.message) !== null)
      throw new NotAQuery(
        'context.query reads what is in the warehouse only: no other files, and no extensions.',
      );
    throw asSqlError(error);
  }
}

async function answer(
  connection: DuckDBConnection,
  sql: string,
  binds: WarehouseQuery['binds'],
): Promise<void> {
  const problem = await selectProblem(connection, sql);
  if (problem !== null)
    throw new NotAQuery(`context.query takes a query of what is in the warehouse. ${problem}`);
  const parameters = binds.map((value, i) => toParameter(value, `Value ${i + 1} of query`));
  await connection.run(
    `CREATE TEMP TABLE ${ANSWER} AS SELECT * FROM (${withoutEnd(sql)}\n) LIMIT ${MAX_QUERY_ROWS + 1}`,
    parameters.map(({ value }) => value),
    parameters.map(({ type }) => type),
  );
  const [found] = await queryRows<{ n: number }>(connection, `SELECT count(*)::DOUBLE AS n FROM ${ANSWER}`);
  if (found!.n > MAX_QUERY_ROWS) throw new TooManyRows();
}
