/**
 * The embedded server as a user runs it: the CLI, its own server and worker, and everything killed in the
 * middle of a run.
 */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Client, Connection } from '@temporalio/client';
import { endBackground } from '../src/temporal';
import { readJson, stateFolder } from '../src/temporal/state-folder';
import { cli, startCli, type RunningCli } from './support/cli';
import { killAll, pidOf, workerPid } from './support/embedded';
import { changed } from './support/files';
import { itLong } from './support/long';
import { isAlive } from './support/processes';
import { REPOSITORY } from './support/project';
import { until } from './support/until';

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

const calls = (runId: string): string[] =>
  readFileSync(join(folder, `${runId}.calls`), 'utf8')
    .split('\n')
    .filter(Boolean);
const times = (runId: string, line: string): number =>
  calls(runId).filter((call) => call.startsWith(line)).length;

/**
 * Starts a run of four regions, some of which wait at the gate; resolves when the others are recorded and c
 * has reached the gate.
 */
const begin = async (runId: string, wait = ['c', 'd'], done = 2): Promise<RunningCli> => {
  await writeFile(join(folder, `${runId}.calls`), '');
  const params = { calls: join(folder, `${runId}.calls`), gate: join(folder, `${runId}.gate`), wait };
  const running = startCli(folder, [
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
  ]);
  // A progress line is printed from history, so they are recorded.
  await running.prints(` ${done} DONE`);
  await changed(join(folder, `${runId}.calls`), () => times(runId, 'begin c') > 0);
  return running;
};
const openGate = (runId: string): Promise<void> => writeFile(join(folder, `${runId}.gate`), '');

const expectFinished = async (runId: string): Promise<void> => {
  const watched = await cli(folder, ['watch', runId, '--json']);
  expect(JSON.parse(watched.stdout)).toMatchObject({
    runId,
    status: 'SUCCESS',
    counts: { total: 4, DONE: 4 },
  });
  expect(watched.code).toBe(0);
  for (const id of ['a', 'b']) expect(times(runId, `begin ${id}`)).toBe(1);
};

describe('kill -9 in the middle of a run, then `partwise watch` (I4):', () => {
  itLong('of the command', async () => {
    const running = await begin('kill-command');
    running.process.kill('SIGKILL');
    await openGate('kill-command');
    await expectFinished('kill-command');
    expect(times('kill-command', 'begin c')).toBe(1);
  });

  it('of the worker', async () => {
    const running = await begin('kill-worker');
    running.process.kill('SIGKILL');
    const runner = Number(
      calls('kill-worker')
        .find((call) => call.startsWith('begin c'))!
        .split(' ')[2],
    );
    process.kill(await workerPid(folder), 'SIGKILL');
    await openGate('kill-worker');
    await expectFinished('kill-worker');
    expect(isAlive(runner)).toBe(false);
  });

  itLong('of the server', async () => {
    const running = await begin('kill-server');
    running.process.kill('SIGKILL');
    process.kill(pidOf(folder, 'server')!, 'SIGKILL');
    await openGate('kill-server');
    await expectFinished('kill-server');
  });

  it('of the server, while the command keeps watching', async () => {
    const running = await begin('kill-server-attached');
    process.kill(pidOf(folder, 'server')!, 'SIGKILL');
    await openGate('kill-server-attached');
    expect((await running.finished).code).toBe(0);
    await expectFinished('kill-server-attached');
  });

  itLong(
    'of the server, whose port another program takes while the host is suspended: the command follows it to another port',
    async () => {
      const running = await begin('server-moves');
      const host = pidOf(folder, 'host')!;
      const { port } = readJson<{ port: number }>(stateFolder(folder).serverFile)!;
      process.kill(host, 'SIGSTOP');
      process.kill(pidOf(folder, 'server')!, 'SIGKILL');
      const other = createServer((socket) => socket.destroy());
      await until(() => {
        other.listen(port, '127.0.0.1');
        return once(other, 'listening').then(
          () => true,
          () => false,
        );
      });
      process.kill(host, 'SIGCONT');
      await running.prints('restarted on another port');
      await openGate('server-moves');
      const { code, stderr } = await running.finished;
      other.close();
      expect({ code, stderr }).toEqual({ code: 0, stderr: expect.stringContaining('4 DONE') });
      await expectFinished('server-moves');
    },
  );

  itLong('of the host, which leaves the server to the next command', async () => {
    const running = await begin('kill-host');
    running.process.kill('SIGKILL');
    process.kill(pidOf(folder, 'host')!, 'SIGKILL');
    await openGate('kill-host');
    await expectFinished('kill-host');
  });

  it('of everything at once', async () => {
    const running = await begin('kill-all');
    running.process.kill('SIGKILL');
    await killAll(folder);
    await openGate('kill-all');
    await expectFinished('kill-all');
  });
});

it('edited functions apply to the next run, and to no run in flight', async () => {
  const running = await begin('before-edit', ['c'], 3);
  await writeFile(join(folder, 'functions.ts'), FUNCTIONS(2));
  await openGate('after-edit');
  const after = await begin('after-edit', ['c'], 4);
  await after.finished;
  await openGate('before-edit');
  await running.finished;
  const versions = async (runId: string) =>
    (JSON.parse((await cli(folder, ['results', runId, '--json'])).stdout) as { version: number }[]).map(
      ({ version }) => version,
    );
  expect(await versions('before-edit')).toEqual([1, 1, 1, 1]);
  expect(await versions('after-edit')).toEqual([2, 2, 2, 2]);
});

itLong('`partwise dev --open` serves `temporal workflow start` and its query', async () => {
  const dev = startCli(folder, ['dev', '--open']);
  dev.process.stdout!.setEncoding('utf8');
  let output = '';
  for await (const text of dev.process.stdout!) if (/--address \S+ /.test((output += text))) break;
  const address = /--address (\S+) /.exec(output)![1]!;
  const connection = await Connection.connect({ address });
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
  dev.process.kill('SIGINT');
  expect((await dev.finished).code).toBe(0);
});
