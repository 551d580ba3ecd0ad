/** The console for everyone: without a mouse, on a narrow screen, in both themes, read aloud. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Browser, Page } from 'playwright-core';
import { audit, viewportsOf, WIDE } from './support/audit';
import { describeBrowser, startBrowser, startConsole, type TestConsole } from './support/console';
import { GATED_FUNCTIONS, startGated } from './support/gated-runs';
import { makeProject, type TestProject } from './support/project';

describeBrowser('the console', () => {
  let project: TestProject;
  let browser: Browser;
  let served: TestConsole;
  let page: Page;
  let runId: string;

  beforeAll(async () => {
    [project, browser] = await Promise.all([makeProject(GATED_FUNCTIONS), startBrowser()]);
    await project.execute("CREATE TABLE t AS SELECT printf('p%02d', i) AS k FROM range(60) _(i)");
    [served] = await Promise.all([startConsole(project.folder), project.startWorker()]);
    const { run } = await startGated(project, 'access', {
      source: { table: 't' },
      params: { fails: { p20: 'no sales', p40: 'no sales', p41: 'final:no amount' } },
      options: { toleratedFailures: 5 },
    });
    ({ runId } = run);
    await run.wait();
    page = await browser.newPage({ viewport: WIDE });
    page.setDefaultTimeout(20_000);
    await page.goto(served.url);
    await page.getByRole('link', { name: runId }).waitFor();
  });

  afterAll(async () => {
    await browser?.close();
    await served?.end();
    await project?.close();
  });

  /** What each page is, and what says that it is there. */
  const PAGES: [name: string, address: () => string, there: string][] = [
    ['the list', () => '/', 'table.runs'],
    ['a list without runs', () => '/?text=no-run-is-called-this', '.empty'],
    ['a run', () => `/runs/${runId}`, '.grid-row'],
    ['a filtered run', () => `/runs/${runId}?status=FAILED&group=1&q=p&sort=-took`, '.grid-row'],
    ['a partition', () => `/runs/${runId}/partitions/p41`, '.message'],
    ['results', () => `/runs/${runId}/results`, 'table'],
    ['a comparison', () => `/compare/${runId}/${runId}`, 'h2'],
    ['plans', () => '/plan', 'form'],
    // Other tests may have schedules on this server.
    ['schedules', () => '/schedules', '.empty, table.listing'],
    ['models', () => '/models', '.empty'],
    ['workers', () => '/workers', 'table'],
    ['a run that does not exist', () => '/runs/none', '.refusal'],
    ['an address without a page', () => '/none', '.refusal'],
  ];

  describe.each(['light', 'dark'] as const)('in the %s theme', (theme) => {
    it.each(PAGES)(
      'has no violation that axe-core finds, nor sideways scroll: %s',
      async (_, address, there) => {
        await page.emulateMedia({ colorScheme: theme, reducedMotion: 'reduce' });
        for (const viewport of viewportsOf(theme)) {
          await page.setViewportSize(viewport);
          await page.goto(served.origin + address());
          await page.locator(there).first().waitFor();
          await audit(page);
        }
      },
    );
  });

  it('goes from the list to a failed partition and back by keys alone', async () => {
    await page.setViewportSize(WIDE);
    await page.goto(`${served.origin}/`);
    await page.getByRole('link', { name: runId }).waitFor();
    const press = (...keys: string[]): Promise<void> =>
      keys.reduce((before, key) => before.then(() => page.keyboard.press(key)), Promise.resolve());
    while ((await page.locator(':focus').count()) === 0 || !(await focused()).includes(runId))
      await press('j');
    await press('Enter');
    await page.locator('.grid-row').first().waitFor();
    await press('f');
    await page.getByText('3 of 60', { exact: true }).waitFor();
    const focusedRow = page.locator('.grid-row:focus');
    await press('j', 'j', 'k', 'k', ']');
    await focusedRow.getByText('p40', { exact: true }).waitFor();
    await press('[');
    await focusedRow.getByText('p20', { exact: true }).waitFor();
    await press('f');
    await page.getByText('60 of 60', { exact: true }).waitFor();
    await press('/', '4', '1', 'Escape');
    await page.getByText('1 of 60', { exact: true }).waitFor();
    await press('j', 'Enter');
    await page.waitForURL(`**/runs/${runId}/partitions/p41?q=41`);
    await press('g', 'r');
    await page.waitForURL(`${served.origin}/`);
  });

  const focused = (): Promise<string> => page.locator(':focus').innerText();

  it('lists its keys, and changes colours and zone by them', async () => {
    await page.goto(`${served.origin}/`);
    await page.getByRole('link', { name: runId }).waitFor();
    await page.keyboard.press('?');
    const list = page.getByRole('dialog', { name: 'Keys' });
    await list.getByText('all runs').waitFor();
    await page.keyboard.press('Escape');
    await list.waitFor({ state: 'hidden' });
    for (const theme of ['light', 'dark']) {
      await page.keyboard.press('t');
      await page.locator(`html[data-theme=${theme}]`).waitFor();
    }
    const zone = page.getByTitle('Time zone of this page');
    const before = await zone.innerText();
    await page.keyboard.press('z');
    expect([(await zone.innerText()) === before, new URL(page.url()).searchParams.get('tz')]).toEqual(
      before === 'UTC' ? [true, null] : [false, 'UTC'],
    );
  });
});
