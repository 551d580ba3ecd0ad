// `npm run test:console`: the tests of the console, in a real browser. `-- --all` tries every page in every
// theme at every width, for which `npm test` has no time.
import { spawnSync } from 'node:child_process';

const args = process.argv.slice(2);
const others = args.filter((each) => each !== '--all');
const { status } = spawnSync(process.execPath, ['scripts/test.mjs', 'test/console', ...others], {
  stdio: 'inherit',
  env: { ...process.env, ...(others.length < args.length && { CONSOLE_TESTS: 'all' }) },
});
process.exit(status ?? 1);
