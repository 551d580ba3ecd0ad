/** The console's lists: runs, the partitions of a run and why they failed; how one moves through them. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it, test } from '@jest/globals';
import type { Locator, Page } from 'playwright-core';
import { Places } from '../src/console/table/places';
import { multipleText, usualTime } from '../src/console/table/usual-time';
import type { Table } from '../src/console/table/partition-table';
import {
  answerPosition,
  selection,
  selectSorted,
  type Ids,
  type SortedPartitions,
} from '../src/console/table/table-answers';
import { tableFile } from '../src/console/table-file';
import type {
  Figures,
  GroupInfo,
  PartitionFilter,
  PositionRequest,
  TableFormat,
} from '../src/console/wire/types';
import { quantilesOf } from '../src/core/quantiles';
import { ownFrames, userPlace } from '../src/core/stack-place';
import { PARTITION_STATUSES, type RunListing, type RunSnapshot } from '../src/index';
import { describeBrowser, listOf, type TestConsole } from './support/console';
import { consoleFixture } from './support/console-fixture';
import { pageModule } from './support/page-module';
import type { TestProject } from './support/project';

const { quantileSentence, skewSentence } =
  pageModule<typeof import('../src/console/page/duration-sentences')>('duration-sentences.ts');
const { spansOf } = pageModule<typeof import('../src/console/page/sgr')>('sgr.ts');

const FUNCTIONS = `
import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { definePartitionFunction } from 'partwise';

export const priced = definePartitionFunction({
  name: 'priced',
  output: { id: 'VARCHAR', day: 'DATE' },
  retry: { maximumAttempts: 2, initialInterval: 1 },
  async run(data, context) {
    const { calls, other, fails = [] } = context.params;
    const id = context.partitionId;
    console.log('\\u001b[1;31mcall\\u001b[0m of ' + id + '\\u001b[2J');
    appendFileSync(calls, id + '\\n');
    await context.upload('note.json', { id });
    if (!fails.includes(id)) return { id, day: new Date('2024-02-29') };
    if (existsSync(other)) readFileSync(other + '/' + id);
    throw new RangeError('no price for "' + id + '"');
  },
});
`;
const TOTAL = 600;
const FAILS = ['P005', 'P250', 'P590'];

test('colours and weights of a printed line are known, and no other sequence is taken for one', () => {
  const line =
    '\u001b[1;33mslow\u001b[22m: \u001b[38;5;31mx\u001b[39m\u001b[4;2m3 s\u001b[m\u001b[2J \u001b[31';
  expect(spansOf(line)).toEqual([
    { text: 'slow', className: 'bold is-running' },
    { text: ': ', className: 'is-running' },
    { text: 'x', className: null },
    { text: '3 s', className: 'faint' },
    { text: '\u001b[2J \u001b[31', className: null },
  ]);
});

test('what took less than a millisecond is not said to have taken none, and shares of next to nothing are not said', () => {
  const outliers = [1, 2].map((ordinal) => ({ ordinal, id: null, took: 9, rows: 1, isLarge: false }));
  const saying = (values: number[]): (string | null)[] => {
    const took = quantilesOf(values.length, (position) => values[position]!);
    const figures = { took, outliers, timed: values.length, slowest: { partitions: 1, share: 1 } } as Figures;
    return [quantileSentence(figures), skewSentence(figures)];
  };
  const zeros = Array<number>(20).fill(0);
  expect(saying(zeros)).toEqual(['All partitions took less than 1 ms.', null]);
  expect(saying([...zeros, 8])).toEqual([
    'Half of the partitions took less than 1 ms; 95 % too; all at most 8 ms.',
    null,
  ]);
  expect(saying([0, 0, 0, 3, 3, 4, 9])[0]).toBe(
    'Half of the partitions took up to 4 ms, median 3 ms; 95 % at most 9 ms; all at most 9 ms.',
  );
  expect(saying([...zeros.fill(2), 2_000])).toEqual([
    'Half of the partitions took 2 ms; 95 % at most 2 ms; all 2 ms to 2.0 s.',
    'The slowest partition took 100 % of the time. The slow partitions are not the largest: look at them.',
  ]);
});

test('what is usual is the median of the other runs of the function that ended by themselves', () => {
  const listed = (runId: string, seconds: number, more: Partial<RunListing> = {}): RunListing => ({
    runId,
    status: 'SUCCESS',
    function: 'f',
    startedAt: '2026-01-01T00:00:00.000Z',
    endedAt: new Date(Date.UTC(2026, 0, 1) + 1_000 * seconds).toISOString(),
    counts: null,
    rows: null,
    error: null,
    archived: false,
    ...more,
  });
  const three = [listed('a', 10), listed('b', 20, { status: 'PARTIAL_FAILURE' }), listed('c', 90)];
  const others = [
    listed('d', 1, { status: 'CANCELLED' }),
    listed('e', 1, { status: 'FAILURE' }),
    listed('f', 1, { function: 'g' }),
    listed('g', 1, { function: null }),
    listed('h', 1, { status: 'IN_PROGRESS', endedAt: null }),
  ];
  expect(usualTime([...others, ...three], 'f', 'x')).toEqual({ ms: 20_000, runs: 3 });
  expect(usualTime([...others, ...three], 'f', 'c')).toBeNull();
  expect(usualTime([...others, ...three], null, 'x')).toBeNull();
  const usual = { ms: 20_000, runs: 3 };
  expect([28_000, 900, 300_000].map((ms) => multipleText(ms, usual))).toEqual(['1.4 ×', '0.04 ×', '15 ×']);
});

test('the place of an error is in the code of the user, and its stack can be read without packages', () => {
  const stack = [
    "Error: ENOENT, open '/x'",
    '    at openSync (node:fs:573:18)',
    '    at readFileSync (node:fs:452:35)',
    '    at run (/project/functions.ts:20:3)',
    '    at call (/project/node_modules/partwise/dist/x.js:1:2)',
  ].join('\n');
  expect(userPlace(stack)).toEqual({ file: '/project/functions.ts', line: 20 });
  expect(ownFrames(stack)).toBe('    at run (/project/functions.ts:20:3)');
  const python = [
    'Traceback (most recent call last):',
    '  File "/project/functions.py", line 3, in f',
    '    g()',
    '  File "/usr/lib/python3.11/json/decoder.py", line 9, in decode',
    '    raise',
  ].join('\n');
  expect(ownFrames(python)).toBe('  File "/project/functions.py", line 3, in f\n    g()');
  const own = 'Error: x\n    at run (/project/functions.ts:20:3)';
  expect([ownFrames(own), ownFrames('Error: x'), ownFrames('Error\n    at a (node:fs:1:1)')]).toEqual([
    null,
    null,
    null,
  ]);
});

describe('a table of partitions', () => {
  const status = (name: (typeof PARTITION_STATUSES)[number]): number => PARTITION_STATUSES.indexOf(name);
  const [DONE, FAILED] = [status('DONE'), status('FAILED')];
  const statuses = [DONE, FAILED, DONE, FAILED, DONE];
  const zeros = new Float64Array(5);
  const table: Table = {
    columns: {
      from: 0,
      to: 5,
      status: Uint8Array.from(statuses),
      attempts: new Int32Array(5),
      rows: Float64Array.of(5, 4, 3, 2, 1),
      returnedRows: new Int32Array(5),
      startedAt: zeros,
      durationMs: zeros,
      execution: new Int32Array(5),
      reused: new Uint8Array(5),
      unit: Int32Array.of(0, 1, 1, 0, -1),
    },
    groups: new Uint16Array(5),
    units: [
      { activityId: 'u-0', worker: 'w' },
      { activityId: 'u-1', worker: 'w' },
    ],
    isExact: null,
  };
  const names = ['a', 'ab', 'abc', 'b', 'B%2Fc'];
  const known: Ids = {
    ids: async (ordinals) => Array.from(ordinals, (ordinal) => names[ordinal]!),
    search: async (text) =>
      Int32Array.from(
        names.flatMap((name, i) => (name.toLowerCase().includes(text.toLowerCase()) ? [i] : [])),
      ),
  };
  const byRows = { column: 'rows', descending: false } as const;
  const byKey = { column: 'key', descending: false } as const;
  const selected = (filter: PartitionFilter): Promise<SortedPartitions> =>
    selectSorted(table, { filter, sort: byKey }, (wanted) => selection(table, known, wanted));
  const position = async (to: PositionRequest['to'], more: Partial<PositionRequest> = {}) => {
    const question = { filter: {}, sort: byKey, ...more };
    const rows = await selectSorted(table, question, (wanted) => selection(table, known, wanted));
    return (await answerPosition(table, known, rows.ordinals, to)).position;
  };

  it('finds the next failure from any row in both directions, as it is sorted and filtered', async () => {
    const from = (at: number, step: 1 | -1, more: Partial<PositionRequest> = {}) =>
      position({ by: 'failure', from: at, step }, more);
    expect([await from(-1, 1), await from(1, 1), await from(3, 1)]).toEqual([1, 3, null]);
    expect([await from(Number.MAX_SAFE_INTEGER, -1), await from(3, -1), await from(1, -1)]).toEqual([
      3,
      1,
      null,
    ]);
    expect(await from(1, 1, { sort: byRows })).toBe(3);
    expect(await from(-1, 1, { filter: { rows: [null, 2] } })).toBe(0);
    expect(await from(-1, 1, { filter: { status: ['DONE'] } })).toBeNull();
  });

  it('finds an id, rather than one that only contains it', async () => {
    const of = (id: string, more: Partial<PositionRequest> = {}) => position({ by: 'id', id }, more);
    expect([await of('ab'), await of('b'), await of('bc'), await of('none')]).toEqual([1, 3, 2, null]);
    expect(await of('b', { sort: byRows })).toBe(1);
    expect(await of('ab', { filter: { status: ['DONE'] } })).toBeNull();
  });

  it('selects what ended in a unit, or in any unit of a worker', async () => {
    const ordinals = async (filter: PartitionFilter): Promise<number[]> => [
      ...(await selected(filter)).ordinals,
    ];
    expect(await ordinals({ unit: 'u-1' })).toEqual([1, 2]);
    expect(await ordinals({ worker: 'w' })).toEqual([0, 1, 2, 3]);
    expect(await ordinals({ worker: 'w', unit: 'u-0' })).toEqual([0, 3]);
    expect(await ordinals({ worker: 'other' })).toEqual([]);
  });

  it('has in a file what the page shows of each partition, with its name and its id', async () => {
    const ids = ['San%20Marcos', '%-'];
    const snapshot = { ids: async () => ids } as unknown as RunSnapshot;
    const groupInfos = [{ number: 2, type: 'RangeError', pattern: 'no "◦"' } as GroupInfo];
    const read = { ...table, groups: Uint16Array.of(0, 2, 0, 0, 0), snapshot, groupInfos };
    const fileOf = async (format: TableFormat): Promise<string> => {
      let text = '';
      for await (const part of tableFile(read, Int32Array.of(1, 4), format)) text += part;
      return text;
    };
    expect(await fileOf('csv')).toBe(
      [
        'ordinal,id,status,attempts,rows,returned,startedAt,took,execution,reused,partition,cause,unit,worker',
        '1,San%20Marcos,FAILED,0,4,0,1970-01-01T00:00:00.000Z,0,0,false,San Marcos,"no ""◦""",u-1,w',
        '4,%-,DONE,0,1,0,1970-01-01T00:00:00.000Z,0,0,false,%-,,,\r\n',
      ].join('\r\n'),
    );
    expect(JSON.parse(await fileOf('json'))).toMatchObject([
      { id: ids[0], partition: 'San Marcos', cause: 'no "◦"', unit: 'u-1', worker: 'w' },
      { id: ids[1], partition: '%-', cause: null, unit: null, worker: null },
    ]);
  });

  it('counts what each status would leave of the other conditions', async () => {
    const filter = { status: ['DONE'], rows: [3, null] } as const;
    const { ordinals, counts } = await selected(filter);
    expect([ordinals.length, counts[DONE], counts[FAILED]]).toEqual([2, 2, 1]);
  });

  it('knows where in the run each cause has partitions', () => {
    const groups = new Uint8Array(480);
    groups.set([1, 1], 0);
    groups[479] = 2;
    const places = new Places(groups);
    places.count(0, groups.length, 1);
    const there = (group: number): number[] =>
      Array.from(places.columnsOf(group) ?? []).flatMap((isThere, column) => (isThere === 1 ? [column] : []));
    const before = places.columnsOf(1);
    expect([there(1), there(2), places.columnsOf(3)]).toEqual([[0], [239], undefined]);
    places.count(0, 1, -1);
    groups[0] = 0;
    places.count(0, 1, 1);
    // The other partition of the column is still there: the picture of the group stays as it is.
    expect([there(1), places.columnsOf(1) === before]).toEqual([[0], true]);
    places.count(0, 3, -1);
    groups.set([2, 0, 2], 0);
    places.count(0, 3, 1);
    expect([there(1), there(2)]).toEqual([[], [0, 1, 239]]);
  });
});

describeBrowser('the lists of the console', () => {
  const fixture = consoleFixture();
  let project: TestProject;
  let served: TestConsole;
  let page: Page;
  let calls: string;
  let other: string;
  const runs: string[] = [];

  beforeAll(async () => {
    ({ project, served } = await fixture.start(FUNCTIONS, {
      tables: [`CREATE TABLE t AS SELECT 'P' || lpad(i::VARCHAR, 3, '0') AS k FROM range(${TOTAL}) _(i)`],
    }));
    calls = join(project.folder, 'calls');
    other = join(project.folder, 'other');
    const note = 'a long note, '.repeat(20);
    for (const name of ['one', 'two', 'three', 'main']) {
      const isMain = name === 'main';
      const run = await project.partwise.start(
        {
          function: 'priced',
          source: { table: 't' },
          partitionBy: ['k'],
          where: isMain ? `k <> 'none'` : `k < 'P003'`,
          params: { calls, other, ...(isMain && { fails: FAILS, note }) },
          options: { toleratedFailures: 10 },
        },
        { runId: project.runId(name) },
      );
      await run.wait();
      runs.push(run.runId);
    }
    page = await fixture.signedIn({ viewport: { width: 1280, height: 800 }, timezoneId: 'Asia/Tokyo' });
  });

  const main = (): string => runs.at(-1)!;
  const open = async (query = ''): Promise<void> => {
    await page.goto(`${served.origin}/runs/${main()}${query}`);
    await page.locator('.grid-row').first().waitFor();
  };
  const focused = (): Locator => page.locator('.grid-row:focus');
  const focusedIs = (id: string): Promise<void> => focused().getByText(id, { exact: true }).waitFor();
  const parameter = (name: string): string | null => new URL(page.url()).searchParams.get(name);

  it('shows what a run processes, with a long parameter cut until it is opened', async () => {
    await open();
    const head = page.getByRole('region', { name: 'The run' });
    const { functionDigest } = await project.partwise.getRun(main()).status();
    await head.getByText('live', { exact: true }).waitFor();
    await head.getByText(`function priced@${functionDigest!.slice(0, 7)}`, { exact: true }).waitFor();
    for (const text of ['table t', 'by k', `k <> 'none'`])
      await head.getByText(text, { exact: true }).waitFor();
    const whole = head.locator('pre');
    expect(await whole.isVisible()).toBe(false);
    await head.locator('.long summary').click();
    expect(await whole.textContent()).toContain('"fails":["P005","P250","P590"]');
    await head.getByText(/× the median of its last 3 runs$/).waitFor();
  });

  it('shows returned days as days, and copies the command of a filter of returned rows', async () => {
    const where = JSON.stringify([{ column: 'id', op: '=', value: "P'1" }]);
    await page.goto(`${served.origin}/runs/${main()}/results?sort=-day`);
    await page.getByRole('cell', { name: '2024-02-29', exact: true }).first().waitFor();
    const copy = page.getByRole('button', { name: 'Copy command' });
    expect(await copy.getAttribute('title')).toBe(`partwise results ${main()} --sort=-day`);
    await page.goto(`${served.origin}/runs/${main()}/results?where=${encodeURIComponent(where)}`);
    await page.getByText('no rows', { exact: true }).waitFor();
    expect(await copy.getAttribute('title')).toBe(`partwise results ${main()} --where 'id = P'\\''1'`);
  });

  it('lists runs by the day on which they started, in the zone of the page', async () => {
    await page.goto(`${listOf(served.origin, main())}&tz=UTC`);
    const link = page.getByRole('link', { name: main() });
    await link.waitFor();
    const row = page.getByRole('row').filter({ has: link });
    const started = (await row.innerText()).match(/\d{4}-\d\d-\d\d/)![0];
    await page.getByLabel('Started from').fill('2100-01-01');
    await page.getByText('No run matches the filter.').waitFor();
    await page.getByLabel('Started from').fill(started);
    await page.getByLabel('to', { exact: true }).fill(started);
    await link.waitFor();
    expect([parameter('from'), parameter('to')]).toEqual([started, started]);
    await page.getByRole('button', { name: 'Runs that only archives have' }).click();
    await page.getByRole('heading', { name: 'Runs in archives' }).waitFor();
    expect(parameter('archived')).toBe('true');
  });

  it('asks for days as they begin in the zone, also when clocks change on them', async () => {
    const asked = async (query: string): Promise<(string | null)[]> => {
      const request = page.waitForRequest((each) => each.url().includes('/api/v1/runs?'));
      await page.goto(`${served.origin}/?${query}`);
      const { searchParams } = new URL((await request).url());
      return [searchParams.get('from'), searchParams.get('before')];
    };
    expect(await asked('from=2026-03-29&to=2026-03-29&tz=Europe/Berlin')).toEqual([
      '2026-03-28T23:00:00.000Z',
      '2026-03-29T22:00:00.000Z',
    ]);
    expect(await asked('from=2026-13-01&to=2026-12-31&tz=America/Chicago')).toEqual([
      null,
      '2027-01-01T06:00:00.000Z',
    ]);
  });

  it('goes to the next failure of the whole run, wherever it is, and to an id', async () => {
    await open();
    for (const [key, id] of [
      [']', 'P005'],
      [']', 'P250'],
      [']', 'P590'],
      ['[', 'P250'],
    ] as const) {
      await page.keyboard.press(key);
      await focusedIs(id);
    }
    await page.keyboard.press('j');
    await focusedIs('P251');
    for (const key of ['[', '[']) await page.keyboard.press(key);
    await focusedIs('P005');
    await page.getByLabel('go to id').fill('P444');
    await page.keyboard.press('Enter');
    await focusedIs('P444');
    await page.keyboard.press(']');
    await focusedIs('P590');
    await page.keyboard.press(']');
    await page.getByText('No further failure.').waitFor();
    await page.getByLabel('go to id').fill('nobody');
    await page.keyboard.press('Enter');
    await page.getByText('No partition “nobody”.').waitFor();
    // Numbers are taken as the page writes them; there are fewer rows.
    await page.getByLabel('row', { exact: true }).fill('1,000');
    await page.keyboard.press('Enter');
    await focusedIs('P599');
  });

  it('says how many partitions each status leaves of a filter, and takes bounds that are typed', async () => {
    await open('?q=P25');
    await page.getByRole('button', { name: 'FAILED 1 of 3', exact: true }).waitFor();
    await page.getByText('More filters').click();
    await page.getByLabel('Calls, at least').fill('2');
    await page.keyboard.press('Tab');
    await page.getByText(`1 of ${TOTAL}`, { exact: true }).waitFor();
    expect(parameter('attempts')).toBe('2..');
    await page.getByRole('button', { name: 'at least 2 calls remove' }).waitFor();
  });

  it('shows no number of another filter while that of the present one is not known', async () => {
    await open('?q=P25');
    let answer = (): void => {};
    const answered = new Promise<void>((resolve) => (answer = resolve));
    await page.route('**/table', async (route) => {
      await answered;
      await route.continue();
    });
    await page.getByPlaceholder('Find in ids').fill('P2');
    const heading = page.getByRole('heading', { name: 'Partitions' });
    await heading.getByText(`… of ${TOTAL}`, { exact: true }).waitFor();
    await page.getByRole('button', { name: 'FAILED 3', exact: true }).waitFor();
    answer();
    await heading.getByText(`100 of ${TOTAL}`, { exact: true }).waitFor();
    await page.unroute('**/table');
  });

  it('asks once for a partition that does not exist', async () => {
    const other = await fixture.signedIn();
    await other.clock.install();
    const asked: string[] = [];
    other.on('request', (request) => asked.push(new URL(request.url()).pathname));
    await other.goto(`${served.origin}/runs/${main()}/partitions/P999`);
    await other.getByText(/has no partition "P999"/).waitFor();
    await other.clock.runFor(60_000);
    expect(asked.filter((path) => path.endsWith('/P999') && path.startsWith('/api/'))).toHaveLength(1);
    await other.close();
  });

  it('shows the columns that are chosen, and has them in the address only if they are not the usual ones', async () => {
    await open();
    const heads = page.getByRole('group', { name: 'Sort' }).getByRole('button');
    const usual = await heads.allInnerTexts();
    await page.getByText('Columns', { exact: true }).click();
    await page.getByLabel('Started', { exact: true }).uncheck();
    await page.getByLabel('Execution', { exact: true }).check();
    const chosen = (await heads.allInnerTexts()).map((text) => text.trim());
    expect(chosen).toEqual(expect.arrayContaining(['Partition ↑', 'Execution']));
    expect(chosen).not.toContain('Started');
    expect(parameter('columns')).toBe('status,took,rows,returned,attempts,execution,group');
    await page.reload();
    await page.locator('.grid-row').first().waitFor();
    expect((await heads.allInnerTexts()).map((text) => text.trim())).toEqual(chosen);
    await page.getByText('Columns', { exact: true }).click();
    await page.getByLabel('Started', { exact: true }).check();
    await page.getByLabel('Execution', { exact: true }).uncheck();
    expect(await heads.allInnerTexts()).toEqual(usual);
    expect(parameter('columns')).toBeNull();
  });

  it('opens the same artifact of the next partition with one key', async () => {
    await page.goto(`${served.origin}/runs/${main()}/partitions/P100?artifact=note.json`);
    await page.getByText('"id": "P100"').waitFor();
    await page.getByText('Checked: the file has the recorded sha256.').waitFor();
    await page.getByRole('link', { name: 'next ›' }).waitFor();
    await page.keyboard.press(']');
    await page.getByText('"id": "P101"').waitFor();
    await page.goto(`${served.origin}/runs/${main()}/partitions/P100?artifact=gone.json`);
    await page.getByText('This partition has no artifact “gone.json”.').waitFor();
  });

  it('says which call printed a line', async () => {
    await page.goto(`${served.origin}/runs/${main()}/partitions/P005`);
    const log = page.getByRole('region', { name: 'Logs' });
    // Its colours are not text; what else it printed for a terminal is.
    await log.getByText('call of P005\\u001b[2J', { exact: true }).nth(1).waitFor();
    expect(await log.locator('.bold.is-failed').allInnerTexts()).toEqual(['call', 'call']);
    expect(await log.locator('.new-call').allInnerTexts()).toEqual([
      'execution 1, attempt 1',
      'execution 1, attempt 2',
    ]);
  });

  it('runs again what was picked by keys and is not DONE, and nothing else', async () => {
    await open();
    const before = readFileSync(calls, 'utf8').length;
    await page.keyboard.press(']');
    await focusedIs('P005');
    for (const key of ['x', 'j', 'j', 'X']) await page.keyboard.press(key);
    await page.getByText('3 partitions selected').waitFor();
    await page.getByLabel('go to id').fill('P590');
    await page.keyboard.press('Enter');
    await focusedIs('P590');
    await page.keyboard.press('x');
    await page.getByText('4 partitions selected').waitFor();
    await page.getByRole('button', { name: 'Retry selected …' }).click();
    await page.getByRole('button', { name: 'Retry 2 partitions' }).click();
    await page.getByText('execution 2', { exact: true }).waitFor();
    await page.getByRole('heading', { name: /PARTIAL_FAILURE/ }).waitFor();
    await page.getByRole('button', { name: 'Retry 3 …' }).waitFor();
    const called = readFileSync(calls, 'utf8').slice(before).trim().split('\n').sort();
    expect(called).toEqual(['P005', 'P005', 'P590', 'P590']);
    expect(await page.getByText(/new in execution/).count()).toBe(0);
  });

  it('refuses to retry picked partitions of a table that was overwritten since', async () => {
    const previewed = async (generation: number): Promise<[number, string]> => {
      const answer = await fetch(`${served.origin}/api/v1/runs/${main()}/actions/preview-retry`, {
        method: 'POST',
        headers: {
          authorization: `Bearer ${served.token}`,
          origin: served.origin,
          'content-type': 'application/json',
        },
        body: JSON.stringify({ which: { by: 'ordinals', ordinals: '0-10', generation } }),
      });
      return [answer.status, await answer.text()];
    };
    expect(await previewed(1)).toEqual([200, '{"partitions":1,"ordinals":"5"}']);
    expect(await previewed(2)).toEqual([409, expect.stringContaining('StartRefused')]);
  });

  it('says which cause the execution before did not have', async () => {
    await project.write('other', '');
    const run = project.partwise.getRun(main());
    await (await run.retry({ only: ['P250'] })).wait();
    await open();
    const fresh = page.getByRole('listitem').filter({ hasText: 'ENOTDIR' });
    await fresh.getByText('new in execution 3').waitFor();
    await fresh.getByText('33 % of the failures').waitFor();
    // The place is the user's, although Node threw.
    await fresh.getByText(/functions\.ts:\d+/).waitFor();
    expect(await page.getByText(/new in execution/).count()).toBe(1);
  });
});
