/** Functions that outlive their terminated execution or their server. */
import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { Context } from '@temporalio/activity';
import { MockActivityEnvironment } from '@temporalio/testing';
import { FIRST_BEAT, startHeartbeats, type Heartbeats } from '../src/activities/unit/heartbeat';
import type { RunHandle } from '../src/index';
import { findTemporalBinary } from '../src/temporal/binary/find-binary';
import { startServer } from '../src/temporal/host/server';
import { stateFolder } from '../src/temporal/state-folder';
import { changed } from './support/files';
import { gone } from './support/processes';
import { makeProject, type TestProject } from './support/project';

const FUNCTIONS = `
import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { definePartitionFunction } from 'partwise';

// A zombie, which a stopped worker does not reap, counts as dead.
const alive = (pid) => {
  try {
    return !/^State:\\s+Z/m.test(readFileSync('/proc/' + pid + '/status', 'utf8'));
  } catch {
    return false;
  }
};

/** Ignores signals until the gate is open. Records which earlier calls are still running. */
export const deaf = definePartitionFunction({
  name: 'deaf',
  async run(data, context) {
    const { calls, gate } = context.params;
    const before = readFileSync(calls, 'utf8').split('\\n').filter(Boolean).map((line) => JSON.parse(line));
    const stillRunning = before.filter(({ id, pid }) => id === context.partitionId && alive(pid)).map(({ pid }) => pid);
    appendFileSync(calls, JSON.stringify({ id: context.partitionId, pid: process.pid, stillRunning }) + '\\n');
    while (!existsSync(gate)) await sleep(50);
    return {};
  },
});
`;

interface Call {
  id: string;
  pid: number;
  /** Processes of earlier calls of the partition that were still running. */
  stillRunning: number[];
}

let folder: string;
let server: Awaited<ReturnType<typeof startServer>>;
/** A project on its own server. */
let stranded: TestProject;
let project: TestProject;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'partwise-outlived-'));
  const binary = await findTemporalBinary({ projectDir: folder, env: process.env });
  server = await startServer({ folder: stateFolder(folder), binary, namespace: 'default' }, null);
  await server.ready;
  project = await makeProject(FUNCTIONS);
  stranded = await makeProject(FUNCTIONS, { server });
  for (const each of [project, stranded]) await each.execute("CREATE TABLE regions AS SELECT 'a' AS k");
});
afterAll(async () => {
  await project.close();
  await stranded.close();
  await server.end();
  await rm(folder, { recursive: true, force: true });
});

async function begin({ folder: at, partwise }: TestProject) {
  const [calls, gate] = [join(at, 'calls'), join(at, 'gate')];
  await writeFile(calls, '');
  await rm(gate, { force: true });
  const run: RunHandle = await partwise.start({
    function: 'deaf',
    source: { table: 'regions' },
    partitionBy: ['k'],
    params: { calls, gate },
    options: { heartbeatTimeout: '3s' },
  });
  const read = (): Call[] =>
    readFileSync(calls, 'utf8')
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as Call);
  return {
    run,
    calls: read,
    started: (times: number) => changed(calls, () => read().length >= times),
    openGate: () => writeFile(gate, ''),
  };
}

it('a continuation calls nothing while a function of the terminated execution is still running (I4)', async () => {
  const worker = await project.startWorker();
  const { run, calls, started, openGate } = await begin(project);
  await started(1);
  await project.client.workflow.getHandle(run.runId).terminate('test');
  const again = await run.retry();
  await started(2);
  await openGate();
  expect(await again.wait()).toMatchObject({ status: 'SUCCESS' });
  expect(calls().map(({ id, stillRunning }) => [id, stillRunning])).toEqual([
    ['a', []],
    ['a', []],
  ]);
  worker.kill('SIGTERM');
});

it('a continuation calls nothing while a function of a stopped worker is still running (I4)', async () => {
  const stopped = await project.startWorker();
  try {
    const { run, calls, started, openGate } = await begin(project);
    await started(1);
    stopped.kill('SIGSTOP');
    await project.client.workflow.getHandle(run.runId).terminate('test');
    const other = await project.startWorker();
    const again = await run.retry();
    await started(2);
    await openGate();
    expect(await again.wait()).toMatchObject({ status: 'SUCCESS' });
    expect(calls().map(({ stillRunning }) => stillRunning)).toEqual([[], []]);
    other.kill('SIGTERM');
  } finally {
    stopped.kill('SIGKILL');
  }
});

it('a function is stopped when its worker loses the server, since the run may have been terminated (I12)', async () => {
  await stranded.startWorker();
  const { calls, started } = await begin(stranded);
  await started(1);
  process.kill(server.pid!, 'SIGKILL');
  await gone(calls()[0]!.pid);
});

it('a unit is notified when the server accepts none of its heartbeats (I12)', async () => {
  // The server has no such task.
  const { client } = project;
  const activity = new MockActivityEnvironment({ heartbeatTimeoutMs: 1_000 }, { client });
  let heartbeats: Heartbeats;
  const reason = await activity.run(
    () =>
      new Promise<string>((resolve) => {
        heartbeats = startHeartbeats(Context.current(), FIRST_BEAT, { onLost: resolve, poll: () => ({}) });
      }),
  );
  expect(reason).toMatch(
    /^No heartbeat was accepted within the heartbeat timeout|^The server no longer has this attempt/,
  );
  heartbeats!.stop();
});
