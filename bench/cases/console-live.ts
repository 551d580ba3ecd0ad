/** What watching a run of 1,000,000 partitions costs the run, the console and the page. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Browser } from 'playwright-core';
import {
  countTraffic,
  openPage,
  pageMetrics,
  rendererBytes,
  runAddress,
  startConsole,
} from '../console-process';
import { processorSeconds, residentOf, type World } from '../world';
import { timed } from './case';
import { byCustomer } from './events';

const TABS = 3;
/** Alone, watched, watched, alone: what drifts on the machine cancels out. */
const TURNS = [false, true, true, false] as const;
const MINUTE_MS = 60_000;
const MiB = 2 ** 20;

export const LIVE_BARS = {
  /** Share of a run's time by which it takes longer when it is watched. */
  slowdown: 0.03,
  /** Of a processor, that of the console's process. */
  consoleCpu: 0.1,
  tabKBps: 20,
  /** Five minutes after the page was opened. */
  liveServerMB: 400,
  rendererMB: 250,
  liveHeapMB: 80,
  /** Share by which the renderer grows in the last four of them. */
  growth: 0.05,
} as const;

interface Turn {
  seconds: number;
  /** Processor seconds of worker, runners and Temporal's server. */
  cpu: number;
  /** … of the console's process and of the browser; 0 if nobody watched. */
  consoleCpu: number;
  browserCpu: number;
  tabKBps: number;
}

/** Ratios of runs that three tabs watch to runs that nobody watches. */
export async function measureWatching(
  world: World,
  browser: Browser,
): Promise<{
  values: Record<'slowdown' | 'consoleCpu' | 'tabKBps', number>;
  others: Record<string, number>;
}> {
  const turns: Turn[] = [];
  for (const [i, isWatched] of TURNS.entries())
    turns.push(await takeTurn(world, isWatched ? browser : null, `watched-${i}`));
  const sum = (isWatched: boolean, value: (turn: Turn) => number): number =>
    turns.reduce((all, turn, i) => all + (TURNS[i] === isWatched ? value(turn) : 0), 0);
  const seconds = sum(true, (turn) => turn.seconds);
  return {
    values: {
      slowdown: seconds / sum(false, (turn) => turn.seconds) - 1,
      consoleCpu: sum(true, (turn) => turn.consoleCpu) / seconds,
      tabKBps: sum(true, (turn) => turn.tabKBps) / TURNS.filter(Boolean).length,
    },
    others: {
      cpuSlowdown: sum(true, ({ cpu }) => cpu) / sum(false, ({ cpu }) => cpu) - 1,
      browserCpu: sum(true, (turn) => turn.browserCpu) / seconds,
      aloneSeconds: sum(false, (turn) => turn.seconds) / TURNS.filter((isWatched) => !isWatched).length,
    },
  };
}

async function takeTurn(world: World, browser: Browser | null, runId: string): Promise<Turn> {
  const used = (): number => processorSeconds(world.workerPid) + processorSeconds(world.serverPid);
  const before = used();
  const run = await world.partwise.start(
    {
      ...byCustomer,
      function: 'poison',
      params: { fixed: '', calls: '' },
      options: { maxPartitions: 2_000_000, retry: { maximumAttempts: 1 }, toleratedFailures: '100%' },
    },
    { runId },
  );
  const server = browser === null ? null : await startConsole(world);
  try {
    const tabs = await Promise.all(
      Array.from({ length: server === null ? 0 : TABS }, async () => {
        const page = await openPage(browser!, server!);
        const traffic = await countTraffic(await page.context().newCDPSession(page));
        await page.goto(runAddress(server!, runId), { waitUntil: 'commit' });
        return { page, traffic };
      }),
    );
    const consoleBefore = server === null ? 0 : processorSeconds(server.process.pid!);
    const browserBefore = browser === null ? 0 : browserSeconds();
    const watchedSeconds = await timed(() => run.wait());
    const { startedAt, endedAt } = await run.status();
    const cpu = used() - before;
    const bytes = tabs.reduce((sum, { traffic }) => sum + traffic().bytes, 0);
    const turn = {
      seconds: (Date.parse(endedAt!) - Date.parse(startedAt)) / 1_000,
      cpu,
      consoleCpu: server === null ? 0 : processorSeconds(server.process.pid!) - consoleBefore,
      browserCpu: browser === null ? 0 : browserSeconds() - browserBefore,
      tabKBps: bytes / 1_024 / TABS / watchedSeconds,
    };
    for (const { page } of tabs) await page.context().close();
    return turn;
  } finally {
    await server?.end();
  }
}

/** Processor seconds of everything below this process that is not the server or a worker is the browser's. */
function browserSeconds(): number {
  return processorSeconds(
    process.pid,
    (command) => command.includes('--type=') || command.includes('headless'),
  );
}

/** Memory of the console and the page while a run of 1,000,000 is live for five minutes. */
export async function measureMemory(
  world: World,
  browser: Browser,
): Promise<Record<'liveServerMB' | 'rendererMB' | 'liveHeapMB' | 'growth', number>> {
  const run = await world.partwise.start(
    {
      ...byCustomer,
      function: 'slow',
      params: { calls: '/dev/null', ms: 2 },
      options: { maxPartitions: 2_000_000 },
    },
    { runId: 'long' },
  );
  const server = await startConsole(world);
  try {
    const page = await openPage(browser, server);
    const session = await page.context().newCDPSession(page);
    await page.goto(runAddress(server, 'long'), { waitUntil: 'commit' });
    await page
      .locator('.grid-row')
      .first()
      .waitFor({ timeout: 5 * MINUTE_MS });
    await sleep(MINUTE_MS);
    await pageMetrics(session);
    const early = await rendererBytes(browser);
    await sleep(4 * MINUTE_MS);
    const { JSHeapUsedSize: heap = 0 } = await pageMetrics(session);
    const late = await rendererBytes(browser);
    const serverBytes = residentOf(server.process.pid!);
    await page.context().close();
    return {
      liveServerMB: (serverBytes - server.idle) / MiB,
      rendererMB: late / MiB,
      liveHeapMB: heap / MiB,
      growth: late / early - 1,
    };
  } finally {
    await server.end();
    await run.cancel();
    await run.wait();
  }
}
