import { resolve } from 'node:path';
import { DuckDbWarehouse } from './duckdb/duckdb-warehouse';
import type { Warehouse } from './warehouse';

export type { Warehouse } from './warehouse';

/** Where nothing names another one. */
export const DEFAULT_WAREHOUSE = 'duckdb:./warehouse.duckdb';

/** `duckdb:./w.duckdb` → `duckdb:/project/w.duckdb`. Throws on a kind that does not exist. */
export function resolveWarehouse(uri: string, projectDir: string): string {
  const match = /^([a-z]+):(.*)$/s.exec(uri);
  if (match === null || match[1] !== 'duckdb') {
    throw new Error(
      `The warehouse "${uri}" is of no known kind: write duckdb:PATH, for example duckdb:./warehouse.duckdb.`,
    );
  }
  const path = match[2]!;
  if (path === '' || path === ':memory:') return 'duckdb::memory:';
  return `duckdb:${resolve(projectDir, path)}`;
}

/** Opens the warehouse at an absolute URI; nothing is read before it is asked. `projectDir` is what paths in sources resolve against. */
export function openWarehouse(uri: string, projectDir: string): Warehouse {
  return new DuckDbWarehouse(resolveWarehouse(uri, projectDir), projectDir);
}
