/** `partwise console` as a process, its page in a browser, and what they use. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { chromium, type Browser, type CDPSession, type Page } from 'playwright-core';
import { residentOf, type World } from './world';

const PROGRAM = process.env['CHROMIUM'] ?? '';

export interface ConsoleProcess {
  process: ChildProcess;
  url: string;
  /** Resident bytes before a page was opened. */
  idle: number;
  end(): Promise<void>;
}

export async function startConsole(world: World): Promise<ConsoleProcess> {
  const cli = join(world.project, 'node_modules/partwise/dist/cli/main.js');
  const child = spawn(process.execPath, [cli, 'console'], {
    cwd: world.project,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const end = async (): Promise<void> => {
    const exited = once(child, 'exit');
    child.kill('SIGTERM');
    await exited;
  };
  let text = '';
  for await (const part of child.stdout) {
    text += String(part);
    const url = /http:\/\/\S+#token=[\w-]+/.exec(text)?.[0];
    if (url !== undefined) return { process: child, url, idle: residentOf(child.pid!), end };
  }
  throw new Error(`The console ended: ${text}`);
}

export function startBrowser(): Promise<Browser> {
  return chromium.launch({ executablePath: PROGRAM, args: ['--no-sandbox', '--disable-gpu'] });
}

/** A page that has the console's token, and has read no run. */
export async function openPage(browser: Browser, { url }: ConsoleProcess): Promise<Page> {
  // The policy forbids what the measuring needs.
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, bypassCSP: true });
  const page = await context.newPage();
  await page.goto(url);
  return page;
}

export function runAddress({ url }: ConsoleProcess, runId: string): string {
  return `${new URL(url).origin}/runs/${runId}`;
}

/**
 * Starts counting what the page that is opened next asks for, and what arrives of it. What the page before it
 * asked for does not count, nor does the icon, which the browser asks for by itself. The returned function
 * returns the sums.
 */
export async function countTraffic(session: CDPSession): Promise<() => { bytes: number; requests: number }> {
  let bytes = 0;
  const asked = new Set<string>();
  await session.send('Network.enable');
  session.on('Network.requestWillBeSent', ({ requestId, request, type }) => {
    if (type === 'Document') {
      asked.clear();
      bytes = 0;
    }
    if (!request.url.endsWith('/favicon.ico')) asked.add(requestId);
  });
  session.on('Network.dataReceived', ({ requestId, encodedDataLength }) => {
    if (asked.has(requestId)) bytes += encodedDataLength;
  });
  return () => ({ bytes, requests: asked.size });
}

/** Chromium's own figures about a page, after a garbage collection. */
export async function pageMetrics(session: CDPSession): Promise<Partial<Record<string, number>>> {
  await session.send('HeapProfiler.collectGarbage');
  await session.send('Performance.enable');
  const { metrics: all } = await session.send('Performance.getMetrics');
  return Object.fromEntries(all.map(({ name, value }) => [name, value]));
}

/** Resident bytes of the largest renderer, which is that of the only page that shows a run. */
export async function rendererBytes(browser: Browser): Promise<number> {
  const session = await browser.newBrowserCDPSession();
  const { processInfo } = await session.send('SystemInfo.getProcessInfo');
  await session.detach();
  const renderers = processInfo.filter(({ type }) => type === 'renderer');
  return Math.max(0, ...renderers.map(({ id }) => residentOf(id)));
}
