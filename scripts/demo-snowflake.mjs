// `npm run demo:snowflake`: runs the regional sales example on the Snowflake emulator that the tests use, for
// users without an account. The driver is the real one; docs/snowflake.md lists what only the service can
// show. Needs the build and Python.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { makePythonEnv, PYTHON } from './python-env.mjs';

const EXAMPLE = 'examples/snowflake-regional-sales';
const CLI = resolve('dist/cli/main.js');
const RUN = `regional-${new Date().toISOString().slice(0, 19).replace(/[-:]/g, '').replace('T', '-')}`;

// The demo has its own account and server, whatever the environment of this shell.
const SETTINGS =
  /^(TEMPORAL_|SNOWFLAKE_|PRIVATE_KEY_PASSPHRASE$|PARTWISE_(FUNCTIONS|WAREHOUSE|STAGE|TASK_QUEUE|RUNNERS)$)/;
for (const name of Object.keys(process.env)) if (SETTINGS.test(name)) delete process.env[name];

const withoutPython = await makePythonEnv();
if (withoutPython !== null) {
  console.error(`The Snowflake emulator cannot be started: ${withoutPython}.`);
  process.exit(2);
}
// The emulator exits when its standard input closes.
const emulator = spawn(PYTHON, ['test/support/snowflake_emulator'], {
  stdio: ['pipe', 'pipe', 'ignore'],
  env: { ...process.env, PYTHONDONTWRITEBYTECODE: '1' },
});
const port = await Promise.race([
  once(emulator.stdout, 'data').then(String),
  once(emulator, 'exit').then(() => Promise.reject(new Error('The Snowflake emulator exited immediately.'))),
]);
const home = mkdtempSync(join(tmpdir(), 'partwise-snowflake-'));
const connection = {
  account: 'emulated',
  user: 'me',
  password: 'any',
  access_url: `http://127.0.0.1:${port.trim()}`,
  role: 'PARTWISE',
  warehouse: 'PARTWISE_WH',
  database: 'ANALYTICS',
  schema: 'PUBLIC',
};
const lines = Object.entries(connection).map(([key, value]) => `${key} = ${JSON.stringify(value)}\n`);
writeFileSync(join(home, 'connections.toml'), `[analytics]\n${lines.join('')}`, { mode: 0o600 });
process.env.SNOWFLAKE_HOME = home;

try {
  await setUp();
  show('npx partwise', [CLI, 'doctor']);
  const run = ['run', 'salesByRegion', '--from', 'sales_data', '--by', 'region', '--run-id', RUN];
  show('npx partwise', [CLI, ...run, '--output', 'sales_summary']);
  show('npx partwise', [CLI, 'artifacts', 'get', RUN, 'North', 'sales_summary.json']);
  show('node', ['read-back.mjs', RUN]);
  if (process.stdin.isTTY) await waitForEnter();
} finally {
  emulator.stdin.end();
  rmSync(home, { recursive: true, force: true });
}

async function setUp() {
  const { closeSessions, poolOf } = createRequire(import.meta.url)('../dist/snowflake/index.js');
  const statements = readFileSync(join(EXAMPLE, 'setup.sql'), 'utf8').split(/;\s*$/m);
  for (const statement of statements.filter((each) => each.trim() !== ''))
    await poolOf('analytics').run(statement);
  await closeSessions();
}

/** Runs a command in the example's folder, as a user with the connection would. */
function show(program, args) {
  const shown = args[0] === CLI ? args.slice(1) : args;
  console.log(`\n$ ${[program, ...shown].join(' ')}`);
  const { status } = spawnSync(process.execPath, args, { cwd: EXAMPLE, stdio: 'inherit' });
  if (status !== 0) process.exitCode = 1;
}

async function waitForEnter() {
  console.log(
    `\nThe emulator runs until you press Enter. To try more in another shell:\n\n  cd ${resolve(EXAMPLE)}\n  export SNOWFLAKE_HOME=${home}\n`,
  );
  const terminal = createInterface({ input: process.stdin });
  await once(terminal, 'line');
  terminal.close();
}
