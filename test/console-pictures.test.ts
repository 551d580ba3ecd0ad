/** The pictures of a run: what they show, and that they are used by mouse, finger and keys alike. */
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { beforeAll, describe, expect, it } from '@jest/globals';
import type { Locator, Page } from 'playwright-core';
import { PARTITION_STATUSES } from '../src/core/status';
import type { Bar } from '../src/console/page/pictures/lanes';
import type { Cells } from '../src/console/page/run-cells';
import type { Table } from '../src/console/table/partition-table';
import { answerMatrix, commonOrder } from '../src/console/table/matrix';
import type { RunState, UnitView } from '../src/index';
import { audit, WIDE } from './support/audit';
import { cli } from './support/cli';
import { describeBrowser, type TestConsole } from './support/console';
import { consoleFixture } from './support/console-fixture';
import { GATED_FUNCTIONS, startGated } from './support/gated-runs';
import { pageModule } from './support/page-module';
import type { TestProject } from './support/project';
import { until } from './support/until';

const { packLanes, placeLanes } =
  pageModule<typeof import('../src/console/page/pictures/lanes')>('pictures/lanes.ts');
const { drawColumns, statusCounts } =
  pageModule<typeof import('../src/console/page/pictures/draw-strip')>('pictures/draw-strip.ts');
const { gapsOf, loadOf, rateOf } =
  pageModule<typeof import('../src/console/page/pictures/work')>('pictures/work.ts');

describe('a matrix of two key columns', () => {
  const matrixOf = (ids: (string | null)[], partitionBy: string[] | null = ['region', 'month']) => {
    const table = { columns: { to: ids.length } } as Table;
    const input = partitionBy === null ? null : ({ partitionBy } as RunState['input']);
    const known = { ids: async (wanted: Int32Array) => Array.from(wanted, (i) => ids[i]!), search: never };
    return answerMatrix(table, known, { input });
  };
  const never = (): never => {
    throw new Error('A matrix does not search.');
  };

  it('has the values of each column in key order, typed ones and NULL too', async () => {
    // In key order: 9 is before 10, and NULL is last.
    const { matrix } = await matrixOf(['East/10', 'West/9', 'West/10', 'West/%-', '%-/2', '%-/9']);
    expect(matrix).toEqual({
      rows: { name: 'region', values: ['East', 'West', null] },
      columns: { name: 'month', values: ['2', '9', '10', null] },
      places: [2, 5, 6, 7, 8, 9],
    });
  });

  it('takes the order from the keys where text has another one', () => {
    expect(
      commonOrder([
        ['low', 'high'],
        ['low', 'mid'],
        ['mid', 'high'],
      ]),
    ).toEqual(['low', 'mid', 'high']);
  });

  it('ends for values in a circle, which only a forged history has', () => {
    expect(
      commonOrder([
        ['a', 'b'],
        ['b', 'a'],
      ]),
    ).toEqual(['a', 'b']);
  });

  it('says why there is none', async () => {
    const many = Array.from({ length: 300 }, (_, i) => `${i}/${i}`);
    const cases = [
      matrixOf(['East'], ['region']),
      matrixOf(many),
      matrixOf(Array.from({ length: 40_001 }, (_, i) => `${i}/1`)),
      matrixOf(Array.from({ length: 2_001 }, (_, i) => `${i}/1`)),
      matrixOf(['East/1', null]),
      matrixOf(['East/1'], null),
    ];
    expect(await Promise.all(cases)).toEqual(
      [
        'A matrix needs a key of two columns; the key of this run has 1.',
        expect.stringMatching(/ at most 40,000 pairs .* this run has 300 × 300 values\.$/),
        expect.stringMatching(/ this run has 40,001 partitions\.$/),
        expect.stringMatching(/ this run has 2,001 × 1 values\.$/),
        'This file does not have the keys of all partitions.',
        'The names of the key columns are left out of this file.',
      ].map((why) => ({ matrix: null, why })),
    );
  });
});

describe('the line of all partitions', () => {
  const [DONE, FAILED] = [PARTITION_STATUSES.indexOf('DONE'), PARTITION_STATUSES.indexOf('FAILED')];

  it.each([46, 99, 1_000, 4_096, 5_000, 100_003])(
    'has no gap among %i partitions, and a failure where it is',
    (total) => {
      const status = new Uint8Array(total).fill(DONE);
      const failed = Math.floor(total / 3);
      status[failed] = FAILED;
      const counts = statusCounts({ status } as Cells);
      counts.count(0, total, 1);
      const width = 2 * Math.min(total, 4_096);
      const pixels = new Uint32Array(width);
      const colours = PARTITION_STATUSES.map((_, i) => i + 1);
      drawColumns(pixels, [width, 1], colours, counts.of);
      expect(pixels.filter((colour) => colour === 0)).toHaveLength(0);
      const at = 2 * Math.floor((failed * width) / 2 / total);
      expect([...pixels.keys()].filter((x) => pixels[x] === FAILED + 1)).toEqual([at, at + 1]);
    },
  );
});

describe('a timeline', () => {
  const at = (seconds: number): string => new Date(seconds * 1_000).toISOString();
  const unit = (id: string, start: number, end: number, more: Partial<UnitView> = {}): UnitView =>
    ({
      activityId: id,
      scheduledAt: at(start),
      startedAt: at(start),
      endedAt: at(end),
      attempts: 1,
      worker: 'w1',
      counts: { DONE: 4, FAILED: 0, INTERNAL_ERROR: 0, CANCELLED: 0, SKIPPED: 0, RUNNING: 0, PENDING: 0 },
      ...more,
    }) as UnitView;
  const gapsIn = (units: UnitView[], end: number): [number, number][] =>
    gapsOf(packLanes(units, end * 1_000).bars, 0, end * 1_000, 1_000).map(({ from, to }) => [
      from / 1_000,
      to / 1_000,
    ]);

  it('marks times in which nothing ran, but not those of an attempt that history does not have', () => {
    const units = [unit('a', 0, 4), unit('b', 2, 3), unit('c', 8, 9)];
    expect(gapsIn(units, 12)).toEqual([
      [4, 8],
      [9, 12],
    ]);
    const tried = [units[0]!, unit('c', 8, 9, { scheduledAt: at(4), attempts: 2 })];
    expect(gapsIn(tried, 9)).toEqual([]);
  });

  it('shows how many units ran at once, and how many partitions ended in a second', () => {
    const { bars } = packLanes([unit('a', 0, 4), unit('b', 2, 4), unit('c', 3.5, 8)], 8_000);
    const load = (weightOf: (bar: Bar) => number): number[] => [
      ...loadOf(bars, weightOf, { from: 0, to: 8_000, columns: 4 }),
    ];
    expect(load(() => 1)).toEqual([1, 2.25, 1, 1]);
    expect(load(rateOf)[0]).toBe(1);
    expect([...loadOf(bars, () => 1, { from: 2_500, to: 3_000, columns: 1 })]).toEqual([2]);
  });

  it('packs units into lanes by worker, and squeezes many of them without losing one', () => {
    const units = Array.from({ length: 300 }, (_, i) => unit(`u${i}`, 0, 5, { worker: `w${i % 2}` }));
    const placed = placeLanes(packLanes(units, 5_000).workers);
    expect(placed.lanes).toHaveLength(300);
    expect(placed.labels.map(({ name }) => name)).toEqual(['w0', 'w1']);
    expect(placed.lanes.at(-1)!.top + placed.pitch).toBeCloseTo(placed.height);
  });
});

interface Frames {
  requestAnimationFrame(then: (at: number) => void): void;
}

describeBrowser('the pictures of a run', () => {
  const fixture = consoleFixture();
  let project: TestProject;
  let page: Page;
  let served: TestConsole;
  let runId: string;
  /** A run whose map can be zoomed. */
  let wide: string;
  /** In key order. There is no West in October. */
  const IDS = [
    'East/2',
    'East/9',
    'East/10',
    'West/2',
    'West/9',
    '%D7%A9/2',
    '%D7%A9/9',
    '%D7%A9/10',
    '%-/2',
    '%-/9',
    '%-/10',
  ];
  const TOTAL = IDS.length;
  const WIDE_TOTAL = 600;
  /** More than a narrow map has cells. */
  const LIVE_TOTAL = 8_000;

  beforeAll(async () => {
    ({ project, served } = await fixture.start(GATED_FUNCTIONS, {
      tables: [
        `CREATE TABLE t AS SELECT * FROM (VALUES ('East'), ('West'), ('ש'), (NULL)) r(region), (VALUES (2), (9), (10)) m(month) WHERE region IS DISTINCT FROM 'West' OR month <> 10`,
      ],
    }));
    const { run } = await startGated(project, 'pairs', {
      source: { table: 't' },
      partitionBy: ['region', 'month'],
      params: { fails: { 'West/9': 'no sales\nsecond line' } },
      options: { toleratedFailures: 5 },
    });
    const many = await startGated(project, 'many', {
      source: { query: `SELECT i AS k FROM range(${WIDE_TOTAL}) _(i)` },
    });
    [runId, wide] = [run.runId, many.run.runId];
    await Promise.all([run.wait(), many.run.wait()]);
    page = await fixture.signedIn({ viewport: WIDE, hasTouch: true });
  });

  const openRun = async (query = ''): Promise<void> => {
    await page.goto(`${served.origin}/runs/${runId}${query}`);
    await page.locator('.grid-row').first().waitFor();
    await page.locator('.lanes canvas').waitFor();
  };
  const map = (): Locator => page.locator('.map canvas');
  const told = (): Locator => page.locator('.map .hover');
  const selected = (count: number): Promise<void> =>
    page.locator('.table-panel h2').getByText(`${count} of ${TOTAL}`, { exact: true }).waitFor();
  const parameter = (name: string): string | null => new URL(page.url()).searchParams.get(name);
  const press = async (...keys: string[]): Promise<void> => {
    for (const key of keys) await page.keyboard.press(key);
  };
  const toggle = (): Locator => page.getByRole('button', { name: 'region × month' });
  /** Cells of the map, which are 64 pixels wide. */
  const CELL = 64;

  const pictures = (of: Page): Promise<string[]> =>
    of.locator('canvas').evaluateAll((all: { toDataURL(): string }[]) => all.map((each) => each.toDataURL()));

  const nextFrame = (of: Page): Promise<unknown> =>
    of.evaluate(
      () => new Promise((resolve) => (globalThis as unknown as Frames).requestAnimationFrame(resolve)),
    );

  // Cells of one partition each, and of several.
  it.each([WIDE.width, 390])(
    'draws what changes of a live run as a page does that is opened when it has ended: %i pixels',
    async (width) => {
      const { run, release } = await startGated(project, `live-${width}`, {
        source: { query: `SELECT i AS k FROM range(${LIVE_TOTAL}) _(i)` },
        params: { wait: ['3000'], fails: { '2000': 'too early', '4000': 'too late' } },
        options: { maxConcurrency: 1, toleratedFailures: 5 },
      });
      const [watching, later] = [await page.context().newPage(), await page.context().newPage()];
      try {
        // Everything is in sight.
        for (const each of [watching, later]) await each.setViewportSize({ width, height: 3_000 });
        await watching.goto(`${served.origin}/runs/${run.runId}`);
        await watching.locator('.toggle.is-running').waitFor();
        await watching.locator('.map canvas').waitFor();
        const before = await pictures(watching);
        await release();
        await run.wait();
        await later.goto(`${served.origin}/runs/${run.runId}`);
        await later.getByText(/^Half of the partitions took/).waitFor();
        await later.getByText('The slowest').first().waitFor({ state: 'attached' });
        await later.locator('.lanes canvas').waitFor();
        const areEqual = async (): Promise<boolean> =>
          (await pictures(watching)).join() === (await pictures(later)).join();
        while (!(await areEqual())) await nextFrame(watching);
        expect((await pictures(watching)).join()).not.toBe(before.join());
      } finally {
        await watching.close();
        await later.close();
      }
    },
  );

  it('draws a picture that was out of sight when it is scrolled to', async () => {
    const { run, release } = await startGated(project, 'out-of-sight', {
      source: { query: `SELECT i AS k FROM range(20) _(i)` },
      params: { wait: ['10'] },
      options: { maxConcurrency: 1 },
    });
    const watching = await page.context().newPage();
    try {
      await watching.setViewportSize({ width: 390, height: 300 });
      await watching.goto(`${served.origin}/runs/${run.runId}`);
      await watching.locator('.toggle.is-running').waitFor();
      const durations = watching.getByRole('region', { name: 'Durations' }).locator('canvas');
      await durations.waitFor();
      const drawn = (): Promise<string> =>
        durations.evaluate((each: { toDataURL(): string }) => each.toDataURL());
      const before = await drawn();
      // Until the partition that waits is the slowest by far, however slow the others were.
      const { status, durationMs } = await run.columns();
      const done = PARTITION_STATUSES.indexOf('DONE');
      const slowest = Math.max(0, ...durationMs.filter((_, i) => status[i] === done));
      const since = Date.now();
      await until(() => Date.now() - since > 8 * slowest);
      await release();
      await run.wait();
      await watching.getByText(/: 20 DONE\.$/).waitFor();
      await durations.scrollIntoViewIfNeeded();
      while ((await drawn()) === before) await nextFrame(watching);
    } finally {
      await watching.close();
    }
  });

  it('filters everything by a part of the map that is dragged over with Shift', async () => {
    await openRun();
    const { x, y } = (await map().boundingBox())!;
    await page.keyboard.down('Shift');
    await page.mouse.move(x + CELL / 2, y + CELL / 2);
    await page.mouse.down();
    await page.mouse.move(x + 3.5 * CELL, y + CELL / 2, { steps: 3 });
    await told().getByText('0 to 3: 4 partitions').waitFor();
    await page.mouse.up();
    await page.keyboard.up('Shift');
    await selected(4);
    expect(parameter('ordinals')).toBe('0-4');
  });

  it('selects and opens in the map by keys', async () => {
    await openRun();
    await map().focus();
    await press('ArrowRight', 'ArrowRight', 'Shift+ArrowRight', 'Shift+ArrowRight');
    await told().getByText('1 to 3: 3 partitions').waitFor();
    await press('Escape');
    await told().getByText('West/2', { exact: true }).waitFor();
    expect(parameter('ordinals')).toBeNull();
    await press('Shift+ArrowLeft', 'Enter');
    await selected(2);
    expect(parameter('ordinals')).toBe('2-4');
    await press('ArrowRight', 'Enter');
    await page.waitForURL(`**/runs/${runId}/partitions/West%2F2?ordinals=2-4`);
  });

  it('says what is pointed at, with the first line of its error', async () => {
    await openRun();
    await map().hover({ position: { x: 4.5 * CELL, y: CELL / 2 } });
    await told()
      .getByText(/^West\/9 ✗ FAILED, \d+ ms, 1 row: RangeError: no sales$/)
      .waitFor();
  });

  it.each(['status', 'duration', 'rows', 'attempts', 'group', 'returned', 'reused'])(
    'says what the colours of the map mean: %s',
    async (colouring) => {
      await openRun(`?map=${colouring}`);
      const entries: Record<string, string[]> = {
        status: ['✓ DONE', '✗ FAILED'],
        rows: ['about 1', 'none'],
        attempts: ['1', 'none'],
        group: ['RangeError: no sales second line', 'not failed'],
        returned: ['about 1', 'none'],
        reused: ['reused', 'not reused'],
      };
      const legend = page.locator('.legend > span');
      await legend.last().waitFor();
      const texts = (await legend.allInnerTexts()).map((text) => text.trim());
      expect(texts).toEqual(
        entries[colouring] ?? [
          ...Array(texts.length - 1).fill(expect.stringMatching(/^about \d+ ms$/)),
          'none',
        ],
      );
    },
  );

  it('shows a key of two columns as a matrix, with NULL and without pairs that are missing', async () => {
    await openRun();
    await toggle().click();
    expect(parameter('layout')).toBe('matrix');
    expect(await page.locator('.matrix-rows bdi').allInnerTexts()).toEqual(['East', 'West', 'ש', 'NULL']);
    expect(await page.locator('.matrix-columns bdi').allInnerTexts()).toEqual(['2', '9', '10']);
    await page.getByText('4 × 3, 1 pair without a partition').waitFor();
    const { width, height } = (await map().boundingBox())!;
    const cell = (column: number, row: number) => ({
      position: { x: (column + 0.5) * (width / 3), y: (row + 0.5) * (height / 4) },
    });
    await map().hover(cell(1, 1));
    await told().getByText('West/9', { exact: true }).waitFor();
    await map().hover(cell(2, 1));
    await told().getByText('Point at a cell').waitFor();
    await map().focus();
    await press('ArrowDown', 'ArrowRight', 'ArrowRight', 'ArrowDown');
    await told().getByText('West/2', { exact: true }).waitFor({ state: 'hidden' });
    await told().getByText('ש/10', { exact: true }).waitFor();
    await press('Shift+ArrowDown', 'Enter');
    await selected(4);
    await map().click(cell(1, 3));
    await page.waitForURL(`**/partitions/${encodeURIComponent('%-/9')}?**`);
  });

  it.each(['light', 'dark'] as const)(
    'has no violation that axe-core finds in the matrix: %s',
    async (theme) => {
      await page.emulateMedia({ colorScheme: theme });
      await openRun('?layout=matrix');
      await page.locator('.matrix-box').waitFor();
      await audit(page);
      await page.emulateMedia({ colorScheme: null });
    },
  );

  it('has the matrix in an exported file, unless keys are left out of it', async () => {
    const open = async (name: string, ...flags: string[]): Promise<Page> => {
      const file = join(project.folder, name);
      expect(await cli(project.folder, ['export', runId, '--html', file, ...flags])).toMatchObject({
        code: 0,
      });
      const other = await page.context().newPage();
      await other.goto(`${pathToFileURL(file).href}#?layout=matrix`);
      await other.locator('.grid-row').first().waitFor();
      return other;
    };
    const whole = await open('whole.html');
    await whole.getByRole('button', { name: 'region × month', pressed: true }).waitFor();
    expect(await whole.locator('.matrix-rows bdi').allInnerTexts()).toEqual(['East', 'West', 'ש', 'NULL']);
    const redacted = await open('redacted.html', '--redact');
    await redacted.getByText('The names of the key columns are left out of this file.').waitFor();
    expect(await redacted.locator('.matrix-box, .toggle:has-text("×")').count()).toBe(0);
    await Promise.all([whole.close(), redacted.close()]);
  });

  it('moves the edges of the line of all partitions and of the histogram by keys', async () => {
    await openRun();
    const first = page.getByRole('slider', { name: 'First partition' });
    await first.focus();
    await press('ArrowRight', 'PageUp');
    expect(await first.getAttribute('aria-valuetext')).toBe(`partition 2 of ${TOTAL}`);
    await page.getByRole('slider', { name: 'Last partition' }).focus();
    await press('Home');
    expect(await page.getByRole('slider', { name: 'Last partition' }).getAttribute('aria-valuetext')).toBe(
      `partition 2 of ${TOTAL}`,
    );
    await press('Enter');
    await selected(1);
    expect(parameter('ordinals')).toBe('2-3');
    await press('Escape');
    await selected(TOTAL);
    expect(parameter('ordinals')).toBeNull();
    await page.getByRole('slider', { name: 'Shortest duration' }).focus();
    await press('End', 'Enter');
    await page.getByRole('button', { name: /^took at least / }).waitFor();
    const took = parameter('took')!;
    expect(took).toMatch(/^[\d.]+\.\.$/);
    const slowest = Number(took.replace('..', ''));
    const { durationMs } = await project.partwise.getRun(runId).columns();
    await selected(durationMs.filter((ms) => ms >= slowest).length);
  });

  it('goes through the units of the timeline by keys, and keeps its part in the address', async () => {
    await openRun();
    const lanes = page.locator('.lanes canvas');
    await lanes.focus();
    await press('ArrowRight');
    await page
      .locator('.timeline .hover')
      .getByText(/A click shows its partitions\.$/)
      .waitFor();
    await press('+', '+');
    const [from, to] = parameter('time')!.split('-').map(Number) as [number, number];
    expect(to - from).toBeGreaterThan(0);
    await page.reload();
    await lanes.waitFor();
    expect(await lanes.getAttribute('class')).toBe('zoomed');
    await lanes.focus();
    await press('ArrowRight', 'Enter');
    expect(parameter('ordinals')).toMatch(/^\d+-\d+$/);
    await press('Escape', '0');
    expect(parameter('time')).toBeNull();
  });

  it('zooms the map by two fingers, moves it by one when zoomed, and scrolls the page otherwise', async () => {
    const touching = await page.context().newCDPSession(page);
    const touch = async (type: string, ...points: [x: number, y: number][]): Promise<void> => {
      await touching.send('Input.dispatchTouchEvent', {
        type: type as 'touchMove',
        touchPoints: points.map(([x, y], id) => ({ x, y, id })),
      });
    };
    const drag = async (x: number, y: number): Promise<void> => {
      await touch('touchStart', [x, y]);
      for (let step = 1; step <= 6; step++) await touch('touchMove', [x, y - 15 * step]);
      await touch('touchEnd');
    };
    const openWide = async (query: string): Promise<[number, number]> => {
      await page.goto(`${served.origin}/runs/${wide}${query}`);
      await page.locator('.grid-row').first().waitFor();
      await map().scrollIntoViewIfNeeded();
      const { x, y } = (await map().boundingBox())!;
      return [x + 200, y + 200];
    };
    let [x, y] = await openWide('');
    await drag(x, y);
    await page.waitForFunction('scrollY > 0');
    expect([parameter('view'), page.url()]).toEqual([null, expect.stringContaining(`/runs/${wide}`)]);
    [x, y] = await openWide('?part=1');
    await touch('touchStart', [x, y]);
    await touch('touchStart', [x, y], [x + 50, y]);
    for (let step = 1; step <= 6; step++)
      await touch('touchMove', [x - 15 * step, y], [x + 50 + 15 * step, y]);
    await touch('touchEnd');
    await page.waitForURL(/view=/);
    const [from, to] = parameter('view')!.split('-').map(Number) as [number, number];
    expect(to - from).toBeLessThan(WIDE_TOTAL / 2);
    await drag(x, y);
    await page.waitForURL((url) => url.searchParams.get('view') !== `${from}-${to}`);
    const [moved, end] = parameter('view')!.split('-').map(Number) as [number, number];
    expect([moved > from, end - moved]).toEqual([true, to - from]);
  });

  it('gives all pictures an edge and their colours where the system forces colours', async () => {
    await page.emulateMedia({ forcedColors: 'active' });
    await openRun();
    const styles = await page.locator('canvas').evaluateAll((all) =>
      all.map((each) => {
        const { outlineStyle, forcedColorAdjust } = (
          globalThis as unknown as { getComputedStyle(of: unknown): Record<string, string> }
        ).getComputedStyle(each);
        return `${outlineStyle} ${forcedColorAdjust}`;
      }),
    );
    expect(new Set(styles)).toEqual(new Set(['solid none']));
    await page.emulateMedia({ forcedColors: null });
  });
});
