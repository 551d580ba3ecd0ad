import { mkdtemp, mkdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { Command } from 'commander';
import { completionOf } from '../src/cli/completion';
import { COMMANDS, loadCommand } from '../src/cli/commands';
import { groupItems } from '../src/cli/help';
import { exitCodeOf } from '../src/cli/exit';
import { repeatedWithout, suggesting } from '../src/cli/invocation';
import { runIdOf } from '../src/cli/last-run';
import { labelOfNames, partitionName, toPartitionId } from '../src/core/partition-name';
import { refuseRepeated } from '../src/cli/repeated';
import { partitionFolders } from '../src/cli/partition-folders';
import { toRunInput } from '../src/cli/run-input';
import { inFlagWords } from '../src/cli/flag-words';
import { compareKeys } from '../src/core/key-order';
import { encodePartitionId } from '../src/core/partition-id';
import { parseRunInput } from '../src/input/parse-input';
import { noCounts } from '../src/core/status';
import type { RunState } from '../src/history/state';
import type { ListOptions, RunListing, RunPage } from '../src/index';

const HERE = { projectDir: '/project', cwd: '/project' };

test('flags build the same input object that the library takes', () => {
  const input = toRunInput(
    'salesByRegion',
    {
      from: 'sales',
      by: ['region, year'],
      param: ['currency=EUR', 'rates=[1, 2]', 'limit=5', 'note=a=b', 'dry'],
      only: ['North/2024', 'San Marcos/2023'],
      where: ['amount > 0'],
      warehouse: 'duckdb:./w.duckdb',
      output: 'summary',
      mode: 'append',
      maxConcurrency: '4',
      maximumAttempts: '1',
      timeout: '90s',
    },
    HERE,
  );
  expect(input).toEqual({
    function: 'salesByRegion',
    source: { table: 'sales' },
    partitionBy: ['region', 'year'],
    params: { currency: 'EUR', rates: [1, 2], limit: 5, note: 'a=b', dry: true },
    only: ['North/2024', 'San%20Marcos/2023'],
    where: 'amount > 0',
    warehouse: 'duckdb:./w.duckdb',
    output: { table: 'summary', mode: 'append' },
    options: { maxConcurrency: 4, retry: { maximumAttempts: 1 }, timeout: '90s' },
  });
  expect(parseRunInput(input).ok).toBe(true);
});

test('--by and --keep add to each other, and a name in double quotes may contain commas and outer spaces', () => {
  const flags = { from: 'sales', by: ['region,"net, total"', 'year ,"5"" pipe"'], keep: ['a', '" b"'] };
  const { partitionBy, model } = toRunInput('f', flags, HERE);
  expect(partitionBy).toEqual(['region', 'net, total', 'year', '5" pipe']);
  expect(model).toEqual({ keep: ['a', ' b'] });
});

test('several --where must all match, even if one has an OR or a comment', () => {
  const where = ["region = 'North' OR region = 'South' -- open", 'amount > 1'];
  expect(toRunInput('f', { from: 'sales', where }, HERE).where).toBe(
    "(region = 'North' OR region = 'South' -- open\n) AND (amount > 1\n)",
  );
});

test('a parameter that is given twice is refused by name (I9)', () => {
  expect(() => toRunInput('f', { param: ['a=1', 'b=1', 'a=2'] }, HERE)).toThrow(
    '--param a is given twice, and can have only one value: remove one of the two.',
  );
});

test('numbers of parameters are text if a number would lose their digits', () => {
  const values: Record<string, unknown> = {
    '12345678901234567890': '12345678901234567890',
    '0.1234567890123456789': '0.1234567890123456789',
    '12345678.123456789012': '12345678.123456789012',
    '1e-400': '1e-400',
    '{"a":[0.10000000000000001,"0.10000000000000001"]}': {
      a: ['0.10000000000000001', '0.10000000000000001'],
    },
    '0.30000000000000004': 0.1 + 0.2,
    '-1.50': -1.5,
    '1E3': 1000,
    '"1"': '1',
  };
  for (const [given, taken] of Object.entries(values))
    expect(toRunInput('f', { param: [`x=${given}`] }, HERE).params).toEqual({ x: taken });
});

test('a parameter without a name is refused', () => {
  for (const param of ['=5', ' =5', ''])
    expect(() => toRunInput('f', { param: [param] }, HERE)).toThrow(
      `--param "${param}" has no name: write it as name=value.`,
    );
});

test('settings of a warehouse kind are flags too, and problems name the flag', () => {
  const flags = { from: 'sales', by: ['region'], loadingWarehouse: 'LOAD_WH' };
  expect(toRunInput('salesByRegion', flags, HERE)).toMatchObject({
    options: { warehouse: { loadingWarehouse: 'LOAD_WH' } },
  });
  expect(inFlagWords('"options.warehouse.loadingWarehouse" is " "; it takes …')).toBe(
    '--loading-warehouse is " "; it takes …',
  );
});

test('--sql implies the built-in function', () => {
  expect(toRunInput(undefined, { from: 'sales', by: ['region'], sql: 'SELECT 1 AS one' }, HERE)).toEqual({
    function: 'sql',
    source: { table: 'sales' },
    partitionBy: ['region'],
    sql: 'SELECT 1 AS one',
  });
});

test('a source is a query, a set of files or a table', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'partwise-source-'));
  await writeFile(join(folder, 'data'), '');
  await mkdir(join(folder, 'sales'));
  const source = (from: string, flags: object = { by: ['k'] }) =>
    toRunInput('f', { from, ...flags }, { projectDir: folder, cwd: folder }).source;
  try {
    expect(source('query: SELECT * FROM a')).toEqual({ query: 'SELECT * FROM a' });
    expect(source('main.sales')).toEqual({ table: 'main.sales' });
    // A folder of the same name does not turn a table into files.
    expect(source('sales')).toEqual({ table: 'sales' });
    expect(source('not-there.csv')).toEqual({ files: 'not-there.csv' });
    expect(source('a.ndjson.gz')).toEqual({ files: 'a.ndjson.gz' });
    expect(source('data')).toEqual({ files: 'data' });
    expect(source('sales/')).toEqual({ files: 'sales/' });
    expect(source('sales/*')).toEqual({ files: 'sales/*' });
    expect(source('in/2024/*/x-*.csv', {})).toEqual({ files: 'in/2024', pattern: '*/x-*.csv' });
    expect(source('sales/', { pattern: '*.csv' })).toEqual({ files: 'sales/', pattern: '*.csv' });
  } finally {
    await rm(folder, { recursive: true });
  }
});

test('relative paths are resolved against the current folder and sent relative to the project', () => {
  const places = { projectDir: '/project', cwd: '/project/data/2024' };
  const input = toRunInput(
    'f',
    { from: 'sales.csv', by: ['k'], output: 'out.csv', warehouse: 'duckdb:w.duckdb', stage: '../stage' },
    places,
  );
  expect(input).toMatchObject({
    source: { files: 'data/2024/sales.csv' },
    output: { file: 'data/2024/out.csv' },
    warehouse: 'duckdb:data/2024/w.duckdb',
    stage: 'data/stage',
  });
  expect(
    toRunInput('f', { from: '/tmp/x.csv', by: ['k'], warehouse: 'duckdb::memory:' }, places),
  ).toMatchObject({
    source: { files: '/tmp/x.csv' },
    warehouse: 'duckdb::memory:',
  });
});

test('problems name the flags that the user typed', () => {
  const report = parseRunInput(toRunInput('f', { maxConcurrency: 'lots', from: 't' }, HERE));
  expect(report.ok ? [] : report.problems.map(inFlagWords)).toEqual([
    '--max-concurrency is "lots"; it takes a whole number from 1 to 24,000.',
    '--by is missing; it takes the key columns, such as --by region.',
  ]);
  const ofColumn = 'There is no column "constructor" in the table "t".';
  expect(inFlagWords(ofColumn)).toBe(ofColumn);
});

test('an output that is neither a table nor a file with a known extension, and a mode without an output, are refused (I9)', () => {
  const problems = (flags: object): string[] => {
    const report = parseRunInput(toRunInput('f', { from: 't', by: ['k'], ...flags }, HERE));
    return report.ok ? [] : report.problems.map(inFlagWords);
  };
  expect(problems({ output: 'a.xlsx' })).toEqual([
    '--output is "a.xlsx"; it takes a path that ends in .parquet or .csv.',
  ]);
  expect(problems({ output: './summary' })).toEqual([
    expect.stringContaining('it takes a path that ends in'),
  ]);
  const alone = ['--mode and --evolve require --output: name the table to write, such as --output summary.'];
  expect([problems({ mode: 'append' }), problems({ evolve: true })]).toEqual([alone, alone]);
  expect(problems({ output: 'main.summary', mode: 'append', evolve: true })).toEqual([]);
});

test('the label of a unit has the names of its partitions', () => {
  const labels = [
    'East/San%20Marcos … %-',
    'S%C3%A3o%20Paulo, a%2Fb and 3 more',
    'attempt 2: Waco…',
    'San%20Marc%C…',
  ];
  expect(labels.map(labelOfNames)).toEqual([
    'East/San Marcos … %-',
    'São Paulo, a%2Fb and 3 more',
    'attempt 2: Waco…',
    'San%20Marc%C…',
  ]);
});

test('a partition is shown the way it can be typed', () => {
  const named = (...key: (string | null)[]): string => {
    const id = encodePartitionId(key);
    const name = partitionName(id);
    expect(toPartitionId(name, key.length)).toBe(id);
    return name;
  };
  expect([named('North'), named('San Marcos'), named('East', '14'), named('São Paulo', '2024')]).toEqual([
    'North',
    'San Marcos',
    'East/14',
    'São Paulo/2024',
  ]);
  expect([named(null), named('', 'x'), named('a/b'), named('100%'), named('50%25')]).toEqual([
    '%-',
    '%_/x',
    'a%2Fb',
    '100%',
    '50%2525',
  ]);
  expect(named('line\nfeed')).toBe('line%0Afeed');
});

test('@last is the run that started last, whichever the list has first', async () => {
  const runs = ['2026-11-01', '2026-11-03', '2026-11-02'].map((startedAt) => ({
    runId: `of-${startedAt}`,
    startedAt,
  }));
  const list = async ({ after, startedFrom }: ListOptions): Promise<RunPage> => {
    const found = runs.filter((run) => startedFrom === undefined || new Date(run.startedAt) >= startedFrom);
    const from = Number(after ?? 0);
    const page = found.slice(from, from + 1) as unknown as RunListing[];
    return { runs: page, refused: 0, unread: [], next: from + 1 < found.length ? String(from + 1) : null };
  };
  expect(await runIdOf({ list }, '@last')).toBe('of-2026-11-03');
  expect(await runIdOf({ list }, 'last')).toBe('last');
  const none = async (): Promise<RunPage> => ({ runs: [], refused: 0, unread: [], next: null });
  await expect(runIdOf({ list: none }, '@last')).rejects.toThrow('There are no runs, so @last names none');
});

test('partitions are in key order where only ids are known: numbers by value, NULL last', () => {
  const ids = ['10', '2', '1', '%-', '-3', '1.5', 'b', 'a', '2/10', '2/9'];
  expect(ids.toSorted(compareKeys)).toEqual(['-3', '1', '1.5', '2', '2/9', '2/10', '10', 'a', 'b', '%-']);
});

test('a command line can be repeated without one of its options', () => {
  const argv = ['run', 'f', '--try', '3', '--param', 'a=b c', '--try=2'];
  expect(repeatedWithout('--try', argv, '/p/node_modules/.bin/partwise', '/p')).toBe(
    "npx partwise run f --param 'a=b c'",
  );
});

test('the exit code reflects how the workflow ended (I8)', () => {
  const state = (status: RunState['status'], more: Partial<RunState> = {}): RunState => ({
    runId: 'r',
    status,
    reused: 0,
    archived: false,
    counts: { ...noCounts(), total: 2, DONE: 1, FAILED: 1 },
    rows: 2,
    startedAt: '',
    endedAt: '',
    snapshotTime: '2024-01-01T00:00:00.000Z',
    scheduledTime: null,
    function: 'f',
    functionDigest: null,
    input: null,
    executions: [],
    live: false,
    asOf: '',
    error: null,
    models: null,
    reusedRuntimes: [],
    runtime: null,
    commit: null,
    waiting: null,
    retries: { partitions: 0, first: [] },
    paused: false,
    pausedBy: null,
    pausedAt: null,
    maxConcurrency: 8,
    toleratedFailures: 0,
    ...more,
  });
  const error = { type: 'PartialFailure', message: '', stack: null };
  expect(exitCodeOf(state('SUCCESS'), false)).toBe(0);
  expect(exitCodeOf(state('PARTIAL_FAILURE'), false)).toBe(0);
  expect(exitCodeOf(state('PARTIAL_FAILURE'), true)).toBe(1);
  expect(exitCodeOf(state('PARTIAL_FAILURE', { error }), false)).toBe(1);
  expect(exitCodeOf(state('FAILURE', { error }), false)).toBe(1);
  expect(exitCodeOf(state('CANCELLED'), false)).toBe(1);
  const unplanned = { snapshotTime: null, counts: { ...noCounts(), total: 0 } };
  expect(
    exitCodeOf(state('FAILURE', { ...unplanned, error: { ...error, type: 'InvalidInput' } }), false),
  ).toBe(2);
  expect(exitCodeOf(state('FAILURE', { ...unplanned, error: { ...error, type: 'Terminated' } }), false)).toBe(
    1,
  );
});

test('suggested commands call Partwise the way it was called', () => {
  const named = { project: 'my demo', address: 'localhost:7233' };
  expect(suggesting({}, '/p/node_modules/.bin/partwise', '/p')('list')).toBe('npx partwise list');
  expect(suggesting({}, '/usr/local/bin/partwise', '/p')('list')).toBe('partwise list');
  expect(suggesting(named, '/p/dist/cli/main.js', '/p')('list')).toBe(
    "node dist/cli/main.js list --project 'my demo' --address localhost:7233",
  );
});

test('each downloaded partition has its own folder inside the target, on any file system (I6)', () => {
  const folderOf = partitionFolders();
  const keys = [
    null,
    '',
    ' ',
    '..',
    '.',
    'a/b',
    'upper',
    'UPPER',
    'é',
    'e\u0301',
    'x'.repeat(300),
    'C:\\x',
    '*',
  ];
  const folders = keys.map((key) => folderOf(encodePartitionId([key])));
  expect(new Set(folders.map((folder) => folder.toLowerCase())).size).toBe(keys.length);
  for (const folder of folders) expect(folder).toMatch(/^[^/\\:*]{1,100}$/);
  expect(folders).not.toEqual(expect.arrayContaining(['..']));
  expect(folderOf('UPPER')).toBe('UPPER~2');
  expect([folderOf('2024/New%20York'), folderOf('North/%-')]).toEqual(['2024/New%20York', 'North/%-']);
});

/** A command with all its options and subcommands, each with the words that name it. */
function commandsBelow(command: Command, path: string): [path: string, command: Command][] {
  return [
    [path, command],
    ...command.commands.flatMap((each) => commandsBelow(each, `${path} ${each.name()}`)),
  ];
}
const ALL_COMMANDS = COMMANDS.flatMap(({ name }) => {
  const command = new Command('partwise').configureHelp({ groupItems }).command(name);
  loadCommand(name).define(command);
  return commandsBelow(command, name);
});

function helpOf(command: Command): string {
  let text = '';
  command.configureOutput({ writeOut: (part) => (text += part) }).outputHelp();
  return text;
}

test.each(ALL_COMMANDS)(
  'the help of %s has an example that uses only flags of the command',
  (path, command) => {
    const [, examples] = /\nExamples?:\n((?: {2}.*\n)+)/.exec(helpOf(command)) ?? [];
    const lines = examples!.split(/^ {2}(?=partwise )/m).filter((line) => line !== '');
    for (const line of lines) {
      expect(line).toContain(`partwise ${path}`);
      const known = command.commands.flatMap((each) => each.options).concat(command.options);
      for (const [flag] of line.matchAll(/(?<= )--[a-z-]+/g))
        expect(known.map((each) => each.long)).toContain(flag);
    }
  },
);

test.each(ALL_COMMANDS)(
  'an option of %s that is given twice adds to the first, or is refused by name (I9)',
  (path, command) => {
    command.exitOverride().configureOutput({ writeErr: () => {} });
    refuseRepeated(command);
    for (const { long, required, variadic, argChoices, description } of command.options) {
      const given = required
        ? [long!, argChoices?.[0] ?? (/grace|since/.test(long!) ? '10s' : '1')]
        : [long!];
      const twice = (): unknown => command.parseOptions([...given, ...given]);
      if (variadic || /repeatable/.test(description)) expect(twice).not.toThrow();
      else expect(twice).toThrow(`${long} is given twice`);
    }
  },
);

test('the help of run groups its options under headings, in the order in which users need them', () => {
  const [, run] = ALL_COMMANDS.find(([path]) => path === 'run')!;
  const help = helpOf(run);
  expect(help.match(/^[A-Z][a-z ]+:$/gm)).toEqual([
    'Arguments:',
    'Source:',
    'What to run:',
    'Failure policy:',
    'Time and memory:',
    'Output:',
    'Models:',
    'Connection:',
    'Options:',
    'Examples:',
  ]);
  expect(/^Options:\n((?: .*\n)+)/m.exec(help)![1]!.match(/--[a-z-]+/g)).toEqual(['--help']);
});

test('a shell completes commands, their options and choices, and ids of runs where a command takes one', () => {
  const words = (...line: string[]): readonly string[] => completionOf(line).words;
  expect(words('re')).toContain('retry');
  expect(words('run', '--ma')).toEqual(expect.arrayContaining(['--max-concurrency', '--help']));
  expect(words('run', 'sum', '--by', 'region', '--')).toContain('--from');
  expect(words('models', '')).toContain('promote');
  expect(words('schedule', 'create', 'nightly', '--')).toContain('--cron');
  expect(words('list', '--status', '')).toContain('PARTIAL_FAILURE');
  expect(words('run', 'sum', '--mode', '')).toEqual(['replace', 'partitions', 'append']);
  expect(words('predict', 'traffic', '--on-missing', '')).toEqual(['error', 'skip', 'fallback']);
  expect(words('schedule', 'update', 'nightly', '--overlap', '')).toContain('buffer-one');
  // Not "words", which is hidden.
  expect([...words('completion', '')].sort()).toEqual(['bash', 'fish', 'zsh']);
  expect(words('no-such-command', '')).toEqual([]);
  const takesRun = (...line: string[]): boolean => completionOf(line).isRun;
  expect(takesRun('retry', '')).toBe(true);
  expect(takesRun('retry', '--only', 'North', '')).toBe(true);
  expect(takesRun('predict', 'traffic', '--run', '')).toBe(true);
  expect(takesRun('retry', 'regional-2024', '')).toBe(false);
  expect(takesRun('retry', '--only', '')).toBe(false);
});
