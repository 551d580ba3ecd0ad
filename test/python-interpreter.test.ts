/** Which Python interpreter a project has, and what is said about one that cannot be used. */
import { chmodSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, afterEach, beforeEach, expect, test } from '@jest/globals';
import { loadConfig } from '../src/config';
import { languageOfSource } from '../src/runners/languages';
import { bundleFunctions } from '../src/runners/functions-file';
import { RunnerPool } from '../src/runners/pool';
import { makeFolder } from './support/runner-unit';

let project: string;
let functions: string;
const { VIRTUAL_ENV, CONDA_PREFIX, PATH } = process.env;

beforeEach(() => {
  project = makeFolder();
  functions = join(project, 'src/sales/functions.py');
  makeFile(functions, 'def f(data, context): pass\n');
  Object.assign(process.env, { VIRTUAL_ENV: '', CONDA_PREFIX: '', PATH: join(project, 'nothing') });
});
afterEach(() => rmSync(project, { recursive: true, force: true }));
afterAll(() => {
  Object.assign(process.env, { PATH, VIRTUAL_ENV, CONDA_PREFIX });
});

function makeFile(path: string, content: string | Uint8Array, mode = 0o644): string {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content);
  chmodSync(path, mode);
  return path;
}

/** A program that answers as an interpreter of this version with these packages does. */
function makeInterpreter(name: string, answer: Partial<Answer> = {}): string {
  const path = join(project, name);
  const packages = { pyarrow: '20.0.0' };
  const interpreter = { executable: path, version: '3.11.7', implementation: 'CPython', packages, ...answer };
  const text = JSON.stringify({ interpreter, digest: 'd', path: '/archive.pyz' });
  return makeFile(path, `#!/bin/sh\necho 'a site prints this'\necho '${text}'\n`, 0o755);
}

interface Answer {
  version: string;
  implementation: string;
  freeThreaded: boolean;
  packages: Record<string, string>;
}

/** The interpreter that is chosen, or why there is none. */
async function chosen(python?: string): Promise<string | undefined> {
  try {
    const options = { cwd: project, python };
    return (await bundleFunctions(functions, join(project, 'out'), options)).runtime?.executable;
  } catch (error) {
    return (error as Error).message;
  }
}

test('the interpreter is the named one, the activated one, the nearest one, or that of the system', async () => {
  const places = [
    'named/bin/python',
    'activated/bin/python',
    'src/sales/.venv/bin/python',
    'src/sales/venv/bin/python',
    'src/.venv/bin/python',
    '.venv/bin/python',
    'venv/bin/python',
    'conda/bin/python',
    'system/python3',
    'system/python',
  ].map((place) => makeInterpreter(place));
  Object.assign(process.env, {
    VIRTUAL_ENV: join(project, 'activated'),
    CONDA_PREFIX: join(project, 'conda'),
    PATH: join(project, 'system'),
  });
  const [named, ...others] = places;
  expect(await chosen(named)).toBe(named);
  for (const place of others) {
    expect(await chosen()).toBe(place);
    rmSync(place);
  }
  expect(await chosen()).toBe(
    'Python functions need Python 3.9 or newer, and there is none: create a virtual environment with ' +
      '`python3 -m venv .venv`, or name an interpreter with --python or PARTWISE_PYTHON. Looked at, in this order: ' +
      `VIRTUAL_ENV (${project}/activated), ${project}/src/sales/.venv, ${project}/src/sales/venv, ${project}/src/.venv, ` +
      `${project}/src/venv, ${project}/.venv, ${project}/venv, CONDA_PREFIX (${project}/conda), python3 on PATH, python on PATH.`,
  );
});

test('a named interpreter may be a program, the folder of an environment, or a command', async () => {
  const [inFolder, command] = ['env/bin/python', 'system/python3.12'].map((place) => makeInterpreter(place));
  process.env['PATH'] = join(project, 'system');
  const load = async (python: string, env: NodeJS.ProcessEnv = {}): Promise<string | null> =>
    (await loadConfig({ projectDir: project, cwd: join(project, 'src'), flags: { python }, env })).python;
  expect(await chosen((await load('../env/bin/python'))!)).toBe(inFolder);
  expect(await chosen((await load('../env'))!)).toBe(inFolder);
  expect(await chosen((await load('python3.12'))!)).toBe(command);
  expect(await chosen((await load('', { PARTWISE_PYTHON: 'env' }))!)).toBe(inFolder);
  await expect(load('python3.14')).rejects.toThrow(
    '--python names the Python interpreter "python3.14", which does not exist. Correct it, or leave it out.',
  );
  await expect(load('', { PARTWISE_PYTHON: './no' })).rejects.toThrow(
    `PARTWISE_PYTHON names the Python interpreter "${project}/no", which does not exist.`,
  );
  expect(await chosen('/no/such/python')).toBe(
    '"python" names the Python interpreter "/no/such/python", which does not exist. Correct it, or leave it out.',
  );
});

test('a shim is asked in the folder of the functions, and then the interpreter behind it is used', async () => {
  const answer = { version: '3.12.1', implementation: 'CPython', packages: { pyarrow: '20.0.0' } };
  const rest = `"interpreter": {"executable": "'"$(pwd)"'/3.12/python", ${JSON.stringify(answer).slice(1)}`;
  makeFile(
    join(project, 'shims/python3'),
    `#!/bin/sh\necho '{"digest": "d", "path": "/a.pyz", ${rest}}'\n`,
    0o755,
  );
  process.env['PATH'] = join(project, 'shims');
  expect(await chosen()).toBe(join(project, 'src/sales/3.12/python'));
});

test.each<[Partial<Answer>, string]>([
  [{ version: '3.14.0' }, 'Partwise is tested on Python 3.9 to 3.13, and this is 3.14.0.'],
  [{ implementation: 'PyPy' }, 'Partwise is tested on CPython, and this is PyPy.'],
  [{ freeThreaded: true }, 'Partwise is not tested on free-threaded builds of Python.'],
])(
  'an interpreter that the tests do not run on is used, with a warning in doctor: %j',
  async (answer, warning) => {
    const path = makeInterpreter('.venv/bin/python', answer);
    expect(await chosen()).toBe(path);
    const described = await languageOfSource(functions)!.describeRuntime!(functions, { cwd: project });
    expect(described).toMatch(/^\S+python \(found as \.venv\): Python [\d.]+, pyarrow 20\.0\.0\n/);
    expect(described.split('\n').at(-1)).toBe(warning);
  },
);

test('an interpreter is asked without the credentials of the worker (I11)', async () => {
  const path = makeInterpreter('python');
  const text = readFileSync(path, 'utf8');
  writeFileSync(path, text.replace('\n', `\n/usr/bin/env > ${join(project, 'environment')}\n`));
  process.env['SNOWFLAKE_PASSWORD'] = 'secret-of-the-warehouse';
  try {
    expect(await chosen(path)).toBe(path);
  } finally {
    delete process.env['SNOWFLAKE_PASSWORD'];
  }
  expect(readFileSync(join(project, 'environment'), 'utf8')).not.toContain('secret-of-the-warehouse');
});

test('an interpreter that was removed after planning ends the runner with the reason', async () => {
  const pool = new RunnerPool({ size: 1, cwd: project });
  const language = languageOfSource(functions)!;
  const interpreter = join(project, '.venv/bin/python');
  const runner = await pool.acquire({
    language,
    digest: 'd',
    bundle: null,
    memoryBytes: 1e9,
    gpus: 0,
    python: interpreter,
  });
  expect((await runner.exited).error.message).toBe(
    `The runner process could not be started: spawn ${interpreter} ENOENT.`,
  );
  await pool.close();
});

const LOOKED = / Looked at, in this order: VIRTUAL_ENV, .*, \S+\/\.venv\.$/;

test.each<[string, () => string, RegExp]>([
  [
    'without pyarrow',
    () => makeInterpreter('.venv/bin/python', { packages: {} }),
    /^Python functions need pyarrow, and \S+\/\.venv\/bin\/python \(Python 3\.11\.7, found as \.venv\) does not have it: run `uv pip install --python \S+\/\.venv\/bin\/python pyarrow` or `\S+ -m pip install pyarrow`\./,
  ],
  [
    'with an old pyarrow',
    () => makeInterpreter('.venv/bin/python', { packages: { pyarrow: '13.0.0' } }),
    /^Python functions need pyarrow 14 or newer, and .* has 13\.0\.0: run/,
  ],
  [
    'of an old version',
    () => makeInterpreter('.venv/bin/python', { version: '3.8.18' }),
    /^Python functions need Python 3\.9 or newer, and .* \(Python 3\.8\.18, found as \.venv\) is older: use a newer one/,
  ],
  [
    'that is not executable',
    () => makeFile(join(project, '.venv/bin/python'), '#!/bin/sh\n'),
    /cannot be run: it is not executable\./,
  ],
  [
    'for another processor',
    () =>
      makeFile(join(project, '.venv/bin/python'), Buffer.from('\u007fELF\u0002\u0001\u0001\0junk'), 0o755),
    /^The Python interpreter \S+\/\.venv\/bin\/python \(found as \.venv\) cannot be run: it is not a program for this machine\./,
  ],
  [
    'whose program is missing',
    () => makeFile(join(project, '.venv/bin/python'), '#!/no/such/python\n', 0o755),
    /cannot be run: it, or the program that its first line names, does not exist\./,
  ],
  [
    'that fails',
    () => makeFile(join(project, '.venv/bin/python'), '#!/bin/sh\necho "no encodings" >&2; exit 1\n', 0o755),
    /cannot be run: no encodings\./,
  ],
  [
    'that crashes',
    () => makeFile(join(project, '.venv/bin/python'), '#!/bin/sh\nkill -SEGV $$\n', 0o755),
    /cannot be run: it was killed by SIGSEGV\./,
  ],
  [
    'that is another program',
    () => makeFile(join(project, '.venv/bin/python'), '#!/bin/sh\necho hello\n', 0o755),
    /\(found as \.venv\) does not answer as a Python interpreter does/,
  ],
])('an interpreter %s is refused in a sentence that says where it was found', async (_, make, message) => {
  make();
  const why = await chosen();
  expect(why).toMatch(message);
  expect(why).toMatch(LOOKED);
  expect(why).not.toContain('\n');
});
