/** The page of a run of a million partitions, as it is used. Some minutes: only with `npm run test:long`. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, expect, it } from '@jest/globals';
import type { Locator, Page } from 'playwright-core';
import type { RunHandle } from '../src/index';
import { describeLongBrowser, type TestConsole } from './support/console';
import { consoleFixture } from './support/console-fixture';
import type { TestProject } from './support/project';

const PARTITIONS = 1_000_000;
const LARGE = { key: 500_000, rows: 5_000 };
const SLOW = 123_456;
const HALF_HOUR = 1_800_000;

const FUNCTIONS = `
import { existsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { definePartitionFunction } from 'partwise';

/** One in 20 throws until the file params.fixed exists, and seven always do. */
export const noop = definePartitionFunction({
  name: 'noop',
  retry: { maximumAttempts: 1 },
  async run(data, { key, params }) {
    const k = Number(key.k);
    if (k % 100_000 === 9 && k < 700_000) throw new TypeError('Unknown region');
    if (k % 20 === 7 && !existsSync(params.fixed)) throw new RangeError('No price for ' + k);
    if (data.rowCount > 1) await sleep(6_000);
    if (k === ${SLOW}) await sleep(5_000);
  },
});
`;

describeLongBrowser('a run of 1,000,000 partitions in the console', () => {
  const fixture = consoleFixture();
  let project: TestProject;
  let served: TestConsole;
  let page: Page;
  let run: RunHandle;
  let fixed: string;

  beforeAll(async () => {
    ({ project, served } = await fixture.start(FUNCTIONS, {
      tables: [
        `CREATE TABLE t AS SELECT range AS k FROM range(${PARTITIONS}) UNION ALL SELECT ${LARGE.key} FROM range(${LARGE.rows - 1})`,
      ],
    }));
    fixed = join(project.folder, 'fixed');
    run = await project.partwise.start(
      {
        function: 'noop',
        source: { table: 't' },
        partitionBy: ['k'],
        params: { fixed },
        options: { maxPartitions: PARTITIONS, toleratedFailures: '10%' },
      },
      { runId: project.runId('million') },
    );
    expect((await run.wait()).counts).toMatchObject({ total: PARTITIONS, FAILED: 50_007 });
    page = await fixture.signedIn({ viewport: { width: 1280, height: 900 } });
  }, HALF_HOUR);

  const rows = (): Locator => page.locator('.grid-row');
  const row = (id: number): Locator => rows().filter({ has: page.getByText(`${id}`, { exact: true }) });
  const shownCount = (): Locator => page.locator('.table-panel h2 .faint');
  const parameter = (name: string): string | null => new URL(page.url()).searchParams.get(name);
  const open = async (query = ''): Promise<void> => {
    await page.goto(`${served.origin}/runs/${run.runId}${query}`);
    await rows().first().waitFor();
    await page.locator('.map canvas').waitFor();
  };
  const picture = (): Promise<string> =>
    page.locator('.map canvas').evaluate((canvas: { toDataURL(): string }) => canvas.toDataURL());

  it('is zoomed to one cell of its map, opened, and left for the same view', async () => {
    await open();
    const hover = page.locator('.map .hover');
    const { x, y, width, height } = (await page.locator('.map canvas').boundingBox())!;
    await page.mouse.move(x + width / 3, y + height / 2);
    await hover.getByText(/; zoom in to see each/).waitFor();
    while ((await hover.innerText()).includes('zoom in')) {
      const before = parameter('view');
      await page.mouse.wheel(0, -100);
      await page.waitForURL((url: URL) => url.searchParams.get('view') !== before);
    }
    const view = parameter('view');
    // Until its id is known, it has only its number, with commas.
    const cell = hover.locator('b').filter({ hasText: /^\d+$/ });
    await cell.waitFor();
    const id = await cell.innerText();
    await page.mouse.move(0, 0);
    await hover.getByText('Point at a cell').waitFor();
    const before = await picture();
    await page.mouse.click(x + width / 3, y + height / 2);
    await page.waitForURL(`**/runs/${run.runId}/partitions/${id}*`);
    await page.getByRole('heading', { name: id }).waitFor();
    await page.goBack();
    await rows().first().waitFor();
    await page.mouse.move(0, 0);
    await hover.getByText('Point at a cell').waitFor();
    expect([parameter('view'), (await picture()) === before]).toEqual([view, true]);
  });

  it('is filtered everywhere by the part of the strip that is dragged over', async () => {
    await open();
    const map = await picture();
    const sentence = page.getByText(/^Half of the partitions took/);
    const durations = await sentence.innerText();
    const { x, y, width } = (await page.locator('.strip canvas').boundingBox())!;
    await page.mouse.move(x + width * 0.6, y + 10);
    await page.mouse.down();
    await page.mouse.move(x + width * 0.7, y + 10, { steps: 3 });
    await page.mouse.up();
    await page.waitForURL(/ordinals=/);
    const [from, to] = parameter('ordinals')!.split('-').map(Number) as [number, number];
    expect((to - from) / PARTITIONS).toBeCloseTo(0.1, 2);
    await shownCount()
      .getByText(`${(to - from).toLocaleString('en-US')} of 1,000,000`)
      .waitFor();
    await row(from).waitFor();
    await sentence.filter({ hasNotText: durations }).waitFor();
    expect((await picture()) === map).toBe(false);
  });

  it('reaches its last row, and sorts the slowest first', async () => {
    await open();
    await page.locator('input[name=row]').fill(`${PARTITIONS}`);
    await page.locator('input[name=row]').press('Enter');
    await row(PARTITIONS - 1).waitFor();
    const last = rows().last();
    expect(await last.innerText()).toMatch(/^999999\n/);
    await open('?sort=-took');
    expect(await rows().first().innerText()).toMatch(new RegExp(`^${LARGE.key}\n`));
    expect(await rows().nth(1).innerText()).toMatch(new RegExp(`^${SLOW}\n`));
  });

  it('says which of the slow partitions are large, and shows them', async () => {
    await open();
    await page.getByText(/^The slowest .* took \d+ % of the time/).waitFor();
    await page.getByText(/^Show the slowest/).click();
    await row(LARGE.key).waitFor();
    await row(SLOW).waitFor();
  });

  it(
    'has all of one cause run again in one go: 50,000 partitions, and no other',
    async () => {
      await writeFile(fixed, '');
      await open();
      const cause = page.getByRole('listitem').filter({ hasText: 'No price' });
      expect(await cause.locator('.count').innerText()).toBe('50,000');
      await cause.getByRole('button', { name: 'Retry these …' }).click();
      await page.getByRole('button', { name: 'Retry 50,000 partitions' }).click();
      await page.locator('.sentence').getByText('999,993 DONE, 7 FAILED').waitFor({ timeout: HALF_HOUR });
      const { execution: executions } = await project.partwise.getRun(run.runId).columns();
      const again = executions.reduce((count, execution) => count + (execution === 2 ? 1 : 0), 0);
      expect(again).toBe(50_000);
    },
    HALF_HOUR,
  );
});
