// `npm run test:long`: the test files with tests for which `npm test` has no time, with those tests.
// `-- shards docs`: only files with such names.
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const hasLongTests = (file) =>
  /\b(LONG|itLong|describeLongBrowser|viewportsOf|OTHER_NODES)\b/.test(readFileSync(file, 'utf8'));
const parts = process.argv.slice(2);
const files = readdirSync('test')
  .filter(
    (name) => name.endsWith('.test.ts') && (parts.length === 0 || parts.some((part) => name.includes(part))),
  )
  .map((name) => join('test', name))
  .filter(hasLongTests);
if (files.length === 0) {
  console.error(`No file with long tests has a name with ${parts.join(' or ')}.`);
  process.exit(2);
}
const { status } = spawnSync(process.execPath, ['scripts/test.mjs', ...files], {
  stdio: 'inherit',
  env: { ...process.env, LONG_TESTS: '1' },
});
process.exit(status ?? 1);
