/** Several tabs and several consoles at once: all show the run, and none takes the connections of another. */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { beforeAll, expect, it } from '@jest/globals';
import type { BrowserContext, Page, Request } from 'playwright-core';
import { freePort } from '../src/temporal/ports';
import { describeBrowser, describeLongBrowser, listOf, type TestConsole } from './support/console';
import { consoleFixture } from './support/console-fixture';
import { GATED_FUNCTIONS, startGated, type GatedRun } from './support/gated-runs';
import type { TestProject } from './support/project';
import { until } from './support/until';

const TABS = 8;

describeBrowser('the console in several tabs', () => {
  const fixture = consoleFixture();
  let project: TestProject;
  let browsing: BrowserContext;
  let served: TestConsole;
  let worker: ChildProcess;

  beforeAll(async () => {
    ({ project, served } = await fixture.start(GATED_FUNCTIONS, {
      tables: ["CREATE TABLE t AS SELECT printf('p%02d', i) AS k FROM range(20) _(i)"],
      worker: null,
    }));
    worker = await project.startWorker();
    const first = await fixture.signedIn();
    browsing = first.context();
    await first.close();
  });

  const waiting = async (name: string): Promise<GatedRun> => {
    const gated = await startGated(project, name, { source: { table: 't' }, params: { wait: ['p19'] } });
    await gated.untilStarted('p19');
    return gated;
  };
  const open = async (of: BrowserContext, origin: string, { run }: GatedRun): Promise<Page> => {
    const page = await of.newPage();
    await page.goto(`${origin}/runs/${run.runId}`);
    return page;
  };
  const showsRunning = async (page: Page): Promise<void> => {
    await page.getByText('live', { exact: true }).waitFor();
    await page.getByText('20 of 20', { exact: true }).waitFor();
    await page.getByRole('button', { name: 'RUNNING 1' }).waitFor();
  };

  it('shows a run in eight tabs at once, and hands on the stream of a tab that is closed', async () => {
    const gated = await waiting('tabs');
    const pages: Page[] = [];
    const streams = new Map<Request, Page>();
    browsing.on('request', (request) => {
      if (request.url().includes('/stream')) streams.set(request, request.frame().page());
    });
    browsing.on('requestfailed', (request) => streams.delete(request));
    for (let i = 0; i < TABS; i++) {
      const page = await open(browsing, served.origin, gated);
      pages.push(page);
      await showsRunning(page);
    }
    expect(streams.size).toBe(4);
    const [closed] = streams.values();
    await closed!.close();
    await until(() => new Set(streams.values()).size === 5);
    await gated.release();
    for (const page of pages.filter((each) => each !== closed)) {
      await page.getByRole('heading', { name: /SUCCESS/ }).waitFor();
      await page.getByRole('button', { name: 'DONE 20' }).waitFor();
      await page.close();
    }
  });

  it('shows what another console of the project does to a run', async () => {
    const gated = await waiting('two-consoles');
    const other = await fixture.startConsole('--port', `${await freePort()}`);
    try {
      const signedIn = await fixture.newPage();
      const elsewhere = signedIn.context();
      await signedIn.goto(listOf(other.url, gated.run.runId));
      await signedIn.getByRole('link', { name: gated.run.runId }).waitFor();
      const pages = [
        await open(browsing, served.origin, gated),
        await open(elsewhere, other.origin, gated),
      ] as const;
      for (const page of pages) await showsRunning(page);
      await pages[0].getByRole('button', { name: 'Pause' }).click();
      for (const page of pages) await page.getByText(/^Paused.*: what is running continues/).waitFor();
      await pages[1].getByRole('button', { name: 'Unpause' }).click();
      for (const page of pages)
        await page.getByText(/^Paused.*: what is running continues/).waitFor({ state: 'detached' });
      await gated.release();
      for (const page of pages) await page.getByRole('heading', { name: /SUCCESS/ }).waitFor();
    } finally {
      for (const page of browsing.pages()) await page.close();
      await other.end();
    }
  });

  describeLongBrowser('in the background', () => {
    it('closes the stream of a tab that nobody looks at, and shows the present state when it is looked at again', async () => {
      const gated = await waiting('hidden');
      const page = await open(browsing, served.origin, gated);
      await showsRunning(page);
      const closed = page.waitForEvent('requestfailed', (request) => request.url().includes('/stream'));
      await look(page, false);
      await closed;
      await page.getByText(/This tab was in the background/).waitFor();
      const asked: string[] = [];
      page.on('request', (request) => asked.push(request.url()));
      await gated.release();
      await gated.run.wait();
      expect(await page.getByRole('button', { name: 'RUNNING 1' }).count()).toBe(1);
      expect(asked).toEqual([]);
      await look(page, true);
      await page.getByRole('heading', { name: /SUCCESS/ }).waitFor();
      await page.getByRole('button', { name: 'DONE 20' }).waitFor();
      expect(await page.locator('.run.is-lost').count()).toBe(0);
      await page.close();
    });
  });

  describeLongBrowser('without a worker', () => {
    it('says that nobody executes the run once its worker has been killed, until there is another', async () => {
      const gated = await waiting('killed');
      const page = await open(browsing, served.origin, gated);
      await showsRunning(page);
      const exited = once(worker, 'exit');
      worker.kill('SIGKILL');
      await exited;
      const banner = page.getByRole('alert').filter({ hasText: 'No worker asks for' });
      // A worker counts as there for 90 seconds.
      await banner.waitFor({ timeout: 120_000 });
      expect(await banner.locator('code').innerText()).toBe('partwise worker');
      worker = await project.startWorker();
      await banner.waitFor({ state: 'detached' });
      await gated.release();
      await page.getByRole('heading', { name: /SUCCESS/ }).waitFor();
      await page.close();
    }, 300_000);
  });
});

/** Makes the page what its browser calls visible, or hidden. */
function look(page: Page, isVisible: boolean): Promise<unknown> {
  return page.evaluate(
    `Object.defineProperty(document, 'hidden', { configurable: true, value: ${!isVisible} });
    document.dispatchEvent(new Event('visibilitychange'));`,
  );
}
