// Takes the pictures of docs/console.md and the README: `npm run pictures`. The data are the demo's.
import { execFileSync, spawn } from 'node:child_process';
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';
import { ensureChromium, findChromium } from './chromium.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const require = createRequire(import.meta.url);
const CLI = join(root, 'dist/cli/main.js');
const PICTURES = join(root, 'docs/pictures');
/** A picture in the README is loaded by everybody who opens it. */
const MAX_BYTES = 80_000;
const RUN = 'housing-2015';
const ZONE = { tz: 'UTC' };

const SHOTS = [
  { name: 'console-run', path: `/runs/${RUN}`, theme: 'light', width: 1280, height: 900 },
  { name: 'console-run-dark', path: `/runs/${RUN}`, theme: 'dark', width: 1280, height: 900 },
  { name: 'console-runs', path: '/', theme: 'light', width: 1280, height: 300 },
  { name: 'console-narrow', path: `/runs/${RUN}`, theme: 'light', width: 390, height: 800 },
];

const missing = ensureChromium();
if (missing !== null) throw new Error(`There is no browser to take pictures with: ${missing}.`);
const folder = realpathSync(mkdtempSync(join(tmpdir(), 'texas-housing-')));
const project = join(folder, 'texas-housing');
cpSync(join(root, 'examples/texas-housing'), project, {
  recursive: true,
  filter: (path) => !/[\\/](\.partwise|stage)$|\.duckdb$/.test(path),
});
mkdirSync(join(folder, 'node_modules'));
symlinkSync(root, join(folder, 'node_modules/partwise'));
let served;
let browser;
try {
  const run = ['run', 'trendByCity', '--from', 'texas_housing_sales.csv', '--by', 'city', '--run-id', RUN];
  execFileSync(process.execPath, [CLI, ...run, '--tolerated-failures', '5'], {
    cwd: project,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  served = spawn(process.execPath, [CLI, 'console', '--read-only'], {
    cwd: project,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const url = new URL(await addressOf(served));
  browser = await chromium.launch({ executablePath: findChromium(), args: ['--disable-gpu'] });
  mkdirSync(PICTURES, { recursive: true });
  for (const shot of SHOTS) await take(shot, url);
} finally {
  await browser?.close();
  served?.kill('SIGINT');
  const { endBackground } = require('../dist/temporal/index.js');
  await endBackground(project);
  rmSync(folder, { recursive: true, force: true });
}

async function addressOf(child) {
  for await (const line of createInterface(child.stdout)) {
    const [address] = /http:\S+/.exec(line) ?? [];
    if (address !== undefined) return address;
  }
  throw new Error('The console ended before it printed its address.');
}

async function take({ name, path, theme, width, height }, { origin, hash }) {
  const page = await browser.newPage({ viewport: { width, height }, colorScheme: theme });
  await page.goto(`${origin}${path}?${new URLSearchParams(ZONE)}${hash}`);
  await page
    .locator(path === '/' ? 'table.runs' : '.grid-row')
    .first()
    .waitFor();
  await page.waitForLoadState('load');
  const session = await page.context().newCDPSession(page);
  const { data } = await session.send('Page.captureScreenshot', { format: 'webp', quality: 80 });
  const file = join(PICTURES, `${name}.webp`);
  writeFileSync(file, Buffer.from(data, 'base64'));
  const { size } = statSync(file);
  console.log(`${file} ${size} bytes`);
  if (size > MAX_BYTES) throw new Error(`It has more than ${MAX_BYTES} bytes.`);
  await page.close();
}
