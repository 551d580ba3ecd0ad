/** The console for everyone: without a mouse, on a narrow screen, in both themes, read aloud. */
import { beforeAll, describe, expect, it } from '@jest/globals';
import type { Page } from 'playwright-core';
import { timeText } from '../src/display/measures';
import { audit, viewportsOf, WIDE } from './support/audit';
import { describeBrowser, listOf, type TestConsole } from './support/console';
import { consoleFixture } from './support/console-fixture';
import { GATED_FUNCTIONS, startGated, type GatedRun } from './support/gated-runs';
import type { TestProject } from './support/project';

describeBrowser('the console', () => {
  const fixture = consoleFixture();
  let project: TestProject;
  let served: TestConsole;
  let page: Page;
  let runId: string;

  beforeAll(async () => {
    ({ project, served } = await fixture.start(GATED_FUNCTIONS, {
      tables: ["CREATE TABLE t AS SELECT printf('p%02d', i) AS k FROM range(60) _(i)"],
    }));
    const { run } = await startGated(project, 'access', {
      source: { table: 't' },
      params: { fails: { p20: 'no sales', p40: 'no sales', p41: 'final:no amount' } },
      options: { toleratedFailures: 5 },
    });
    ({ runId } = run);
    await run.wait();
    page = await fixture.signedIn({ viewport: WIDE });
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
    await page.goto(listOf(served.origin, runId));
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

  it('searches pages, runs, partitions and commands by keys alone, and changes nothing by itself', async () => {
    await page.goto(listOf(served.origin, runId));
    await page.getByRole('link', { name: runId }).waitFor();
    const field = page.getByRole('combobox', { name: 'Search' });
    const found = page.getByRole('listbox', { name: 'Found' }).getByRole('option');
    const search = async (text: string, line: string | RegExp): Promise<void> => {
      await page.keyboard.press('Control+k');
      await field.fill(text);
      await page.locator('[role=listbox][aria-busy=false]').waitFor();
      await found.filter({ hasText: line }).first().waitFor();
      // What is announced is what Enter opens.
      const chosen = page.locator('[role=option][aria-selected=true]');
      for (let left = await found.count(); !(await chosen.innerText()).match(line) && left > 0; left--)
        await page.keyboard.press('ArrowDown');
      expect(await field.getAttribute('aria-activedescendant')).toBe(await chosen.getAttribute('id'));
      await audit(page);
      await page.keyboard.press('Enter');
      await field.waitFor({ state: 'hidden' });
    };
    await search(runId.slice(2), runId);
    await page.waitForURL(`${served.origin}/runs/${runId}`);
    await page.locator('.grid-row').first().waitFor();
    await search('p4', 'All 10 partitions');
    await page.getByText('10 of 60', { exact: true }).waitFor();
    await search('P41', 'p41');
    await page.waitForURL(`${served.origin}/runs/${runId}/partitions/p41`);
    await search('retry', 'Retry this');
    await page.getByRole('button', { name: 'Retry 1 partition', exact: true }).waitFor();
    await page.keyboard.press('Escape');
    await search('sched', 'Schedules');
    await page.waitForURL(`${served.origin}/schedules`);
    await page.keyboard.press('Control+k');
    await field.fill('nothing has this name');
    await page.getByText('Nothing contains “nothing has this name”.').waitFor();
    await page.keyboard.press('Escape');
    expect((await project.partwise.getRun(runId).status()).executions).toHaveLength(1);
  });

  it('shows times in any zone, which is in the address, and refuses one that does not exist', async () => {
    await page.goto(listOf(served.url, runId));
    const { startedAt } = await project.partwise.getRun(runId).status();
    const button = page.getByTitle('Time zone of this page');
    await button.click();
    await audit(page);
    const field = page.getByLabel('All times of this page are in');
    await field.fill('Europe/Berln');
    await page.keyboard.press('Enter');
    await page.getByText('“Europe/Berln” is not a time zone').waitFor();
    await field.fill('Pacific/Auckland');
    await page.keyboard.press('Enter');
    await field.waitFor({ state: 'hidden' });
    expect(await button.innerText()).toBe('Pacific/Auckland');
    // The token that the page was opened with stays out of the address.
    expect(page.url()).toBe(`${listOf(served.origin, runId)}&tz=Pacific%2FAuckland`);
    await page.getByRole('link', { name: runId }).click();
    await page.getByText(`started ${timeText(startedAt, 'Pacific/Auckland')}`).waitFor();
    expect(new URL(page.url()).searchParams.get('tz')).toBe('Pacific/Auckland');
  });

  it('says how a run ended: refused, stopped by failFast, cancelled, terminated', async () => {
    const start = (name: string, input: Parameters<typeof startGated>[2]) => startGated(project, name, input);
    const few = { source: { query: 'SELECT * FROM t LIMIT 2' } };
    const refused = await start('refused', { source: { table: 'nowhere' } });
    const stopped = await start('stopped', {
      source: { table: 't' },
      params: { fails: 'final:no sales' },
      options: { failFast: true, maxConcurrency: 1 },
    });
    const cancelled = await start('cancelled', { ...few, params: { wait: true } });
    await cancelled.untilCalls(1);
    await cancelled.run.cancel();
    await cancelled.run.wait();
    const terminated = await start('terminated', { ...few, params: { wait: true } });
    await terminated.untilCalls(1);
    await project.client.workflow.getHandle(terminated.run.runId).terminate('by hand');
    const sentences: [GatedRun, status: string, ...sentences: string[]][] = [
      [refused, 'FAILURE', 'No partition was started.', 'nowhere'],
      [stopped, 'FAILURE', '1 FAILED, 59 SKIPPED', 'so the run stopped (failFast)'],
      [cancelled, 'CANCELLED', '2 CANCELLED'],
      [terminated, 'FAILURE', 'Terminated'],
    ];
    for (const [{ run }, status, ...texts] of sentences) {
      await run.wait();
      await page.goto(`${served.origin}/runs/${run.runId}`);
      const head = page.getByRole('region', { name: 'The run' });
      await page.getByRole('heading', { name: `${status} ${run.runId}` }).waitFor();
      for (const text of texts) await head.getByText(text).first().waitFor();
      // A refused run has nothing to archive or to retry.
      expect(await head.getByRole('button', { name: /^(Archive|Retry)/ }).count()).toBe(
        run === refused.run ? 0 : 2,
      );
    }
  });

  it('archives a run again by hand, and says where', async () => {
    await page.goto(`${served.origin}/runs/${runId}`);
    await page.getByRole('button', { name: 'Archive' }).click();
    const { stage } = await project.partwise.getRun(runId).archive();
    await page.getByText(`1 execution archived on ${stage}.`).waitFor();
  });

  it('lists its keys, and changes colours and zone by them', async () => {
    await page.goto(listOf(served.origin, runId));
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
