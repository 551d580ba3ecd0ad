// Runs the Snowflake tests against a real account, in a schema that each test file creates and drops.
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';

if (!process.env.SNOWFLAKE_TEST_CONNECTION) {
  console.error(
    'Set SNOWFLAKE_TEST_CONNECTION to the name of a connection in connections.toml whose role may create schemas in its database ' +
      '(docs/snowflake.md lists the grants).',
  );
  process.exit(2);
}
const files = readdirSync('test').filter((name) =>
  /^(snowflake-.*|with-connection|.*-seam)\.test\.ts$/.test(name),
);
const { status } = spawnSync(process.execPath, ['scripts/test.mjs', ...files, ...process.argv.slice(2)], {
  stdio: 'inherit',
  env: { ...process.env, LONG_TESTS: '1' },
});
process.exit(status ?? 1);
