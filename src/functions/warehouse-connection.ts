/** `context.withConnection` on DuckDB. */
import type { DuckDBConnection } from '@duckdb/node-api';
import type { Confinement } from '../duckdb/confinement';
import type { PartitionSql } from '../core/push-down';
import { withDatabase } from '../duckdb/database-file';
import { allRows } from '../rows/slices';
import { asSqlError } from '../duckdb/sql-error';
import { refuseWideDecimals } from '../duckdb/wide-decimals';
import type { WarehouseConnection } from './types';
import { toParameter } from '../duckdb/values';

export interface WarehouseUse {
  /** The partition's rows as SQL, which may include SQL of the input; null if SQL cannot select them. */
  partition: PartitionSql | null;
  confinement?: Confinement | null;
  /** Aborts the wait for a file that another program has locked. */
  signal?: AbortSignal;
  /** See `OpenOptions`. */
  onLocked?: (message: string) => void;
}

/** `uri` is `duckdb:` and the absolute path of the file. The connection is closed when `use` ends. */
export function withWarehouse<T>(
  uri: string,
  { partition, ...options }: WarehouseUse,
  use: (warehouse: WarehouseConnection) => T | Promise<T>,
): Promise<T> {
  const work = async (connection: DuckDBConnection): Promise<T> =>
    use({
      partition,
      async query<R>(sql: string, values: readonly unknown[] = []) {
        const parameters = values.map((value, i) => toParameter(value, `Value ${i + 1} of query`));
        try {
          const bound = parameters.map(({ value }) => value);
          const result = await connection.run(
            sql,
            bound,
            parameters.map(({ type }) => type),
          );
          const rows = await allRows(result);
          await refuseWideDecimals(connection, { sql, parameters: bound });
          return rows as R[];
        } catch (error) {
          // DuckDB's own errors have no stack; one created here leads to the caller's line.
          throw asSqlError(error);
        }
      },
    });
  return withDatabase(uri.slice('duckdb:'.length), 'read', work, options);
}
