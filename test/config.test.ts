import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { ConfigError, loadConfig } from '../src/config';
import { checkConfig } from '../src/config/schema';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'partwise-config-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function write(name: string, content: string): Promise<string> {
  const file = join(folder, name);
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, content);
  return file;
}

async function problemsOf(loading: Promise<unknown>): Promise<readonly string[]> {
  const error: unknown = await loading.catch((caught: unknown) => caught);
  if (!(error instanceof ConfigError)) throw new Error(`No ConfigError, but ${String(error)}`);
  return error.problems;
}

test('without a configuration file, the working directory is the project and defaults apply', async () => {
  const functions = await write('functions.ts', '');
  const { temporal, ...others } = await loadConfig({ projectDir: folder, env: {} });
  expect(temporal.keys!.isEmpty).toBe(true);
  expect(others).toEqual({
    projectDir: folder,
    configFile: null,
    functions: [functions],
    python: null,
    warehouse: null,
    stage: join(folder, 'stage'),
    duckdb: {},
    worker: {},
    notify: {},
    allow: {},
  });
});

test.each([
  [
    'ts',
    'import { defineConfig } from "partwise"; const runners: number = 3; export default defineConfig({ worker: { runners } });',
  ],
  ['js', 'module.exports = { worker: { runners: 3 } };'],
  ['js', 'import { sep } from "node:path"; export default { worker: { runners: sep.length + 2 } };'],
  ['mjs', 'import { runners } from "./runners.ts"; export default { worker: { runners } };'],
  ['json', '{ "worker": { "runners": 3 } }'],
])('a configuration in .%s loads whatever package.json contains: %s', async (ending, content) => {
  await write('package.json', '{ "type": "commonjs" }');
  await write('runners.ts', 'export const runners = 3 as number;');
  const file = await write(`partwise.config.${ending}`, content);
  const config = await loadConfig({ projectDir: folder, env: {} });
  expect(config).toMatchObject({ configFile: file, worker: { runners: 3 } });
});

test('a configuration that uses more of partwise than defineConfig is refused with the names it may use', async () => {
  await write(
    'partwise.config.ts',
    'import { defineConfig, Partwise } from "partwise"; export default defineConfig({ stage: Partwise.name });',
  );
  await expect(loadConfig({ projectDir: folder, env: {} })).rejects.toMatchObject({
    name: 'ConfigError',
    message: expect.stringMatching(
      /partwise\.config\.ts.*It imports "Partwise" from "partwise", but a configuration can only import: defineConfig\. Move other code to the functions file/s,
    ),
  });
});

test('the configuration file is found from its subfolders, and its paths are relative to it', async () => {
  const functions = await write('src/partitions.ts', '');
  await write('partwise.config.json', '{ "functions": "./src/partitions.ts", "stage": "data/stage" }');
  await mkdir(join(folder, 'a/b'), { recursive: true });
  const config = await loadConfig({ cwd: join(folder, 'a/b'), env: {} });
  expect(config).toMatchObject({
    projectDir: folder,
    functions: [functions],
    stage: join(folder, 'data/stage'),
  });
});

test('without a setting, there is one functions file of each language, and all of them are used', async () => {
  await write('partwise.functions.js', '');
  const files = [await write('functions.mjs', ''), await write('functions.py', '')];
  expect(await loadConfig({ projectDir: folder, env: {} })).toMatchObject({ functions: files });
});

test('the functions may be in several files, and each of them must exist', async () => {
  const functions = [await write('a.ts', ''), await write('b.py', '')];
  await write('partwise.config.json', '{ "functions": ["a.ts", "./b.py"], "python": ".venv/bin/python" }');
  expect(await loadConfig({ projectDir: folder, env: {} })).toMatchObject({
    functions,
    python: join(folder, '.venv/bin/python'),
  });
  await write('partwise.config.json', '{ "functions": ["a.ts", "c.py", "d.py"] }');
  expect(await problemsOf(loadConfig({ projectDir: folder, env: {} }))).toEqual(
    ['c.py', 'd.py'].map(
      (name) =>
        `"functions" names the file "${join(folder, name)}", which does not exist. Create it, or name another file.`,
    ),
  );
  await write('partwise.config.json', '{ "functions": [] }');
  expect(await problemsOf(loadConfig({ projectDir: folder, env: {} }))).toEqual([
    '"functions" is []; it takes the path of a functions file, such as "./functions.ts", or a list of paths.',
  ]);
});

describe('pyproject.toml', () => {
  const load = () => loadConfig({ projectDir: folder, env: {} });

  test('is the configuration if it has the table [tool.partwise]', async () => {
    const file = await write('pyproject.toml', '[tool.partwise]\nstage = "data"\nworker = { runners = 3 }\n');
    expect(await load()).toMatchObject({
      configFile: file,
      stage: join(folder, 'data'),
      worker: { runners: 3 },
    });
  });

  test('of another tool is not a configuration, even if it cannot be parsed', async () => {
    for (const content of ['[project]\nname = "partwise-user"\n', '[tool.ruff]\n# partwise\nx = \n']) {
      await write('pyproject.toml', content);
      expect(await load()).toMatchObject({ configFile: null });
    }
  });

  test('next to a configuration in TypeScript is refused with both names', async () => {
    await write('pyproject.toml', '[tool.partwise]\n');
    await write('partwise.config.ts', 'export default {};');
    expect(await problemsOf(load())).toEqual([
      'There are partwise.config.ts and pyproject.toml, but a project has only one configuration. Keep one of them.',
    ]);
  });

  test('spells settings as names in Python are, and says so', async () => {
    const python = '[tool.partwise.temporal]\naddress = "h:1"\ntask_queue = "q"\n[tool.partwise.worker]\n';
    await write('pyproject.toml', `${python}pass_env = ["A"]\n`);
    expect(await load()).toMatchObject({ temporal: { taskQueue: 'q' }, worker: { passEnv: ['A'] } });
    await write('pyproject.toml', `${python}passEnv = ["A"]\n`);
    expect(await problemsOf(load())).toEqual(['"worker.passEnv" is not a setting. Did you mean "pass_env"?']);
    await write('pyproject.toml', `${python}pass_envs = ["A"]\n`);
    expect(await problemsOf(load())).toEqual([
      expect.stringMatching(
        /^"worker\.pass_envs?" is not a setting\. Did you mean "pass_env"\?.* pass_env\.$/,
      ),
    ]);
  });

  test('with mistakes is refused with all of them', async () => {
    await write('pyproject.toml', '[tool.partwise]\nstages = 1\nworker = { runners = 0 }\n');
    expect(await problemsOf(load())).toHaveLength(2);
    await write('pyproject.toml', '[tool.partwise]\nstage = \n');
    expect(await problemsOf(load())).toEqual([expect.stringMatching(/^It cannot be loaded: /)]);
  });
});

test('flags override the environment, and the environment overrides the file', async () => {
  await write(
    'partwise.config.json',
    '{ "warehouse": "duckdb:file", "stage": "file", "worker": { "runners": 1 }, "temporal": { "taskQueue": "file" } }',
  );
  const load = async (env: NodeJS.ProcessEnv, flags = {}) => {
    const { warehouse, stage, worker, temporal } = await loadConfig({
      projectDir: folder,
      cwd: '/',
      env,
      flags,
    });
    return [warehouse, stage, worker.runners, temporal.taskQueue];
  };
  const env = {
    PARTWISE_WAREHOUSE: 'duckdb:env',
    PARTWISE_STAGE: 'env',
    PARTWISE_RUNNERS: '2',
    PARTWISE_TASK_QUEUE: 'env',
  };
  const flags = { warehouse: 'duckdb:flag', stage: 'flag', runners: 4, taskQueue: 'flag' };
  expect(await load({})).toEqual(['duckdb:file', join(folder, 'file'), 1, 'file']);
  expect(await load(env)).toEqual(['duckdb:env', join(folder, 'env'), 2, 'env']);
  expect(await load(env, flags)).toEqual(['duckdb:flag', '/flag', 4, 'flag']);
});

test("Temporal's own environment variables override the file, and flags override both", async () => {
  await write('partwise.config.json', '{ "temporal": { "address": "file:1", "namespace": "file" } }');
  const load = async (env: NodeJS.ProcessEnv, flags = {}) => {
    const {
      keys: _,
      dataConverter: __,
      ...settings
    } = (await loadConfig({ projectDir: folder, env, flags })).temporal;
    return settings;
  };
  expect(await load({})).toEqual({ address: 'file:1', namespace: 'file' });
  // If left out here, they are read from the environment where the connection is created.
  expect(await load({ TEMPORAL_ADDRESS: 'env:1' })).toEqual({ namespace: 'file' });
  expect(await load({ TEMPORAL_ADDRESS: 'env:1' }, { address: 'flag:1' })).toEqual({
    address: 'flag:1',
    namespace: 'file',
  });
  expect(await load({}, { profile: 'flag' })).toEqual({ profile: 'flag', namespace: 'file' });
});

test('all problems are in one report, with the setting that was probably meant', async () => {
  await write(
    'partwise.config.json',
    '{ "functions": "nowhere.ts", "warehose": "duckdb:x", "temporal": { "adress": "x", "tls": "yes" }, "worker": { "runners": 0 } }',
  );
  expect(await problemsOf(loadConfig({ projectDir: folder, env: {} }))).toEqual([
    '"temporal.tls" is "yes"; it takes true or false.',
    expect.stringMatching(/^"temporal\.adress" is not a setting\. Did you mean "address"\?/),
    '"worker.runners" is 0; it takes a whole number from 1 to 256.',
    expect.stringMatching(/^"warehose" is not a setting\. Did you mean "warehouse"\?/),
    expect.stringMatching(/^"functions" names the file ".*nowhere\.ts", which does not exist\./),
  ]);
});

test('settings from the environment are checked like those in the file', async () => {
  const env = { PARTWISE_RUNNERS: 'many', PARTWISE_WAREHOUSE: 'warehouse.duckdb' };
  expect(await problemsOf(loadConfig({ projectDir: folder, env }))).toEqual([
    '"PARTWISE_RUNNERS" is "many"; it takes a whole number from 1 to 256.',
    '"PARTWISE_WAREHOUSE" is "warehouse.duckdb"; it takes a warehouse, such as "duckdb:./warehouse.duckdb" or "snowflake:CONNECTION".',
  ]);
});

test('a flag is not blamed on the configuration', async () => {
  await write('partwise.config.json', '{ "functions": "functions.ts" }');
  await write('functions.ts', '');
  const loading = loadConfig({ projectDir: folder, env: {}, flags: { functions: 'nowhere.ts' } });
  await expect(loading).rejects.toThrow(
    /^--functions names the file ".*nowhere\.ts", which does not exist\. Create it, or name another file\.$/,
  );
});

test('a warehouse or a stage of an unknown kind is refused', async () => {
  await write('partwise.config.json', '{ "warehouse": "postgres:sales" }');
  expect(
    await problemsOf(loadConfig({ projectDir: folder, env: { PARTWISE_STAGE: 'gs://bucket/x' } })),
  ).toEqual([
    '"warehouse" is "postgres:sales"; it takes a warehouse, such as "duckdb:./warehouse.duckdb" or "snowflake:CONNECTION".',
    'The stage "gs://bucket/x" is not of a known kind: use a folder, such as "./stage", "s3://bucket/prefix", or a stage on Snowflake, such as "@DATABASE.SCHEMA.STAGE/path".',
  ]);
});

test('a problem with a flag names the flag', async () => {
  const flags = { warehouse: 'warehouse.duckdb', metrics: 'here' };
  const env = { PARTWISE_WAREHOUSE: 'duckdb:w', PARTWISE_TRACES: 'there' };
  expect(await problemsOf(loadConfig({ projectDir: folder, flags, env }))).toEqual([
    expect.stringMatching(/^"--metrics" is "here"; it takes a port/),
    expect.stringMatching(/^"PARTWISE_TRACES" is "there"; it takes the URL/),
    expect.stringMatching(/^"--warehouse" is "warehouse.duckdb"; it takes a warehouse/),
  ]);
});

test('a configuration file that does not parse is refused with the line', async () => {
  await write('partwise.config.ts', 'export default {\n  stage: ,\n};');
  expect(await problemsOf(loadConfig({ projectDir: folder, env: {} }))).toEqual([
    expect.stringMatching(/^Line 2: /),
  ]);
  await rm(join(folder, 'partwise.config.ts'));
  await write('partwise.config.js', 'throw new Error("no licence");');
  expect(await problemsOf(loadConfig({ projectDir: folder, env: {} }))).toEqual([
    'It cannot be loaded: no licence',
  ]);
});

test('two configuration files in one folder are refused', async () => {
  await write('partwise.config.ts', 'export default {};');
  await write('partwise.config.json', '{}');
  expect(await problemsOf(loadConfig({ projectDir: folder, env: {} }))).toEqual([
    'There are partwise.config.ts and partwise.config.json, but a project has only one configuration. Keep one of them.',
  ]);
});

test('a notifier is a webhook or a command, and nothing else', async () => {
  const good = { notify: { ops: { url: 'https://example.com/hook' }, mail: { command: './mail.sh' } } };
  expect(checkConfig(good)).toMatchObject({ problems: [], config: good });
  const bad = checkConfig({ notify: { ops: { url: 'ftp://x' }, mail: { commnad: 'x' } } });
  expect(bad.problems.join('\n')).toMatch(/notify\.ops\.url.*https[^]*notify\.mail.*"url" or "command"/);
});
