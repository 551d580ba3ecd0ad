/** The six jobs without a mouse: by keys alone, by touch on a narrow screen, enlarged, in forced colours. */
import { beforeAll, beforeEach, expect, it } from '@jest/globals';
import type { BrowserContextOptions, Page } from 'playwright-core';
import { audit } from './support/audit';
import { describeBrowser, listOf, type TestConsole } from './support/console';
import { consoleFixture } from './support/console-fixture';
import { GATED_FUNCTIONS, startGated, type GatedRun } from './support/gated-runs';
import type { TestProject } from './support/project';

const FAILING = ['p20', 'p40', 'p41'];

describeBrowser('the console', () => {
  const fixture = consoleFixture();
  let project: TestProject;
  let served: TestConsole;
  let gated: GatedRun;
  let runId: string;

  beforeAll(async () => {
    ({ project, served } = await fixture.start(GATED_FUNCTIONS, {
      tables: ["CREATE TABLE t AS SELECT printf('p%02d', i) AS k FROM range(60) _(i)"],
    }));
  });

  beforeEach(async () => {
    gated = await startGated(project, 'devices', {
      source: { table: 't' },
      params: { fails: Object.fromEntries(FAILING.map((id) => [id, `no sales for "${id}"`])) },
      options: { toleratedFailures: 5 },
    });
    ({ runId } = gated.run);
    await gated.run.wait();
  });

  const list = async (options: BrowserContextOptions): Promise<Page> => {
    const page = await fixture.newPage(options);
    await page.goto(listOf(served.url, runId));
    await page.getByRole('link', { name: runId }).waitFor();
    return page;
  };
  /** Whose function was called after the first execution. */
  const calledAgain = (): string[] => gated.started().slice(60).sort();

  it('retries what failed by keys alone, from the list on', async () => {
    await gated.release('fixed');
    const page = await list({});
    const focused = (): Promise<string> => page.locator(':focus').innerText();
    /** Presses a key until what has the focus has this name. */
    const reach = async (key: string, name: string | RegExp): Promise<void> => {
      const seen: string[] = [];
      do {
        expect(seen.length).toBeLessThan(40);
        await page.keyboard.press(key);
        seen.push((await page.locator(':focus').count()) === 0 ? '' : await focused());
      } while (seen.at(-1)!.match(name) === null);
    };
    await reach('j', runId);
    await page.keyboard.press('Enter');
    await page.locator('.grid-row').first().waitFor();
    await reach('Tab', /^Retry 3/);
    await page.keyboard.press('Enter');
    await page.getByRole('button', { name: 'Retry 3 partitions' }).waitFor();
    await reach('Tab', 'Retry 3 partitions');
    await page.keyboard.press('Enter');
    await page.locator('.sentence').getByText('60 DONE').waitFor();
    expect(calledAgain()).toEqual(FAILING);
    await page.context().close();
  });

  it('answers what failed, why, what was slow, and retries it, by touch at 390 pixels (J1 to J4)', async () => {
    await gated.release('fixed');
    const page = await list({ viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true });
    await page
      .getByRole('row')
      .filter({ has: page.getByRole('link', { name: runId }) })
      .getByText('PARTIAL_FAILURE')
      .waitFor();
    await page.getByRole('link', { name: runId }).tap();
    await page
      .locator('.group')
      .getByText(/functions\.ts:\d+/)
      .waitFor();
    await page.getByText(/^Show the slowest/).tap();
    await page.locator('.grid-row').first().waitFor();
    expect(new URL(page.url()).searchParams.get('sort')).toBe('-took');
    await page.locator('.map canvas').tap({ position: { x: 5, y: 5 } });
    await page.waitForURL('**/partitions/p00*');
    await page.goBack();
    await page.getByRole('button', { name: 'Retry these …' }).tap();
    await page.getByRole('button', { name: 'Retry 3 partitions' }).tap();
    await page.locator('.sentence').getByText('60 DONE').waitFor();
    expect(calledAgain()).toEqual(FAILING);
    await page.context().close();
  });

  it('fits at 200 %, moves nothing if less motion is wanted, and can be told apart in forced colours', async () => {
    const page = await list({
      viewport: { width: 640, height: 400 },
      deviceScaleFactor: 2,
      reducedMotion: 'reduce',
      forcedColors: 'active',
    });
    for (const [address, there] of [
      ['/', 'table.runs'],
      [`/runs/${runId}`, '.grid-row'],
      [`/runs/${runId}/partitions/p20`, '.message'],
    ] as const) {
      await page.goto(served.origin + address);
      await page.locator(there).first().waitFor();
      await audit(page);
      expect(await page.evaluate('document.getAnimations().length')).toBe(0);
    }
    await page.goto(`${served.origin}/runs/${runId}`);
    const toggle = page.getByRole('button', { name: 'FAILED 3' });
    const look = (): Promise<unknown> =>
      toggle.evaluate((element: object) => {
        const { borderColor, outlineStyle, backgroundColor, color } = (
          globalThis as unknown as { getComputedStyle(element: object): Record<string, string> }
        ).getComputedStyle(element);
        return [borderColor, outlineStyle, backgroundColor, color];
      });
    const before = await look();
    await toggle.click();
    await page.getByText('3 of 60', { exact: true }).waitFor();
    await page.mouse.move(0, 0);
    await page.locator('body').click({ position: { x: 1, y: 1 } });
    expect(await look()).not.toEqual(before);
    // A colour that the browser has replaced says nothing: the sign does.
    expect(await page.locator('.grid-row').first().innerText()).toContain('✗');
    await page.context().close();
  });
});
