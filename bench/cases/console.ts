/** The page of a run of 1,000,000 partitions, in a real browser. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import {
  countTraffic,
  openPage,
  pageMetrics,
  runAddress,
  startBrowser,
  startConsole,
  type ConsoleProcess,
} from '../console-process';
import { quantile } from '../quantile';
import { residentOf } from '../world';
import { timed, type Case } from './case';
import { LATENCY_BARS, measureLatency } from './console-latency';
import { LIVE_BARS, measureMemory, measureWatching } from './console-live';
import { byCustomer, events } from './events';

const RUN = 'million';
const MiB = 2 ** 20;

/** What each may be: seconds, megabytes, or counts. */
const PAGE_BARS = {
  firstPaint: 0.5,
  strip: 1.5,
  exact: 4,
  warm: 1,
  bytesMB: 1.6,
  pictureKB: 200,
  pictureRequests: 6,
  heapMB: 80,
  nodes: 3_000,
  serverMB: 400,
  frame: 0.033,
  longestTask: 0.1,
  sort: 0.4,
  filter: 0.4,
  lastRow: 0.2,
} as const;
type PageMeasures = Record<keyof typeof PAGE_BARS, number>;
const BARS: Readonly<Record<string, number>> = { ...PAGE_BARS, ...LIVE_BARS, ...LATENCY_BARS };

export const consolePage: Case = {
  name: 'console',
  work: 'the page of a run of 1,000,000 partitions, 5 % of them FAILED, in Chromium that draws in software',
  ratio: 'allowed value of the measurement closest to it, or furthest beyond',
  target: { atMost: 1 },
  async prepare(world) {
    await world.execute(events(1_000_000, 4));
    await world.startWorker();
    await world.warmUp();
    const fixed = join(world.folder, 'fixed');
    rmSync(fixed, { force: true });
    const run = await world.partwise.start(
      {
        ...byCustomer,
        function: 'poison',
        params: { fixed, calls: '' },
        options: { maxPartitions: 2_000_000, retry: { maximumAttempts: 1 }, toleratedFailures: '100%' },
      },
      { runId: RUN },
    );
    const { counts } = await run.wait();
    if (counts.FAILED !== 50_000) throw new Error(`${counts.FAILED} partitions failed.`);
  },
  async measure(world) {
    const browser = await startBrowser();
    try {
      const server = await startConsole(world);
      const page = await measurePage(browser, server);
      await server.end();
      const { values: watching, others } = await measureWatching(world, browser);
      const memory = await measureMemory(world, browser);
      const latency = await measureLatency(world, browser);
      const measures: Record<string, number> = { ...page, ...watching, ...memory, ...latency };
      const ratios = Object.entries(measures).map(([name, value]) => ({
        name,
        value,
        ratio: value / BARS[name]!,
      }));
      return {
        ratio: Math.max(...ratios.map(({ ratio }) => ratio)),
        details: { ...measures, ...others },
        missed: ratios
          .filter(({ ratio }) => ratio > 1)
          .map(({ name, value }) => `${name} is ${value.toFixed(3)}, and may be ${BARS[name]}`),
      };
    } finally {
      await browser.close();
    }
  },
};

async function measurePage(browser: Browser, server: ConsoleProcess): Promise<PageMeasures> {
  const page = await openPage(browser, server);
  const session = await page.context().newCDPSession(page);
  const traffic = await countTraffic(session);
  const begin = performance.now();
  const since = (): number => (performance.now() - begin) / 1000;
  await page.goto(runAddress(server, RUN), { waitUntil: 'commit' });
  // An empty canvas is no picture.
  await page.waitForFunction(`(() => {
    const canvas = document.querySelector('.strip canvas');
    if (canvas === null) return false;
    return canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data.some((each) => each > 0);
  })()`);
  const strip = since();
  const toPicture = traffic();
  await page.locator('.grid-row').first().waitFor();
  const exact = since();
  const { bytes } = traffic();
  const firstPaint = await page.evaluate<number>(
    `performance.getEntriesByName('first-contentful-paint')[0].startTime / 1000`,
  );
  const { frame, longestTask } = await frameTimes(page);
  const first = page.locator('.grid-row').first();
  const changed = async (act: () => Promise<unknown>): Promise<number> => {
    const before = await first.textContent();
    return timed(async () => {
      await act();
      await page.waitForFunction(
        `document.querySelector('.grid-row')?.textContent !== ${JSON.stringify(before)}`,
      );
    });
  };
  const sort = await changed(() => page.getByRole('button', { name: /^Took/ }).click());
  const filter = await changed(() => page.getByRole('button', { name: /FAILED/ }).click());
  await changed(() => page.getByRole('button', { name: 'Show all' }).click());
  const lastRow = await changed(async () => {
    await page.locator('input[name=row]').fill('1000000');
    await page.locator('input[name=row]').press('Enter');
  });
  const { JSHeapUsedSize: heap = 0, Nodes: nodes = 0 } = await pageMetrics(session);
  const serverMB = (residentOf(server.process.pid!) - server.idle) / MiB;
  const warm = await timed(async () => {
    await page.reload({ waitUntil: 'commit' });
    await page.locator('.grid-row').first().waitFor();
  });
  await page.context().close();
  return {
    firstPaint,
    strip,
    exact,
    warm,
    bytesMB: bytes / MiB,
    pictureKB: toPicture.bytes / 1024,
    pictureRequests: toPicture.requests,
    heapMB: heap / MiB,
    nodes,
    serverMB,
    frame,
    longestTask,
    sort,
    filter,
    lastRow,
  };
}

/**
 * 95 % of the frames take at most these seconds while the pointer moves over the map, zooms and pans, and the
 * longest task that kept the page from drawing.
 */
async function frameTimes(page: Page): Promise<{ frame: number; longestTask: number }> {
  await page.evaluate(`
    globalThis.frames = [];
    globalThis.tasks = [];
    new PerformanceObserver((list) => tasks.push(...list.getEntries().map((each) => each.duration))).observe({
      type: 'longtask',
    });
    requestAnimationFrame(function tick(at) {
      frames.push(at);
      requestAnimationFrame(tick);
    });
  `);
  const box = (await page.locator('.map canvas').boundingBox())!;
  const moveTo = (i: number): Promise<void> =>
    page.mouse.move(box.x + 20 + ((i * 11) % (box.width - 40)), box.y + 10 + ((i * 7) % (box.height - 20)));
  for (let i = 0; i < 60; i++) {
    await moveTo(i);
    if (i % 10 === 9) await page.mouse.wheel(0, i < 40 ? -100 : 100);
  }
  await page.mouse.down();
  for (let i = 0; i < 40; i++) await moveTo(i);
  await page.mouse.up();
  const { frames, tasks } = await page.evaluate<{ frames: number[]; tasks: number[] }>('({ frames, tasks })');
  const gaps = frames.slice(1).map((at, i) => at - frames[i]!);
  return { frame: quantile(gaps, 0.95) / 1_000, longestTask: Math.max(0, ...tasks) / 1_000 };
}
