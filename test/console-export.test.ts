/** A run as one HTML file: what is in it, what is left out of it, and how it opens without any server. */
import { readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { beforeAll, describe, expect, it } from '@jest/globals';
import type { Page } from 'playwright-core';
import { exportRun } from '../src/console/index';
import { decodeExport, type ExportedRun } from '../src/console/wire/export';
import { PARTITION_STATUSES, type PartitionColumns, type RunHandle, type RunState } from '../src/index';
import { until } from './support/until';
import { cli } from './support/cli';
import { describeBrowser, listOf, type TestConsole } from './support/console';
import { consoleFixture } from './support/console-fixture';
import type { TestProject } from './support/project';

const FUNCTIONS = `
import { definePartitionFunction } from 'partwise';

class RateLimited extends Error {
  name = 'RateLimited';
}

export const picky = definePartitionFunction({
  name: 'picky',
  retry: { maximumAttempts: 1 },
  async run(data, { key, params, upload }) {
    await upload('summary.json', { canary: key.k });
    await upload('chart.svg', '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><script>alert(1)</script></svg>');
    if (key.k.endsWith('-39')) await upload('big.bin', new Uint8Array(6_000_000));
    if (key.k.startsWith('bad')) throw new RateLimited('429 for ' + key.k + ', card 4111-canary-message');
    return { rows: data.rowCount };
  },
});
`;
/** Keys that would end the element that they are in, or start another. */
const HOSTILE = ['</script><script>document.title = "broken"</script>', '<img src=x onerror="alert(1)">'];
const KEYS = [
  ...Array.from({ length: 40 }, (_, i) => `store-canary-${String(i).padStart(2, '0')}`),
  'bad-canary-1',
  'bad-canary-2',
  'bad-canary-3',
  ...HOSTILE,
];

const fixture = consoleFixture();
let project: TestProject;
let served: TestConsole;
let runId: string;
/** Exported without a flag. */
let plain: { file: string; text: string };
beforeAll(async () => {
  const values = KEYS.map((key, i) => `('${key}', ${i + 1})`).join(', ');
  ({ project, served } = await fixture.start(FUNCTIONS, {
    tables: [
      `CREATE TABLE orders_canary AS SELECT k, n FROM (VALUES ${values}) t(k, n), range(n) WHERE n > 0`,
    ],
    worker: { SOME_PASSWORD: 'canary-environment' },
  }));
  runId = project.runId('shared');
  const run = await project.partwise.start(
    {
      function: 'picky',
      source: { table: 'orders_canary' },
      partitionBy: ['k'],
      params: { note: 'canary-params' },
      options: { toleratedFailures: 3 },
    },
    { runId },
  );
  await run.wait();
  plain = await exported('plain.html');
});

describe('an exported run', () => {
  it('is what the run is, with exact values and ids of all partitions', async () => {
    const { file, text } = plain;
    const { head, exact } = contentsOf(text);
    const run = project.partwise.getRun(runId);
    const { rows, durationMs, attempts } = await run.columns();
    const { partitions } = await run.partitions();
    expect(head.ids).toEqual(partitions.map(({ id }) => id));
    expect([exact.rows, exact.durationMs, exact.attempts]).toEqual([rows, durationMs, attempts]);
    expect(head.now.state.counts).toEqual((await run.status()).counts);
    expect(head.now.state.input).toEqual({
      source: { table: 'orders_canary' },
      partitionBy: ['k'],
      where: null,
      params: { note: 'canary-params' },
      sql: null,
    });
    expect(head.now.groups).toMatchObject([
      {
        type: 'RateLimited',
        count: 3,
        place: { file: 'functions.ts' },
        pattern: 'RateLimited: ◦ for ◦, card ◦-canary-message',
      },
    ]);
    expect(head.units).toEqual(await run.units());
    expect((await stat(file)).size).toBeLessThan(500_000);
    const { columns, rows: returned, total } = await run.resultsPage({ limit: 200 });
    expect(head.results?.page).toMatchObject({
      columns,
      total,
      rows: returned.map((row) => row.map(String)),
    });
    expect(head.results?.figures.map(({ name, max }) => [name, max])).toContainEqual(['rows', '45']);
    const [failed] = (await run.partitions({ status: 'FAILED' })).partitions;
    expect(head.partitions).toHaveLength(3);
    expect(head.partitions[0]!.view).toEqual({ ...failed, artifacts: [], functionDigest: null });
  });

  it('has the artifacts that are named, of at most 5 MB', async () => {
    const { text } = await exported(
      'artifacts.html',
      '--artifacts',
      'summ*.json',
      '--artifacts',
      'chart.svg',
    );
    const { head, artifacts } = contentsOf(text);
    expect(head.partitions).toHaveLength(45);
    const { partitions } = await project.partwise.getRun(runId).partitions();
    for (const { view, artifacts: inFile } of head.partitions) {
      const all = partitions.find(({ id }) => id === view.id)!.artifacts;
      const named = all.filter(({ name }) => name !== 'big.bin');
      expect(view.artifacts).toEqual(named);
      const { at, preview } = inFile.find(({ name }) => name === 'summary.json')!;
      const json = Buffer.from(artifacts.subarray(at, at + preview.totalBytes)).toString();
      expect(JSON.parse(json)).toEqual({ canary: view.key['k'] });
    }
    const refused = async (...flags: string[]) => {
      const { code, stderr } = await cli(project.folder, ['export', runId, '--html', 'no.html', ...flags]);
      return [code, stderr];
    };
    expect(await refused('--artifacts', 'summary')).toEqual([
      2,
      expect.stringContaining(
        'No artifact of the partitions in the file is named "summary". They have summary.json, chart.svg',
      ),
    ]);
    expect(await refused('--artifacts', '*')).toEqual([
      2,
      expect.stringMatching(
        /The 91 artifacts named "\*" have .*The largest is big\.bin of store-canary-39, /,
      ),
    ]);
    expect(await refused('--artifacts', '*', '--redact')).toEqual([2, expect.stringContaining('--redact')]);
  });

  it('says where it cannot be written', async () => {
    const file = join(project.folder, 'none', 'run.html');
    const { code, stderr } = await cli(project.folder, ['export', runId, '--html', file]);
    expect(code).toBe(2);
    expect(stderr).toContain(`"${file}" cannot be written (ENOENT`);
    expect(stderr).toContain('Name a file in a folder that exists.');
  });

  it('has no text of the run outside its base64 data, whatever keys contain', async () => {
    const { text } = plain;
    expect(text.match(/<script/g)).toHaveLength(2);
    for (const key of KEYS) expect(text).not.toContain(key);
    expect(/<script type="application\/octet-stream" id="run">[A-Za-z0-9+/=]+<\/script>/.test(text)).toBe(
      true,
    );
  });

  it('has neither keys nor messages, names, paths or secrets when redacted', async () => {
    const { text } = await exported('redacted.html', '--redact');
    const { html } = await exportRun(madeUp(20_000).run, { version: '1.2.3', redact: true });
    expect(contentsOf(html).head.now.state.pausedBy).toBeNull();
    const { head } = contentsOf(text);
    const all = text + unpacked(text).toString('latin1');
    for (const secret of [...KEYS, 'canary', '4111', project.folder, `@${hostname()}`, project.taskQueue])
      expect(all).not.toContain(secret);
    expect([head.ids, head.results, head.partitions]).toEqual([null, null, []]);
    expect(head.now.groups).toMatchObject([
      { type: 'RateLimited', pattern: null, place: { file: 'functions.ts' }, count: 3 },
    ]);
    expect(head.now.state).toMatchObject({ runId, function: 'picky', counts: { DONE: 42, FAILED: 3 } });
    expect(head.units.every(({ worker }) => worker === 'worker 1')).toBe(true);
  });

  it.each([
    [10_000, 10_000, 1_000_000],
    // A million has five times as much, and so less than 4 MB.
    [200_000, 1_000, 850_000],
  ])('of %i partitions has exact values of %i and at most %i bytes', async (total, expected, most) => {
    const { run, columns } = madeUp(total);
    const file = await exportRun(run, { version: '1.2.3' });
    expect(file).toMatchObject({ partitions: total, exact: expected });
    expect(file.html.length).toBeLessThan(most);
    const { exact } = contentsOf(file.html);
    expect(exact.ordinals).toHaveLength(expected);
    expect(exact.durationMs).toEqual(
      Float64Array.from(exact.ordinals, (ordinal) => columns.durationMs[ordinal]!),
    );
    // The slowest, the largest, the first, and one that failed alone for its cause.
    const slowest = columns.durationMs.indexOf(columns.durationMs.reduce((a, b) => Math.max(a, b)));
    const largest = columns.rows.indexOf(columns.rows.reduce((a, b) => Math.max(a, b)));
    for (const ordinal of [slowest, largest, 0, LONELY]) expect(exact.ordinals).toContain(ordinal);
  });

  it('has no page of a partition that has changed since its cells were read', async () => {
    const { run } = madeUp(10_000);
    const snapshot = await run.snapshot();
    const { partitions } = snapshot;
    snapshot.partitions = async (ordinals) =>
      (await partitions(ordinals)).map((view) =>
        view.ordinal === LONELY ? { ...view, status: 'CANCELLED' as const } : view,
      );
    const { html } = await exportRun(run, { version: '1.2.3' });
    const pages = contentsOf(html).head.partitions;
    expect(pages).toHaveLength(99);
    expect(pages.map(({ view }) => view.ordinal)).not.toContain(LONELY);
  });
});

describeBrowser('an exported file in a browser', () => {
  const requests: string[] = [];
  const troubles: string[] = [];

  const open = async (file: string, address = ''): Promise<Page> => {
    const page = await fixture.newPage();
    page.on('request', (request) => requests.push(request.url()));
    page.on('console', (message) => troubles.push(message.text()));
    await page.goto(`${pathToFileURL(file).href}${address}`);
    return page;
  };
  const ids = (page: Page): Promise<string[]> => page.locator('.grid-row > :first-child').allTextContents();

  it('filters, sorts and follows its address without any request', async () => {
    const { file } = plain;
    const page = await open(file);
    await page.getByText('45 of 45').waitFor();
    await page.getByRole('button', { name: 'FAILED 3' }).click();
    await page.getByText('3 of 45').waitFor();
    await page.getByRole('button', { name: 'Rows', exact: true }).click();
    await expectSoon(() => ids(page), ['bad-canary-3', 'bad-canary-2', 'bad-canary-1']);
    expect(page.url()).toContain('#/?status=FAILED&sort=-rows');
    await page.getByRole('searchbox').fill('CANARY-2');
    await page.getByText('1 of 45').waitFor();
    await page.getByRole('button', { name: 'Show all' }).click();
    await page.getByRole('searchbox').fill('ONERROR');
    await expectSoon(() => ids(page), [HOSTILE[1]!]);
    expect(await page.title()).toBe(`${runId} · Partwise`);
    await page.getByRole('button', { name: 'Show all' }).click();
    await page.keyboard.press('Control+k');
    await page.getByRole('combobox', { name: 'Search' }).fill('canary-2');
    await page.keyboard.press('Enter');
    await page.waitForURL(/\/partitions\/bad-canary-2/);

    const linked = await open(file, `#/runs/${encodeURIComponent(runId)}?group=1&sort=key&tz=UTC`);
    await linked.getByText('3 of 45').waitFor();
    await expectSoon(() => ids(linked), ['bad-canary-1', 'bad-canary-2', 'bad-canary-3']);
    expect(await linked.getByRole('button', { name: 'Share' }).count()).toBe(0);
    expect([requests.filter((url) => !url.startsWith('file:')), troubles]).toEqual([[], []]);
    expect(new Set(requests)).toEqual(new Set(requests.filter((url) => url.includes('/plain.html'))));
  });

  it('shows rows, errors and artifacts on the same pages as the console', async () => {
    const { file } = await exported('whole.html', '--artifacts=*.json', '--artifacts=*.svg');
    requests.length = 0;
    const page = await open(file);
    await page.getByRole('link', { name: 'Results' }).click();
    await page.getByRole('heading', { name: 'Results 42 rows' }).waitFor();
    await page.getByRole('cell', { name: 'store-canary-07' }).waitFor();
    await page.getByRole('region', { name: 'Columns' }).waitFor();
    await page.goBack();
    await page.getByRole('button', { name: 'FAILED 3' }).click();
    await page.locator('.grid-row', { hasText: 'bad-canary-2' }).click();
    await page.getByRole('heading', { name: 'RateLimited' }).waitFor();
    await page.getByRole('button', { name: 'summary.json' }).click();
    await page.getByText('"canary": "bad-canary-2"').waitFor();
    await page.getByRole('button', { name: 'chart.svg' }).click();
    const picture = page.locator('img.artifact');
    await picture.waitFor();
    await expectSoon(() => picture.evaluate(({ naturalWidth }: { naturalWidth: number }) => naturalWidth), 9);
    expect(await page.getByRole('region', { name: 'Logs' }).count()).toBe(0);
    expect([requests.filter((url) => !/^(file|blob):/.test(url)), troubles]).toEqual([[], []]);
  });

  it('is what the button of the console saves, with two clicks', async () => {
    const page = await fixture.newPage();
    await page.goto(listOf(served.url, runId));
    await page.getByRole('link', { name: runId }).click();
    await page.getByText('Share', { exact: true }).click();
    const download = page.waitForEvent('download');
    await page.getByRole('button', { name: 'Save without keys and messages' }).click();
    const file = await download;
    expect(file.suggestedFilename()).toBe(`${runId}.html`);
    const { head } = contentsOf(await readFile(await file.path(), 'utf8'));
    expect([head.isRedacted, head.now.state.counts.FAILED]).toEqual([true, 3]);
    const withoutToken = await fetch(`${served.origin}/api/v1/runs/${encodeURIComponent(runId)}/export`);
    expect(withoutToken.status).toBe(401);
  });

  it('says which values of a large run are exact, and marks the others', async () => {
    const { run } = madeUp(20_000);
    const file = join(project.folder, 'large.html');
    await writeFile(file, (await exportRun(run, { version: '1.2.3' })).html);
    const page = await open(file, '#/?ordinals=10000-10100');
    await page.getByText('exact values of 1,000 of 20,000 partitions').waitFor();
    await page.getByText('100 of 20,000').waitFor();
    await expectSoon(async () => (await ids(page)).includes('partition 10,001'), true);
    expect(await page.getByText(/^≈ /).count()).toBeGreaterThan(0);
  });

  it('says that rows could not be read, and has everything else', async () => {
    const stage = join(project.folder, 'stage');
    const files = (await readdir(stage, { recursive: true })).filter((name) => /rows.*\.parquet$/.test(name));
    expect(files.length).toBeGreaterThan(0);
    for (const name of files) await rm(join(stage, name));
    const { file } = await exported('without-rows.html');
    const page = await open(file);
    await page.getByText('Rows that the functions returned could not be read').waitFor();
    await page.getByText('45 of 45').waitFor();
    expect(await page.getByRole('link', { name: 'Results' }).count()).toBe(0);
  });

  it('explains itself when it was cut off', async () => {
    const file = join(project.folder, 'cut.html');
    await writeFile(file, plain.text.replace(/(id="run">.{100})[^<]*/, '$1'));
    const page = await open(file);
    await page.getByText('incomplete or was changed').waitFor();
    expect(fixture.surprises.splice(0)).toEqual([expect.stringContaining('incomplete or was changed')]);
  });
});

async function exported(name: string, ...flags: string[]): Promise<{ file: string; text: string }> {
  const file = join(project.folder, name);
  const { code, stderr } = await cli(project.folder, ['export', runId, '--html', file, ...flags]);
  if (code !== 0) throw new Error(stderr);
  return { file, text: await readFile(file, 'utf8') };
}

function unpacked(html: string): Buffer {
  return gunzipSync(Buffer.from(/id="run">([^<]*)</.exec(html)![1]!, 'base64'));
}

function contentsOf(html: string): ExportedRun {
  return decodeExport(new Uint8Array(unpacked(html)));
}

async function expectSoon<T>(read: () => Promise<T>, wanted: T): Promise<void> {
  const matches = async (): Promise<boolean> => JSON.stringify(await read()) === JSON.stringify(wanted);
  await until(async () => ((await matches()) ? true : undefined));
  expect(await read()).toEqual(wanted);
}

/** A partition that fails for a cause of its own. */
const LONELY = 7_777;

/** A run that was never run: one partition in twenty fails, and few are slow and large. */
function madeUp(total: number): { run: RunHandle; columns: PartitionColumns } {
  const columns: PartitionColumns = {
    from: 0,
    to: total,
    status: new Uint8Array(total).fill(PARTITION_STATUSES.indexOf('DONE')),
    attempts: new Int32Array(total).fill(1),
    rows: new Float64Array(total),
    returnedRows: new Int32Array(total).fill(1),
    startedAt: new Float64Array(total),
    durationMs: new Float64Array(total),
    execution: new Int32Array(total).fill(1),
    reused: new Uint8Array(total),
    unit: new Int32Array(total),
  };
  const failed: number[] = [];
  let seed = 1;
  const random = (): number => (seed = (seed * 48_271) % 0x7fff_ffff) / 0x7fff_ffff;
  for (let ordinal = 0; ordinal < total; ordinal++) {
    const rows = Math.exp(2 * (random() + random() + random()));
    columns.rows[ordinal] = Math.round(10 * rows);
    columns.durationMs[ordinal] = 4 * rows * (0.5 + random());
    columns.startedAt[ordinal] = Date.UTC(2026, 0, 1) + ordinal;
    if (ordinal !== LONELY && ordinal % 20 !== 3) continue;
    columns.status[ordinal] = PARTITION_STATUSES.indexOf('FAILED');
    failed.push(ordinal);
  }
  const at = '2026-01-01T00:00:00.000Z';
  const id = (ordinal: number): string => `store-${ordinal}`;
  const group = (type: string, ordinals: readonly number[]) => ({
    type,
    pattern: `${type}: ◦`,
    place: null,
    failedWith: null,
    count: ordinals.length,
    ordinals: Int32Array.from(ordinals),
    firstAt: at,
    lastAt: at,
    firstExecution: 1,
    examples: [],
  });
  const state = {
    runId: 'made-up',
    status: 'PARTIAL_FAILURE',
    rows: null,
    reused: 0,
    startedAt: at,
    endedAt: at,
    asOf: at,
    snapshotTime: at,
    scheduledTime: null,
    function: 'f',
    functionDigest: null,
    input: null,
    executions: [],
    live: false,
    archived: false,
    error: null,
    commit: null,
    models: null,
    waiting: null,
    runtime: null,
    reusedRuntimes: [],
    retries: { partitions: 0, first: [] },
    paused: false,
    pausedBy: 'ann@canary',
    pausedAt: null,
    maxConcurrency: 8,
    toleratedFailures: total,
    counts: {
      PENDING: 0,
      RUNNING: 0,
      CANCELLED: 0,
      INTERNAL_ERROR: 0,
      SKIPPED: 0,
      total,
      DONE: total - failed.length,
      FAILED: failed.length,
    },
  } as RunState;
  const error = {
    type: 'RateLimited',
    message: 'x'.repeat(200),
    stack: 'at f (functions.ts:1:1)\n'.repeat(50),
  };
  const snapshot = {
    state,
    units: () => [],
    whole: async () => ({
      columns,
      failures: [
        group(
          'RateLimited',
          failed.filter((ordinal) => ordinal !== LONELY),
        ),
        group('TypeError', [LONELY]),
      ],
    }),
    ids: async (ordinals: ArrayLike<number>) => Array.from(ordinals, id),
    partitions: async (ordinals: ArrayLike<number>) =>
      Array.from(ordinals, (ordinal) => ({
        id: id(ordinal),
        ordinal,
        status: 'FAILED',
        artifacts: [],
        error: { ...error, message: id(ordinal) },
        returnedRows: 0,
      })),
    search: async () => new Int32Array(),
  };
  const run = {
    snapshot: async () => snapshot,
    resultsPage: async () => ({ columns: [], rows: [], offset: 0, total: 0 }),
    // No partition is read alone.
    partition: () => ({}),
  };
  return { run: run as unknown as RunHandle, columns };
}
