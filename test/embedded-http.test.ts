/** What an open web page can do while the embedded server runs: it can send HTTP to every port. */
import { spawn } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, readlinkSync, realpathSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { Client, Connection } from '@temporalio/client';
import {
  attachEmbedded,
  backgroundState,
  endBackground,
  runHostInForeground,
  type EmbeddedTemporal,
} from '../src/temporal';
import { accepts } from '../src/temporal/ports';
import { isAlive } from '../src/files/is-alive';
import { commandLine, gone } from '../src/temporal/processes';
import { readJson, stateFolder, writeJson } from '../src/temporal/state-folder';
import { encrypting } from '../src/trust/encryption-codec';
import { PayloadKeys } from '../src/trust/payload-keys';
import { until } from './support/until';

const workerEntry = join(__dirname, 'support', 'stand-in-worker.js');
const SOON_MS = 30_000;
const RUN = 'victim-run-7f3a';
const onLinux = process.platform === 'linux' ? test : test.skip;

let projectDir: string;
let embedded: EmbeddedTemporal | null;
let endDev: AbortController;

const attach = (): Promise<EmbeddedTemporal> => attachEmbedded({ projectDir, settings: {}, workerEntry });
const serverPid = (): number => readJson<{ pid: number }>(stateFolder(projectDir).serverFile)!.pid;

beforeEach(async () => {
  projectDir = realpathSync(mkdtempSync(join(tmpdir(), 'partwise-http-')));
  embedded = null;
  endDev = new AbortController();
});

afterEach(async () => {
  embedded?.close();
  endDev.abort();
  const host = await backgroundState(projectDir);
  await endBackground(projectDir);
  if (host) await gone(host.pid, SOON_MS);
  rmSync(projectDir, { recursive: true, force: true });
});

interface Listening {
  ip: string;
  port: number;
}

/** Where the process listens on loopback. */
function listeningPlaces(pid: number): Listening[] {
  const inodes = new Set(
    readdirSync(`/proc/${pid}/fd`).map(
      (fd) => /socket:\[(\d+)\]/.exec(readlinkSync(`/proc/${pid}/fd/${fd}`))?.[1],
    ),
  );
  return ['tcp', 'tcp6'].flatMap((table) =>
    readFileSync(`/proc/net/${table}`, 'utf8')
      .split('\n')
      .map((line) => line.trim().split(/\s+/))
      .filter((fields) => fields[3] === '0A' && inodes.has(fields[9]))
      .map((fields) => placeOf(fields[1]!)),
  );
}

/** `0100007F:1C41` is port 7233 of 127.0.0.1. */
function placeOf(field: string): Listening {
  const [address, port] = field.split(':') as [string, string];
  const ip = address.length > 8 ? '::1' : [...Buffer.from(address, 'hex').reverse()].join('.');
  return { ip, port: parseInt(port, 16) };
}

interface Answer {
  status: number;
  body: string;
}

/** Null if the port does not speak HTTP, or nothing listens there. */
function send(
  { ip, port }: Listening,
  method: string,
  path: string,
  headers: Record<string, string>,
  content?: object,
): Promise<Answer | null> {
  const input = { function: 'sql', sql: 'SELECT 1', source: { query: 'SELECT 1 AS k' }, partitionBy: ['k'] };
  const workflowType = { name: 'partitionedRun' };
  const body = JSON.stringify(content ?? { workflowType, taskQueue: { name: 'partwise' }, input: [input] });
  return new Promise((resolve) => {
    const sent = request(
      { host: ip, port, method, path, agent: false, headers: { 'content-type': 'text/plain', ...headers } },
      (response) => {
        let text = '';
        response.on('data', (bytes: Buffer) => (text += bytes.toString()));
        response.on('end', () => resolve({ status: response.statusCode!, body: text }));
        response.on('error', () => resolve(null));
      },
    );
    sent.setTimeout(5_000, () => sent.destroy());
    sent.on('error', () => resolve(null));
    sent.end(method === 'GET' || method === 'OPTIONS' ? undefined : body);
  });
}

const workflows = '/api/v1/namespaces/default/workflows';
const TRIES: [method: string, path: string][] = [
  ['POST', `${workflows}/from-a-page`],
  ['PUT', `${workflows}/from-a-page`],
  ['POST', `${workflows}/${RUN}/signal/pause`],
  ['POST', `${workflows}/${RUN}/terminate`],
  ['POST', `${workflows}/${RUN}/cancel`],
  ['POST', `${workflows}/${RUN}/query/progress`],
  ['POST', `${workflows}/${RUN}/update/setConcurrency`],
  ['POST', '/api/v1/namespaces/default/schedules/from-a-page'],
  ['POST', '/namespaces/default/workflows/from-a-page'],
  ['GET', workflows],
  ['GET', `${workflows}/${RUN}`],
  ['GET', `${workflows}/${RUN}/history`],
  ['GET', '/api/v1/namespaces'],
  ['GET', '/api/v1/system-info'],
  ['OPTIONS', workflows],
  ['DELETE', `${workflows}/${RUN}`],
  ['GET', '/'],
  ['GET', '/metrics'],
];

interface Tried {
  /** What was answered with something else than an error. */
  served: string[];
  /** Ports that refused something. */
  refused: number;
}

/** Sends what a page can: to each port, with any Host, since a page chooses the name of its site. */
async function tryAll(places: readonly Listening[]): Promise<Tried> {
  const served = new Set<string>();
  const refused = new Set<Listening>();
  for (const place of places) {
    const { port } = place;
    const hosts = ['evil.example', `evil.example:${port}`, 'localhost', `127.0.0.1:${port}`, `[::1]:${port}`];
    for (const host of hosts) {
      for (const origin of ['http://evil.example', `http://127.0.0.1:${port}`, 'null']) {
        for (const [method, path] of TRIES) {
          const answer = await send(place, method, path, { host, origin });
          if (answer === null) continue;
          if (answer.status === 403) refused.add(place);
          if (answer.status < 400) served.add(`${method} ${path}`);
          expect(answer.body).not.toContain(RUN);
        }
      }
    }
  }
  return { served: [...served], refused: refused.size };
}

async function startVictim(address: string): Promise<{ client: Client; connection: Connection }> {
  const connection = await Connection.connect({ address });
  const client = new Client({ connection });
  await client.workflow.start('partitionedRun', {
    workflowId: RUN,
    taskQueue: 'nobody',
    args: [{ function: 'f' }],
  });
  return { client, connection };
}

async function expectUntouched(client: Client): Promise<void> {
  const { count } = await client.workflow.count();
  expect(count).toBe(1);
  const { status, historyLength } = await client.workflow.getHandle(RUN).describe();
  expect(status.name).toBe('RUNNING');
  // Its start, and the task that nobody takes.
  expect(historyLength).toBe(2);
}

onLinux(
  'a web page can neither start, change nor read a run, whatever port, Host and Origin it tries',
  async () => {
    embedded = await attach();
    const { client, connection } = await startVictim(embedded.address);
    const places = listeningPlaces(serverPid());
    const { served, refused } = await tryAll(places);
    // gRPC, internal services, HTTP and metrics: finding no port would mean that nothing was tested.
    expect(places.length).toBeGreaterThanOrEqual(3);
    expect(refused).toBe(1);
    // Counters of the server, without names or values of any run.
    expect(served).toEqual(['GET /metrics']);
    await expectUntouched(client);
    await connection.close();
  },
);

onLinux('a web page can do no more while the web UI is served, even if it knows its secret URL', async () => {
  const events = new EventEmitter();
  const keys = new PayloadKeys([{ id: 'a', env: 'PARTWISE_KEY' }], { PARTWISE_KEY: '0'.repeat(64) });
  const ended = runHostInForeground({
    projectDir,
    settings: { dataConverter: encrypting(undefined, keys), keys },
    workerEntry,
    ui: true,
    signal: endDev.signal,
    onEvent: (event) => events.emit(event.type, event),
  });
  const [[{ url }], [{ address }]] = (await Promise.all([
    once(events, 'uiReady'),
    once(events, 'serverReady'),
  ])) as [[{ url: string }], [{ address: string }]];
  const { client, connection } = await startVictim(address);
  const { port: uiPort, pathname } = new URL(url);
  const guard = { ip: '127.0.0.1', port: Number(uiPort) };
  const secret = pathname.slice(0, -1);
  const places = listeningPlaces(serverPid());
  const [hidden, ...more] = places.filter(({ ip }) => ip !== '127.0.0.1' && ip !== '::1');

  // Browsers reach neither the port of the UI itself, as this client by the same standard, nor its address
  // by a name: it is another one for each server.
  expect(more).toEqual([]);
  await expect(fetch(`http://${hidden!.ip}:${hidden!.port}${pathname}`)).rejects.toMatchObject({
    cause: { message: 'bad port' },
  });
  const reachable = places.filter((place) => place !== hidden);
  const known = await tryAll([...reachable, { ip: '127.0.0.1', port: hidden!.port }, guard]);
  expect(known).toEqual({ served: ['GET /metrics'], refused: 2 });

  const own = { host: `127.0.0.1:${uiPort}` };
  const sites: Record<string, string>[] = [
    { host: 'evil.example' },
    { host: `evil.example:${uiPort}`, origin: `http://evil.example:${uiPort}` },
    { host: `evil.example:${uiPort}`, 'sec-fetch-site': 'same-origin' },
    { host: '127.0.0.1' },
    { host: `127.0.0.1:${uiPort}.evil.example` },
    { ...own, origin: 'http://evil.example' },
    { ...own, origin: 'null' },
    { ...own, origin: 'http://127.0.0.1:3000' },
    { ...own, origin: `https://127.0.0.1:${uiPort}` },
    { ...own, 'sec-fetch-site': 'cross-site' },
    // A page of another port of this machine.
    { ...own, 'sec-fetch-site': 'same-site' },
  ];
  const csrf = '0123456789abcdef0123456789abcdef';
  const proven = { cookie: `_csrf=${csrf}`, 'x-csrf-token': csrf };
  const decode = `${secret}/codec/decode`;
  const payloads = { payloads: [] };
  for (const site of sites)
    expect(await send(guard, 'POST', decode, site, payloads)).toMatchObject({ status: 403 });
  expect(await send(guard, 'POST', decode, { ...own, origin: `http://${own.host}` }, payloads)).toMatchObject(
    {
      status: 200,
    },
  );
  for (const site of sites)
    for (const [method, path] of TRIES)
      expect(await send(guard, method, secret + path, { ...site, ...proven })).toMatchObject({ status: 403 });
  for (const path of [
    '/',
    workflows,
    `${secret}0${workflows}`,
    `/x${secret}${workflows}`,
    `${url}${workflows}`,
  ])
    expect(await send(guard, 'GET', path, own)).toMatchObject({ status: 403 });
  await expectUntouched(client);

  // The user's own browser.
  for (const host of [own.host, `localhost:${uiPort}`]) {
    const opened = { host, 'sec-fetch-site': 'none' };
    expect(await send(guard, 'GET', pathname, opened)).toMatchObject({
      status: 200,
      body: expect.stringContaining(`base: "${secret}"`),
    });
    const asked = { host, 'sec-fetch-site': 'same-origin' };
    expect(await send(guard, 'GET', secret + workflows, asked)).toMatchObject({
      body: expect.stringContaining(RUN),
    });
  }
  const clicked = { ...own, ...proven, origin: `http://${own.host}`, 'sec-fetch-site': 'same-origin' };
  const ask = await send(guard, 'POST', `${secret}${workflows}/${RUN}/terminate`, clicked, {});
  expect(ask).toMatchObject({ status: 200 });
  expect((await client.workflow.getHandle(RUN).describe()).status.name).toBe('TERMINATED');

  await connection.close();
  endDev.abort();
  await ended;
  expect(await accepts(guard.port)).toBe(false);
});

onLinux('a server that an earlier build left open to web pages is ended, not taken up', async () => {
  embedded = await attach();
  const { address } = embedded;
  const host = (await backgroundState(projectDir))!;
  const closed = serverPid();
  const [binary, ...args] = readFileSync(`/proc/${closed}/cmdline`, 'utf8').split('\0').slice(0, -1);
  embedded.close();
  process.kill(host.pid, 'SIGKILL');
  process.kill(closed, 'SIGKILL');
  await gone(closed, SOON_MS);
  const setting = args.findIndex((arg) => arg.startsWith('frontend.httpAllowedHosts='));
  args.splice(setting - 1, 2);
  const open = spawn(binary!, args, { stdio: 'ignore' });
  const { serverFile } = stateFolder(projectDir);
  writeJson(serverFile, { ...readJson(serverFile), pid: open.pid });
  await until(() => accepts(Number(address.split(':')[1])));

  embedded = await attach();

  expect(isAlive(open.pid!)).toBe(false);
  expect(commandLine(serverPid())).toContain('frontend.httpAllowedHosts=');
});
