/**
 * The embedded way, as a person has it: the command line, its own server and worker, and everything killed in the middle of a
 * run.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Client, Connection } from '@temporalio/client';
import { endBackground } from '../src/temporal';
import { changed } from './support/files';
import { isAlive } from './support/processes';
import { REPOSITORY } from './support/project';

const CLI = join(REPOSITORY, 'dist/cli/main.js');
const FUNCTIONS = (version: number): string => `
import { appendFileSync, existsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { definePartitionFunction } from 'partwise';

export const gated = definePartitionFunction({
  name: 'gated',
  async run(data, context) {
    const { calls, gate, wait } = context.params as { calls: string; gate: string; wait: string[] };
    appendFileSync(calls, 'begin ' + context.partitionId + ' ' + process.pid + '\\n');
    while (wait.includes(context.partitionId) && !existsSync(gate)) await sleep(20);
    appendFileSync(calls, 'end ' + context.partitionId + '\\n');
    return { version: ${version} };
  },
});
`;

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'partwise-kill-'));
  await mkdir(join(folder, 'node_modules'));
  await symlink(REPOSITORY, join(folder, 'node_modules', 'partwise'));
  await writeFile(join(folder, 'functions.ts'), FUNCTIONS(1));
  await writeFile(join(folder, 'partwise.config.json'), '{"functions": "./functions.ts"}');
  await writeFile(join(folder, 'regions.csv'), 'region,n\na,1\nb,2\nc,3\nd,4\n');
});
afterAll(async () => {
  await endBackground(folder);
  await rm(folder, { recursive: true, force: true });
});

const partwise = (...args: string[]): ChildProcess =>
  spawn(process.execPath, [CLI, ...args], { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] });

/** Runs a command to its end. */
const command = async (...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> => {
  const child = partwise(...args);
  const said = { stdout: '', stderr: '' };
  child.stdout!.on('data', (bytes: Buffer) => (said.stdout += bytes.toString()));
  child.stderr!.on('data', (bytes: Buffer) => (said.stderr += bytes.toString()));
  const [code] = (await once(child, 'close')) as [number];
  return { code, ...said };
};

const calls = (runId: string): string[] =>
  readFileSync(join(folder, `${runId}.calls`), 'utf8')
    .split('\n')
    .filter(Boolean);
const times = (runId: string, line: string): number =>
  calls(runId).filter((call) => call.startsWith(line)).length;

/** Starts a run of four regions of which some wait at the gate; resolves when the others are recorded and c is at the gate. */
const begin = async (runId: string, wait = ['c', 'd'], done = 2): Promise<ChildProcess> => {
  await writeFile(join(folder, `${runId}.calls`), '');
  const params = { calls: join(folder, `${runId}.calls`), gate: join(folder, `${runId}.gate`), wait };
  const child = partwise(
    'run',
    'gated',
    '--from',
    'regions.csv',
    '--by',
    'region',
    '--run-id',
    runId,
    '--max-concurrency',
    '2',
    ...Object.entries(params).flatMap(([name, value]) => ['--param', `${name}=${JSON.stringify(value)}`]),
  );
  await new Promise<void>((reached) => {
    createInterface(child.stderr!).on('line', (line) => {
      // Recorded: a line of progress comes from history.
      if (line.includes(` ${done} DONE`)) reached();
    });
  });
  await changed(join(folder, `${runId}.calls`), () => times(runId, 'begin c') > 0);
  return child;
};
const openGate = (runId: string): Promise<void> => writeFile(join(folder, `${runId}.gate`), '');

const expectFinished = async (runId: string): Promise<void> => {
  const watched = await command('watch', runId, '--json');
  expect(JSON.parse(watched.stdout)).toMatchObject({
    runId,
    status: 'SUCCESS',
    counts: { total: 4, DONE: 4 },
  });
  expect(watched.code).toBe(0);
  for (const id of ['a', 'b']) expect(times(runId, `begin ${id}`)).toBe(1);
};

const json = (file: string): Record<string, unknown> | null =>
  existsSync(join(folder, '.partwise', file))
    ? (JSON.parse(readFileSync(join(folder, '.partwise', file), 'utf8')) as Record<string, unknown>)
    : null;
const hostPid = (): number | null => (json('host.json')?.pid as number | undefined) ?? null;
const pidOf = (what: 'server'): number | null => (json(`${what}.json`)?.pid as number | undefined) ?? null;
const childrenOf = async (pid: number): Promise<number[]> =>
  (await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8')).trim().split(' ').filter(Boolean).map(Number);
const workerPid = async (): Promise<number> => {
  const server = pidOf('server');
  const [worker] = (await childrenOf(hostPid()!)).filter((pid) => pid !== server);
  return worker!;
};

describe('I4 kill -9 in the middle of a run, then `partwise watch`:', () => {
  it('of the command', async () => {
    const running = await begin('kill-command');
    running.kill('SIGKILL');
    await openGate('kill-command');
    await expectFinished('kill-command');
    expect(times('kill-command', 'begin c')).toBe(1);
  });

  it('of the worker', async () => {
    const running = await begin('kill-worker');
    running.kill('SIGKILL');
    const runner = Number(
      calls('kill-worker')
        .find((call) => call.startsWith('begin c'))!
        .split(' ')[2],
    );
    process.kill(await workerPid(), 'SIGKILL');
    await openGate('kill-worker');
    await expectFinished('kill-worker');
    expect(isAlive(runner)).toBe(false);
  });

  it('of the server', async () => {
    const running = await begin('kill-server');
    running.kill('SIGKILL');
    process.kill(pidOf('server')!, 'SIGKILL');
    await openGate('kill-server');
    await expectFinished('kill-server');
  });

  it('of the server, while the command goes on watching', async () => {
    const running = await begin('kill-server-attached');
    process.kill(pidOf('server')!, 'SIGKILL');
    await openGate('kill-server-attached');
    const [code] = (await once(running, 'close')) as [number];
    expect(code).toBe(0);
    await expectFinished('kill-server-attached');
  });

  it('of the host, which leaves the server to the next command', async () => {
    const running = await begin('kill-host');
    running.kill('SIGKILL');
    process.kill(hostPid()!, 'SIGKILL');
    await openGate('kill-host');
    await expectFinished('kill-host');
  });

  it('of everything at once', async () => {
    const running = await begin('kill-all');
    running.kill('SIGKILL');
    const all = [hostPid()!, await workerPid(), pidOf('server')!];
    for (const pid of all) process.kill(pid, 'SIGKILL');
    await openGate('kill-all');
    await expectFinished('kill-all');
  });
});

it('edited functions reach the next run, and no run in flight', async () => {
  const running = await begin('before-edit', ['c'], 3);
  await writeFile(join(folder, 'functions.ts'), FUNCTIONS(2));
  await openGate('after-edit');
  const after = await begin('after-edit', ['c'], 4);
  await once(after, 'close');
  await openGate('before-edit');
  await once(running, 'close');
  const versions = async (runId: string) =>
    (JSON.parse((await command('results', runId, '--json')).stdout) as { version: number }[]).map(
      ({ version }) => version,
    );
  expect(await versions('before-edit')).toEqual([1, 1, 1, 1]);
  expect(await versions('after-edit')).toEqual([2, 2, 2, 2]);
});

it('`partwise dev` serves `temporal workflow start` and its query', async () => {
  const dev = partwise('dev');
  const lines = createInterface(dev.stdout!);
  let address: string | null = null;
  for await (const line of lines) {
    address = /--address (\S+)/.exec(line)?.[1] ?? null;
    if (address !== null) break;
  }
  const connection = await Connection.connect({ address: address! });
  const client = new Client({ connection });
  const handle = await client.workflow.start('partitionedRun', {
    workflowId: 'plain',
    taskQueue: 'partwise',
    args: [
      {
        function: 'sql',
        sql: 'SELECT sum(n) AS total FROM data',
        source: { files: 'regions.csv' },
        partitionBy: ['region'],
        warehouse: 'duckdb:./warehouse.duckdb',
        stage: './stage',
        params: { currency: 'EUR' },
        output: { table: 'sales_summary', mode: 'replace' },
        onExisting: 'error',
        options: { maxConcurrency: 8, toleratedFailures: 0, retry: { maximumAttempts: 3 } },
      },
    ],
  });
  expect(await handle.result()).toMatchObject({
    status: 'SUCCESS',
    counts: { total: 4, DONE: 4 },
    commit: { rows: 4 },
  });
  expect(await handle.query('progress')).toMatchObject({
    status: 'SUCCESS',
    counts: { total: 4, DONE: 4, PENDING: 0 },
  });
  await connection.close();
  const closed = once(dev, 'close');
  dev.kill('SIGINT');
  await closed;
});
