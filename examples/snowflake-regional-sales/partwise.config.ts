import { defineConfig } from 'partwise';

export default defineConfig({
  functions: './functions.ts',
  warehouse: 'snowflake:analytics',
  stage: '@ANALYTICS.PUBLIC.PARTWISE/regional-sales',
});
