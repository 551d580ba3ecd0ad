import { resolve } from 'node:path';
import type { WarehouseKind } from '../kind';

/** `duckdb:PATH` and `duckdb::memory:`. */
export const duckdb: WarehouseKind = {
  scheme: 'duckdb',
  example: 'duckdb:./warehouse.duckdb',
  service: null,
  options: [],
  readsBack: null,
  resolve: (place, projectDir) =>
    place === '' || place === ':memory:' ? 'duckdb::memory:' : `duckdb:${resolve(projectDir, place)}`,
  open(uri, { projectDir, confinement, duckdbSetup }) {
    const { DuckDbWarehouse }: typeof import('./duckdb-warehouse') = require('./duckdb-warehouse');
    return new DuckDbWarehouse(uri, projectDir, confinement, duckdbSetup);
  },
};
