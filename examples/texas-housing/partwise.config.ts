import { defineConfig } from 'partwise';

export default defineConfig({
  functions: './functions.ts',
  stage: './.partwise/stage',
});
