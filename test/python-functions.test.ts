/** Partition functions in Python run as those in TypeScript do. */
import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { bundleFunctions, describeFunctions } from '../src/runners/functions-file';
import type { FunctionBundle } from '../src/runners/language';
import { userPlace } from '../src/core/stack-place';
import { RunnerPool } from '../src/runners/pool';
import { hasPython, PYTHON } from './support/python-server';
import { makeFolder, makeSnapshot, readRows, run, type Ran, type RunRequest } from './support/runner-unit';

const PARTITIONS = 6;
/** Of the batch. */
const MANY = 2_000;
const FIXTURES = ['python_functions.py', 'python_helper.py', 'python_helper_inside.py'];

let folder: string;
let pool: RunnerPool;
let bundle: FunctionBundle;

const all = Array.from({ length: PARTITIONS }, (_, i) => i);
const ids = all.map((ordinal) => `k${ordinal}`);
const project = { python: PYTHON };
const bundleOf = (file: string): Promise<FunctionBundle> =>
  bundleFunctions(join(folder, file), join(folder, 'functions'), project);

function runPython(name: string, request: Partial<RunRequest> = {}): Promise<Ran> {
  return run({ pool, folder, bundle, name, ordinals: all, maximumLosses: 1, ...request });
}

const misbehave = (does: Record<string, string>, request: Partial<RunRequest> = {}): Promise<Ran> =>
  runPython('misbehaving', { ...request, unit: { params: does, ...request.unit } });

const lineOf = (code: string): number =>
  readFileSync(join(folder, 'python_functions.py'), 'utf8')
    .split('\n')
    .findIndex((line) => line.includes(code)) + 1;

const allDoneBut = (ends: Record<number, string>): string[] =>
  ids.map((id, i) => `${id}: ${ends[i] ?? 'DONE'}`);

(hasPython ? describe : describe.skip)('functions in Python', () => {
  beforeAll(async () => {
    folder = makeFolder();
    for (const file of FIXTURES) cpSync(join(__dirname, 'support', file), join(folder, file));
    await makeSnapshot(folder, MANY, 10);
    bundle = await bundleOf('python_functions.py');
    pool = new RunnerPool({ size: 1, ...project, cwd: folder });
  });
  afterAll(async () => {
    await pool.close();
    rmSync(folder, { recursive: true, force: true });
  });

  test('of Snowflake run unchanged: rows, artifacts and what they print', async () => {
    const { summary, files, ended, logs } = await runPython('process_sales_data');
    expect(summary).toEqual(allDoneBut({}));
    expect((await readRows(files))[0]).toMatchObject({ region: 'k0', total_sales: 55, record_count: '10' });
    expect(ended[0]!.outcome.artifacts).toMatchObject([{ name: 'sales_summary.json', codec: 'custom' }]);
    expect(logs.map(({ text }) => text).sort()).toEqual(ids.map((id) => `Processing ${id}`));
  });

  test('are the plain functions with two parameters, the last named context', async () => {
    const names = (await describeFunctions(bundle.path, { ...project, cwd: folder })).map(({ name }) => name);
    expect(names).toEqual(['process_sales_data', 'helped', 'talking', 'state', 'misbehaving']);
    // `short` is no def: its name is "<lambda>".
    writeFileSync(
      join(folder, 'with_lambda.py'),
      'short = lambda row, context: row\ndef f(data, context): pass\n',
    );
    const { path } = await bundleOf('with_lambda.py');
    expect((await describeFunctions(path, { ...project, cwd: folder })).map(({ name }) => name)).toEqual([
      'f',
    ]);
  });

  test('run as they were when they were bundled, with what they import', async () => {
    const before = await bundleOf('python_functions.py');
    for (const file of FIXTURES) writeFileSync(join(folder, file), 'raise RuntimeError("edited")\n');
    try {
      const fresh = { size: 1, ...project, cwd: folder };
      const other = new RunnerPool(fresh);
      const { summary, files } = await runPython('helped', { pool: other, bundle: before });
      await other.close();
      expect(summary).toEqual(allDoneBut({}));
      expect((await readRows(files, 'n'))[0]).toEqual({ n: '20' });
    } finally {
      for (const file of FIXTURES) cpSync(join(__dirname, 'support', file), join(folder, file));
    }
    expect(await bundleOf('python_functions.py')).toEqual(before);
  });

  test('have their own modules, also if a package of the same name is loaded', async () => {
    // The processes of other tests have the package, which pandas imports.
    await runPython('process_sales_data');
    // pandas needs dateutil.
    for (const name of ['six.py', 'dateutil.py']) writeFileSync(join(folder, name), 'WHERE = "here"\n');
    const text =
      'import dateutil, six\ndef own(data, context):\n' +
      '    return {"n": six.WHERE + str(len(data.to_pandas())) + dateutil.WHERE}\n';
    writeFileSync(join(folder, 'own_names.py'), text);
    const { files } = await runPython('own', { bundle: await bundleOf('own_names.py'), ordinals: [0] });
    expect(await readRows(files, 'n')).toEqual([{ n: 'here10here' }]);
  });

  test('harm no other partition, whatever they do to their process (I5)', async () => {
    const does = { k0: 'raise', k1: 'SIGSEGV', k2: 'os._exit', k3: 'sys.exit', k4: 'killpg' };
    const { summary, ended } = await misbehave(does, { unit: { params: does, isBatch: true } });
    const killed = 'INTERNAL_ERROR RunnerKilled';
    expect(summary).toEqual(
      allDoneBut({ 0: 'FAILED ValueError', 1: killed, 2: killed, 3: 'FAILED SystemExit', 4: killed }).map(
        // Those that are DONE in a batch have no id.
        (line) => line.replace('k5: DONE', '5: DONE'),
      ),
    );
    const raised = ended.find(({ outcome }) => outcome.ordinal === 0)!;
    expect(raised.outcome.error!.message).toBe('é 漢 😀');
    expect(raised.outcome.error!.stack).toContain(
      `File "${join(folder, 'python_functions.py')}", line ${lineOf('raise ValueError')}`,
    );
    expect(raised.retryable).toBe(true);
  });

  test('harm no other of 2,000 partitions in a batch, and each says what it did and where (I5)', async () => {
    const doing = [
      ['crash', /killed by SIGSEGV \(python_functions\.py:\d+\)/, 'string_at(0)'],
      ['abort', /killed by SIGABRT \(python_functions\.py:\d+\)/, 'os.abort()'],
      ['os._exit', /exit code 3\. Return or raise instead of calling os\._exit/, null],
      ['sys.exit', /^no$/, 'sys.exit("no")'],
      ['ask for 6 GB', /asked for more memory than there is.*the limit is 1,000 MB/, '6_000_000_000'],
      ['fill 1.9 GB', /grew to 1,[01]\d\d MB of memory; the limit is 1,000 MB/, '1_900_000_000'],
      ['killpg', /killed by SIGKILL, by the function/, null],
      ['close descriptor 3', /closed the connection of its process to Partwise/, null],
      ['close all descriptors', /closed the connection of its process to Partwise/, null],
      ['print 100,000 lines', null, null],
      ['fork', null, null],
      ['spawn', null, null],
      ['return from a fork', null, null],
      // With a timeout:
      ['hold the lock', /still running after 1 s/, 're.match('],
      ['sleep on', /still running after 1 s/, 'time.sleep(1e9)'],
      ['swallow', /still running after 1 s/, ''],
    ] as const;
    const hanging = (doing.length - 2) * 100;
    const params = Object.fromEntries(doing.map(([does], i) => [`k${(i + 1) * 100}`, does]));
    const ordinals = Array.from({ length: MANY }, (_, i) => i);
    const memory = { each: 1_000_000_000, alone: 1_000_000_000 };
    const part = (of: number[], timeoutMs: number | null): Promise<Ran> =>
      misbehave(params, { ordinals: of, unit: { params, isBatch: true }, options: { timeoutMs, memory } });
    const { ended, logs } = await part(ordinals.slice(0, hanging), null);
    ended.push(...(await part(ordinals.slice(hanging), 1_000)).ended);
    expect(ended).toHaveLength(MANY);
    const lines = readFileSync(join(folder, 'python_functions.py'), 'utf8').split('\n');
    const errors = new Map(ended.map(({ outcome }) => [outcome.ordinal, outcome.error]));
    for (const [i, [does, message, code]] of doing.entries()) {
      const error = errors.get((i + 1) * 100)!;
      errors.delete((i + 1) * 100);
      if (message === null) expect([does, error]).toEqual([does, null]);
      else expect(error).toMatchObject({ message: expect.stringMatching(message) });
      const { line = 0 } = userPlace(error?.stack ?? null) ?? {};
      if (code !== null) expect([does, lines[line - 1]]).toEqual([does, expect.stringContaining(code)]);
    }
    expect([...errors.values()].filter((error) => error !== null)).toEqual([]);
    const printed = (does: string): string[] =>
      logs.filter(({ ordinal }) => params[`k${ordinal}`] === does).map(({ text }) => text);
    expect(printed('crash')).toEqual(['the last words']);
    expect(printed('fork')).toEqual(['from a fork']);
    expect(printed('spawn')).toEqual(['from a spawn']);
    expect(printed('print 100,000 lines')).toHaveLength(10_001);
    expect(logs.filter(({ ordinal }) => ordinal === null)).toEqual([]);
    // Its files got the numbers that it had closed.
    for (const i of [0, 1, 2])
      expect(readFileSync(join(folder, `kept-${i}`), 'utf8')).toBe("the user's".repeat(100));
  });

  test('fail without a retry because of an error in the program, or a value that no table holds', async () => {
    const none = 'FAILED NoTerminal';
    const { summary, ended } = await misbehave({
      k0: 'replace stdin',
      k1: 'programming error',
      k2: 'object',
      k3: 'breakpoint',
      k4: 'pdb',
      k5: 'input',
    });
    expect(summary).toEqual(
      allDoneBut({ 1: 'FAILED AttributeError', 2: 'FAILED InvalidResult', 3: none, 4: none, 5: none }),
    );
    for (const id of ['k3', 'k4', 'k5']) {
      const { error } = ended.find(({ outcome }) => outcome.id === id)!.outcome;
      expect(error!.message).toMatch(/^pdb and input\(\) need a terminal, .* partwise debug\.$/);
    }
    expect(ended.map(({ retryable }) => retryable)).toEqual(all.map(() => false));
  });

  test('may print in any way: every line belongs to its partition (I5)', async () => {
    const { logs } = await misbehave({ k1: 'print', k4: 'print' });
    const lines = ['é 漢 😀', 'written directly', 'from a child', 'an error'];
    for (const ordinal of [1, 4])
      expect(logs.filter((line) => line.ordinal === ordinal).map(({ text }) => text)).toEqual(lines);
    expect(logs).toHaveLength(2 * lines.length);
  });

  test('print 14,000 lines in 2,000 partitions, all of them in their own log (I5)', async () => {
    const ordinals = Array.from({ length: MANY }, (_, i) => i);
    const { logs } = await runPython('talking', { ordinals, unit: { isBatch: true } });
    const kinds = ['print', 'logging', 'stderr', 'printf', 'write', '100% of', 'child'];
    const found = logs.map(({ ordinal, text }) => `${ordinal} ${text}`).sort();
    const expected = ordinals.flatMap((ordinal) => kinds.map((kind) => `${ordinal} ${kind} k${ordinal}`));
    expect(found).toEqual(expected.sort());
  });

  test('change their process only for their own call, and draw random numbers of their own (I5)', async () => {
    const first = await runPython('state', { ordinals: [0, 1, 2] });
    const { files, logs } = await runPython('state', { ordinals: [3, 4, 5] });
    const rows = await readRows([...first.files, ...files]);
    const { random: _, region: __, __partwise_ord: ___, ...before } = rows[0]!;
    const drawn = new Set<unknown>();
    for (const { random, region, __partwise_ord: ____, ...state } of rows) {
      expect([region, state]).toEqual([region, before]);
      drawn.add(random);
    }
    // What `random` draws next with the seed of k1.
    expect(drawn).not.toContain(0.13436424411240122);
    expect(drawn.size).toBe(PARTITIONS);
    expect([...first.logs, ...logs].map(({ ordinal, text }) => `${ordinal} ${text}`).sort()).toEqual(
      ids.map((id, i) => `${i} ${id}`),
    );
  });

  test('are woken by a cancel, and end (I12)', async () => {
    const cancel = new AbortController();
    const onCall = (): void => cancel.abort();
    const { summary, left, logs } = await misbehave(
      { k0: 'sleep' },
      { onCall, options: { signal: cancel.signal } },
    );
    expect(summary).toEqual(['k0: CANCELLED']);
    expect(left).toEqual([1, 2, 3, 4, 5]);
    expect(logs.map(({ text }) => text)).toEqual(['it sleeps', 'it was woken']);
  });

  test('are woken by their timeout, and end', async () => {
    const { summary } = await misbehave({ k2: 'sleep' }, { options: { timeoutMs: 300 } });
    expect(summary).toEqual(allDoneBut({ 2: 'INTERNAL_ERROR Timeout' }));
  });
});

(hasPython ? describe : describe.skip)('a functions file in Python', () => {
  let place: string;
  beforeAll(() => {
    place = makeFolder();
  });
  afterAll(() => rmSync(place, { recursive: true, force: true }));

  const load = async (text: string, name = 'functions.py'): Promise<unknown> => {
    writeFileSync(join(place, name), text);
    try {
      const { path } = await bundleFunctions(join(place, name), join(place, 'functions'), project);
      return (await describeFunctions(path, { ...project, cwd: place })).map(({ name }) => name);
    } catch (error) {
      return (error as Error).message;
    }
  };

  test.each([
    ['a syntax error', 'def f(:\n  pass\n', /functions\.py:1:7: Invalid syntax\./],
    [
      'a missing package',
      'import not_there\n',
      /imports "not_there", which is not installed.*functions\.py:1\)/,
    ],
    [
      'an error',
      'x = 1\n1 / 0\n',
      /while loading: ZeroDivisionError: division by zero \(.*functions\.py:2\)/,
    ],
    [
      'a question of the parser',
      'x = {"a" 1}\n',
      /functions\.py:1:\d+: Invalid syntax\. Perhaps .*[^?.]\?$|expected/,
    ],
    [
      'an async function',
      'async def f(data, context): pass\n',
      /"f" is an async function \(.*functions\.py:1\)\. Write/,
    ],
    [
      'a generator',
      '\ndef f(data, context):\n    yield 1\n',
      /"f" is a generator \(.*functions\.py:2\)\. Return/,
    ],
    [
      'a declared function of one parameter',
      'from partwise import partition_function\n@partition_function\ndef f(data): pass\n',
      /"f" cannot be called with two arguments \(.*functions\.py:2\)\. Write def f\(data, context\)\.$/,
    ],
    [
      'a declared class',
      'from partwise import partition_function\n@partition_function()\nclass F: pass\n',
      /declares a function; write .* above a def, not above /,
    ],
    [
      'a name as the argument of the declaration',
      'from partwise import partition_function\n@partition_function("g")\ndef f(data, context): pass\n',
      /write @partition_function, or @partition_function\(name="…"\), above a def, not above the text "g"\./,
    ],
    [
      'two functions of one name',
      'from partwise import partition_function\n@partition_function(name="b")\ndef a(data, context): pass\ndef b(data, context): pass\n',
      /two partition functions named "b".*functions\.py:2.*functions\.py:4/,
    ],
    [
      'an argument in camel case',
      'from partwise import partition_function\n@partition_function(bigTaskQueue="b")\ndef a(data, context): pass\n',
      /partition_function: "bigTaskQueue" is not a setting\. Did you mean "big_task_queue"\? These are: name, timeout,/,
    ],
    [
      'a retry rule in camel case',
      'from partwise import partition_function\n@partition_function(retry={"by_error_type": {"KeyError": {"maximumAttempts": 1}}})\ndef a(data, context): pass\n',
      /"retry\.by_error_type\.KeyError\.maximumAttempts" is not a setting\. Did you mean "maximum_attempts"\?/,
    ],
  ])('with %s is explained', async (_, text, message) => {
    expect(await load(text)).toMatch(message);
  });

  test('may have modules named like those of the standard library', async () => {
    for (const name of ['types', 'json', 'statistics'])
      writeFileSync(join(place, `${name}.py`), 'raise RuntimeError("not this one")\n');
    expect(await load('import json, types\nimport pandas\ndef f(data, context): pass\n')).toEqual(['f']);
    const itself = 'import random, statistics\ndef f(data, context): pass\nstatistics.mean([1])\n';
    expect(await load(itself, 'statistics.py')).toEqual(['f']);
  });

  test('may not hide the packages that rows are read with', async () => {
    writeFileSync(join(place, 'numpy.py'), '');
    const hides =
      /numpy\.py: Partwise reads rows with the package numpy, which this file would hide\. Rename it\./;
    expect(await load('import numpy\n')).toMatch(hides);
    expect(await load('', 'numpy.py')).toMatch(hides);
    rmSync(join(place, 'numpy.py'));
  });

  test.each([
    ['a syntax error', 'x = (\n', /broken\.py:1:5: '\(' was never closed\./],
    ['a NUL', 'x = 1\0\n', /broken\.py:1:1: Source code string cannot contain null bytes\./i],
    ['an endless expression', `x = ${'-'.repeat(100_000)}1\n`, /broken\.py:.* too (deeply|complex)/],
  ])(
    'whose module has %s is refused with its name, unless the import is in a try',
    async (_, text, message) => {
      writeFileSync(join(place, 'broken.py'), text);
      writeFileSync(join(place, 'imports_broken.py'), 'import broken\n');
      const imports = 'import imports_broken';
      const tried = (error: string): string =>
        `try:\n    ${imports}\nexcept ${error}:\n    pass\ndef f(data, context): pass\n`;
      expect(await load(`${imports}\n`)).toMatch(message);
      expect(await load(tried('Exception'))).toEqual(['f']);
      expect(await load(tried('ImportError'))).toMatch(
        /while loading: (SyntaxError|ValueError|RecursionError|MemoryError)/,
      );
    },
  );
});

describe('the interpreter', () => {
  test('that is named and does not exist is refused by name', async () => {
    const place = makeFolder();
    writeFileSync(join(place, 'functions.py'), 'def f(data, context): pass\n');
    const bundling = bundleFunctions(join(place, 'functions.py'), join(place, 'functions'), {
      python: '/no/such/python',
    });
    await expect(bundling).rejects.toThrow(
      'names the Python interpreter "/no/such/python", which does not exist',
    );
    rmSync(place, { recursive: true });
  });
});
