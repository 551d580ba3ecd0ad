/**
 * Runs every command and program in the documents as a reader would: in order, in the folder that they name.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { appendFile, cp, mkdir, mkdtemp, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { build } from 'esbuild';
import { readConfigFile } from '../src/config/load';
import { checkConfig } from '../src/config/schema';
import { endBackground, findTemporalBinary } from '../src/temporal/index';
import { CLI } from './support/cli';
import {
  blocksOf,
  commandsOf,
  DOCUMENTS,
  exampleOf,
  namedCommandsOf,
  type Block,
  type Command,
} from './support/documents';
import { itLong } from './support/long';
import { hasPython, PYTHON } from './support/python-server';
import { end, REPOSITORY } from './support/project';
import { describeEmulator, startSnowflake, type TestSnowflake } from './support/snowflake';
import { userEnvironment, run, type Ran } from './support/shell';

/** The README shows the output of this example. */
const SHOWN_EXAMPLE = 'examples/texas-housing';
const TSC = join(REPOSITORY, 'node_modules/typescript/bin/tsc');

/** Documents whose commands need Snowflake: the emulator stands in for the account that they name. */
const ON_SNOWFLAKE = /snowflake/;
/** Documents whose commands need Python. */
const IN_PYTHON = /restaurant-traffic|examples\/dpf|docs\/python|from-snowflake/;
/** Documents for people who have installed the wheel. */
const WITH_WHEEL = /examples\/dpf|from-snowflake/;
/** Commands that train many models, or repeat on Snowflake what test/snowflake-cli.test.ts runs. */
const TAKES_LONG =
  /^examples\/(airport-traffic|restaurant-traffic|snowflake-regional-sales)\/\S+ (npx|node|python) | jupyter execute /;
let snowflake: TestSnowflake | null = null;

/** A copy of what a reader has: the examples, the build, and empty folders for "in your project". */
let root: string;
let env: NodeJS.ProcessEnv;
const folderOf = (document: string): string => {
  const own: Record<string, string> = {
    'docs/python.md': 'your-python-project',
    // It goes on with the data of this example.
    'docs/from-snowflake.md': 'examples/dpf',
  };
  return join(root, exampleOf(document) ?? own[document] ?? 'your-project');
};

beforeAll(async () => {
  root = await realpath(await mkdtemp(join(tmpdir(), 'partwise-docs-')));
  for (const folder of ['bin', 'node_modules', 'your-project', 'your-python-project'])
    await mkdir(join(root, folder));
  await symlink(REPOSITORY, join(root, 'node_modules', 'partwise'));
  await symlink(join(REPOSITORY, 'dist'), join(root, 'dist'));
  // The packages and data that the examples use.
  await symlink(join(REPOSITORY, 'node_modules/@duckdb'), join(root, 'node_modules/@duckdb'));
  await symlink(join(REPOSITORY, 'test'), join(root, 'test'));
  await cp(join(REPOSITORY, 'examples'), join(root, 'examples'), {
    recursive: true,
    filter: (from) => !/[\\/](\.partwise|stage)$|\.duckdb$/.test(from),
  });
  // `npx partwise` without npm, `npm install partwise` without a registry, and a `temporal` that is known to
  // exist.
  const programs = {
    npx: `[ "$1" = partwise ] && shift && exec "${process.execPath}" "${CLI}" "$@"`,
    npm: '[ "$*" = "install partwise" ]',
    python: `exec "${PYTHON}" "$@"`,
    jupyter: `exec "${PYTHON}" -m jupyter "$@"`,
    // `python3 -m venv .venv`: an environment that has the packages already.
    python3: `mkdir -p "$3/bin" && ln -sf "${join(root, 'bin/python')}" "$3/bin/python" && ln -sf /bin/true "$3/bin/pip"`,
  };
  for (const [name, script] of Object.entries(programs)) {
    await writeFile(join(root, 'bin', name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  }
  const temporal = await findTemporalBinary({ projectDir: root, env: process.env });
  await symlink(temporal.path, join(root, 'bin', 'temporal'));
  await symlink(process.execPath, join(root, 'bin', 'node'));
  if (hasPython) {
    snowflake = await startSnowflake({ as: { name: 'analytics', database: 'ANALYTICS', schema: 'PUBLIC' } });
    await snowflake.executeFile(join(REPOSITORY, 'examples/snowflake-regional-sales/setup.sql'));
  }
  // Training all models of the examples takes minutes.
  env = userEnvironment({
    AIRPORT_DESTINATIONS: '9',
    RESTAURANT_STORES: '2',
    PARTWISE_PYTHON: PYTHON,
    PATH: [join(root, 'bin'), process.env.PATH].join(delimiter),
  });
});

const servers = new Map<string, { address: string; process: ChildProcess }>();

afterAll(async () => {
  await Promise.all([...servers.values()].map((dev) => end(dev.process)));
  await Promise.all([...new Set(DOCUMENTS.map(folderOf))].map((folder) => endBackground(folder)));
  await snowflake?.close();
  await rm(root, { recursive: true, force: true });
}, 60_000);

const PYTHONPATH = join(REPOSITORY, 'python');

function shell(line: string, folder: string, withWheel: boolean): Promise<Ran> {
  return run('sh', ['-c', line], folder, withWheel ? { ...env, PYTHONPATH } : env);
}

/** Runs a line unchanged; fails with its place unless it exits with 0. */
async function tryOut(
  { place, line }: Command,
  folder: string,
  withWheel = WITH_WHEEL.test(place),
): Promise<Ran> {
  const ran = await shell(line, folder, withWheel);
  if (ran.code === 0) return ran;
  throw new Error(
    `${place} shows \`${line}\`, which exited with ${ran.code} in ${folder}:\n${ran.stderr}${ran.stdout}`,
  );
}

/** Starts `partwise dev --open` in a folder; resolves with the address of its server. */
async function serverOf(folder: string): Promise<string> {
  const running = servers.get(folder);
  if (running !== undefined) return running.address;
  const dev = spawn('npx', ['partwise', 'dev', '--open'], {
    cwd: folder,
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let troubles = '';
  dev.stderr.setEncoding('utf8').on('data', (text: string) => (troubles += text));
  for await (const line of createInterface(dev.stdout)) {
    const address = /--address (\S+)/.exec(line)?.[1];
    if (address === undefined) continue;
    servers.set(folder, { address, process: dev });
    dev.stdout.resume();
    return address;
  }
  throw new Error(`\`npx partwise dev --open\` in ${folder} ended before it told an address: ${troubles}`);
}

/**
 * Temporal's own CLI needs a server with a known address: `partwise dev --open`, which uses another port if
 * 7233 is taken.
 */
async function tryTemporal({ place, line }: Command, folder: string): Promise<void> {
  expect(line).toContain('--address 127.0.0.1:7233');
  await tryOut({ place, line: line.replace('127.0.0.1:7233', await serverOf(folder)) }, folder);
  const [, started] = / workflow start .*--workflow-id (\S+)/.exec(line) ?? [];
  if (started !== undefined) await tryOut({ place, line: `npx partwise watch ${started}` }, folder);
}

/** A console serves until Ctrl-C: its page must be there, and its API with the token or user it needs. */
async function tryConsole({ place, line }: Command, folder: string): Promise<void> {
  const child = spawn('sh', ['-c', `exec ${line}`], { cwd: folder, env, stdio: ['ignore', 'pipe', 'pipe'] });
  let troubles = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (troubles += text));
  let address: URL | null = null;
  for await (const printed of createInterface(child.stdout)) {
    const [url] = /http:\S+/.exec(printed) ?? [];
    if (url === undefined) continue;
    address = new URL(url);
    break;
  }
  if (address === null) throw new Error(`${place}: \`${line}\` printed no address: ${troubles}`);
  const token = address.hash.replace('#token=', '');
  const headers = new Headers(
    token === '' ? { 'x-forwarded-user': 'ann@example.com' } : { authorization: `Bearer ${token}` },
  );
  const paths = [address, new URL('api/v1/runs', address)];
  const answers = await Promise.all(paths.map((each) => fetch(each, { headers })));
  expect({ place, answers: answers.map(({ status }) => status) }).toEqual({ place, answers: [200, 200] });
  child.kill('SIGINT');
  await once(child, 'exit');
  expect({ place, line, code: child.exitCode }).toEqual({ place, line, code: 0 });
}

async function typeCheck({ place }: Block, folder: string, file: string): Promise<void> {
  const flags =
    '--ignoreConfig --strict --noEmit --skipLibCheck --target es2022 --module esnext --moduleResolution bundler';
  const { code, stdout } = await run(process.execPath, [TSC, ...flags.split(' '), file], folder, env);
  if (code !== 0) throw new Error(`${place} shows code that does not type-check:\n${stdout}`);
}

/** A functions file: the example's own, or one that a reader tries in the new project. */
async function tryFunctions(block: Block, folder: string): Promise<void> {
  const file = join(folder, 'functions.ts');
  const before = readFileSync(file, 'utf8');
  if (exampleOf(block.place) !== null) expect(block.text).toBe(before);
  await writeFile(file, block.text);
  try {
    await typeCheck(block, folder, 'functions.ts');
    if (block.text === before) return;
    const from = ON_SNOWFLAKE.test(block.place)
      ? '--warehouse snowflake:analytics --from sales_data'
      : '--from sales.csv';
    const line = `npx partwise run salesByRegion ${from} --by region`;
    const { stdout } = await tryOut({ place: block.place, line }, folder);
    expect(stdout).toMatch(/^region {2,}\S.*\n\S/m);
  } finally {
    await writeFile(file, before);
  }
}

/** Functions in Python, which a reader adds to the project's; a test, which is run. */
async function tryPython({ place, text }: Block, folder: string): Promise<void> {
  if (text.includes('partwise.testing')) {
    await writeFile(join(folder, 'test_shown.py'), text);
    await tryOut({ place, line: '.venv/bin/python -m pytest test_shown.py' }, folder);
    return;
  }
  const names = [...text.matchAll(/^def (\w+)\(\w+, context\):$/gm)].map(([, name]) => name!);
  expect(names).not.toEqual([]);
  // Other pages go on with the README's project, which is in TypeScript.
  const file = place.startsWith('README.md') ? 'shown.py' : 'functions.py';
  await appendFile(join(folder, file), `\n\n${text}`);
  for (const name of names)
    await tryOut({ place, line: `npx partwise run ${file}:${name} --from sales.csv --by region` }, folder);
}

/** A program of the reader's, in a project with a configuration of its own. */
async function tryPythonProgram({ place, text }: Block, folder: string): Promise<void> {
  await writeFile(join(folder, 'shown.py'), text);
  const { stdout } = await tryOut({ place, line: 'python shown.py' }, folder, true);
  expect(stdout).toMatch(/^(North .*DONE|RunStatus\.SUCCESS$)/m);
}

/** A model: the example's own, or one that the reader's project has from then on. */
async function tryModel(block: Block, folder: string): Promise<void> {
  const file = join(folder, 'functions.ts');
  const before = readFileSync(file, 'utf8');
  if (exampleOf(block.place) !== null) return expect(block.text).toBe(before);
  await writeFile(join(folder, 'model.ts'), block.text);
  await typeCheck(block, folder, 'model.ts');
  await writeFile(file, `export * from './model';\n${before}`);
}

/** A program of the reader's, or a test of a function, which prints nothing. */
async function tryProgram(block: Block, folder: string): Promise<void> {
  const isTest = block.text.includes('partwise/testing');
  const print = isTest ? 'console.log(JSON.stringify({ rows, uploads: [...uploads.keys()] }));\n' : '';
  await writeFile(join(folder, 'shown.ts'), block.text + print);
  await typeCheck(block, folder, 'shown.ts');
  await build({
    entryPoints: [join(folder, 'shown.ts')],
    outfile: join(folder, 'shown.mjs'),
    bundle: true,
    packages: 'external',
    format: 'esm',
    platform: 'node',
  });
  const { stdout } = await tryOut({ place: block.place, line: 'node shown.mjs' }, folder);
  if (isTest) {
    // The function prints too, before this line.
    const { rows, uploads } = JSON.parse(stdout.trim().split('\n').at(-1)!) as {
      rows: unknown[];
      uploads: string[];
    };
    expect({ rows, uploads }).toEqual({
      rows: [expect.objectContaining({ region: 'North', orders: 1 })],
      uploads: ['sales_summary.json'],
    });
  } else if (block.text.includes('.results()')) {
    expect(stdout).toMatch(/SUCCESS[^]*region: 'North'/);
  }
}

/** A configuration file: it is checked like the project's own. */
async function tryConfiguration(block: Block, folder: string): Promise<void> {
  await writeFile(join(folder, 'shown-config.ts'), block.text);
  await typeCheck(block, folder, 'shown-config.ts');
  expect(checkConfig(await readConfigFile(join(folder, 'shown-config.ts'))).problems).toEqual([]);
}

/**
 * Commands and their output, in sequence: every line must match, except for values that differ between runs.
 * `# exits with 1` after a command gives its exit code.
 */
async function tryShownOutput({ place, text }: Block, folder: string): Promise<void> {
  for (const part of text.trim().split(/^\$ /m).slice(1)) {
    const [first, ...shown] = part.trimEnd().split('\n');
    const [, line, code = '0'] = /^(.*?)(?: +# exits with (\d+))?$/.exec(first!)!;
    const own = line!.startsWith('temporal ')
      ? line!.replace('127.0.0.1:7233', await serverOf(folder))
      : line!;
    const ran = await shell(own, folder, false);
    const printed = [...ran.stderr.split('\n'), ...ran.stdout.split('\n')].map(normalized);
    const lasting = shown.filter((each) => each !== '' && !/ (RUNNING|PENDING)/.test(each)).map(normalized);
    expect({ place, line, code: `${ran.code}`, printed }).toEqual({
      place,
      line,
      code,
      printed: expect.arrayContaining(lasting),
    });
  }
}

/** Replaces values that differ between runs (ids, times, column widths). */
function normalized(line: string): string {
  return line
    .replace(/\d{8}-\d{6}-\w{4}/g, 'ID')
    .replace(/took .*/, 'took')
    .replace(/\d{4}-\d\d-\d\d(T| )\d\d:\d\d(:\d\d(\.\d+)?)?Z?/g, 'TIME')
    .replace(/\b\d+(\.\d+)? (ms|s|min)\b/g, 'DURATION')
    .replace(/\bnode \S+main\.js\b/, 'npx partwise')
    .replace(/ {2,}/g, '  ')
    .trimEnd();
}

describe('the demo', () => {
  let printed: string;

  it('exits with 0 and shows the cities, their prices, and why four of them failed', async () => {
    const { stdout, stderr } = await tryOut(
      { place: 'package.json', line: 'node examples/texas-housing/demo.mjs' },
      root,
    );
    expect(stdout).toMatch(/[▁▂▃▄▅▆▇█]{16} +\+\d+\.\d % +\$\d+,\d+ +█+/);
    expect(stdout).toContain('42 DONE, 4 FAILED');
    expect(stderr).not.toContain('Using Temporal CLI');
    expect(stderr).toContain('Kerrville  ExpectationFailed: 104 of 187 months have no sales');
    printed = stdout;
  });

  it('prints commands to try next, each of which works as printed', async () => {
    const commands = [...printed.matchAll(/^ +(node dist\/cli\/main\.js .*?)(?: {2,}.*)?$/gm)].map(
      ([, line]) => line!,
    );
    expect(commands.map((line) => line.split(' ')[2])).toEqual(['debug', 'retry', 'logs']);
    for (const line of commands) {
      const { code, stdout } = await shell(line, root, false);
      // The function throws again on the same rows; for the run, this is within the tolerance.
      expect({ line, code }).toEqual({ line, code: line.includes(' debug ') ? 1 : 0 });
      expect(stdout).not.toBe('');
    }
  });
});

describeEmulator('the Snowflake demo', () => {
  itLong('runs the example on its own emulated account, whatever the environment of the shell', async () => {
    for (const part of ['scripts', 'node_modules/.cache'])
      await symlink(join(REPOSITORY, part), join(root, part));
    const { stdout } = await tryOut({ place: 'package.json', line: 'node scripts/demo-snowflake.mjs' }, root);
    expect(stdout).toContain('✓ unload');
    expect(stdout).toContain('4 DONE');
    expect(stdout).toContain('wrote 4 rows to sales_summary');
    expect(stdout).toMatch(/^total 43200$/m);
  });

  itLong("runs a driver for DPF on Snowflake, with Snowflake's names of columns", async () => {
    const folder = join(root, 'your-snowflake-project');
    await mkdir(folder);
    await cp(join(root, 'examples/dpf/regional_sales.py'), join(folder, 'regional_sales.py'));
    await writeFile(
      join(folder, 'partwise.config.json'),
      '{ "warehouse": "snowflake:analytics", "stage": "@ANALYTICS.PUBLIC.PARTWISE/dpf" }',
    );
    await snowflake!.execute('CREATE STAGE IF NOT EXISTS analytics_stage');
    const ran = { place: 'examples/dpf', line: 'python -m partwise regional_sales.py' };
    const model = `
import pandas
from partwise import custom_model
from partwise.registry import Registry

class Total(custom_model.CustomModel):
    @custom_model.partitioned_api
    def predict(self, X): return pandas.DataFrame({"TOTAL": [X["AMOUNT"].sum()]})

version = Registry().log_model(Total(), model_name="total")
totals = version.run("SALES_DATA", partition_column="REGION")
print(list(totals.columns), totals["TOTAL"].sum())
frame = pandas.DataFrame({"region": ["North"], "AMOUNT": [1.5]})
print(version.run(frame, partition_column="region").values.tolist())
`;
    await writeFile(join(folder, 'model.py'), model);
    const { stdout } = await tryOut(ran, folder);
    const registry = await tryOut({ ...ran, line: 'python model.py' }, folder);
    await endBackground(folder);
    expect(registry.stdout.split('\n')).toEqual(["['REGION', 'TOTAL'] 43200.0", "[['North', 1.5]]", '']);
    expect(stdout).toMatch(
      /^North +\d+ orders .*[^]*^total +43,200\.00\nRunStatus\.SUCCESS \['sales_summary\.json'\]$/m,
    );
  });
});

function trierOf({ line }: Command): (command: Command, folder: string) => Promise<unknown> {
  if (line.startsWith('temporal ')) return tryTemporal;
  return line.startsWith('npx partwise console') ? tryConsole : tryOut;
}

type Step = [title: string, tryIt: () => Promise<unknown>];

function stepsOf(block: Block, folder: () => string): Step[] {
  const { place, language, text } = block;
  const title = `${place} ${text.split('\n')[0]}`;
  if (language === 'sh') {
    return commandsOf(block).map((command) => [
      `${command.place} ${command.line.slice(0, 100)}`,
      () => trierOf(command)(command, folder()),
    ]);
  }
  if (language === 'ts') {
    const tryCode = text.includes('definePartitionFunction(')
      ? tryFunctions
      : text.includes('definePartitionModel(') || text.includes('gradientBoostedTrees(')
        ? tryModel
        : text.includes('defineConfig(')
          ? tryConfiguration
          : tryProgram;
    return [[title, () => tryCode(block, folder())]];
  }
  if (language === 'python' && /^(README\.md|docs\/(python|from-snowflake)\.md):/.test(place)) {
    const tryCode = /^from partwise(\.dpf)? import (Partwise|DPF)/m.test(text) ? tryPythonProgram : tryPython;
    return [[title, () => tryCode(block, folder())]];
  }
  const shownIn = (): string => (place.startsWith('README.md') ? join(root, SHOWN_EXAMPLE) : folder());
  return text.startsWith('$ ') ? [[title, () => tryShownOutput(block, shownIn())]] : [];
}

/**
 * `partwise logs RUN [-f]` is a pattern; without such placeholders it is a command. `dev` never ends on its
 * own.
 */
const isPattern = (line: string): boolean => /^npx partwise (dev\b|\S+$)| [A-Z]{3,}\b|[[\]|…]/.test(line);

/** What a command prints for `--help`, for all documents that name it. */
const helps = new Map<string, Promise<Ran>>();

/** The command exists, and has the options that are named. */
async function tryPattern({ place, line }: Command): Promise<void> {
  const [, , name, ...words] = line.split(/[\s[\]|]+/);
  // Temporal's CLI prints its own help.
  const asking = name === 'temporal' ? 'npx partwise help temporal' : `npx partwise ${name} --help`;
  const help = helps.get(asking) ?? tryOut({ place, line: asking }, root);
  helps.set(asking, help);
  const { stdout } = await help;
  expect(stdout).toContain(`partwise ${name}`);
  for (const word of words) {
    if (word.startsWith('-')) expect(stdout).toMatch(new RegExp(`^ .*${word}\\b`, 'm'));
  }
}

for (const document of DOCUMENTS) {
  const steps = [
    ...blocksOf(document).flatMap((block) => stepsOf(block, () => folderOf(document))),
    ...namedCommandsOf(document).map((command): Step => {
      // A run id is taken once its block has run.
      const again = { ...command, line: command.line.replace(/--run-id (\S+)/, '--run-id $1-again') };
      return [
        `${command.place} ${command.line}`,
        () => (isPattern(command.line) ? tryPattern(command) : trierOf(again)(again, folderOf(document))),
      ];
    }),
  ];
  const group = ON_SNOWFLAKE.test(document)
    ? describeEmulator
    : IN_PYTHON.test(document) && !hasPython
      ? describe.skip
      : describe;
  if (steps.length === 0) continue;
  group(`${document}:`, () => {
    for (const [title, tryIt] of steps) (TAKES_LONG.test(title) ? itLong : it)(title, tryIt);
  });
}
