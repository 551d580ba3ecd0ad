import { resolve } from 'node:path';
import type { Confinement } from '../duckdb/confinement';
import { requirePackages } from '../files/optional-packages';
import { CONNECTION_NAME, defaultConnection } from '../snowflake';
import { DuckDbWarehouse } from './duckdb/duckdb-warehouse';
import type { Warehouse } from './warehouse';

export type { Warehouse } from './warehouse';

/** Where nothing names another one. */
export const DEFAULT_WAREHOUSE = 'duckdb:./warehouse.duckdb';

/** `duckdb:./w.duckdb` → `duckdb:/project/w.duckdb`, `snowflake:` → `snowflake:default`. Throws on what is of no known kind. */
export function resolveWarehouse(uri: string, projectDir: string): string {
  const [, kind, place = ''] = /^([a-z]+):(.*)$/s.exec(uri) ?? [];
  if (kind === 'duckdb') {
    return place === '' || place === ':memory:' ? 'duckdb::memory:' : `duckdb:${resolve(projectDir, place)}`;
  }
  if (kind === 'snowflake') {
    const connection = place === '' ? defaultConnection() : place;
    if (CONNECTION_NAME.test(connection)) return `snowflake:${connection}`;
    throw new Error(
      `The warehouse "${uri}" names no connection: write snowflake:NAME, where NAME is a section of connections.toml.`,
    );
  }
  throw new Error(
    `The warehouse "${uri}" is of no known kind: write duckdb:PATH, for example duckdb:./warehouse.duckdb, or snowflake:CONNECTION.`,
  );
}

export interface WarehouseOptions {
  /** On Snowflake, the virtual warehouse of planning and commits. Default: the connection's own. */
  loadingWarehouse?: string | null;
  /** The files that DuckDB may read for a run. Default: any. */
  confinement?: Confinement | null;
}

/** Opens the warehouse at an absolute URI; nothing is read before it is asked. `projectDir` is what paths in sources resolve against. */
export function openWarehouse(
  uri: string,
  projectDir: string,
  { loadingWarehouse = null, confinement = null }: WarehouseOptions = {},
): Warehouse {
  const resolved = resolveWarehouse(uri, projectDir);
  if (!resolved.startsWith('snowflake:')) return new DuckDbWarehouse(resolved, projectDir, confinement);
  requirePackages(resolved);
  const {
    SnowflakeWarehouse,
  }: typeof import('./snowflake/snowflake-warehouse') = require('./snowflake/snowflake-warehouse');
  return new SnowflakeWarehouse(resolved, projectDir, loadingWarehouse, confinement);
}
