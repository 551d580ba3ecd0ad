/** What an open web page can do while the embedded server runs: it can send HTTP to every port. */
import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, readlinkSync, realpathSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { Client, Connection } from '@temporalio/client';
import { attachEmbedded, backgroundState, endBackground, type EmbeddedTemporal } from '../src/temporal';
import { accepts } from '../src/temporal/ports';
import { commandLine, gone, isAlive } from '../src/temporal/processes';
import { readJson, stateFolder, writeJson } from '../src/temporal/state-folder';
import { until } from './support/until';

const workerEntry = join(__dirname, 'support', 'stand-in-worker.js');
const SOON_MS = 30_000;
const RUN = 'victim-run-7f3a';
const onLinux = process.platform === 'linux' ? test : test.skip;

let projectDir: string;
let embedded: EmbeddedTemporal;

const attach = (): Promise<EmbeddedTemporal> => attachEmbedded({ projectDir, settings: {}, workerEntry });
const serverPid = (): number => readJson<{ pid: number }>(stateFolder(projectDir).serverFile)!.pid;

beforeEach(async () => {
  projectDir = realpathSync(mkdtempSync(join(tmpdir(), 'partwise-http-')));
  embedded = await attach();
});

afterEach(async () => {
  embedded.close();
  const host = await backgroundState(projectDir);
  await endBackground(projectDir);
  if (host) await gone(host.pid, SOON_MS);
  rmSync(projectDir, { recursive: true, force: true });
});

/** Loopback ports on which the process listens. */
function listeningPorts(pid: number): number[] {
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
      .map((fields) => parseInt(fields[1]!.split(':')[1]!, 16)),
  );
}

interface Answer {
  status: number;
  body: string;
}

/** Null if the port does not speak HTTP. */
function send(
  port: number,
  method: string,
  path: string,
  host: string,
  origin: string,
): Promise<Answer | null> {
  const input = { function: 'sql', sql: 'SELECT 1', source: { query: 'SELECT 1 AS k' }, partitionBy: ['k'] };
  const workflowType = { name: 'partitionedRun' };
  const body = JSON.stringify({ workflowType, taskQueue: { name: 'partwise' }, input: [input] });
  return new Promise((resolve) => {
    const sent = request(
      { host: '127.0.0.1', port, method, path, headers: { host, origin, 'content-type': 'text/plain' } },
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

onLinux(
  'a web page can neither start, change nor read a run, whatever port, Host and Origin it tries',
  async () => {
    const connection = await Connection.connect({ address: embedded.address });
    const client = new Client({ connection });
    await client.workflow.start('partitionedRun', {
      workflowId: RUN,
      taskQueue: 'nobody',
      args: [{ function: 'f' }],
    });
    const workflows = '/api/v1/namespaces/default/workflows';
    const tries: [method: string, path: string][] = [
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
    const ports = listeningPorts(serverPid());
    const served: string[] = [];
    const refused = new Set<number>();
    for (const port of ports) {
      for (const host of [
        'evil.example',
        `evil.example:${port}`,
        'localhost',
        `127.0.0.1:${port}`,
        `[::1]:${port}`,
      ]) {
        for (const origin of ['http://evil.example', `http://127.0.0.1:${port}`, 'null']) {
          for (const [method, path] of tries) {
            const answer = await send(port, method, path, host, origin);
            if (answer === null) continue;
            if (answer.status === 403) refused.add(port);
            if (answer.status < 400) served.push(`${method} ${path}`);
            expect(answer.body).not.toContain(RUN);
          }
        }
      }
    }

    // gRPC, internal services, HTTP and metrics: finding no port would mean that nothing was tested.
    expect(ports.length).toBeGreaterThanOrEqual(3);
    expect(refused.size).toBe(1);
    // Counters of the server, without names or values of any run.
    expect([...new Set(served)]).toEqual(['GET /metrics']);
    const { count } = await client.workflow.count();
    expect(count).toBe(1);
    const { status } = await client.workflow.getHandle(RUN).describe();
    expect(status.name).toBe('RUNNING');
    await connection.close();
  },
);

onLinux('a server that an earlier build left open to web pages is ended, not taken up', async () => {
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
  await until(() => accepts(Number(embedded.address.split(':')[1])));

  embedded = await attach();

  expect(isAlive(open.pid!)).toBe(false);
  expect(commandLine(serverPid())).toContain('frontend.httpAllowedHosts=');
});
