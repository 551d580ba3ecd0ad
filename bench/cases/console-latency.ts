/** How long after it happened something is seen on the page of a live run. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { openPage, runAddress, startConsole, type ConsoleProcess } from '../console-process';
import { quantile } from '../quantile';
import type { World } from '../world';

/** Seconds; 95 % of the failures and lines are seen after at most this. */
export const LATENCY_BARS = { failureAlone: 2, failureInBatch: 4, logLine: 3, retry: 3 } as const;

export async function measureLatency(
  world: World,
  browser: Browser,
): Promise<Record<keyof typeof LATENCY_BARS, number>> {
  const server = await startConsole(world);
  try {
    const failureAlone = await untilFailuresShow(world, browser, server, {
      runId: 'failing-alone',
      partitions: 60,
      ms: 500,
      each: 2,
    });
    const failureInBatch = await untilFailuresShow(world, browser, server, {
      runId: 'failing-in-batches',
      partitions: 4_000,
      ms: 10,
      each: 50,
    });
    const retry = await untilRetryRuns(browser, server, 'failing-alone');
    return {
      failureAlone,
      failureInBatch,
      retry,
      logLine: await untilLinesShow(world, browser, server),
    };
  } finally {
    await server.end();
  }
}

/** When the page showed the n-th failure, less when the n-th failure happened. */
async function untilFailuresShow(
  world: World,
  browser: Browser,
  server: ConsoleProcess,
  { runId, partitions, ms, each }: { runId: string; partitions: number; ms: number; each: number },
): Promise<number> {
  const calls = join(world.folder, runId);
  writeFileSync(calls, '');
  const run = await world.partwise.start(
    {
      function: 'failing',
      params: { calls, ms, each },
      source: { query: `SELECT range AS k FROM range(${partitions})` },
      partitionBy: ['k'],
      options: { toleratedFailures: '100%' },
    },
    { runId },
  );
  const page = await openPage(browser, server);
  await page.goto(runAddress(server, runId));
  await note(page, `[...document.querySelectorAll('.toggle.is-failed')].map((each) => each.textContent)`);
  await page.locator('.toggle').first().waitFor();
  const opened = Date.now();
  await run.wait();
  const failures = readFileSync(calls, 'utf8')
    .trim()
    .split('\n')
    .map(Number)
    .sort((a, b) => a - b);
  await page.getByRole('button', { name: new RegExp(`FAILED ${failures.length}$`) }).waitFor();
  const shown = await noted(page);
  await page.context().close();
  const lateness = failures.flatMap((at, i) => {
    const seen = shown.find(({ text }) => Number(text.replace(/\D/g, '')) > i)!;
    return at > opened ? [(seen.at - at) / 1_000] : [];
  });
  return quantile(lateness, 0.95);
}

/** From the click that starts a retry to the first running cell. */
async function untilRetryRuns(browser: Browser, server: ConsoleProcess, runId: string): Promise<number> {
  const page = await openPage(browser, server);
  await page.goto(runAddress(server, runId));
  await page.getByRole('button', { name: /^Retry \d/ }).click();
  const start = page.getByRole('dialog').getByRole('button', { name: /^Retry \d+ partitions$/ });
  await start.waitFor();
  const begin = performance.now();
  await start.click();
  await page.locator('.toggle.is-running').waitFor();
  const seconds = (performance.now() - begin) / 1_000;
  await page.context().close();
  return seconds;
}

async function untilLinesShow(world: World, browser: Browser, server: ConsoleProcess): Promise<number> {
  const run = await world.partwise.start(
    {
      function: 'talking',
      params: { lines: 100, ms: 300 },
      source: { query: 'SELECT 1 AS k' },
      partitionBy: ['k'],
    },
    { runId: 'talking' },
  );
  const page = await openPage(browser, server);
  await page.goto(`${runAddress(server, 'talking')}/partitions/1`);
  await page.locator('.log li').first().waitFor();
  await note(page, `[...document.querySelectorAll('.log li span')].map((each) => each.textContent)`);
  await run.wait();
  const shown = await noted(page);
  await page.context().close();
  const opened = shown[0]!.at;
  const lateness = shown.flatMap(({ text, at }) => {
    const said = Number(/said at (\d+);/.exec(text)?.[1]);
    return said > opened ? [(at - said) / 1_000] : [];
  });
  if (lateness.length < 20) throw new Error(`Only ${lateness.length} lines were seen.`);
  return quantile(lateness, 0.95);
}

/** Notes when each text first appeared on the page. `texts` is an expression for those that there are. */
async function note(page: Page, texts: string): Promise<void> {
  await page.evaluate(`
    globalThis.noted = new Map();
    const look = () => { for (const text of ${texts}) if (!noted.has(text)) noted.set(text, Date.now()); };
    new MutationObserver(look).observe(document.body, { subtree: true, childList: true, characterData: true });
    look();
  `);
}

function noted(page: Page): Promise<{ text: string; at: number }[]> {
  return page.evaluate('[...globalThis.noted].map(([text, at]) => ({ text, at }))');
}
