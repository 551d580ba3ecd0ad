/** The page of a run of 1,000,000 partitions, in a real browser. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { chromium, type Browser, type CDPSession, type Page } from 'playwright-core';
import { residentOf, type World } from '../world';
import { timed, type Case } from './case';
import { byCustomer, events } from './events';

const RUN = 'million';
const PROGRAM = process.env['CHROMIUM'] ?? '';
const MiB = 2 ** 20;

/** What each may be: seconds, megabytes, or counts. */
const BARS = {
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
  sort: 0.4,
  filter: 0.4,
  lastRow: 0.2,
} as const;
type Measures = Record<keyof typeof BARS, number>;

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
    const server = await startConsole(world);
    const browser = await chromium.launch({
      executablePath: PROGRAM,
      args: ['--no-sandbox', '--disable-gpu'],
    });
    try {
      const measures = await measurePage(browser, server);
      const ratios = Object.entries(measures).map(([name, value]) => value / BARS[name as keyof typeof BARS]);
      return { ratio: Math.max(...ratios), details: measures };
    } finally {
      await browser.close();
      const exited = once(server.process, 'exit');
      server.process.kill('SIGTERM');
      await exited;
    }
  },
};

interface Server {
  process: ChildProcess;
  url: string;
  /** Resident bytes before a page was opened. */
  idle: number;
}

async function startConsole(world: World): Promise<Server> {
  const cli = join(world.project, 'node_modules/partwise/dist/cli/main.js');
  const child = spawn(process.execPath, [cli, 'console'], {
    cwd: world.project,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let text = '';
  for await (const part of child.stdout) {
    text += String(part);
    const url = /http:\/\/\S+#token=[\w-]+/.exec(text)?.[0];
    if (url !== undefined) return { process: child, url, idle: residentOf(child.pid!) };
  }
  throw new Error(`The console ended: ${text}`);
}

async function measurePage(browser: Browser, server: Server): Promise<Measures> {
  const page = await (
    await browser.newContext({ viewport: { width: 1280, height: 900 }, bypassCSP: true })
  ).newPage();
  const session = await page.context().newCDPSession(page);
  // Gives the page its token; the run has not been read then. (The policy forbids what the measuring needs.)
  await page.goto(server.url);
  const traffic = await countTraffic(session);
  const address = `${new URL(server.url).origin}/runs/${RUN}`;
  const begin = performance.now();
  const since = (): number => (performance.now() - begin) / 1000;
  await page.goto(address, { waitUntil: 'commit' });
  await page.locator('.strip canvas').waitFor();
  const strip = since();
  const toPicture = traffic();
  await page.locator('.grid-row').first().waitFor();
  const exact = since();
  const { bytes } = traffic();
  const firstPaint = await page.evaluate<number>(
    `performance.getEntriesByName('first-contentful-paint')[0].startTime / 1000`,
  );
  const frame = await frameTime(page);
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
  const { JSHeapUsedSize: heap = 0, Nodes: nodes = 0 } = await metrics(session);
  const serverMB = (residentOf(server.process.pid!) - server.idle) / MiB;
  const warm = await timed(async () => {
    await page.reload({ waitUntil: 'commit' });
    await page.locator('.grid-row').first().waitFor();
  });
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
    sort,
    filter,
    lastRow,
  };
}

/** Starts counting what arrives. The returned function returns the sums. */
async function countTraffic(session: CDPSession): Promise<() => { bytes: number; requests: number }> {
  let bytes = 0;
  let requests = 0;
  await session.send('Network.enable');
  session.on('Network.dataReceived', ({ encodedDataLength }) => (bytes += encodedDataLength));
  session.on('Network.responseReceived', () => requests++);
  return () => ({ bytes, requests });
}

/** 95 % of the frames take at most these seconds while the pointer moves over the map and zooms. */
async function frameTime(page: Page): Promise<number> {
  await page.evaluate(`
    globalThis.frameTimes = [];
    requestAnimationFrame(function tick(at) {
      globalThis.frameTimes.push(at);
      requestAnimationFrame(tick);
    });
  `);
  const box = (await page.locator('.map canvas').boundingBox())!;
  for (let i = 0; i < 60; i++) {
    await page.mouse.move(
      box.x + 20 + ((i * 11) % (box.width - 40)),
      box.y + 10 + ((i * 7) % (box.height - 20)),
    );
    if (i % 10 === 9) await page.mouse.wheel(0, i < 40 ? -100 : 100);
  }
  const times = await page.evaluate<number[]>('globalThis.frameTimes');
  const gaps = times
    .slice(1)
    .map((at, i) => at - times[i]!)
    .sort((a, b) => a - b);
  return gaps[Math.floor(gaps.length * 0.95)]! / 1000;
}

async function metrics(session: CDPSession): Promise<Partial<Record<string, number>>> {
  await session.send('HeapProfiler.collectGarbage');
  await session.send('Performance.enable');
  const { metrics: all } = await session.send('Performance.getMetrics');
  return Object.fromEntries(all.map(({ name, value }) => [name, value]));
}
