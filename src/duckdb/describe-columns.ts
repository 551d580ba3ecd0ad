import type { DuckDBConnection } from '@duckdb/node-api';
import type { Column } from '../core/plan';
import { queryRows } from './database-file';

/** The columns of a table, a subquery or a call of a reader. */
export async function describeColumns(connection: DuckDBConnection, from: string): Promise<Column[]> {
  const described = await queryRows<{ column_name: string; column_type: string }>(
    connection,
    `DESCRIBE SELECT * FROM ${from}`,
  );
  return described.map(({ column_name: name, column_type: type }) => ({ name, type }));
}
