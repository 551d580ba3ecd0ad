import { describe, expect, it, test } from '@jest/globals';
import { didYouMean } from '../src/core/nearest';
import { cronProblem } from '../src/input/cron';
import type { Client } from '@temporalio/client';
import { startRun } from '../src/client/start';
import { parseBytes } from '../src/input/bytes';
import { asksToResume, resumedInput } from '../src/input/continue-input';
import { parseDuration } from '../src/input/duration';
import type { RunInput } from '../src/core/input';
import { ordinalRanges } from '../src/core/ordinal-ranges';
import { parseRunInput } from '../src/input/parse-input';
import { defaultRunId, runIdProblem } from '../src/input/run-id';

const GOOD = { function: 'salesByRegion', source: { table: 'sales' }, partitionBy: ['region'] };

function problemsOf(raw: unknown): string[] {
  const report = parseRunInput(raw);
  return report.ok ? [] : report.problems;
}

test('"FILE:NAME" is short for the function and its file', () => {
  const named = (input: object): unknown => {
    const report = parseRunInput({ ...GOOD, ...input });
    return report.ok ? [report.input.functions, report.input.function] : report.problems;
  };
  expect(named({ function: 'lib/functions.py:f' })).toEqual([['lib/functions.py'], 'f']);
  expect(named({ function: 'C:\\\\a\\\\functions.ts:f.train' })).toEqual([
    ['C:\\\\a\\\\functions.ts'],
    'f.train',
  ]);
  expect(named({ function: 'a.py:f', functions: 'a.py' })).toEqual([['a.py'], 'f']);
  expect(named({ function: 'f', functions: ['a.py', 'b.ts'] })).toEqual([['a.py', 'b.ts'], 'f']);
  expect(named({ function: 'a.py:f', functions: 'b.py' })).toEqual([
    '"function" is "a.py:f", which names the file "a.py", but "functions" is "b.py". Name the file once.',
  ]);
  expect(named({ function: 'a.py:' })).toEqual([
    '"function" is ""; it takes the name of a partition function, such as "salesByRegion".',
  ]);
});

test('the three required settings are enough, and every other one has a default', () => {
  expect(parseRunInput(GOOD)).toEqual({
    ok: true,
    input: {
      ...GOOD,
      warehouse: null,
      stage: null,
      functions: null,
      python: null,
      model: null,
      params: {},
      sql: null,
      where: null,
      snapshot: 'stage',
      only: null,
      output: null,
      onExisting: 'error',
      scheduledTime: null,
      timeZone: 'UTC',
      notify: null,
      onUnchanged: 'run',
      series: null,
      options: {
        maxConcurrency: 8,
        toleratedFailures: 0,
        failFast: false,
        runTimeoutMs: null,
        retry: {
          maximumAttempts: null,
          initialIntervalMs: null,
          backoffCoefficient: null,
          maximumIntervalMs: null,
          nonRetryableErrorTypes: null,
          byErrorType: null,
        },
        timeoutMs: null,
        memoryBytes: null,
        heartbeatTimeoutMs: 10_000,
        maxPartitions: 100_000,
        allowEmpty: false,
        partitionsPerUnit: null,
        warehouse: {},
      },
    },
  });
});

test('durations and sizes become numbers, and null means the same as absent', () => {
  const report = parseRunInput({
    ...GOOD,
    where: null,
    output: { file: 'out.csv' },
    options: { timeout: '15m', memory: '2GB', heartbeatTimeout: 5000, retry: { initialInterval: '200ms' } },
  });
  expect(report).toMatchObject({
    ok: true,
    input: {
      where: null,
      output: { file: 'out.csv', format: 'csv' },
      options: {
        timeoutMs: 900_000,
        memoryBytes: 2 ** 31,
        heartbeatTimeoutMs: 5000,
        retry: { initialIntervalMs: 200 },
      },
    },
  });
});

test('all problems of an input are reported together, each with its place, what was given and what is allowed (I9)', () => {
  expect(
    problemsOf({
      functon: 'salesByRegion',
      source: { tabel: 'sales' },
      partitionBy: 'region',
      warehouse: 'postgres:sales',
      where: ' ',
      output: { file: 'out.txt', mode: 'append' },
      onExisting: 'replace',
      options: { maxConcurrency: 24_001, retry: { maximumAttempts: 0 }, timeout: 'soon', memory: '2' },
    }),
  ).toEqual([
    '"function" is missing; it takes the name of a partition function, such as "salesByRegion".',
    '"source.tabel" is not a setting. Did you mean "table"? "source" takes: table, query, files, pattern, types.',
    '"source" does not name any rows: give exactly one of "table", "query" and "files".',
    '"partitionBy" is "region"; it takes a list of column names, such as ["region"].',
    '"warehouse" is "postgres:sales"; it takes a warehouse, such as "duckdb:./warehouse.duckdb" or "snowflake:CONNECTION".',
    '"where" is " "; it takes an SQL condition, such as "amount > 0".',
    '"output.file" is "out.txt"; it takes a path that ends in .parquet or .csv.',
    'An output file is always replaced: "output.mode" and "output.evolve" apply only to a table. Remove them.',
    '"onExisting" is "replace"; it takes "error", "overwrite" or "retry".',
    '"options.maxConcurrency" is 24001; it takes a whole number from 1 to 24,000.',
    '"options.retry.maximumAttempts" is 0; it takes a whole number from 1 to 100.',
    '"options.timeout" is "soon"; it takes a duration up to 30 days, such as "90s", "15m" or "2h" (a number means milliseconds).',
    '"options.memory" is "2"; it takes a size of at least 128MB, such as "512MB" or "2GB".',
    expect.stringMatching(
      /^"functon" is not a setting\. Did you mean "function"\? The input takes: function, source/,
    ),
  ]);
});

test('settings of a warehouse kind have their own place, and are checked', () => {
  const input = { function: 'f', source: { table: 'sales' }, partitionBy: ['region'] };
  const parsed = parseRunInput({ ...input, options: { warehouse: { loadingWarehouse: 'LOAD_WH' } } });
  expect(parsed).toMatchObject({ input: { options: { warehouse: { loadingWarehouse: 'LOAD_WH' } } } });
  expect(parseRunInput({ ...input, options: { warehouse: { loadingWarehouse: null } } })).toMatchObject({
    input: { options: { warehouse: {} } },
  });
  expect(problemsOf({ ...input, options: { warehouse: { loadingWarehose: 'X' } } })).toEqual([
    '"options.warehouse.loadingWarehose" is not a setting. Did you mean "loadingWarehouse"? "options.warehouse" takes: loadingWarehouse.',
  ]);
  expect(problemsOf({ ...input, options: { warehouse: { loadingWarehouse: 3 } } })).toEqual([
    '"options.warehouse.loadingWarehouse" is 3; it takes the name of a virtual warehouse on Snowflake, such as "LOAD_WH".',
  ]);
});

test('a stage as a source is refused, with what to use instead (I9)', () => {
  for (const field of ['table', 'files']) {
    const source = { [field]: '@DB.PUBLIC.FILES/sales.csv' };
    expect(problemsOf({ function: 'f', source, partitionBy: ['region'] })).toEqual([
      expect.stringMatching(
        new RegExp(`^"source\\.${field}" is "@DB.* is a stage, .*\\. Load its files into a table`),
      ),
    ]);
  }
});

test.each([
  [undefined, /^There is no input/],
  [null, /^There is no input/],
  [[], /^The input is \[\]; it takes one JSON object/],
  [5, /^The input is 5;/],
  [true, /^The input is true;/],
  ['run it', /^The input is "run it";/],
  ['{"function": "f"}', /a string containing JSON.*encoded twice/],
])('input that is not an object is refused with an explanation: %j (I9)', (raw, sentence) => {
  expect(problemsOf(raw)).toEqual([expect.stringMatching(sentence)]);
});

test('settings that contradict each other are refused (I9)', () => {
  const { partitionBy: _, ...withoutKey } = GOOD;
  expect(problemsOf(withoutKey)).toEqual([expect.stringContaining('"partitionBy" is missing')]);
  expect(problemsOf({ ...GOOD, function: 'sql' })).toEqual([expect.stringContaining('"sql" is missing')]);
  expect(problemsOf({ ...GOOD, sql: 'SELECT 1' })).toEqual([expect.stringContaining('Remove one of them')]);
  expect(problemsOf({ ...GOOD, partitionBy: ['region', 'Region'] })).toEqual([
    expect.stringContaining('twice'),
  ]);
  expect(problemsOf({ ...GOOD, source: { table: 'a', files: 'b.csv' } })).toEqual([
    expect.stringContaining('names rows in more than one place'),
  ]);
  expect(problemsOf({ ...GOOD, output: { mode: 'append' } })).toEqual([
    expect.stringContaining('"output" does not name a target'),
  ]);
  expect(problemsOf({ ...GOOD, output: { table: 'a', file: 'b.csv' } })).toEqual([
    expect.stringContaining('names both a table and a file'),
  ]);
  expect(problemsOf({ ...GOOD, source: { files: 'a', pattern: '*.csv' } })).toEqual([
    expect.stringContaining('put the pattern into "source.files"'),
  ]);
  expect(problemsOf({ function: 'f', source: { files: 'a' }, where: 'x > 1' })).toEqual([
    expect.stringContaining('"where" cannot be used'),
  ]);
});

test('an output must be a table or a file with a known extension (I9)', () => {
  for (const table of ['a.xlsx', 'out/summary', 'rows.json']) {
    expect(problemsOf({ ...GOOD, output: { table } })).toEqual([
      `"output.table" is "${table}", which is the name of a file: give a path that ends in .parquet or .csv as "output.file", or a table's name.`,
    ]);
  }
  expect(problemsOf({ ...GOOD, output: { file: 'a.xlsx' } })).toEqual([
    '"output.file" is "a.xlsx"; it takes a path that ends in .parquet or .csv.',
  ]);
  for (const table of ['summary', 'main.summary', '"a.csv"', 'Umsätze 2024'])
    expect(parseRunInput({ ...GOOD, output: { table } }).ok).toBe(true);
});

test('partition ids in "only" are checked against the key, and the intended id is suggested', () => {
  expect(problemsOf({ ...GOOD, only: ['North', 'San Marcos', 'a/b'] })).toEqual([
    expect.stringContaining('so you may mean "San%20Marcos"'),
    expect.stringContaining('a partition id of 2 columns, but the partition key has 1'),
  ]);
});

test('an input too large for Temporal is refused before it is sent (I7)', () => {
  expect(problemsOf({ ...GOOD, params: { text: 'x'.repeat(300_000) } })).toEqual([
    expect.stringMatching(/^The input is 294 KiB long, but at most 100 KiB/),
  ]);
});

test('params keep a parameter named __proto__', () => {
  const params = JSON.parse('{"__proto__": 5, "n": 1}') as Record<string, unknown>;
  const report = parseRunInput({ ...GOOD, params });
  expect(report.ok && Object.entries(report.input.params)).toEqual(Object.entries(params));
});

test('types of columns and rules of retries keep a name __proto__, and problems name it', () => {
  const types = JSON.parse('{"__proto__": "VARCHAR", "n": "DATE"}') as Record<string, string>;
  const source = { files: 'a.csv', types };
  const report = parseRunInput({ ...GOOD, source });
  expect(report.ok && Object.entries((report.input.source as typeof source).types)).toEqual(
    Object.entries(types),
  );
  const byErrorType = JSON.parse('{"__proto__": {"maximumAttempts": 0, "other": 1}}') as never;
  const wrong = JSON.parse('{"__proto__": 5}') as never;
  expect(
    problemsOf({ ...GOOD, source: { files: 'a.csv', types: wrong }, options: { retry: { byErrorType } } }),
  ).toEqual([
    '"source.types.__proto__" is 5; it takes the name of a type, such as "VARCHAR".',
    '"options.retry.byErrorType.__proto__.maximumAttempts" is 0; it takes a whole number from 1 to 100.',
    expect.stringMatching(/^"options\.retry\.byErrorType\.__proto__\.other" is not a setting\./),
  ]);
});

describe('params that JSON would change are refused by name (I9)', () => {
  const circle: Record<string, unknown> = {};
  circle.self = circle;
  const deep = (levels: number): unknown => {
    let value: unknown = 1;
    for (let i = 0; i < levels; i++) value = { a: value };
    return value;
  };

  it.each<[string, unknown, RegExp]>([
    ['a BigInt', { n: 1n }, /^"params\.n" is 1n, which cannot be written as JSON\. Use a string\.$/],
    ['an integer beyond 2^53', { id: 2 ** 60 }, /^"params\.id" is 1152921504606847000, .* Use a string\.$/],
    ['NaN', { rates: [1, NaN] }, /^"params\.rates\[1\]" is NaN, /],
    ['Infinity', { most: -Infinity }, /^"params\.most" is -Infinity, /],
    ['a Map', { m: new Map([[1, 2]]) }, /^"params\.m" is a Map, .* Object\.fromEntries\(map\)\.$/],
    ['a Set', { s: new Set([1]) }, /^"params\.s" is a Set, .* \[\.\.\.set\]\.$/],
    ['a function', { f: () => 1 }, /^"params\.f" is a function, /],
    ['a symbol', { f: Symbol('x') }, /^"params\.f" is a symbol, /],
    ['undefined in a list', { l: [undefined] }, /^"params\.l\[0\]" is undefined, /],
    ['bytes', { b: Buffer.from('x') }, /^"params\.b" is a Buffer, /],
    ['an invalid date', { d: new Date(NaN) }, /^"params\.d" is an invalid date, /],
    ['a circular reference', circle, /^"params\.self" contains itself, /],
    ['20,000 levels', deep(20_000), /^"params(\.a){101}" is nested more than 100 levels deep/],
  ])('%s', (_, params, words) => {
    const problems = problemsOf({ ...GOOD, params });
    expect(problems).toEqual([expect.stringMatching(words)]);
  });

  it('and values that it keeps are accepted', () => {
    const shared = { a: 1 };
    const params = {
      day: new Date(0),
      one: shared,
      two: [shared, shared],
      absent: undefined,
      deep: deep(90),
    };
    expect(parseRunInput({ ...GOOD, params }).ok).toBe(true);
  });
});

test('garbage in any field never makes the check throw', () => {
  const garbage = [
    null,
    0,
    -1,
    NaN,
    Infinity,
    '',
    ' ',
    '\0',
    [],
    [null],
    {},
    { a: { b: [] } },
    true,
    'x'.repeat(10_000),
    ['a', 1],
  ];
  const fields = [
    'function',
    'source',
    'partitionBy',
    'warehouse',
    'stage',
    'params',
    'sql',
    'where',
    'only',
    'output',
    'onExisting',
    'options',
  ];
  for (const field of fields) {
    for (const value of garbage) {
      const report = parseRunInput({ ...GOOD, [field]: value });
      if (!report.ok) for (const problem of report.problems) expect(problem).toMatch(/^["A-Z][^\n]*\.$/);
    }
  }
});

test('run ids have a length limit and can name a folder', () => {
  for (const id of ['r', 'nightly/2024-01-31', 'Müller 7', '.x', 'a'.repeat(200)])
    expect(runIdProblem(id)).toBeNull();
  for (const id of [
    '',
    '.',
    '..',
    ' a',
    'a ',
    'a\nb',
    '\ud800',
    'a'.repeat(201),
    'é'.repeat(101),
    5,
    null,
    undefined,
  ]) {
    expect(runIdProblem(id)).toMatch(/run id .*\.$/);
  }
});

test('a generated run id shows what runs and when', () => {
  expect(defaultRunId('salesByRegion', new Date('2024-01-31T23:59:59.999Z'), 35)).toBe(
    'salesByRegion-20240131-235959-000z',
  );
  expect(runIdProblem(defaultRunId('salesByRegion'))).toBeNull();
});

test('durations and sizes are read the way people write them', () => {
  expect(['500ms', '90s', '1.5m', ' 2 H ', '1d', 250].map(parseDuration)).toEqual([
    500, 90_000, 90_000, 7_200_000, 86_400_000, 250,
  ]);
  expect(['', '5', 's', '-1s', '0s', '1 week', 0, -1, NaN].map(parseDuration)).toEqual(Array(9).fill(null));
  expect(['512MB', '2GB', '1.5 GiB', '64k'].map(parseBytes)).toEqual([
    2 ** 29,
    2 ** 31,
    1.5 * 2 ** 30,
    65_536,
  ]);
  expect(['', '5', 'MB', '-1MB', '0GB', '1 lot'].map(parseBytes)).toEqual(Array(6).fill(null));
});

test('a scheduled time is an instant, or the start of a day in the time zone of the run', () => {
  const scheduledFor = (scheduledTime: string, timeZone?: string) => {
    const report = parseRunInput({ ...GOOD, scheduledTime, timeZone });
    return report.ok && report.input.scheduledTime;
  };
  expect(scheduledFor('2026-11-01T06:00:00Z', 'Europe/Berlin')).toBe('2026-11-01T06:00:00.000Z');
  expect(scheduledFor('2026-11-01T06:00+02:00')).toBe('2026-11-01T04:00:00.000Z');
  expect(scheduledFor('2026-11-01')).toBe('2026-11-01T00:00:00.000Z');
  expect(scheduledFor('2026-11-01', 'europe/berlin')).toBe('2026-10-31T23:00:00.000Z');
  expect(scheduledFor('2026-07-01 00:30', 'Europe/Berlin')).toBe('2026-06-30T22:30:00.000Z');
});

test('an invalid time and an unknown time zone are refused together (I9)', () => {
  expect(
    problemsOf({
      ...GOOD,
      scheduledTime: '2026-02-30',
      timeZone: 'Europe/Berln',
      onUnchanged: 'skip',
      series: '',
    }),
  ).toEqual([
    '"scheduledTime" is "2026-02-30"; it takes a time such as "2026-11-01T06:00:00Z", or a day such as "2026-11-01".',
    '"timeZone" is "Europe/Berln"; it takes an IANA time zone, such as "Europe/Berlin" or "UTC".',
    '"onUnchanged" is "skip"; it takes "run" or "reuse".',
    '"series" is ""; it takes the name of a series of runs, at most 200 bytes of text such as "nightly".',
  ]);
  expect(problemsOf({ ...GOOD, scheduledTime: 5, timeZone: '+01:00' })).toHaveLength(2);
});

describe('the input of a continuation', () => {
  const run: RunInput = {
    function: 'totals',
    source: { table: 'sales' },
    partitionBy: ['region'],
    scheduledTime: '2026-11-01T06:00:00.000Z',
    options: { toleratedFailures: 5, retry: { maximumAttempts: 7 } },
  };
  const problemsOf = (raw: object): string[] => resumedInput(raw, run).problems;

  it('is checked for invalid lists and options (I9)', () => {
    expect(problemsOf({ only: 'North' })).toEqual([
      expect.stringMatching(/^"only" is "North"; it takes a list/),
    ]);
    expect(problemsOf({ only: ['a', 7] })).toEqual([expect.stringMatching(/^"only\[1\]" is 7/)]);
    expect(problemsOf({ options: 'fast' })).toEqual([expect.stringMatching(/^"options" is "fast"/)]);
    expect(problemsOf({ only: ['North'], options: { maxConcurrency: 2 } })).toEqual([]);
  });

  it('selects partitions in one way: by id, by error or by ordinal (I9)', () => {
    for (const ordinals of ['0', '3,7-9', '5-5,7'])
      expect(problemsOf({ ordinals, generation: 1 })).toEqual([]);
    expect(problemsOf({ failedWith: 'RateLimited' })).toEqual([]);
    for (const [ordinals, wrong] of [
      ['3,x', 'x'],
      ['7-3', '7-3'],
      ['7,7', '7'],
      ['1-4,4-5', '4-5'],
      ['1,,2', ''],
      ['-1', '-1'],
      ['~0:1', '~0:1'],
    ])
      expect(problemsOf({ ordinals })).toEqual([
        `"ordinals" is "${ordinals}", in which "${wrong}" is out of place; it takes ordinals and ranges of them in ascending order, such as "3,7-9".`,
      ]);
    expect(problemsOf({ ordinals: '' })).toEqual([
      expect.stringMatching(/^"ordinals" is ""; it takes ordinals/),
    ]);
    const long = ordinalRanges(Array.from({ length: 20_000 }, (_, i) => 2 * i));
    expect(problemsOf({ ordinals: long })).toEqual([
      expect.stringMatching(/^"ordinals" is 112 KiB long, but at most 64 KiB can/),
      expect.stringMatching(/^The input is \d+ KiB long/),
    ]);
    expect(problemsOf({ ordinals: 7, generation: 0, failedWith: '' })).toHaveLength(4);
    expect(problemsOf({ only: ['North'], failedWith: 'Timeout', generation: 2 })).toEqual([
      '"only" and "failedWith" each select the partitions to retry. Give one of them.',
      '"generation" goes with "ordinals" only. Remove it.',
    ]);
    expect(parseRunInput({ ...run, failedWith: 'Timeout', ordinals: '1' })).toMatchObject({
      problems: [
        '"failedWith" goes with "onExisting": "retry" only. Remove it.',
        '"ordinals" goes with "onExisting": "retry" only. Remove it.',
        '"failedWith" and "ordinals" each select the partitions to retry. Give one of them.',
      ],
    });
  });

  it("keeps the run's value where it is null", () => {
    const raw = {
      options: { toleratedFailures: null, retry: { maximumAttempts: null, initialInterval: '2s' } },
    };
    const { input, problems } = resumedInput(raw as object, run);
    expect(problems).toEqual([]);
    expect(input.options).toEqual({
      toleratedFailures: 5,
      retry: { maximumAttempts: 7, initialInterval: '2s' },
    });
  });

  it('accepts the option name of earlier versions, which recorded inputs use', () => {
    expect(['retry', 'resume', 'overwrite'].map((onExisting) => asksToResume({ onExisting }))).toEqual([
      true,
      true,
      false,
    ]);
    const input = { ...run, onExisting: 'resume', rerunMissing: true };
    expect(parseRunInput(input)).toMatchObject({ ok: true, input: { onExisting: 'retry' } });
  });

  it('may repeat the input of the run, however it is written', () => {
    expect(problemsOf({ ...run, params: {}, scheduledTime: '2026-11-01T07:00:00+01:00' })).toEqual([]);
    expect(problemsOf({ scheduledTime: '2026-11-02T06:00:00Z', params: { a: 1 } })).toHaveLength(2);
  });
});

test('a start with problems sends nothing to the server, and names all of them (I9)', async () => {
  const asked = (): never => {
    throw new Error('The server was asked.');
  };
  const client = new Proxy({}, { get: asked }) as unknown as Client;
  const input = { function: 'sums', partitionBy: 'k' } as unknown as RunInput;
  const problems = await startRun(client, 'partwise', input, '@last').catch(
    (error: { problems: string[] }) => error.problems,
  );
  expect(problems).toEqual([
    expect.stringContaining('"@last"'),
    expect.stringContaining('"source" is missing'),
    expect.stringContaining('"partitionBy" is "k"'),
  ]);
});

test('no name is suggested for white space', () => {
  expect(didYouMean(' ', ['e', 'id'])).toBe('');
  expect(didYouMean(' nightli ', ['nightly'])).toBe(' Did you mean "nightly"?');
});

test('a cron expression that is never due, or has a step beyond its field, is refused', () => {
  for (const never of ['0 0 31 2 *', '0 0 30,31 FEB *', '0 0 31 4,6,9-11/2 *', '0 0 29 2 * 2030-2031'])
    expect(cronProblem(never)).toMatch(/^which is never due: no month of it has a day /);
  expect(cronProblem('0 0 31 2 *')).toBe('which is never due: no month of it has a day 31');
  for (const due of [
    '0 0 29 2 *',
    '0 0 31 */2 *',
    '0 0 31 2 MON',
    '0 0 28-31 2 *',
    '0 0 31 2/2 *',
    '@monthly',
  ])
    expect([due, cronProblem(due)]).toEqual([due, null]);
  expect(cronProblem('*/61 * * * *')).toBe(
    'whose minute is "*/61", with a step that leaves the field after one value; steps are from 1 to 59',
  );
  expect(cronProblem('0 0-23/24 * * *')).toMatch(/steps are from 1 to 23$/);
  expect(cronProblem('*/59 */23 */30 */11 */7')).toBeNull();
});

test('a "#" inside a field of a cron expression is refused, since it would begin a comment', () => {
  expect(cronProblem('0 6 * * 1#2')).toMatch(/^with "1#2", where "#" begins a comment/);
  expect(cronProblem('0 6 * * 1 # said so, see #2')).toBeNull();
});
