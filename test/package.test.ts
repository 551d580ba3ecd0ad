/**
 * Partwise as a user gets it: packed, installed into an empty folder outside the repository, and used from
 * there.
 */
import { existsSync, readFileSync, readdirSync, readlinkSync, statSync } from 'node:fs';
import { mkdir, mkdtemp, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join, relative, sep } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { endBackground } from '../src/temporal/index';
import { itLong } from './support/long';
import { installNodes, nodePackage, nodeProgram, npmInstall, OTHER_NODES } from './support/nodes';
import { REPOSITORY } from './support/project';
import { mustRun, userEnvironment, run, type Ran } from './support/shell';

const TSC = join(REPOSITORY, 'node_modules/typescript/bin/tsc');

let root: string;
let app: string;
let jsApp: string;
let installed: string;
let tarball: string;
let otherNodes: Promise<Ran>;
/** Projects whose server and worker must be stopped. */
const projects: string[] = [];

beforeAll(async () => {
  root = await realpath(await mkdtemp(join(tmpdir(), 'partwise-package-')));
  [app, jsApp] = [await folder('app'), await folder('js-app')];
  await mustRun(
    'npm',
    ['pack', '--ignore-scripts', '--loglevel=error', '--pack-destination', root],
    REPOSITORY,
  );
  tarball = join(
    root,
    readdirSync(root).find((name) => name.endsWith('.tgz'))!,
  );
  otherNodes = installNodes(await folder('nodes'));
  const { code, stderr } = await npmInstall(app, tarball);
  if (code !== 0) throw new Error(`\`npm install ${tarball}\` exited with ${code}: ${stderr}`);
  installed = join(app, 'node_modules', 'partwise');
  await symlink(join(app, 'node_modules'), join(jsApp, 'node_modules'));
  await writeFile(join(jsApp, 'package.json'), '{ "type": "module" }');
}, 300_000);

afterAll(async () => {
  await otherNodes;
  await Promise.all(projects.map((project) => endBackground(project)));
  await rm(root, { recursive: true, force: true });
}, 60_000);

async function folder(name: string): Promise<string> {
  const made = join(root, name);
  await mkdir(made);
  return made;
}

/** Files in the folder, with `/` separators; packages inside are left out. */
const filesOf = (below: string): string[] =>
  readdirSync(below, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(below, join(entry.parentPath ?? entry.path, entry.name)).replaceAll(sep, '/'))
    .filter((name) => !name.startsWith('node_modules/'));

describe('the package', () => {
  it('contains what users run and read, and neither tests nor build state', () => {
    const files = filesOf(installed);
    expect(
      files.filter(
        (name) =>
          !/^((dist|docs|deploy|examples)\/.+|python\/partwise\/.+\.py|(README|CHANGELOG)\.md|LICENSE|package\.json)$/.test(
            name,
          ),
      ),
    ).toEqual([]);
    expect(
      files.filter((name) =>
        /(^|\/)\.|\.test\.|tsbuildinfo|\.(duckdb|db|log|tgz)$|^examples\/.*\/stage\//.test(name),
      ),
    ).toEqual([]);
    expect(files).toEqual(
      expect.arrayContaining([
        'README.md',
        'LICENSE',
        'docs/architecture.md',
        'examples/regional-sales/functions.ts',
        'dist/workflow-bundle.js',
        'dist/build.json',
        'dist/cli/templates/functions.ts.txt',
      ]),
    );
    // 2.4 MB packed, 8.5 MB unpacked, about 2,500 files; the workflow bundle is the largest. Anything that
    // does not belong there weighs more than the margin.
    expect(statSync(tarball).size).toBeLessThan(2_450_000);
  });

  it('is exactly what the sources compile to', () => {
    const compiled = (name: string): string => name.replace(/\.ts$/, '');
    // The page is one bundle, of which the next test is.
    const isPage = (name: string): boolean => name.startsWith('console/page/');
    const shipped = filesOf(join(installed, 'dist')).filter((name) => !isPage(name));
    const sources = filesOf(join(REPOSITORY, 'src')).filter((name) => name.endsWith('.ts') && !isPage(name));
    for (const ending of ['.js', '.d.ts', '.js.map']) {
      const these = shipped.filter((name) => name.endsWith(ending) && name !== 'workflow-bundle.js');
      expect(these.sort()).toEqual(sources.map((name) => compiled(name) + ending).sort());
    }
  });

  it("has the console's page as three files, small and without source maps", () => {
    const below = join(installed, 'dist/console/page');
    expect(filesOf(below).sort()).toEqual(['app.css', 'app.js', 'index.html']);
    const sent = (name: string): number => gzipSync(readFileSync(join(below, name))).length;
    expect(sent('app.js')).toBeLessThan(120_000);
    expect(sent('app.css')).toBeLessThan(15_000);
    for (const name of ['app.js', 'app.css'])
      expect(readFileSync(join(below, name), 'utf8')).not.toContain('sourceMappingURL');
  });

  it('contains no path of the machine that built it, including in source maps', () => {
    const offending = filesOf(installed).filter((name) => {
      const text = readFileSync(join(installed, name), 'utf8');
      const maps = [...text.matchAll(/sourceMappingURL=data:[^,]+;base64,(\S+)/g)].map(([, map]) =>
        Buffer.from(map!, 'base64').toString(),
      );
      return [text, ...maps].some((each) =>
        ['src', 'dist', 'node_modules'].some((inside) => each.includes(join(REPOSITORY, inside) + sep)),
      );
    });
    expect(offending).toEqual([]);
  });
});

/** The program that `npx partwise` finds in a project. */
const BIN = join('node_modules', '.bin', 'partwise');
const partwise = (project: string, ...args: string[]): Promise<string> => mustRun(BIN, args, project);

/** The result of a plain program on the same file. */
function expectedSales(project: string): { region: string; orders: number; total: number }[] {
  const [, ...lines] = readFileSync(join(project, 'sales.csv'), 'utf8').trim().split('\n');
  const sales = lines.map((line) => line.split(',') as [string, string, string]);
  return [...new Set(sales.map(([region]) => region))].sort().map((region) => {
    const amounts = sales.filter(([of]) => of === region).map(([, , amount]) => Number(amount));
    const total = Math.round(amounts.reduce((sum, amount) => sum + amount, 0) * 100) / 100;
    return { region, orders: amounts.length, total };
  });
}

async function followReadme(project: string): Promise<void> {
  projects.push(project);
  const readme = readFileSync(join(project, 'README.md'), 'utf8');
  const [line] = /npx partwise run .+/.exec(readme)!;
  const [, program, ...words] = line.split(' ');
  expect(program).toBe('partwise');
  await partwise(project, ...words, '--run-id', 'first');
  const results = JSON.parse(await partwise(project, 'results', 'first', '--json')) as unknown;
  expect(results).toEqual(expectedSales(project).map((row) => expect.objectContaining(row)));
  expect(await partwise(project, 'artifacts', 'get', 'first', 'North', 'sales_summary.json')).toContain(
    '"orders"',
  );
  expect(await partwise(project, 'doctor')).toMatch(/✓ functions .*salesByRegion/);
}

describe('an empty folder after `npm install partwise`', () => {
  const init = (project: string, ...flags: string[]): Promise<string> =>
    mustRun('npx', ['partwise', 'init', ...flags], project);

  it('gets a TypeScript project from `npx partwise init`, whose README commands work', async () => {
    await init(app);
    await followReadme(app);
    expect(existsSync(join(app, 'functions.ts'))).toBe(true);
  });

  it('gets a JavaScript project from `npx partwise init --js`', async () => {
    await init(jsApp, '--js');
    expect(existsSync(join(jsApp, 'functions.js'))).toBe(true);
  });

  itLong("gets a JavaScript project whose README's commands work", () => followReadme(jsApp));
});

/** A program that uses every entry point of the package. */
const PROGRAM = `
import { Partwise, type RunState } from 'partwise';
import { runPartitionFunction } from 'partwise/testing';
import { startWorker } from 'partwise/worker';
import config from './partwise.config.js';
import { salesByRegion } from './functions.js';

export async function state(): Promise<RunState> {
  const partwise = await Partwise.connect();
  const run = await partwise.start({ function: salesByRegion.name, source: { files: 'sales.csv' }, partitionBy: ['region'] });
  return run.wait();
}
export const rows = async (): Promise<object[]> => (await runPartitionFunction(salesByRegion, { rows: [{ amount: 1 }] })).rows;
export { config, startWorker };
`;

async function typeCheck(name: string, options: Record<string, unknown>): Promise<string> {
  await writeFile(join(app, 'program.ts'), PROGRAM);
  const project = join(app, `tsconfig.${name}.json`);
  const files = ['functions.ts', 'partwise.config.ts', 'program.ts'];
  const strict = {
    target: 'es2022',
    strict: true,
    noUncheckedIndexedAccess: true,
    noEmit: true,
    skipLibCheck: true,
  };
  await writeFile(project, JSON.stringify({ compilerOptions: { ...strict, ...options }, files }));
  return (await run(process.execPath, [TSC, '--pretty', 'false', '-p', project], app)).stdout;
}

describe('declarations', () => {
  it.each([
    ['module nodenext', { module: 'nodenext', lib: ['es2023'], types: ['node'] }],
    ['moduleResolution bundler', { module: 'esnext', moduleResolution: 'bundler' }],
  ])('compile in a strict project with %s', async (name, options) => {
    expect(await typeCheck(name.split(' ').at(-1)!, options)).toBe('');
  });

  it('need nothing that is not installed with the package, so that libraries can be checked too', async () => {
    const errors = await typeCheck('libraries', { module: 'nodenext', skipLibCheck: false });
    // Temporal's types of workers, which `partwise/worker` needs, do not compile with the newest @types/node.
    expect(
      errors.split('\n').filter((line) => /^(?!node_modules\/@temporalio\/worker\/|\s|$)/.test(line)),
    ).toEqual([]);
  });
});

describe('optional drivers', () => {
  const versions = (
    JSON.parse(readFileSync(join(REPOSITORY, 'package.json'), 'utf8')) as {
      devDependencies: Record<string, string>;
    }
  ).devDependencies;
  const command = (...packages: string[]): string =>
    `npm install ${packages.map((name) => `${name}@${versions[name]}`).join(' ')}`;
  const snowflake = command('snowflake-sdk');
  const s3 = command('@aws-sdk/client-s3');
  const tracing = command(
    '@opentelemetry/exporter-trace-otlp-http',
    '@opentelemetry/resources',
    '@opentelemetry/sdk-trace-node',
    '@temporalio/interceptors-opentelemetry',
  );

  it('are listed in the README with the same commands', () => {
    const readme = readFileSync(join(REPOSITORY, 'README.md'), 'utf8');
    for (const install of [snowflake, s3, tracing]) expect(readme).toContain(`\`${install}\``);
  });

  it('are not installed with the package', () => {
    const names = ['snowflake-sdk', '@aws-sdk', '@opentelemetry', '@temporalio/interceptors-opentelemetry'];
    expect(names.filter((name) => existsSync(join(app, 'node_modules', name)))).toEqual([]);
  });

  it.each([
    ['a warehouse on Snowflake', { warehouse: 'snowflake:analytics' }, '"snowflake:analytics"', snowflake],
    ['a stage on S3', { stage: 's3://bucket/prefix' }, '"s3://bucket/prefix/"', s3],
    [
      'a collector of traces',
      { worker: { traces: 'http://127.0.0.1:4318/v1/traces' } },
      'traces to "http://127.0.0.1:4318/v1/traces"',
      tracing,
    ],
  ])(
    'are requested with their install command if the configuration names %s (I9)',
    async (_, config, user, install) => {
      const project = await folder(`lean-${Object.keys(config)[0]}`);
      await symlink(join(app, 'node_modules'), join(project, 'node_modules'));
      await writeFile(join(project, 'partwise.config.json'), JSON.stringify(config));
      await writeFile(join(project, 'sales.csv'), 'region,amount\nNorth,1\n');
      const sql = ['--sql', 'SELECT 1 AS one', '--from', 'sales.csv', '--by', 'region'];
      for (const words of [['doctor'], ['run', ...sql], ['plan', ...sql], ['list'], ['worker']]) {
        const { code, stdout, stderr } = await run(BIN, words, project);
        expect({ words, code }).toEqual({ words, code: 2 });
        expect(`${stdout}${stderr}`).toContain(`needed for ${user}. Install next to partwise: ${install}\n`);
        expect(`${stdout}${stderr}`).not.toContain('MODULE_NOT_FOUND');
      }
      expect(existsSync(join(project, '.partwise'))).toBe(false);
    },
  );

  it('are requested by both places that need one, with the same message (I9)', async () => {
    const project = await folder('lean-both');
    await symlink(join(app, 'node_modules'), join(project, 'node_modules'));
    const config = { warehouse: 'snowflake:analytics', stage: '@DB.SCHEMA.STAGE/path' };
    await writeFile(join(project, 'partwise.config.json'), JSON.stringify(config));
    const { stdout } = await run(BIN, ['doctor'], project);
    expect(stdout.match(/npm install/g)).toHaveLength(1);
    expect(stdout).toContain('"snowflake:analytics" and "snowflake://analytics/@');
  });

  it('are requested by a run whose input names such a stage, before anything starts (I9)', async () => {
    projects.push(app);
    await writeFile(
      join(app, 'on-s3.mjs'),
      `import { Partwise } from 'partwise';
      const partwise = await Partwise.connect();
      const run = await partwise.start({ function: 'salesByRegion', source: { files: 'sales.csv' }, partitionBy: ['region'], stage: 's3://bucket/prefix' });
      const { status, error, counts } = await run.wait();
      console.log(JSON.stringify({ status, error, total: counts.total }));
      await partwise.close();`,
    );
    const printed = JSON.parse(await mustRun(process.execPath, ['on-s3.mjs'], app)) as unknown;
    expect(printed).toEqual({
      status: 'FAILURE',
      total: 0,
      error: expect.objectContaining({ type: 'InvalidInput', message: expect.stringContaining(s3) }),
    });
  });
});

/** Names that Node adds to an imported CommonJS module. */
const INTEROP = ['__esModule', 'default', 'module.exports'];

describe('plain Node', () => {
  it.each(['partwise', 'partwise/testing', 'partwise/worker'])(
    "gets the same names from `require('%s')` and `import`",
    async (entry) => {
      const print = 'process.stdout.write(JSON.stringify(Object.keys(it).sort()))';
      const required = await mustRun(
        process.execPath,
        ['-e', `const it = require('${entry}'); ${print}`],
        app,
      );
      const imported = await mustRun(
        process.execPath,
        ['--input-type=module', '-e', `import * as it from '${entry}'; ${print}`],
        app,
      );
      const names = JSON.parse(imported) as string[];
      expect(names.filter((name) => !INTEROP.includes(name))).toEqual(JSON.parse(required));
      expect(names).toContain(
        {
          partwise: 'Partwise',
          'partwise/testing': 'runPartitionFunction',
          'partwise/worker': 'startWorker',
        }[entry],
      );
    },
  );

  const CALL = `runPartitionFunction(salesByRegion, { rows: [{ customer_id: 'N1', amount: 3 }], key: { region: 'North' } })
    .then(({ rows, uploads }) => console.log(JSON.stringify({ rows, uploads: [...uploads.keys()] })));`;
  /** The function prints too, before this line. */
  const lastLine = (printed: string): unknown => JSON.parse(printed.trim().split('\n').at(-1)!);
  const OUTCOME = {
    rows: [{ region: 'North', orders: 1, customers: 1, total: 3, average: 3 }],
    uploads: ['sales_summary.json'],
  };

  it('calls a function with `partwise/testing` from an ES module', async () => {
    await writeFile(
      join(jsApp, 'check.mjs'),
      `import { runPartitionFunction } from 'partwise/testing';\nimport { salesByRegion } from './functions.js';\n${CALL}`,
    );
    expect(lastLine(await mustRun(process.execPath, ['check.mjs'], jsApp))).toEqual(OUTCOME);
  });

  it('calls a function with `partwise/testing` from CommonJS', async () => {
    const source = readFileSync(join(jsApp, 'functions.js'), 'utf8')
      .replace(/^import (.*) from '(.*)';/, "const $1 = require('$2');")
      .replace('export const', 'const');
    await writeFile(
      join(jsApp, 'check.cjs'),
      `const { runPartitionFunction } = require('partwise/testing');\n${source}\n${CALL}`,
    );
    expect(lastLine(await mustRun(process.execPath, ['check.cjs'], jsApp))).toEqual(OUTCOME);
  });
});

/** Reports the Node version that runs it, and the one that runs the worker above it. */
const WHERE = `
import { readlinkSync } from 'node:fs';
import { definePartitionFunction } from 'partwise';

export const where = definePartitionFunction({
  name: 'where',
  run: () => ({ version: process.version, worker: process.platform === 'linux' ? readlinkSync(\`/proc/\${process.ppid}/exe\`) : null }),
});
`;

it.each(OTHER_NODES)('Node %d runs everything: command, server, worker and runners', async (major) => {
  const { code, stderr } = await otherNodes;
  const binary = nodeProgram(join(root, 'nodes'), major);
  if (!existsSync(binary)) {
    throw new Error(
      `There is no Node ${major} to try: \`npm install ${OTHER_NODES.map(nodePackage).join(' ')}\` exited with ${code}. ` +
        `This test needs the npm registry or npm's cache. npm said: ${stderr}`,
    );
  }
  const project = await folder(`node${major}`);
  projects.push(project);
  await symlink(join(app, 'node_modules'), join(project, 'node_modules'));
  await writeFile(join(project, 'functions.ts'), WHERE);
  await writeFile(join(project, 'partwise.config.ts'), "export default { functions: './functions.ts' };\n");
  await writeFile(join(project, 'sales.csv'), 'region,amount\nNorth,1\nSouth,2\n');

  const env = userEnvironment({ PATH: [dirname(binary), process.env.PATH].join(delimiter) });
  const command = async (...args: string[]): Promise<unknown> =>
    JSON.parse(await mustRun(binary, [join(installed, 'dist/cli/main.js'), ...args, '--json'], project, env));
  const done = { runId: 'smoke', status: 'SUCCESS', counts: { total: 2, DONE: 2 } };
  expect(
    await command('run', 'where', '--from', 'sales.csv', '--by', 'region', '--run-id', 'smoke'),
  ).toMatchObject(done);
  expect(await command('status', 'smoke')).toMatchObject(done);
  const linux = process.platform === 'linux';
  const here = { version: expect.stringMatching(`^v${major}\\.`), worker: linux ? binary : null };
  expect(await command('results', 'smoke')).toEqual([
    { region: 'North', ...here },
    { region: 'South', ...here },
  ]);
  if (linux) {
    const { pid } = JSON.parse(readFileSync(join(project, '.partwise/host.json'), 'utf8')) as { pid: number };
    expect(readlinkSync(`/proc/${pid}/exe`)).toBe(binary);
  }
});
