// `npm run test:s3`: the tests of stages on S3 against a real server instead of moto.
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { s3Server } from './s3-server.mjs';

const { env, missing } = await s3Server();
if (missing !== undefined) {
  console.log(`NOT TESTED: a real S3 server, because ${missing}.`);
  // Elsewhere, a machine without Go is not a failure of the code.
  process.exit(process.env.CI ? 1 : 0);
}
const files = readdirSync('test')
  .filter((name) => /^(s3-.*|stage-seam|staged-files|console-stages)\.test\.ts$/.test(name))
  .map((name) => join('test', name));
const { status } = spawnSync(process.execPath, ['scripts/test.mjs', ...files, ...process.argv.slice(2)], {
  stdio: 'inherit',
  env: { ...process.env, LONG_TESTS: '1', ...env },
});
process.exit(status ?? 1);
