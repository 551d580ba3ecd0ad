import { describe, expect, it, test } from '@jest/globals';
import { createColors } from 'picocolors';
import type { PartitionView } from '../src/reader/partition-types';
import { bar, sparkline } from '../src/cli/render/sparkline';
import { boundSentence } from '../src/display/time-bound';
import { bytesText, durationText } from '../src/display/measures';
import { countsBar, countsText } from '../src/display/counts';
import { nextCommands } from '../src/cli/render/next-commands';
import { shellWord } from '../src/core/shell-word';
import { PLAIN } from '../src/display/paint';
import { framesOf } from '../src/cli/render/error';
import { renderFailures, retryCommand } from '../src/cli/render/failures';
import { renderPartition } from '../src/cli/render/partition';
import { renderPartitions } from '../src/cli/render/partitions';
import { failureLine, placeOf } from '../src/display/failure-line';
import { csvOf, renderRows } from '../src/cli/render/rows';
import { renderArtifacts } from '../src/cli/render/artifacts';
import { renderPlan } from '../src/cli/render/plan';
import { renderRuns } from '../src/cli/render/runs';
import { partitionSizes } from '../src/client/partition-sizes';
import { renderInput, renderRunState } from '../src/cli/render/run-state';
import { LiveLines } from '../src/display/live-lines';
import { barLine, ProgressDisplay } from '../src/display/progress';
import { note, redirectNotes } from '../src/display/stderr';
import { waitingText } from '../src/display/waiting';
import { clean, cut, widthOf, wrapped } from '../src/display/text';
import { cellText } from '../src/cli/render/value';
import { noCounts } from '../src/core/status';
import { workerLine } from '../src/cli/render/worker-events';
import type { WorkerEvent } from '../src/worker';
import type { FailureGroup } from '../src/history/failure-groups';
import type { RunState, WaitingRetry } from '../src/history/state';

test('shows the frames of stacks of both languages, with relative paths', () => {
  const node = 'Error: no\n    at run (/p/functions.ts:2:9)';
  expect(framesOf(node, '/p')).toEqual(['at run (functions.ts:2:9)']);
  const python =
    'Traceback (most recent call last):\n  File "/p/functions.py", line 2, in f\n    x["a"]\nKeyError';
  expect(framesOf(python, '/p')).toEqual(['File "functions.py", line 2, in f']);
});

const WACO: PartitionView = {
  ordinal: 0,
  id: 'San%20Marcos',
  key: { city: 'San Marcos' },
  status: 'FAILED',
  attempts: 1,
  rows: 187,
  returnedRows: 0,
  startedAt: '2024-01-01T00:00:00.000Z',
  durationMs: 1234,
  reused: false,
  error: { type: 'ExpectationFailed', message: '46 of 187 months have no sales', stack: null },
  earlierErrors: [],
  nextAttempt: null,
  artifacts: [],
  execution: 1,
  unit: '4',
  worker: null,
  functionDigest: 'abc',
};

/** When the views were read. */
const NOW = Date.parse('2024-01-01T01:00:00.000Z');

const STATE: RunState = {
  runId: 'texas',
  status: 'PARTIAL_FAILURE',
  reused: 0,
  archived: false,
  counts: { ...noCounts(), total: 46, DONE: 43, FAILED: 2, INTERNAL_ERROR: 1 },
  rows: 8602,
  startedAt: '2024-01-01T00:00:00.000Z',
  endedAt: '2024-01-01T00:01:02.500Z',
  snapshotTime: null,
  scheduledTime: null,
  function: 'trendByCity',
  functionDigest: '9f3c',
  input: {
    source: { table: 'sales' },
    partitionBy: ['city'],
    where: null,
    params: { from: 2000, to: 'now' },
    sql: null,
  },
  executions: [],
  live: false,
  asOf: '2024-01-01T01:00:00.000Z',
  error: null,
  models: null,
  reusedRuntimes: [],
  runtime: null,
  commit: { version: 1, target: 'table trends', rows: 43, committedAt: '2024-01-01T00:01:02.000Z' },
  waiting: null,
  retries: { partitions: 0, first: [] },
  paused: false,
  pausedBy: null,
  pausedAt: null,
  maxConcurrency: 8,
  toleratedFailures: 0,
};

/** A cause, with the partitions as examples. */
function group(examples: readonly PartitionView[], count: number): FailureGroup {
  const failed = examples.map(({ ordinal, id, error, functionDigest }) => ({
    ordinal,
    id,
    status: 'FAILED' as const,
    error: error!,
    functionDigest,
  }));
  const times = { firstAt: WACO.startedAt!, lastAt: WACO.startedAt!, firstExecution: 1 };
  const pattern = 'ExpectationFailed: ◦ of ◦ months have no sales';
  return {
    type: 'ExpectationFailed',
    pattern,
    place: null,
    failedWith: null,
    count,
    ordinals: new Int32Array(count),
    examples: failed,
    ...times,
  };
}

test('a status says what the run processes, however its source and its parameters are written', () => {
  const { input } = STATE;
  expect(renderInput(input!, 40, PLAIN)).toBe('from table sales, by city\nparams {"from":2000,"to":"now"}');
  const files = { files: 'data', pattern: '*.csv' };
  const other = { source: files, partitionBy: [], where: 'amount\n > 0', sql: 'SELECT 1', params: {} };
  expect(renderInput(other, 40, PLAIN).split('\n')).toEqual([
    'from data/*.csv, each file a partition',
    'where amount⏎ > 0',
    'sql SELECT 1',
  ]);
});

test('a run fits on one screen: status, counts, causes of failures, rows written', () => {
  expect(
    renderRunState(STATE, [group([WACO], 1), group([WACO, { ...WACO, id: 'Waco' }], 2)], 100, PLAIN),
  ).toBe(
    [
      'texas  PARTIAL_FAILURE  took 1 m 03 s',
      'function trendByCity, 8,602 rows',
      '██████████████████████████████████████▓▓  43 DONE, 2 FAILED, 1 INTERNAL_ERROR',
      '✗ San Marcos  ExpectationFailed: 46 of 187 months have no sales',
      '✗ 2 partitions  ExpectationFailed: 46 of 187 months have no sales',
      '    San Marcos, Waco',
      'wrote 43 rows to table trends',
    ].join('\n'),
  );
});

test("a failed partition shows where in the user's code it failed, on a separate line if space is short", () => {
  const stack = [
    'Error: bad',
    '    at check (/p/node_modules/checks/index.js:3:1)',
    '    at async Object.run (/p/jobs/functions.ts:31:13)',
  ].join('\n');
  expect(placeOf(stack, '/p')).toBe('jobs/functions.ts:31');
  expect(placeOf(stack, '/elsewhere')).toBe('/p/jobs/functions.ts:31');
  expect(placeOf('Error: bad\n    at /p/a b.ts:2:1', '/p')).toBe('a b.ts:2');
  expect(placeOf('Error: bad\n    at async /p/top.mjs:2:1', '/p')).toBe('top.mjs:2');
  expect([placeOf(null), placeOf('Error: nothing')]).toEqual([null, null]);
  const failed = { ...WACO, error: { ...WACO.error!, stack } };
  expect(failureLine(failed, 100, PLAIN)).toBe(
    '✗ San Marcos  ExpectationFailed: 46 of 187 months have no sales (/p/jobs/functions.ts:31)',
  );
  expect(failureLine(failed, 60, PLAIN)).toBe(
    '✗ San Marcos  ExpectationFailed: 46 of 187 months have no\n    sales (/p/jobs/functions.ts:31)',
  );
  expect(failureLine(failed, 30, PLAIN)).toBe(
    '✗ San Marcos\n    ExpectationFailed: 46 of\n    187 months have no sales\n    at /p/jobs/functions.ts:31',
  );
  expect(renderPartitions([failed, { ...WACO, id: 'Waco' }], NOW, 120, PLAIN).split('\n')).toEqual([
    'partition   status  attempts  rows  duration  at                       error',
    expect.stringMatching(/ \/p\/jobs\/functions\.ts:31  ExpectationFailed: 46 of 187/),
    expect.stringMatching(/^Waco .* {20}ExpectationFailed/),
  ]);
});

test('failures are grouped by cause: what differs is left out, and further causes are counted', () => {
  const error = { ...WACO.error!, message: '9 of 12 months have no sales' };
  const groups = [
    group([WACO, { ...WACO, id: 'K%C3%B6ln', error }, WACO], 305),
    group([WACO], 4),
    group([WACO], 3),
  ];
  expect(renderFailures(groups, 1, 60, PLAIN)).toEqual([
    '✗ 305 partitions  ExpectationFailed: ◦ of ◦ months have no\n    sales\n    San Marcos, Köln, San Marcos, …',
    '  … and 7 more failed partitions with 2 other causes',
  ]);
  const retry = (failedWith: string | null): string[] => {
    const one = { ...group([WACO], 4), failedWith };
    const suggest = (command: string): string => `npx partwise ${command}`;
    return renderFailures([one], 1, 60, PLAIN, {
      commandOf: (each) => retryCommand('my run', each, suggest),
    })[0]!
      .split('\n')
      .slice(3);
  };
  expect(retry("Error: ◦ isn't there")).toEqual([
    "    npx partwise retry 'my run' --failed-with 'Error: ◦ isn'\\''t there'",
  ]);
  expect(retry('-')).toEqual(["    npx partwise retry 'my run' --failed-with=-"]);
  expect(retry(null)).toEqual([]);
});

test('a worker logs the start, the failures and the end of a run on a line each', () => {
  const at = '2026-11-01T06:00:00.123Z';
  const line = (event: object): string =>
    workerLine({ runId: 'nightly', ...event } as WorkerEvent, at, PLAIN).replace(
      '2026-11-01 06:00:00  nightly  ',
      '',
    );
  const error = { type: 'Error', message: 'no\nluck', stack: null };
  expect(line({ type: 'runStarted', function: 'f', partitions: 46, rows: 8602 })).toBe(
    'started f: 46 partitions of 8,602 rows',
  );
  expect(
    line({ type: 'partitionFailed', partition: 'K%C3%B6ln', status: 'FAILED', attempts: 3, error }),
  ).toBe('failed Köln after 3 attempts: Error: no⏎luck');
  const counts = { ...noCounts(), total: 3, DONE: 2, FAILED: 1 };
  expect(line({ type: 'runEnded', status: 'PARTIAL_FAILURE', counts, error: null })).toBe(
    'ended PARTIAL_FAILURE: 2 DONE, 1 FAILED',
  );
  expect(line({ type: 'runEnded', status: 'FAILURE', counts: null, error })).toBe(
    'ended FAILURE (Error: no⏎luck)',
  );
});

test('text is wrapped at spaces, and words only if they fit no line', () => {
  expect(wrapped('one two  three', 7, '', ' ')).toBe('one two\n three');
  expect(wrapped('a 日本日本日本', 6, '> ', '  ')).toBe('> a\n  日本\n  日本\n  日本');
  expect(wrapped('one two', Infinity, '- ', '  ')).toBe('- one two');
});

test('a paused run shows that it is paused, its concurrency, and how to unpause it', () => {
  const state: RunState = {
    ...STATE,
    status: 'IN_PROGRESS',
    endedAt: null,
    commit: null,
    models: null,
    paused: true,
    pausedBy: 'ann@laptop',
    pausedAt: '2024-01-01T00:30:05.000Z',
    maxConcurrency: 3,
  };
  const lines = renderRunState(state, [], 100, PLAIN).split('\n');
  expect(lines[0]).toMatch(/^texas {2}IN_PROGRESS {2}PAUSED {2}running for/);
  expect(lines[1]).toBe('function trendByCity, 8,602 rows, 3 at a time');
  expect(lines[3]).toBe('paused by ann@laptop at 2024-01-01 00:30:05 UTC');
  const next = {
    state,
    failures: [],
    hasArtifacts: false,
    suggest: (command: string) => `partwise ${command}`,
  };
  expect(nextCommands(next, 80, PLAIN).split('\n')[0]).toBe('  partwise unpause texas  resume it');
  // Commands are never broken.
  expect(nextCommands(next, 30, PLAIN).split('\n').slice(0, 2)).toEqual([
    '  partwise unpause texas',
    '    resume it',
  ]);
});

test('a running run shows for how long it has been running', () => {
  const state: RunState = {
    ...STATE,
    status: 'IN_PROGRESS',
    endedAt: null,
    asOf: '2024-01-01T00:00:12.000Z',
    commit: null,
  };
  expect(renderRunState(state, [], 100, PLAIN).split('\n')[0]).toBe('texas  IN_PROGRESS  running for 12.0 s');
});

const RETRY: WaitingRetry = {
  label: 'San%20Marcos',
  partitions: 1,
  attempt: 2,
  maximumAttempts: 3,
  at: new Date(NOW + 3_400).toISOString(),
  error: { type: 'Error', message: 'no\nanswer', stack: null },
};

test('a run shows what waits for its next attempt, and why', () => {
  const several = { ...RETRY, label: 'Waco … Wylie', partitions: 7, maximumAttempts: null, at: null };
  const state: RunState = {
    ...STATE,
    status: 'IN_PROGRESS',
    endedAt: null,
    commit: null,
    asOf: new Date(NOW).toISOString(),
    retries: { partitions: 20, first: [RETRY, { ...RETRY, at: STATE.startedAt, error: null }, several] },
  };
  const lines = renderRunState(state, [], 80, PLAIN).split('\n');
  expect(lines.slice(-4)).toEqual([
    '↻ San Marcos  attempt 2 of 3 in 4 s, after Error: no⏎answer',
    '↻ San Marcos  attempt 2 of 3 is due',
    '↻ Waco … Wylie (7 partitions)  attempt 2 later, after Error: no⏎answer',
    '  … and 11 partitions more with another attempt to come',
  ]);
  const { attempt, maximumAttempts, at } = RETRY;
  const waiting: PartitionView = {
    ...WACO,
    status: 'PENDING',
    nextAttempt: { attempt, maximumAttempts, at },
  };
  expect(renderPartitions([waiting], NOW, 160, PLAIN)).toMatch(/PENDING .* attempt 2 of 3 in 4 s +/);
});

test('a run that is blocked shows the reason, on one line', () => {
  const error = { type: 'WarehouseLocked', message: 'locked by\n\x1b[2Janother', stack: null };
  const state: RunState = {
    ...STATE,
    status: 'IN_PROGRESS',
    endedAt: null,
    commit: null,
    waiting: { activity: 'commitRun', attempt: 3, error },
  };
  const line = 'retrying the commit (attempt 3): WarehouseLocked: locked by⏎\\x1b[2Janother';
  expect(renderRunState(state, [], 100, PLAIN).split('\n').at(-1)).toBe(line);
  const planning = waitingText({ activity: 'planRun', attempt: 2, error: { ...error, message: 'm' } });
  expect(planning).toBe('retrying planning (attempt 2): WarehouseLocked: m');
});

test('rows become a table that fits the width: numbers to the right, lists of numbers as sparklines, long cells cut', () => {
  const rows = [
    {
      city: 'Waco',
      n: 3,
      average: 1234.5678,
      years: [1, 2, 3, 9],
      text: 'short',
      day: new Date('2024-01-31'),
    },
    {
      city: '日本',
      n: null,
      average: 0.00012345,
      years: [1, null, 3, 9, 2],
      text: 'long '.repeat(20),
      day: null,
    },
  ];
  expect(renderRows(rows, 20, 60, PLAIN)).toBe(
    [
      'city  n    average  years  text                   day',
      'Waco  3    1234.57  ▁▂▃█   short                  2024-01-31',
      '日本  –  0.0001234  ▁ ▃█▂  long long long long …  –',
    ].join('\n'),
  );
  for (const line of renderRows(rows, 20, 40, PLAIN).split('\n'))
    expect(widthOf(line)).toBeLessThanOrEqual(40);
});

test('a list of runs shows status, start and failures in 80 columns, and long ids without their middle', () => {
  const runId = 'nightly-sales-of-all-regions-and-stores-2024-01-31T23:59:59Z';
  const run = {
    runId,
    status: 'PARTIAL_FAILURE' as const,
    function: 'salesByRegion',
    startedAt: '2024-01-31T23:59:59.000Z',
    endedAt: '2024-02-01T00:03:11.000Z',
    counts: { ...noCounts(), DONE: 999_959, FAILED: 38, INTERNAL_ERROR: 3, total: 1_000_000 },
    rows: 20_000_000,
    error: null,
    archived: false,
  };
  const listed = (width: number): string => renderRuns([run], run.endedAt, width, PLAIN);
  for (const width of [60, 80, 120]) {
    expect(listed(width)).toMatch(/^nightly-sal.*….*31T23:59:59Z +PARTIAL_FAILURE +2024-01-31 23:59/m);
    for (const line of listed(width).split('\n')) expect(widthOf(line)).toBeLessThanOrEqual(width);
  }
  expect(listed(80)).toContain('41 of 1,000,000');
  expect(listed(Infinity)).toContain(runId);
  const open = { ...run, runId: 'regional-2024', status: 'IN_PROGRESS' as const, counts: null, rows: null };
  expect(renderRuns([{ ...open, endedAt: null }], run.endedAt, 80, PLAIN).split('\n')).toEqual([
    'run            status       started (UTC)     failed  duration  function',
    'regional-2024  IN_PROGRESS  2024-01-31 23:59  –       3 m 12 s  salesByRegion',
  ]);
});

test('a plan says how large its partitions are, and names skew', () => {
  const rows = [20, 20, 0, 4_999, 20, 1, 21, 20, 20, 20];
  const sizes = partitionSizes(rows, (ordinal) => `p${ordinal}`);
  expect(sizes.quantiles).toEqual({ min: 0, q25: 20, median: 20, q75: 20, q95: 4_999, max: 4_999 });
  expect(sizes.histogram.filter(({ partitions }) => partitions > 0)).toEqual([
    { from: 0, to: 0, partitions: 1 },
    { from: 1, to: 1, partitions: 1 },
    { from: 20, to: 49, partitions: 7 },
    { from: 2_000, to: 4_999, partitions: 1 },
  ]);
  const column = { name: 'k', type: 'VARCHAR' };
  const time = { runId: 'last', startedAt: '', msPerRow: 0.4242, maxConcurrency: 8, atLeastMs: 2_121 };
  const plan = { keyColumns: [column], columns: [column], guesses: null, units: 10, unitSizes: [], time };
  const shown = renderPlan({ ...plan, ...sizes, partitions: 10, rows: 5_141 }, 80, PLAIN);
  expect(shown).toContain('Skew: the largest partition has 4,999 rows, 249 times the median (20).');
  expect(shown).toContain(
    'At least 2.1 s with 8 units at a time, if a row takes 0.42 ms as in the last run of the function: last',
  );
  expect(boundSentence({ ...time, atLeastMs: 0.02 })).toBe(
    'The calls take less than a second with 8 units at a time, if a row takes 0.42 ms as in the last run of the function:',
  );
  expect(shown).toMatch(/^largest +rows\np3 +4,999\np6 +21\np0 +20\np1 +20\np4 +20\n\nsmallest/m);
  const many = partitionSizes(new Float64Array(1_000_000).fill(20), String);
  expect(many.largest).toHaveLength(100);
  expect(many.largest[99]).toEqual({ id: '99', rows: 20 });
  expect(many.histogram).toEqual([{ from: 20, to: 49, partitions: 1_000_000 }]);
  expect(partitionSizes([], String)).toEqual({ largest: [], smallest: [], quantiles: null, histogram: [] });
});

test('rows that do not fit are counted, and columns that do not fit are named', () => {
  const rows = Array.from({ length: 30 }, (_, i) =>
    Object.fromEntries(Array.from({ length: 12 }, (__, j) => [`column${j}`, i])),
  );
  const lines = renderRows(rows, 5, 60, PLAIN).split('\n');
  expect(lines).toHaveLength(8);
  expect(lines.at(-2)).toMatch(/^more columns: column6, column7/);
  expect(lines.at(-1)).toBe('… and 25 more rows');
  expect(renderRows([], 5, 60, PLAIN)).toBe('no rows');
  expect(renderRows(rows.slice(0, 5), 5, 60, PLAIN, 1_005).split('\n').at(-1)).toBe('… and 1,000 more rows');
});

/** Except the newline, which separates the lines of tables. */
const CONTROL = /(?!\n)[\p{Cc}\u202e]/u;

test('no control character in the data reaches the terminal', () => {
  const hostile = '\x1b[2J\x07red\r\nnext\u202e';
  expect(clean(hostile)).toBe('\\x1b[2J\\x07red⏎next\\u202e');
  expect(renderRows([{ [hostile]: hostile }], 5, 80, PLAIN)).not.toMatch(CONTROL);
  expect(
    renderPartitions([{ ...WACO, error: { type: 'E', message: hostile, stack: null } }], NOW, 80, PLAIN),
  ).not.toMatch(CONTROL);
  expect(failureLine({ ...WACO, id: hostile }, 80, PLAIN)).not.toMatch(CONTROL);
});

test('a bar of counts gives every status present at least one column, and fills the width', () => {
  const counts = { ...noCounts(), DONE: 9_998, FAILED: 1, RUNNING: 1 };
  expect(countsBar(counts, 10, PLAIN)).toBe('████████▓▒');
  expect(countsBar(noCounts(), 10, PLAIN)).toBe('░░░░░░░░░░');
  expect(countsText(counts, PLAIN)).toBe('9,998 DONE, 1 FAILED, 1 RUNNING');
});

test('statuses have their colours', () => {
  const colours = createColors(true);
  expect(countsText({ ...noCounts(), DONE: 1, FAILED: 1 }, colours)).toBe(
    `${colours.green('1 DONE')}, ${colours.red('1 FAILED')}`,
  );
});

test('sparklines are drawn to scale', () => {
  expect(sparkline([0, 1, 2, 3, 4, 5, 6, 7])).toBe('▁▂▃▄▅▆▇█');
  expect(sparkline([5, 5, null, 5])).toBe('▄▄ ▄');
  expect([bar(10, 10, 4), bar(5, 10, 4), bar(1, 1_000_000, 4), bar(0, 10, 4), bar(5, 0, 4)]).toEqual([
    '████',
    '██',
    '▏',
    '',
    '',
  ]);
});

test('durations and sizes are abbreviated', () => {
  expect([0, 850, 999.6, 3_240, 59_949, 59_960, 65_000, 3_599_700, 7_380_000].map(durationText)).toEqual([
    '0 ms',
    '850 ms',
    '1.0 s',
    '3.2 s',
    '59.9 s',
    '1 m 00 s',
    '1 m 05 s',
    '1 h 00 m',
    '2 h 03 m',
  ]);
  expect([0, 812, 4_300, 1_048_575, 3 * 2 ** 30].map(bytesText)).toEqual([
    '0 B',
    '812 B',
    '4.2 KiB',
    '1.0 MiB',
    '3.0 GiB',
  ]);
});

test('text is truncated by columns, not by characters', () => {
  expect(cut('日本語テキスト', 7)).toBe('日本語…');
  expect(cut('exactly', 7)).toBe('exactly');
  expect(widthOf('e\u0301\u200d')).toBe(1);
  expect(widthOf('\x1b[31mred\x1b[39m')).toBe(3);
});

test('cells show values the way people write them', () => {
  expect(
    [
      null,
      true,
      12345678901234567890n,
      'x',
      new Date('2024-01-31T12:30:00Z'),
      new Uint8Array(3),
      { a: 1n },
      [1, 'x'],
    ].map(cellText),
  ).toEqual([
    '–',
    'true',
    '12345678901234567890',
    'x',
    '2024-01-31 12:30:00',
    '3 bytes',
    '{"a":1}',
    '[1,"x"]',
  ]);
});

test('a column that a row lacks is empty, even if every object has a property of that name', () => {
  expect(csvOf([{ a: 1 }, { constructor: 'x' }])).toBe('a,constructor\n1,\n,x\n');
});

test('CSV distinguishes NULL from the empty string, and quotes what needs it', () => {
  expect(
    csvOf([
      { a: 1, b: 'x,"y"\n' },
      { a: null, b: '', c: new Date(0) },
    ]),
  ).toBe('a,b,c\n1,"x,""y""\n",\n,"",1970-01-01T00:00:00.000Z\n');
});

test('suggested commands are quoted for the shell and depend on how the run went', () => {
  const suggest = (command: string): string => `npx partwise ${command}`;
  const after = nextCommands(
    {
      state: { ...STATE, runId: "it's" },
      failures: [group([WACO], 2)],
      hasArtifacts: true,
      suggest,
    },
    Infinity,
    PLAIN,
  );
  expect(after.split('\n').map((line) => line.trim().split(/ {2,}/)[0])).toEqual([
    `npx partwise debug 'it'\\''s' 'San Marcos'`,
    `npx partwise retry 'it'\\''s'`,
    `npx partwise logs 'it'\\''s' --partition 'San Marcos'`,
  ]);
  const meanwhile = nextCommands(
    { state: { ...STATE, status: 'IN_PROGRESS' }, failures: [], hasArtifacts: false, suggest },
    Infinity,
    PLAIN,
  );
  expect(meanwhile).toMatch(/watch texas.*\n.*status texas.*\n.*cancel texas/);
  expect(['plain', 'a b', '', '$HOME', '*'].map(shellWord)).toEqual([
    'plain',
    "'a b'",
    "''",
    "'$HOME'",
    "'*'",
  ]);
});

describe('live progress', () => {
  /** What is printed while `use` runs, as plain lines. */
  const printed = (use: () => void): string[] => {
    let text = '';
    const restore = redirectNotes((note) => (text += note));
    use();
    restore();
    return text.split('\n').slice(0, -1);
  };
  const display = (runId: string) => new ProgressDisplay(runId, { isTTY: false, columns: 80 });
  const partition = { ...WACO, status: 'FAILED' as const };

  it('names the run only while several are shown at once', () => {
    const lines = printed(() => {
      const [one, other] = [display('one'), display('other')];
      one.show({ type: 'partition', partition });
      other.stop();
      one.show({ type: 'partition', partition: { ...partition, status: 'DONE' } });
      one.show({ type: 'partition', partition });
      one.stop();
    });
    expect(lines).toEqual([
      'one: ✗ San Marcos  ExpectationFailed: 46 of 187 months have no sales',
      '✗ San Marcos  ExpectationFailed: 46 of 187 months have no sales',
    ]);
  });

  it('announces each waiting retry once, when it is known when it is due, and at most 20', () => {
    const progress = display('texas');
    const show = (...first: WaitingRetry[]) =>
      printed(() => {
        const state = { ...STATE, retries: { partitions: first.length, first } };
        progress.show({
          type: 'progress',
          state: { ...state, counts: { ...noCounts(), total: 0 } },
          running: [],
        });
      });
    expect(show({ ...RETRY, at: null })).toEqual([]);
    expect(show(RETRY)).toEqual([
      expect.stringMatching(/^↻ San Marcos  attempt 2 of 3 .*, after Error: no⏎answer$/),
    ]);
    expect(show(RETRY)).toEqual([]);
    expect(show({ ...RETRY, attempt: 3 })).toHaveLength(1);
    const many = Array.from({ length: 40 }, (_, i) => ({ ...RETRY, label: `p${i}` }));
    const shown = show(...many);
    expect(shown).toHaveLength(19);
    expect(shown.at(-1)).toContain('partwise status shows');
    progress.stop();
  });

  it('fits the terminal, however narrow', () => {
    const counts = { ...noCounts(), DONE: 1, RUNNING: 1, PENDING: 2 };
    const line = (width: number) => barLine(counts, '1/4, 12 s left', 'San Marcos, Waco', width);
    expect(line(80)).toMatch(/^█+▒+░+ {2}1\/4, 12 s left {2}San Marcos, Waco$/);
    expect(line(55)).toMatch(/San M…$/);
    expect(line(42)).toMatch(/^█+▒+░+ {2}1\/4, 12 s left$/);
    expect(line(20)).toBe('1/4, 12 s left');
    for (let width = 2; width < 100; width++) expect(widthOf(line(width))).toBeLessThan(width);
  });

  it('draws its lines again only where they changed, below notes, and leaves nothing behind', () => {
    let written = '';
    const lines = new LiveLines((text) => (written += text));
    const taken = (): string => {
      const text = written.replaceAll('\r\x1b[J', '[clear]').replaceAll('\x1b[1A', '[up 1]');
      written = '';
      return text;
    };
    const removeFirst = lines.add(() => 'a');
    expect(taken()).toBe('[clear]a');
    const removeSecond = lines.add(() => 'b');
    expect(taken()).toBe('[clear]a\nb');
    note('said');
    expect(taken()).toBe('[up 1][clear]said\na\nb');
    removeFirst();
    expect(taken()).toBe('[up 1][clear]b');
    removeSecond();
    expect(taken()).toBe('[clear]');
  });
});

test('a table of a hundred thousand rows has one head, a line for each row, and the same widths throughout', () => {
  const artifacts = Array.from({ length: 100_001 }, (_, i) => ({
    name: `f${i}.json`,
    bytes: i % 9,
    sha256: 'a'.repeat(64),
  }));
  const lines = renderArtifacts([{ id: 'North', artifacts: artifacts as never }], 80, PLAIN).split('\n');
  expect(lines).toHaveLength(100_002);
  expect(lines[0]).toBe('partition  artifact      size  sha256');
  expect([lines[1], lines.at(-1)]).toEqual([
    'North      f0.json        0 B  aaaaaaaaaaaa',
    'North      f100000.json   1 B  aaaaaaaaaaaa',
  ]);
});

test('code is shown below its place, without its indentation, if the terminal is wide enough', () => {
  const excerpt = {
    file: '/p/functions.ts',
    from: 99,
    lines: ['\tif (months < 12) {', '\t\tthrow new ExpectationFailed(`\u001b[2J ${months} of 187`);', ''],
    line: 100,
    isCurrent: false,
  };
  const shown = (width: number): string =>
    renderFailures([group([WACO], 2)], 1, width, PLAIN, { excerptOf: () => excerpt })[0]!;
  expect(shown(60).split('\n').slice(2)).toEqual([
    '       99 │ if (months < 12) {',
    '    › 100 │     throw new ExpectationFailed(`\\x1b[2J ${mont…',
    '      101 │',
    '      (edited since: this is the code that ran)',
    '    San Marcos, …',
  ]);
  expect(shown(30)).not.toContain('│');
  const partition = renderPartition(WACO, NOW, 60, PLAIN, { ...excerpt, isCurrent: true });
  expect(partition).toMatch(/no sales\n {7}99 │ if .*\n {4}› 100 │ .*\n {6}101 │$/);
});

test('shows one partition with what its earlier calls met, without what is not known', () => {
  const earlierErrors = [{ attempt: 1, type: 'RateLimited', message: 'slow\u001b[2J down' }];
  const view = { ...WACO, status: 'DONE' as const, error: null, attempts: 2, returnedRows: 1, earlierErrors };
  expect(renderPartition(view, NOW, 80, PLAIN).split('\n')).toEqual([
    'San Marcos  DONE',
    '  ordinal       0',
    '  attempts      2',
    '  rows          187',
    '  returned rows 1',
    '  started       2024-01-01T00:00:00.000Z',
    '  duration      1.2 s',
    '  execution     1',
    '  unit          4',
    '  functions     abc',
    '  earlier errors',
    expect.stringMatching(/^ {4}attempt 1 {2}RateLimited: slow.*down$/),
  ]);
  expect(renderPartition({ ...view, reused: true, attempts: 0 }, NOW, 80, PLAIN)).toContain('0 (reused)');
});
