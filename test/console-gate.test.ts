/** Who may speak to the console, over HTTP: one test for each rule of docs/console.md. */
import crypto from 'node:crypto';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { request, type IncomingHttpHeaders } from 'node:http';
import { connect } from 'node:net';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it, jest } from '@jest/globals';
import { Hono } from 'hono';
import { NoSuchRun, type Partwise, type RunHandle } from '../src/index';
import { consoleApp, type Guard } from '../src/console/app';
import { CellVersions } from '../src/console/cell-versions';
import { serveConsole, type Backend } from '../src/console/index';
import { atMost } from '../src/console/limits';
import { SharedAnswers } from '../src/console/shared-answers';
import { Ranked } from '../src/console/table/ranked';
import { WatchedRuns } from '../src/console/watched-runs';

/** A run whose artifacts are pages with scripts. */
const HOSTILE = {
  async *snapshots({ signal }: { signal: AbortSignal }) {
    yield {
      state: { counts: { total: 0 }, executions: [] },
      units: () => [],
      whole: async () => ({ columns: { to: 0 }, failures: [], changed: [] }),
    };
    await once(signal, 'abort');
  },
  partition: () => ({
    artifacts: {
      async download(name: string, folder: string) {
        await writeFile(join(folder, name), '<script>alert(1)</script>');
        return join(folder, name);
      },
    },
  }),
} as unknown as RunHandle;

const NONE: Backend = {
  name: 'empty',
  folder: null,
  source: () => Promise.resolve('nowhere'),
  read: (work) =>
    work({
      list: () => Promise.resolve({ runs: [], refused: 0, unread: [], next: null }),
      getRun: (runId) => {
        if (runId === 'hostile') return HOSTILE;
        throw new NoSuchRun(runId, 'There are no runs.');
      },
    }),
  excerpt: null,
  project: {
    read: () => Promise.reject(new Error('There is no project.')),
    functions: () => Promise.resolve([]),
  },
  change: null,
};

/** Of a console whose page may change runs: each try is counted. */
let changes = 0;
const CHANGING: Backend = {
  ...NONE,
  change: () => {
    changes++;
    return Promise.reject(new NoSuchRun('r', 'There are no runs.'));
  },
};

const GUARD: Guard = { admits: { token: 't' }, hosts: ['x'], origins: ['http://x'], basePath: '/' };

/** Every path that the console has, so that a new route cannot be forgotten here. */
const PATHS = [
  ...new Set(
    consoleApp(CHANGING, new WatchedRuns(CHANGING), '0', GUARD)
      .routes.map(({ path }) => path.replaceAll(/:\w+(\{[^/]*\})?/g, 'r').replaceAll('*', 'x'))
      .concat(['/', '/assets/app.js', '/assets/app.css', '/runs/a%2Fb', '/no/such.page', '/api/v2']),
  ),
];
const API = PATHS.filter((path) => path.startsWith('/api/'));

let served: Awaited<ReturnType<typeof serveConsole>>;
let own: string;
let granted: Record<string, string>;

beforeAll(async () => {
  served = await serveConsole(CHANGING, { version: '0', port: 0, exactPort: false });
  own = `http://127.0.0.1:${served.port}`;
  granted = { authorization: `Bearer ${served.token}` };
});

afterAll(() => served.close());

interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  body: string;
  /** Its error's type. */
  error: string | undefined;
}

async function ask(
  path: string,
  headers: Record<string, string> = {},
  { method = 'GET', body }: { method?: string; body?: string } = {},
): Promise<Answer> {
  const sent = request({ host: '127.0.0.1', port: served.port, path, method, headers, agent: false });
  // Node gives the length of a body only for some methods.
  if (body !== undefined && headers['transfer-encoding'] === undefined)
    sent.setHeader('content-length', Buffer.byteLength(body));
  sent.end(body);
  const [response] = (await once(sent, 'response')) as [import('node:http').IncomingMessage];
  let text = '';
  for await (const part of response.setEncoding('utf8')) text += part as string;
  const isError = response.statusCode! >= 400 && text.startsWith('{');
  const { error } = (isError ? JSON.parse(text) : {}) as { error?: { type: string } };
  return { status: response.statusCode!, headers: response.headers, body: text, error: error?.type };
}

it('answers under its own names alone: every route, file and error (DNS rebinding)', async () => {
  const wrong = ['evil.test', `evil.test:${served.port}`, '127.0.0.1', `localhost:${served.port + 1}`];
  for (const path of PATHS)
    for (const host of wrong)
      expect({ path, host, ...(await ask(path, { ...granted, host })) }).toMatchObject({
        path,
        status: 403,
        error: 'WrongHost',
      });
  for (const name of ['127.0.0.1', 'localhost', 'LOCALHOST', '[::1]'])
    expect(await ask('/', { host: `${name}:${served.port}` })).toMatchObject({ status: 200 });
});

it('can be reached on loopback alone', async () => {
  const elsewhere = Object.values(networkInterfaces())
    .flat()
    .find((each) => each !== undefined && !each.internal && each.family === 'IPv4');
  if (elsewhere === undefined) return;
  const socket = connect(served.port, elsewhere.address);
  const [error] = (await once(socket, 'error')) as [NodeJS.ErrnoException];
  expect(error.code).toBe('ECONNREFUSED');
});

it('needs the token for reads too, and takes it from the header Authorization alone', async () => {
  const { token } = served;
  const wrong: [path: string, headers: Record<string, string>][] = [
    ['', {}],
    ['', { authorization: 'Bearer ' }],
    ['', { authorization: `Bearer ${token.slice(0, -1)}` }],
    ['', { authorization: `Bearer ${token}x` }],
    ['', { authorization: `Basic ${token}` }],
    ['', { authorization: token }],
    ['', { cookie: `token=${token}; partwise-token=${token}` }],
    [`?token=${token}`, {}],
  ];
  for (const path of API) {
    for (const [more, headers] of wrong)
      expect({ path, ...(await ask(path + more, headers)) }).toMatchObject({
        path,
        status: 401,
        error: 'NoToken',
      });
  }
  expect(await ask('/api/v1/project', granted)).toMatchObject({ status: 200 });
});

it('has a new token of 256 bits at each start, which is in the fragment of its address and in no answer', async () => {
  const another = await serveConsole(NONE, { version: '0', port: 0, exactPort: false });
  await another.close();
  expect(another.token).not.toBe(served.token);
  expect(Buffer.from(served.token, 'base64url')).toHaveLength(32);
  expect(served.url).toBe(`${own}/#token=${served.token}`);
  for (const path of PATHS.filter((each) => !each.endsWith('/stream'))) {
    const { body, headers } = await ask(path, granted);
    expect(JSON.stringify([body, headers])).not.toContain(served.token);
  }
});

it('compares tokens in constant time', async () => {
  const compare = jest.spyOn(crypto, 'timingSafeEqual');
  await ask('/api/v1/project', { authorization: `Bearer ${served.token.replaceAll(/./g, 'x')}` });
  expect(compare).toHaveBeenCalledTimes(1);
  compare.mockRestore();
});

const JSON_TYPE = { 'content-type': 'application/json' };

it('refuses everything but reads unless its own page asks, whatever the method', async () => {
  const wrong: Record<string, string>[] = [
    JSON_TYPE,
    { ...JSON_TYPE, origin: 'http://evil.test' },
    { ...JSON_TYPE, origin: 'null' },
    { ...JSON_TYPE, origin: `http://127.0.0.1:${served.port + 1}` },
    { ...JSON_TYPE, origin: `https://127.0.0.1:${served.port}` },
    { ...JSON_TYPE, origin: own, 'sec-fetch-site': 'cross-site' },
    { ...JSON_TYPE, origin: own, 'sec-fetch-site': 'same-site' },
    { ...JSON_TYPE, origin: own, 'sec-fetch-site': 'none' },
  ];
  for (const method of ['POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'PROPFIND']) {
    for (const path of API)
      for (const headers of wrong)
        expect({
          method,
          path,
          ...(await ask(path, { ...granted, ...headers }, { method, body: '{}' })),
        }).toMatchObject({ path, status: 403, error: 'WrongOrigin' });
  }
  expect(changes).toBe(0);
  const right = { ...granted, ...JSON_TYPE, origin: own, 'sec-fetch-site': 'same-origin' };
  const body = JSON.stringify({ filter: {} });
  expect(await ask('/api/v1/runs/r/figures', right, { method: 'POST', body })).toMatchObject({
    status: 404,
    error: 'NoSuchRun',
  });
});

it('refuses what a form can send', async () => {
  const types = ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x', ''];
  for (const type of types)
    expect(
      await ask(
        '/api/v1/runs/r/table',
        { ...granted, origin: own, ...(type !== '' && { 'content-type': type }) },
        { method: 'POST', body: '{}' },
      ),
    ).toMatchObject({ status: 415, error: 'NotJson' });
});

it('answers with the same protecting headers always, and never with one that opens it to other origins', async () => {
  const page = { ...granted, ...JSON_TYPE, origin: own };
  const preflight = { origin: 'http://evil.test', 'access-control-request-method': 'POST' };
  const answers = await Promise.all([
    ask('/'),
    ask('/assets/app.js'),
    ask('/assets/app.css'),
    ask('/assets/no.js'),
    ask('/', {}, { method: 'POST' }),
    ask('/', { host: 'evil.test' }),
    ask('/', { host: 'not a name' }),
    ask('/api/v1/project', granted),
    ask('/api/v1/project'),
    ask('/api/v1/project', preflight, { method: 'OPTIONS' }),
    ask('/api/v1/runs/r', granted),
    ask('/api/v1/runs/r/cells?planes=no', granted),
    ask('/api/v1/none', granted),
    ask('/api/v1/runs/r/table', { ...page, 'content-type': 'text/plain' }, { method: 'POST' }),
    ask('/api/v1/runs/r/table', page, { method: 'POST', body: 'no' }),
    ask('/api/v1/runs/r/table', page, { method: 'POST', body: ' '.repeat(200_000) }),
  ]);
  expect(answers.map(({ status }) => status)).toEqual([
    200, 200, 200, 200, 404, 403, 400, 200, 401, 401, 404, 400, 404, 415, 400, 413,
  ]);
  for (const { headers } of answers) {
    expect(headers).toMatchObject({
      'content-security-policy':
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'",
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
      'cross-origin-opener-policy': 'same-origin',
      'cross-origin-resource-policy': 'same-origin',
      'cache-control': 'no-store',
    });
    const names = Object.keys(headers).filter((name) =>
      /^(access-control-|set-cookie|server|x-powered)/.test(name),
    );
    expect(names).toEqual([]);
  }
});

it('takes no more than 128 KiB of a request, also if its length is not given', async () => {
  const body = JSON.stringify({ filter: { text: 'x'.repeat(140_000) } });
  const page = { ...granted, ...JSON_TYPE, origin: own };
  const large = { status: 413, error: 'TooLarge' };
  const path = '/api/v1/runs/r/figures';
  expect(await ask(path, page, { method: 'POST', body })).toMatchObject(large);
  const chunked = { ...page, 'transfer-encoding': 'chunked' };
  expect(await ask(path, chunked, { method: 'POST', body })).toMatchObject(large);
});

it('has at most 64 connections', async () => {
  const sockets = Array.from({ length: 64 }, () => connect(served.port, '127.0.0.1'));
  await Promise.all(sockets.map((socket) => once(socket, 'connect')));
  const last = connect(served.port, '127.0.0.1');
  last.resume();
  await once(last, 'close');
  for (const socket of sockets) socket.destroy();
  await Promise.all(sockets.map((socket) => once(socket, 'close')));
});

it('works on at most so many heavy requests at once, and on the others when these have ended', async () => {
  const app = new Hono().use(atMost(2));
  const started: string[] = [];
  const ends = new Map<string, () => void>();
  app.get('/:name', async (context) => {
    const { name } = context.req.param();
    started.push(name);
    await new Promise<void>((resolve) => ends.set(name, resolve));
    return context.text(name);
  });
  const leaving = new AbortController();
  const [a, b, , d] = ['a', 'b', 'c', 'd'].map(async (name) =>
    app.request(new Request(`http://x/${name}`, name === 'c' ? { signal: leaving.signal } : {})),
  );
  await new Promise(setImmediate);
  expect(started).toEqual(['a', 'b']);
  leaving.abort();
  ends.get('a')!();
  await a;
  await new Promise(setImmediate);
  expect(started).toEqual(['a', 'b', 'd']);
  ends.get('b')!();
  ends.get('d')!();
  expect((await d!).status).toBe(200);
  await b;
});

const TRUSTED = { host: 'x', authorization: 'Bearer t' };

it('has no route that changes a run where nothing may be changed', async () => {
  const app = consoleApp(NONE, new WatchedRuns(NONE), '0', GUARD);
  const headers = { ...TRUSTED, ...JSON_TYPE, origin: 'http://x' };
  const actions = PATHS.filter((path) => path.includes('/actions/'));
  expect(actions.length).toBeGreaterThan(0);
  for (const path of actions) {
    const answer = await app.request(path, { method: 'POST', headers, body: '{}' });
    expect([path, answer.status, await answer.json()]).toEqual([
      path,
      404,
      { error: expect.objectContaining({ type: 'NoSuchRoute' }) },
    ]);
  }
});

it('hands artifacts out as bytes to be saved, which no browser shows as a page of this origin', async () => {
  const { status, headers } = await ask('/api/v1/runs/hostile/partitions/p/artifact?name=a.html', granted);
  expect(status).toBe(200);
  expect(headers).toMatchObject({
    'content-type': 'application/octet-stream',
    'content-disposition': 'attachment',
    'content-security-policy': "sandbox; default-src 'none'",
    'x-content-type-options': 'nosniff',
  });
});

it('gives a page all cells unless its version is one of the present watch', () => {
  const versions = new CellVersions();
  versions.begin(1_000);
  const first = versions.current;
  versions.add([[3, 5]]);
  versions.add([[15, 16]]);
  expect(versions.after(first, 20)).toEqual([
    [3, 5],
    [15, 16],
  ]);
  expect(versions.after(versions.current, 20)).toEqual([]);
  const later = new CellVersions();
  later.begin(2_000);
  for (const foreign of [0, 1, first, versions.current, 3_000])
    expect(later.after(foreign, 20)).toEqual([[0, 20]]);
  // The changes that the oldest version needs are no longer remembered.
  for (let i = 0; i < 200; i++) versions.add([[i, i + 1]]);
  expect(versions.after(first, 300)).toEqual([[0, 300]]);
});

it('works out once what several pages ask for about one moment, and again what failed', async () => {
  const answers = new SharedAnswers();
  let asked = 0;
  const ask = (moment: object, fails = false) =>
    answers.get(moment, 'figures', async () => {
      asked++;
      if (fails) throw new Error('The stage does not answer.');
      return asked;
    });
  const [moment, next] = [{}, {}];
  await expect(ask(moment, true)).rejects.toThrow('The stage does not answer.');
  expect(await Promise.all([ask(moment), ask(moment), ask(next), ask(moment)])).toEqual([2, 2, 3, 2]);
});

it('answers what takes long with the answer of shortly before, and again when some time has passed', async () => {
  jest.useFakeTimers();
  try {
    const answers = new SharedAnswers();
    const ask = (answer: number) => answers.getRecent({}, 'figures', () => answer);
    expect([await ask(1), await ask(2)]).toEqual([1, 1]);
    jest.advanceTimersByTime(60_000);
    expect(await ask(3)).toBe(3);
  } finally {
    jest.useRealTimers();
  }
});

it('looks for another execution of an ended run as soon as the page has retried it', async () => {
  let looked = 0;
  const state = { status: 'FAILURE', counts: { total: 0 }, executions: [] };
  const ended = {
    async *snapshots() {
      yield {
        state,
        units: () => [],
        whole: async () => ({ columns: { to: 0 }, failures: [], changed: [] }),
      };
    },
    async status() {
      looked++;
      return state;
    },
    retry: async () => ({ workflowRunId: 'second' }),
  } as unknown as RunHandle;
  const reader = { getRun: () => ended } as unknown as Partwise;
  const backend: Backend = { ...NONE, read: (work) => work(reader), change: (work) => work(reader) };
  const watched = new WatchedRuns(backend);
  const app = consoleApp(backend, watched, '0', GUARD);
  await watched.get('ended', null).table();
  await new Promise(setImmediate);
  const headers = { ...TRUSTED, ...JSON_TYPE, origin: 'http://x' };
  const body = JSON.stringify({ which: { by: 'all' } });
  const answer = await app.request('/api/v1/runs/ended/actions/retry', { method: 'POST', headers, body });
  expect([answer.status, looked]).toEqual([200, 1]);
  watched.close();
});

it('finds values by their rank as a sort would, whatever their order', () => {
  let state = 7;
  const random = (): number => (state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0) / 2 ** 32;
  for (let round = 0; round < 200; round++) {
    const kinds = [random, () => Math.floor(random() * 4), (i: number) => i, (i: number) => -i, () => 1];
    const values = Float64Array.from({ length: 1 + Math.floor(random() * 3_000) }, (_, i) =>
      kinds[round % 5]!(i),
    );
    const sorted = values.slice().sort();
    const ranked = new Ranked(values.slice());
    for (let i = 0; i < 20; i++) {
      const position = Math.floor(random() * values.length);
      expect(ranked.at(position)).toBe(sorted[position]);
      const sum = sorted.subarray(position).reduce((all, value) => all + value, 0);
      expect(ranked.sumFrom(position)).toBeCloseTo(sum, 6);
    }
  }
  expect([new Ranked(new Float64Array()).at(0), new Ranked(new Float64Array()).quantiles()]).toEqual([
    NaN,
    null,
  ]);
});

it('reads all partitions for at most four requests at once', async () => {
  let reads = 0;
  const hanging: Backend = { ...NONE, read: () => new Promise(() => reads++) };
  const app = consoleApp(hanging, new WatchedRuns(hanging), '0', GUARD);
  for (const run of ['a', 'b', 'c', 'd', 'e', 'f'])
    void app.request(`/api/v1/runs/${run}/cells`, { headers: TRUSTED });
  await new Promise(setImmediate);
  expect(reads).toBe(4);
});

it('answers after 15 s that something took too long', async () => {
  jest.useFakeTimers({ doNotFake: ['setImmediate', 'nextTick', 'queueMicrotask'] });
  try {
    const silent: Backend = { ...NONE, source: () => new Promise(() => {}) };
    const app = consoleApp(silent, new WatchedRuns(silent), '0', GUARD);
    const answer = app.request('/api/v1/project', { headers: TRUSTED });
    await new Promise(setImmediate);
    jest.advanceTimersByTime(15_000);
    expect(await (await answer).json()).toEqual({
      error: { type: 'TooSlow', message: 'The console had no answer within 15 s.' },
    });
  } finally {
    jest.useRealTimers();
  }
});
