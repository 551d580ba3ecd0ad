// `npm run test:sql`: 5,000 random queries, each run for many partitions at once and for each alone.
// `-- 20000 7`: so many, from seed 7 on.
import { spawnSync } from 'node:child_process';

const [queries = '5000', seed = '1'] = process.argv.slice(2);
const { status } = spawnSync(
  process.execPath,
  ['scripts/test.mjs', 'test/sql-ahead.test.ts', '-t', 'random queries'],
  {
    stdio: 'inherit',
    env: { ...process.env, SQL_QUERIES: queries, SQL_SEED: seed },
  },
);
process.exit(status ?? 1);
