// Runs the checks (`npm run verify`) and the suite, and ends with one line that says how many tests passed.
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { ensureChromium, findChromium } from './chromium.mjs';
import { makePythonEnv } from './python-env.mjs';
import { verify } from './verify.mjs';

/** If more files fail, something is broken. */
const MAX_AGAIN = 3;

const folder = mkdtempSync(join(tmpdir(), 'partwise-test-'));
const args = process.argv.slice(2);
const withoutPython = await makePythonEnv();
const withoutBrowser = ensureChromium();
// The checks use the processors while tests wait for servers and workers.
const [suite, failedChecks] = await Promise.all([runJest(args), args.length === 0 ? verify() : []]);
let { passed, failed } = suite;
const again = args.length === 0 ? suite.files.filter((file) => file.failed > 0) : [];
if (again.length > 0 && again.length <= MAX_AGAIN) {
  console.log(`Running alone what failed: ${again.map(({ name }) => name).join(', ')}`);
  const alone = await runJest(['--runInBand', ...again.map(({ name }) => name)]);
  passed += alone.passed - again.reduce((sum, file) => sum + file.passed, 0);
  failed = alone.failed;
  for (const { name, failed: failures } of alone.files)
    if (failures === 0) console.log(`FLAKY  ${name} passed alone: find the cause of its failure, see above`);
}
failed += failedChecks.length;
rmSync(folder, { recursive: true, force: true });
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
process.exit(failed === 0 ? 0 : 1);

/** Runs the tests. A file that does not load counts as one failure, and so does Jest if it fails itself. */
async function runJest(args) {
  const report = join(folder, `${randomUUID()}.json`);
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
  const [status] = await once(jest, 'exit');
  try {
    const result = JSON.parse(readFileSync(report, 'utf8'));
    const failed = result.numFailedTests + result.numRuntimeErrorTestSuites;
    const files = result.testResults.map(({ name, status: ended, assertionResults }) => {
      const count = (wanted) => assertionResults.filter((each) => each.status === wanted).length;
      const failures = count('failed');
      return {
        name: relative(process.cwd(), name),
        passed: count('passed'),
        failed: failures === 0 && ended === 'failed' ? 1 : failures,
      };
    });
    return { passed: result.numPassedTests, failed: failed === 0 && status !== 0 ? 1 : failed, files };
  } catch {
    return { passed: 0, failed: 1, files: [] };
  }
}
