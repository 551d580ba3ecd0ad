import { defineConfig } from 'partwise';

export default defineConfig({
  functions: './functions.ts',
  warehouse: 'duckdb:./warehouse.duckdb',
  stage: './.partwise/stage',
});
