// Runs the checks (`npm run verify`) and the suite, and ends with one line that says how many tests passed.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ensureChromium, findChromium } from './chromium.mjs';
import { makePythonEnv } from './python-env.mjs';
import { verify } from './verify.mjs';

const report = join(mkdtempSync(join(tmpdir(), 'partwise-test-')), 'report.json');
const args = process.argv.slice(2);
const withoutPython = await makePythonEnv();
const withoutBrowser = ensureChromium();
const jest = spawn(
  process.execPath,
  ['node_modules/jest/bin/jest.js', '--json', `--outputFile=${report}`, ...args],
  {
    stdio: 'inherit',
    env: {
      ...process.env,
      // Tests skip what needs a browser without it.
      CHROMIUM: findChromium() ?? '',
      NODE_OPTIONS: `${process.env.NODE_OPTIONS ?? ''} --experimental-vm-modules --no-warnings`,
    },
  },
);
// The checks use the processors while tests wait for servers and workers.
const [[status], failedChecks] = await Promise.all([once(jest, 'exit'), args.length === 0 ? verify() : []]);
let passed = 0;
let failed = failedChecks.length;
try {
  const result = JSON.parse(readFileSync(report, 'utf8'));
  passed = result.numPassedTests;
  // A test file that does not load counts as one failure.
  failed += result.numFailedTests + result.numRuntimeErrorTestSuites;
} catch {
  failed += 1;
}
rmSync(join(report, '..'), { recursive: true, force: true });
// Their messages are among those of the tests.
for (const name of failedChecks) console.log(`FAILED  ${name}, see above`);
const untested = { 'Snowflake and S3': withoutPython, 'the console in a browser': withoutBrowser };
for (const [what, reason] of Object.entries(untested)) {
  if (reason === null) continue;
  console.log(`NOT TESTED: ${what}, because ${reason}.`);
  // Elsewhere, a machine without Python or a browser is not a failure of the code.
  if (process.env.CI) failed += 1;
}
if (passed === 0 && failed === 0) failed = 1;
console.log(`${passed} passed, ${failed} failed`);
process.exit(status === 0 && failed === 0 ? 0 : 1);
