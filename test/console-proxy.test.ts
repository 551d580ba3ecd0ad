/** The console behind a proxy that authenticates its users: docs/console.md, "Behind a proxy". */
import { readdirSync, readFileSync } from 'node:fs';
import { once } from 'node:events';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, test } from '@jest/globals';
import type { Page } from 'playwright-core';
import { accessOf, isIn, type AccessOptions } from '../src/console/access';
import { serveConsole, type Backend } from '../src/console/index';
import { PASSWORD, startAuthProxy, type AuthProxy } from './support/auth-proxy';
import { cli } from './support/cli';
import { describeBrowser, listOf } from './support/console';
import { consoleFixture } from './support/console-fixture';
import { GATED_FUNCTIONS, startGated } from './support/gated-runs';
import { REPOSITORY, type TestProject } from './support/project';

const EMPTY: Backend = {
  name: 'empty',
  folder: null,
  source: () => Promise.resolve('nowhere'),
  read: () => Promise.reject(new Error('There are no runs.')),
  excerpt: null,
  project: null,
  change: () => Promise.reject(new Error('There is nothing to change.')),
};

const HEADER = 'X-Forwarded-User';
const ANN = { 'x-forwarded-user': 'ann@example.com' };
const BEHIND: AccessOptions = { authHeader: HEADER, trustProxy: ['127.0.0.1'] };

type Served = Awaited<ReturnType<typeof serveConsole>>;

async function serving<T>(access: AccessOptions, work: (served: Served) => Promise<T>): Promise<T> {
  const served = await serveConsole(EMPTY, { version: '0', port: 0, exactPort: false, access });
  try {
    return await work(served);
  } finally {
    await served.close();
  }
}

interface Sent {
  headers?: Record<string, string | string[]>;
  /** The peer's address, as the console sees it. */
  from?: string;
  method?: string;
}

/** The answer's status, and the type of its error or its JSON. */
async function ask(
  { port }: Served,
  path: string,
  { headers = {}, from = '127.0.0.1', method = 'GET' }: Sent = {},
) {
  const own = { host: `127.0.0.1:${port}`, ...headers };
  const sent = request({ port, path, method, headers: own, localAddress: from, agent: false });
  sent.end(method === 'GET' ? undefined : '{}');
  const [response] = (await once(sent, 'response')) as [import('node:http').IncomingMessage];
  let text = '';
  for await (const part of response.setEncoding('utf8')) text += part as string;
  const value = (text.startsWith('{') ? JSON.parse(text) : {}) as { error?: { type: string }; user?: string };
  return { status: response.statusCode!, headers: response.headers, text, value, error: value.error?.type };
}

/** Files of the page, addresses within it, the API, and what does not exist. */
const PATHS = ['/', '/runs/a', '/assets/app.js', '/api/v1/project', '/api/v1/none', '/no/such.file'];

describe('a console behind a proxy', () => {
  it('answers its proxy alone, on every path, whatever else a request has', () =>
    serving(BEHIND, async (served) => {
      const authorization = `Bearer ${served.token}`;
      for (const path of PATHS) {
        for (const headers of [
          {},
          ANN,
          { ...ANN, authorization },
          { ...ANN, 'x-forwarded-for': '127.0.0.1' },
        ])
          expect({ path, ...(await ask(served, path, { headers, from: '127.0.0.2' })) }).toMatchObject({
            path,
            status: 403,
            error: 'NotTheProxy',
          });
        const { status } = await ask(served, path, { headers: ANN });
        expect([200, 404]).toContain(status);
      }
    }));

  it('needs a user of the proxy on every path, and has no token instead', () =>
    serving(BEHIND, async (served) => {
      expect(served.url).toBe(`http://127.0.0.1:${served.port}/`);
      const wrong: Record<string, string | string[]>[] = [
        {},
        { authorization: `Bearer ${served.token}` },
        { 'x-forwarded-user': '' },
        { 'x-forwarded-user': '   ' },
        { 'x-forwarded-user': 'x'.repeat(201) },
        { 'x-forwarded-user': ['ann', 'root'] },
        // U+202E, which reverses what follows, a C1 control character, and what is not UTF-8.
        { 'x-forwarded-user': Buffer.from('ann\u202Etoor').toString('latin1') },
        { 'x-forwarded-user': Buffer.from('ann\u0085').toString('latin1') },
        { 'x-forwarded-user': 'ann\u00FF' },
        { x_forwarded_user: 'ann' },
      ];
      for (const path of PATHS)
        for (const headers of wrong)
          expect({ path, given: headers, ...(await ask(served, path, { headers })) }).toMatchObject({
            path,
            status: 401,
            error: 'NoUser',
          });
      const name = 'Zoë 佐藤';
      const headers = { 'x-forwarded-user': Buffer.from(name).toString('latin1') };
      expect((await ask(served, '/api/v1/project', { headers })).value).toMatchObject({ user: name });
    }));

  it('still answers under exact names alone, and lets only its own page change anything', () =>
    serving({ ...BEHIND, hostNames: ['Runs.Example.com', 'runs.example.com:8443'] }, async (served) => {
      for (const host of ['runs.example.com', 'RUNS.example.com', 'runs.example.com:8443'])
        expect(await ask(served, '/', { headers: { ...ANN, host } })).toMatchObject({ status: 200 });
      for (const host of ['example.com', 'a.runs.example.com', 'runs.example.com:80', 'runs.example.com.'])
        expect(await ask(served, '/', { headers: { ...ANN, host } })).toMatchObject({
          status: 403,
          error: 'WrongHost',
        });
      const act = async (origin: string, more: Record<string, string> = {}) => {
        const headers = {
          ...ANN,
          host: 'runs.example.com',
          origin,
          'content-type': 'application/json',
          ...more,
        };
        return (await ask(served, '/api/v1/none', { headers, method: 'POST' })).error;
      };
      for (const origin of [
        'https://runs.example.com',
        'http://runs.example.com',
        'https://runs.example.com:8443',
      ])
        expect([origin, await act(origin)]).toEqual([origin, 'NoSuchRoute']);
      for (const origin of ['https://example.com', 'https://evil.test', 'https://runs.example.com:1', 'null'])
        expect([origin, await act(origin)]).toEqual([origin, 'WrongOrigin']);
      const origin = 'https://runs.example.com';
      expect(await act(origin, { 'sec-fetch-site': 'same-site' })).toBe('WrongOrigin');
      expect(await act(origin, { 'content-type': 'text/plain' })).toBe('NotJson');
    }));

  it('lets no other page read, since the browser signs in at the proxy for any page', () =>
    serving(BEHIND, async (served) => {
      for (const site of ['cross-site', 'same-site', 'none'])
        expect(
          await ask(served, '/api/v1/project', { headers: { ...ANN, 'sec-fetch-site': site } }),
        ).toMatchObject({ status: 403, error: 'WrongOrigin' });
      const headers = { ...ANN, 'sec-fetch-site': 'same-origin' };
      expect(await ask(served, '/api/v1/project', { headers })).toMatchObject({ status: 200 });
    }));
});

describe('a console without a proxy', () => {
  it('believes no header', () =>
    serving({ hostNames: ['runs.example.com'] }, async (served) => {
      expect(await ask(served, '/api/v1/project', { headers: ANN })).toMatchObject({ error: 'NoToken' });
      const headers = { ...ANN, host: 'runs.example.com', authorization: `Bearer ${served.token}` };
      expect((await ask(served, '/api/v1/project', { headers })).value).toMatchObject({ user: null });
    }));
});

describe('a console below a path', () => {
  it('has everything there, and nothing outside of it', () =>
    serving({ basePath: '/team/partwise' }, async (served) => {
      expect(served.url).toBe(`http://127.0.0.1:${served.port}/team/partwise/#token=${served.token}`);
      const headers = { authorization: `Bearer ${served.token}` };
      const page = await ask(served, '/team/partwise/runs/a');
      expect(page.status).toBe(200);
      expect(page.text.match(/(?<=(src|href)=")[^"]*/g)).toEqual([
        '/team/partwise/assets/app.css',
        '/team/partwise/assets/app.js',
      ]);
      expect(await ask(served, '/team/partwise/assets/app.js')).toMatchObject({ status: 200 });
      expect(await ask(served, '/team/partwise/api/v1/project', { headers })).toMatchObject({ status: 200 });
      expect(await ask(served, '/team/partwise/api/v1/project')).toMatchObject({ error: 'NoToken' });
      for (const path of [...PATHS, '/team/', '/team/partwiser/', '/team/partwise/../api/v1/project']) {
        const answer = await ask(served, path, { headers });
        expect({ path, ...answer }).toMatchObject({ path, status: 404, error: 'NoSuchRoute' });
        expect(answer.headers).toMatchObject({
          'content-security-policy': page.headers['content-security-policy'],
          'cache-control': 'no-store',
        });
      }
    }));

  test('no address in the page leaves it out', () => {
    const folder = join(REPOSITORY, 'src/console/page');
    const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((file) =>
      /\.tsx?$/.test(file),
    );
    expect(files.length).toBeGreaterThan(50);
    const leaving = files.filter((file) =>
      /href="\/|(href=\{|\bgo\(|pushState\(.*)['"`]\//.test(readFileSync(join(folder, file), 'utf8')),
    );
    // Addresses are made by `pageAddress` and the functions that use it.
    expect(leaving).toEqual([]);
  });
});

describe('who is let in', () => {
  const problem = (options: AccessOptions): string => {
    try {
      accessOf(options);
    } catch (error) {
      return (error as Error).message;
    }
    return 'none';
  };

  it('is nobody from another machine, unless a proxy says who it is', () => {
    for (const host of ['0.0.0.0', '::', '10.0.0.5', '192.168.1.1', 'fe80::1', '::ffff:10.0.0.5'])
      expect(problem({ host })).toContain(`--host ${host} would let other machines in.`);
    for (const host of ['127.0.0.1', '127.1.2.3', '::1']) expect(problem({ host })).toBe('none');
    expect(problem({ host: 'localhost' })).toMatch(/it takes an IP address/);
    expect(problem({ host: '0.0.0.0', ...BEHIND })).toBe('none');
    expect(problem({ host: '0.0.0.0', authHeader: HEADER })).toMatch(/believed from a proxy alone/);
    expect(problem({ host: '0.0.0.0', trustProxy: ['10.0.0.1'] })).toMatch(
      /^- --host 0[^]*\n- --trust-proxy says/,
    );
  });

  it('is refused for what is not a header, a network, a name or a path', () => {
    for (const trusted of [
      'proxy',
      '10.0.0.0/33',
      '10.0.0.0/',
      '10.0.0',
      '',
      '127.0.0.1,x',
      '::/129',
      'fe80::1%eth0',
    ])
      expect(problem({ authHeader: HEADER, trustProxy: [trusted] })).toMatch(/^--trust-proxy is "/);
    for (const all of ['0.0.0.0/0', '::/0'])
      expect(problem({ authHeader: HEADER, trustProxy: [all] })).toMatch(/not all addresses/);
    for (const header of ['', 'a b', 'X-User:', 'x\ny'])
      expect(problem({ ...BEHIND, authHeader: header })).toMatch(/^--auth-header is "/);
    for (const name of ['*', '*.example.com', 'https://a.example', 'a.example/', 'a b', 'a:x', ''])
      expect(problem({ hostNames: [name] })).toMatch(/^--host-name is "/);
    for (const path of ['partwise', '//', '/a//b', '/../', '/a/./', '/a b', '/"', '/a?', '/%2e'])
      expect(problem({ basePath: path })).toMatch(/^--base-path is "/);
    for (const path of ['/', '/a', '/a/', '/a/b-1/~c.d']) expect(problem({ basePath: path })).toBe('none');
  });

  it('is whoever connects from a trusted network, also where IPv4 is written as IPv6', () => {
    const { trusted } = accessOf({
      authHeader: HEADER,
      trustProxy: ['10.1.0.0/16, 192.168.0.7', 'fd00::/8'],
    }).proxy!;
    for (const peer of ['10.1.2.3', '::ffff:10.1.2.3', '192.168.0.7', 'fd12::1', 'fd12::1%eth0'])
      expect([peer, isIn(trusted, peer)]).toEqual([peer, true]);
    for (const peer of ['10.2.0.1', '::ffff:10.2.0.1', '192.168.0.8', 'fe80::1', '::1', ''])
      expect([peer, isIn(trusted, peer)]).toEqual([peer, false]);
  });
});

describeBrowser('in a browser', () => {
  const fixture = consoleFixture();
  let project: TestProject;
  let proxy: AuthProxy;
  let page: Page;
  const user = 'Zoë';

  beforeAll(async () => {
    proxy = await startAuthProxy();
    const flags = ['--auth-header', HEADER, '--trust-proxy', '127.0.0.1'];
    const names = ['--base-path', '/partwise/', '--host-name', proxy.host];
    const started = await fixture.start(GATED_FUNCTIONS, {
      tables: ["CREATE TABLE t AS SELECT printf('p%d', i) AS k FROM range(6) _(i)"],
      args: [...flags, ...names],
    });
    ({ project } = started);
    const { url, origin } = started.served;
    expect(url).toBe(`${origin}/partwise/`);
    proxy.passTo(Number(new URL(url).port));
    page = await fixture.newPage({ httpCredentials: { username: user, password: PASSWORD } });
  });
  afterAll(() => proxy?.close());

  it('goes from the list to a run, follows it, pauses it, and shows who did', async () => {
    const gated = await startGated(project, 'proxied', {
      source: { table: 't' },
      params: { wait: true },
      options: { maxConcurrency: 2 },
    });
    const { runId } = gated.run;
    await page.goto(listOf(`http://${proxy.host}/partwise/`, runId));
    await page.getByText(`· ${user}`).waitFor();
    const stream = page.waitForResponse((response) => response.url().endsWith('/stream'));
    await page.getByRole('link', { name: runId }).click();
    // What nginx takes as: do not collect this.
    expect((await stream).headers()).toMatchObject({ 'x-accel-buffering': 'no' });
    await page.waitForURL(`http://${proxy.host}/partwise/runs/${runId}`);
    await page.getByText('2 running').first().waitFor();
    await page.getByRole('button', { name: 'Pause', exact: true }).click();
    await page.getByText(`Paused by ${user} at`).waitFor();
    expect(await gated.run.status()).toMatchObject({ paused: true, pausedBy: user });
    await page.getByRole('button', { name: 'Unpause' }).click();
    await page.getByText(`Paused by ${user}`).waitFor({ state: 'hidden' });
    await gated.release();
    // Nobody reloads it: the stream passes through the proxy.
    await page.getByText('SUCCESS').first().waitFor();
  });

  it('stays below its path, on every page and by keys', async () => {
    for (const path of ['', 'plan', 'schedules', 'models', 'workers', 'none']) {
      await page.goto(`http://${proxy.host}/partwise/${path}`);
      await page.locator('h1').first().waitFor();
      const links = await page
        .locator('a')
        .evaluateAll((all) => all.map((a) => new URL((a as { href: string }).href).pathname));
      expect([path, links.filter((link) => !link.startsWith('/partwise/'))]).toEqual([path, []]);
    }
    await page.keyboard.press('g');
    await page.keyboard.press('m');
    await page.waitForURL(`http://${proxy.host}/partwise/models`);
  });

  it('is found below its path by the same command in another terminal', async () => {
    const flags = ['--base-path', '/below', '--read-only'];
    const first = await fixture.startConsole(...flags);
    expect(first.url).toBe(`${first.origin}/below/#token=${first.token}`);
    // It has connected by then: the other command waits for its answer for two seconds.
    const headers = { authorization: `Bearer ${first.token}` };
    expect((await fetch(`${first.origin}/below/api/v1/project`, { headers })).status).toBe(200);
    const second = await cli(project.folder, ['console', ...flags]);
    expect([second.code, second.stdout]).toEqual([0, `The console is at ${first.url}\n`]);
    await first.end();
  });

  it('says that the proxy wants a new sign-in, and goes on after it', async () => {
    await page.goto(`http://${proxy.host}/partwise/`);
    await page.locator('table.runs').waitFor();
    proxy.expire(true);
    const said = page.getByText('The proxy in front of the console did not pass this on.');
    await said.waitFor();
    proxy.expire(false);
    await said.waitFor({ state: 'hidden' });
  });

  it('names the user in the note of a schedule, and as who started a run', async () => {
    const id = project.runId('hourly');
    const input = {
      function: 'gated',
      source: { table: 't' },
      partitionBy: ['k'],
      params: { calls: '/dev/null' },
    };
    await project.partwise.schedules.create(id, { input, every: '1h' });
    try {
      await page.goto(`http://${proxy.host}/partwise/schedules/${id}`);
      await page.getByRole('button', { name: 'Pause', exact: true }).click();
      await page.getByText(`Paused by ${user}.`).waitFor();
      await page.getByRole('button', { name: 'Unpause' }).waitFor();
      await page.getByRole('textbox', { name: 'Note' }).fill('fixed');
      await page.getByRole('button', { name: 'Unpause' }).click();
      await page.getByText(`fixed (${user})`).waitFor();
    } finally {
      await project.partwise.schedules.delete(id);
    }
    const origin = `http://${proxy.host}`;
    const runId = project.runId('started');
    const response = await fetch(`${origin}/partwise/api/v1/runs`, {
      method: 'POST',
      headers: {
        authorization: `Basic ${Buffer.from(`${user}:${PASSWORD}`).toString('base64')}`,
        'content-type': 'application/json',
        origin,
      },
      body: JSON.stringify({ input, runId }),
    });
    expect(await response.json()).toEqual({ runId });
    const { events } = await project.client.workflow.getHandle(runId).fetchHistory();
    expect(events![0]!.workflowExecutionStartedEventAttributes!.identity).toBe(user);
    await project.partwise.getRun(runId).wait();
  });
});

describe('partwise console', () => {
  it('names an address that the machine does not have', async () => {
    const proxy = ['--auth-header', HEADER, '--trust-proxy', '192.0.2.2'];
    const { code, stderr } = await cli(tmpdir(), ['console', '--host', '192.0.2.1', ...proxy]);
    expect(code).toBe(2);
    expect(stderr).toContain('This machine has no address 192.0.2.1.');
  });

  it('does not listen for other machines without a proxy', async () => {
    const { code, stderr, stdout } = await cli(tmpdir(), ['console', '--host', '0.0.0.0']);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(
      /--host 0\.0\.0\.0 would let other machines in\. .*--auth-header NAME and --trust-proxy CIDR/,
    );
  });
});
