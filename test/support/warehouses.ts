/** Warehouses and stages of each kind, for tests of their common contract. */
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { openStage, type Stage } from '../../src/stage';
import { openWarehouse, type Warehouse } from '../../src/warehouse';
import { queryRows, withDatabase } from '../../src/duckdb/database-file';
import { startSnowflake, type TestSnowflake } from './snowflake';

type Row = Record<string, unknown>;

/** Hides which kind it is. */
export interface TestWarehouse {
  readonly uri: string;
  open(): Warehouse;
  execute(...statements: string[]): Promise<void>;
  /** Rows with lower-case names, and numbers as numbers. */
  select(sql: string): Promise<Row[]>;
  /** An unused stage. */
  stage(): Stage;
  close(): Promise<void>;
}

/** A warehouse in a file in the folder. */
export function duckDb(folder: string): TestWarehouse {
  const path = join(folder, 'w.duckdb');
  const uri = `duckdb:${path}`;
  let stages = 0;
  return {
    uri,
    open: () => openWarehouse(uri, folder),
    execute: (...statements) =>
      withDatabase(path, 'write', async (connection) => {
        for (const statement of statements) await connection.run(statement);
      }),
    select: (sql) =>
      withDatabase(path, 'read', async (connection) =>
        (await queryRows<Row>(connection, sql)).map((row) =>
          Object.fromEntries(
            Object.entries(row).map(([name, value]) => [
              name,
              typeof value === 'bigint' ? Number(value) : value,
            ]),
          ),
        ),
      ),
    stage: () => openStage(pathToFileURL(join(folder, `stage-${++stages}`)).href),
    close: () => Promise.resolve(),
  };
}

export interface SnowflakeWarehouse extends TestWarehouse {
  readonly snowflake: TestSnowflake;
}

export async function onSnowflake(
  folder: string,
  options: Parameters<typeof startSnowflake>[0] = {},
): Promise<SnowflakeWarehouse> {
  const snowflake = await startSnowflake(options);
  await snowflake.execute('CREATE STAGE seam');
  const uri = `snowflake:${snowflake.connection}`;
  let stages = 0;
  return {
    snowflake,
    uri,
    open: () => openWarehouse(uri, folder),
    execute: snowflake.execute,
    async select(sql) {
      const { columns, rows } = await snowflake.query(sql);
      return rows.map((row) =>
        Object.fromEntries(
          columns.map(({ name, type }, i) => {
            const value = row[i] ?? null;
            const isNumber = type === 'fixed' || type === 'real';
            return [name.toLowerCase(), isNumber && value !== null ? Number(value) : value];
          }),
        ),
      );
    },
    stage: () => openStage(`snowflake://${snowflake.connection}/@${snowflake.schema}.SEAM/${++stages}/`),
    close: snowflake.close,
  };
}
