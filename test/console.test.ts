/** The console in a browser, as people use it: a real server, a real worker, the real command. */
import { once } from 'node:events';
import { readdirSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { BrowserContext, Locator, Page } from 'playwright-core';
import { encodePartitionId } from '../src/core/partition-id';
import type { RunState } from '../src/index';
import { cli } from './support/cli';
import { describeBrowser, REBOUND, type TestConsole } from './support/console';
import { consoleFixture } from './support/console-fixture';
import { GATED_FUNCTIONS, startGated, type GatedRun } from './support/gated-runs';
import { startOwnServer, type OwnServer } from './support/own-server';
import type { TestProject } from './support/project';

/** Keys that break what is put together from text. */
const ODD = ['a/b', '100%', 'שלום \u202Ecba', 'x'.repeat(300), '<img src=x onerror=alert(1)>', '=1+1', '..'];
const PLAIN = Array.from({ length: 50 }, (_, i) => `p${String(i).padStart(2, '0')}`);
const TOTAL = ODD.length + PLAIN.length + 1;
const MARKUP = 'final:<b>bold</b> \u001B[31mred\u001B[0m \u202Ebackwards';

/** In the console's environment, and nowhere else. */
const CANARY = 'canary-3f9a1c';

/** What a page of another site may try; each resolves with "refused", or with what it has got. */
const ATTACKS = `async ({ origin, run, token }) => {
  const read = (path, options) =>
    fetch(origin + path, options).then(async (got) => got.type + ' ' + await got.text(), () => 'refused');
  const loading = (element) => new Promise((resolve) => {
    element.onload = () => resolve('loaded');
    element.onerror = () => resolve('refused');
  });
  const added = (name, properties) => {
    const element = Object.assign(document.createElement(name), properties);
    const loaded = loading(element);
    document.body.append(element);
    return loaded;
  };
  const api = '/api/v1/runs/' + run;
  const form = document.createElement('form');
  Object.assign(form, { action: origin + api + '/table', method: 'POST', target: 'sink', enctype: 'text/plain' });
  const sink = added('iframe', { name: 'sink' });
  document.body.append(form);
  form.submit();
  await sink;
  return {
    get: await read(api),
    token: await read(api, { headers: { authorization: 'Bearer ' + token } }),
    opaque: await read('/', { mode: 'no-cors' }),
    post: await read(api + '/table', { method: 'POST', mode: 'no-cors', body: '{}' }),
    json: await read(api + '/table', { method: 'POST', body: '{}', headers: { 'content-type': 'application/json' } }),
    cancel: await read(api + '/actions/cancel', { method: 'POST', mode: 'no-cors', body: '{}' }),
    remove: await read(api, { method: 'DELETE' }),
    script: await added('script', { src: origin + '/assets/app.js' }),
    image: await added('img', { src: origin + '/' }),
    events: await new Promise((resolve) => {
      const source = new EventSource(origin + api + '/stream');
      source.onmessage = () => resolve('event');
      source.onerror = () => { source.close(); resolve('refused'); };
    }),
    socket: await new Promise((resolve) => {
      const socket = new WebSocket(origin.replace('http', 'ws') + api + '/stream');
      socket.onopen = () => resolve('open');
      socket.onerror = () => resolve('refused');
    }),
  };
}`;

describeBrowser('the console', () => {
  const fixture = consoleFixture();
  let server: OwnServer;
  let project: TestProject;
  let browsing: BrowserContext;
  let page: Page;
  let served: TestConsole;
  let gated: GatedRun;
  let runId: string;

  beforeAll(async () => {
    server = await startOwnServer();
    const keys = [...ODD, ...PLAIN].map((key) => `('${key}')`);
    ({ project, served } = await fixture.start(GATED_FUNCTIONS, {
      project: { server },
      tables: [`CREATE TABLE t AS SELECT * FROM (VALUES (NULL), ${keys.join(', ')}) AS _(k)`],
      env: { SOME_PASSWORD: CANARY },
    }));
    page = await fixture.newPage({ viewport: { width: 1280, height: 800 }, timezoneId: 'Asia/Tokyo' });
    browsing = page.context();
  });
  afterAll(() => server?.end());

  const list = async (): Promise<void> => void (await page.goto(`${served.origin}/`));
  const openRun = async (query = ''): Promise<void> => {
    await page.goto(`${served.origin}/runs/${runId}${query}`);
    await rows().first().waitFor();
  };
  const rows = (): Locator => page.locator('.grid-row');
  const sentence = (): Locator => page.locator('.sentence');
  const shownCount = (): Locator => page.locator('.table-panel h2 .faint');
  const parameter = (name: string): string | null => new URL(page.url()).searchParams.get(name);
  const statusOf = async (): Promise<RunState> =>
    JSON.parse((await cli(project.folder, ['status', runId, '--json'])).stdout) as RunState;

  it('takes the token out of the address bar, and names a command in a project without runs', async () => {
    await page.goto(served.url);
    await page.getByText('There are no runs yet').waitFor();
    await page.getByText(`${basename(project.folder)} · ${server.address}`, { exact: true }).waitFor();
    expect(await page.locator('main code').textContent()).toContain('partwise run');
    expect(page.url()).toBe(`${served.origin}/`);
  });

  it('shows a run that is started, and its end, without being loaded again', async () => {
    const fails = Object.fromEntries(['p03', 'p04', 'p05'].map((id) => [id, `no sales for "${id}"`]));
    gated = await startGated(project, 'cities', {
      source: { table: 't' },
      params: { wait: ['p49'], fails: { ...fails, p07: MARKUP } },
      options: { toleratedFailures: 10 },
    });
    ({ runId } = gated.run);
    const listed = page.getByRole('row', { name: runId });
    await gated.untilStarted('p49');
    await listed
      .getByRole('cell', { name: String(TOTAL), exact: true })
      .first()
      .waitFor();
    await listed.getByRole('img', { name: '1 RUNNING' }).waitFor();
    await page.getByRole('link', { name: runId }).click();
    await page.getByText('live', { exact: true }).waitFor();
    await sentence().getByText('1 RUNNING').waitFor();
    await page.getByText(/running for/).waitFor();
    await gated.release();
    await page.getByRole('heading', { name: /PARTIAL_FAILURE/ }).waitFor();
  });

  it('has the counts of status --json, in its sentence, its filters and its table', async () => {
    await openRun();
    const { counts } = await statusOf();
    expect({ total: counts.total, FAILED: counts.FAILED }).toEqual({ total: TOTAL, FAILED: 4 });
    expect(await sentence().textContent()).toContain(
      `${TOTAL} partitions, ${TOTAL} rows: ${counts.DONE} DONE, ${counts.FAILED} FAILED`,
    );
    expect(await shownCount().textContent()).toBe(`${TOTAL} of ${TOTAL}`);
    await sentence().getByText('; up to 10 were tolerated.').waitFor();
    for (const status of ['DONE', 'FAILED'] as const) {
      const toggle = page.getByRole('button', { name: `${status} ${counts[status]}`, exact: true });
      await toggle.click();
      await shownCount().getByText(`${counts[status]} of ${TOTAL}`, { exact: true }).waitFor();
      await toggle.click();
    }
  });

  it('answers in the list whether a run is all right, without a click (J1)', async () => {
    await list();
    const row = page.getByRole('row').filter({ has: page.getByRole('link', { name: runId }) });
    await row.getByText('PARTIAL_FAILURE').waitFor();
  });

  it('shows two clicks from the list why partitions failed, with file and line (J2)', async () => {
    await list();
    await page.getByRole('link', { name: runId }).click();
    const causes = page.locator('.group');
    await causes.first().waitFor();
    const line = 1 + GATED_FUNCTIONS.split('\n').findIndex((each) => each.includes('new RangeError('));
    const texts = await causes.allInnerTexts();
    expect(texts.map((text) => text.split('\n').map((each) => each.trim()))).toEqual([
      ['3', expect.stringMatching(/^\w+: no sales for ◦$/), `functions.ts:${line}`],
      ['1', expect.stringContaining('<b>bold</b>'), `functions.ts:${line - 1}`],
    ]);
    await causes.first().click();
    await shownCount().getByText(`3 of ${TOTAL}`).waitFor();
    expect(await rows().evaluateAll((all) => all.map(({ href }: { href: string }) => href))).toHaveLength(3);
  });

  it('shows two clicks from the list which partitions are slow (J3)', async () => {
    await list();
    await page.getByRole('link', { name: runId }).click();
    await page.getByText(/^Half of the partitions took/).waitFor();
    await page.getByText(/^Show the slowest/).click();
    await rows().getByText('p49', { exact: true }).waitFor();
    expect([parameter('sort'), await rows().first().innerText()]).toEqual([
      '-took',
      expect.stringMatching(/^p49\n/),
    ]);
  });

  it('filters everything by the part of the strip that is dragged over', async () => {
    await openRun();
    const { x, y, width } = (await page.locator('.strip canvas').boundingBox())!;
    await page.mouse.move(x + 1, y + 10);
    await page.mouse.down();
    await page.mouse.move(x + width / 2, y + 10, { steps: 3 });
    await page.mouse.up();
    const half = Math.round(TOTAL / 2);
    await shownCount().getByText(`${half} of ${TOTAL}`).waitFor();
    expect(parameter('ordinals')).toBe(`0-${half}`);
    await page.getByRole('button', { name: `partitions 0 to ${half - 1}` }).click();
    await shownCount().getByText(`${TOTAL} of ${TOTAL}`).waitFor();
  });

  it('keeps the whole view in the address', async () => {
    await openRun('?status=FAILED&q=p0&sort=-took&map=duration&tz=UTC&unknown=kept');
    const view = async (): Promise<unknown> => ({
      rows: await rows().allInnerTexts(),
      search: await page.getByPlaceholder(/Find in ids/).inputValue(),
      map: await page.locator('.map select').inputValue(),
      zone: await page.getByTitle('Time zone of this page').textContent(),
    });
    const before = await view();
    expect(before).toMatchObject({ search: 'p0', map: 'duration', zone: 'UTC' });
    expect(await rows().count()).toBe(4);
    await page.reload();
    await rows().first().waitFor();
    expect(await view()).toEqual(before);
    await page.getByRole('button', { name: /^Took/ }).click();
    expect([parameter('sort'), parameter('unknown')]).toEqual(['took', 'kept']);
  });

  it('reaches the last row, and shows every id as text that its link leads back to', async () => {
    await openRun();
    await page.getByLabel('row', { exact: true }).fill(`${TOTAL}`);
    await page.keyboard.press('Enter');
    const last = encodePartitionId([null]);
    await page.locator(`.grid-row[href$="/partitions/${encodeURIComponent(last)}"]`).waitFor();
    for (const key of ODD) {
      const id = encodePartitionId([key]);
      await page.getByPlaceholder(/Find in ids/).fill(id);
      const link = page.locator(`.grid-row[href*="/partitions/${encodeURIComponent(id)}?"]`);
      await link.waitFor();
      await shownCount().getByText(`1 of ${TOTAL}`).waitFor();
    }
    expect(
      await page.evaluate('[document.images.length, document.querySelectorAll("main b.bold").length]'),
    ).toEqual([0, 0]);
  });

  it('shows markup, escape sequences and characters that turn text around as what they are', async () => {
    await openRun();
    const cause = page.locator('.group', { hasText: 'bold' });
    expect(await cause.innerText()).toContain('<b>bold</b> \\u001b[◦\\u001b[◦ \\u202ebackwards');
  });

  it('gives nothing to pages of other sites, on another port or with a token, and nothing to a rebound name', async () => {
    const evil = createServer((_, response) => {
      response.setHeader('content-type', 'text/html').end('<!doctype html><title>evil</title><body>');
    });
    await once(evil.listen(0, '127.0.0.1'), 'listening');
    const { port } = evil.address() as AddressInfo;
    const attacker = await browsing.newPage();
    const answers: [url: string, status: number][] = [];
    attacker.on('response', (answer) => answers.push([answer.url(), answer.status()]));
    for (const host of ['localhost', '127.0.0.1']) {
      await attacker.goto(`http://${host}:${port}/`);
      answers.length = 0;
      const target = { origin: served.origin, run: runId, token: served.token };
      const got = (await attacker.evaluate(`(${ATTACKS})(${JSON.stringify(target)})`)) as Record<
        string,
        string
      >;
      expect([...new Set(Object.values(got))]).toEqual(['refused']);
      // The page itself and its script hold no secret; the browser keeps them from the other site.
      const answered = answers.filter(([url, status]) => url.includes('/api/') && status < 400);
      expect(answered).toEqual([]);
    }
    const rebound = await attacker.goto(served.url.replace('127.0.0.1', REBOUND));
    expect([rebound!.status(), await attacker.textContent('body')]).toEqual([
      403,
      expect.stringContaining('WrongHost'),
    ]);
    await attacker.close();
    evil.close();
    evil.closeAllConnections();
  });

  it("answers with nothing of its environment, its token or the project's place", async () => {
    const query = { filter: {}, sort: { column: 'key', descending: false }, offset: 0, limit: 500 };
    const paths: [path: string, body?: object][] = [
      ['project'],
      ['runs'],
      [`runs/${runId}`],
      [`runs/${runId}/units`],
      [`runs/${runId}/table`, query],
      [`runs/${runId}/figures`, { filter: {} }],
    ];
    const headers = { authorization: `Bearer ${served.token}`, origin: served.origin };
    for (const [path, body] of paths) {
      const answer = await fetch(`${served.origin}/api/v1/${path}`, {
        method: body === undefined ? 'GET' : 'POST',
        headers: { ...headers, 'content-type': 'application/json' },
        ...(body !== undefined && { body: JSON.stringify(body) }),
      });
      // The run's own parameters are of its caller.
      const text = (await answer.text()).replaceAll(join(project.folder, runId), '');
      expect({ path, text }).toEqual({ path, text: expect.stringMatching(/^[[{]/) });
      for (const secret of [CANARY, served.token, project.folder, '.partwise'])
        expect({ path, text }).toEqual({ path, text: expect.not.stringContaining(secret) });
    }
  });

  it('is found by the same command in another terminal, in a file that only its owner can read', async () => {
    const file = join(project.folder, '.partwise', 'console.json');
    expect((statSync(file).mode & 0o777).toString(8)).toBe('600');
    const second = await cli(project.folder, ['console']);
    expect([second.code, second.stdout]).toEqual([0, `The console is at ${served.url}\n`]);
    const readOnly = await fixture.startConsole('--read-only');
    expect(readOnly.origin).not.toBe(served.origin);
    const reading = await browsing.newPage();
    await reading.goto(readOnly.url);
    await reading.getByText('read-only').waitFor();
    await reading.goto(`${readOnly.origin}/runs/${runId}`);
    await reading.locator('.group').first().waitFor();
    expect(await reading.getByRole('button', { name: /Retry|Pause|Cancel|Settings/ }).count()).toBe(0);
    await reading.close();
    await readOnly.end();
    const third = await cli(project.folder, ['console']);
    expect([third.code, third.stdout]).toEqual([0, `The console is at ${served.url}\n`]);
    expect((statSync(file).mode & 0o777).toString(8)).toBe('600');
  });

  it('greys and stops its clock while the server is gone, and catches up when it is back', async () => {
    const running = await startGated(project, 'interrupted', {
      source: { query: "SELECT 'only' AS k" },
      params: { wait: true },
    });
    await running.untilStarted('only');
    const watching = await browsing.newPage();
    await watching.clock.install();
    await watching.goto(`${served.origin}/runs/${running.run.runId}`);
    await watching.getByText('live', { exact: true }).waitFor();
    const startAgain = await server.kill();
    await watching.getByText(/^not connected since/).waitFor();
    expect(await watching.locator('.run.is-lost').count()).toBe(1);
    const clock = watching.getByText(/^running for/);
    const before = await clock.textContent();
    await watching.clock.fastForward('01:00:00');
    expect(await clock.textContent()).toBe(before);
    await startAgain();
    await watching.getByText('live', { exact: true }).waitFor();
    await running.release();
    await watching.getByRole('heading', { name: /SUCCESS/ }).waitFor();
    expect(await watching.locator('.run.is-lost').count()).toBe(0);
    await watching.close();
  });

  it('says in an old tab how to open a console that was started again', async () => {
    const { port } = new URL(served.origin);
    await openRun();
    await served.end();
    await page.getByText(/The console does not answer\. Start it again with: partwise console/).waitFor();
    served = await fixture.startConsole('--port', port);
    const howToOpen = page.getByText(/Open the console with the address that partwise console printed/);
    await howToOpen.waitFor();
    await page.reload();
    await howToOpen.waitFor();
    await page.goto(served.url);
    await page.getByRole('link', { name: runId }).waitFor();
  });

  it('shows a run of a history file without a server, and nothing that changes it', async () => {
    const folder = join(project.folder, 'stage', runId, 'archive');
    const [file] = readdirSync(folder);
    const history = join(folder, file!);
    const ofFile = await fixture.startConsole('--history', history, '--address', '127.0.0.1:1');
    const archived = await browsing.newPage();
    await archived.goto(ofFile.url);
    await archived.getByText('read-only').waitFor();
    await archived.getByText(`history file ${history}`, { exact: true }).waitFor();
    await archived.getByRole('link', { name: runId }).click();
    await archived.locator('.sentence').getByText('4 FAILED').waitFor();
    await archived.locator('.group').first().waitFor();
    await archived.close();
    expect((await ofFile.end()).code).toBe(0);
  });

  it('runs again in three clicks what failed for one cause, and nothing else (J4)', async () => {
    await gated.release('fixed');
    const before = gated.started().length;
    await list();
    await page.getByRole('link', { name: runId }).click();
    await page
      .getByRole('listitem')
      .filter({ hasText: 'no sales' })
      .getByRole('button', { name: 'Retry these …' })
      .click();
    await page.getByRole('button', { name: 'Retry 3 partitions' }).click();
    await sentence()
      .getByText(`${TOTAL - 1} DONE, 1 FAILED`)
      .waitFor();
    expect(gated.started().slice(before).sort()).toEqual(['p03', 'p04', 'p05']);
  });

  it('says of a retry’s settings what the library says of them, before it starts', async () => {
    await page.goto(`${served.origin}/runs/${runId}`);
    await page.getByRole('button', { name: 'Retry 1 …' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByRole('button', { name: 'Retry 1 partition' }).waitFor();
    await dialog.getByLabel('Time for one call').fill('soon');
    await dialog.getByText(/"soon"/).waitFor();
    expect(await dialog.getByRole('button', { name: /^Retry/ }).isDisabled()).toBe(true);
    await dialog.getByLabel('Time for one call').fill('90s');
    await dialog.getByLabel('Partitions that may fail').fill('5%');
    await dialog.getByText(/"soon"/).waitFor({ state: 'hidden' });
    expect(await dialog.getByRole('button', { name: 'Retry 1 partition' }).isDisabled()).toBe(false);
  });

  it('compares two executions of a run, and shows the command', async () => {
    await list();
    await page.getByRole('link', { name: runId }).click();
    await page.getByRole('link', { name: 'Compare with execution 1' }).click();
    await page.getByText('3 differ: 3 by status').waitFor();
    await page.getByRole('heading', { name: `${runId}, execution 1 and execution 2` }).waitFor();
    const changed = page.getByRole('region', { name: 'Partitions that differ' });
    expect((await changed.getByRole('link').allInnerTexts()).sort()).toEqual(['p03', 'p04', 'p05']);
    expect(new URL(page.url()).searchParams.get('otherExecution')).toMatch(/^[0-9a-f-]{36}$/);
  });

  it('shows in two clicks what has changed since the run before (J6)', async () => {
    const next = await startGated(project, 'tomorrow', {
      source: { query: "SELECT * FROM t WHERE k IS DISTINCT FROM 'p01'" },
    });
    await next.release();
    await next.run.wait();
    await list();
    await page.getByRole('link', { name: next.run.runId }).click();
    await page.getByRole('link', { name: `Compare with ${runId}` }).click();
    await page.getByText(/2 differ: 1 only in a, 1 by status/).waitFor();
    const changed = page.getByRole('region', { name: 'Partitions that differ' });
    expect(await changed.getByRole('link').allInnerTexts()).toEqual(expect.arrayContaining(['p01', 'p07']));
  });

  it('skips what the filter selects, after showing how many partitions these are', async () => {
    const skipped = await startGated(project, 'skipped', {
      source: { table: 't' },
      params: { wait: true },
      options: { maxConcurrency: 1 },
    });
    await skipped.untilCalls(1);
    await page.goto(`${served.origin}/runs/${skipped.run.runId}?q=p4`);
    await page.getByRole('button', { name: 'Skip filtered partitions …' }).click();
    const dialog = page.getByRole('dialog');
    const button = dialog.getByRole('button', { name: 'Skip 10 partitions' });
    await button.waitFor();
    expect((await skipped.run.status()).counts.SKIPPED).toBe(0);
    await button.click();
    await sentence().getByText('10 SKIPPED').waitFor();
    // What cannot be skipped is said before it is tried.
    await page.getByRole('button', { name: 'Skip filtered partitions …' }).click();
    await dialog.getByText(/Nothing can be skipped\.\n- Partition number \d+ is already skipped/).waitFor();
    expect(await dialog.getByRole('button', { name: 'Skip 0 partitions' }).isDisabled()).toBe(true);
    await page.keyboard.press('Escape');
    await skipped.run.cancel();
    await skipped.run.wait();
  });
});
