/**
 * A server that lost its last seconds (its disk was full, or it was restored from a copy): what partitions
 * did in the meantime is on the stage. The function writes each call to an external file, as a record of what
 * really happened.
 */
import type { ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { RunHandle } from '../src/index';
import { changed } from './support/files';
import { holdWarehouse } from './support/hold-warehouse';
import { startOwnServer, type OwnServer } from './support/own-server';
import { end, makeProject, type TestProject } from './support/project';

const FUNCTIONS = `
import { appendFileSync, existsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { definePartitionFunction } from 'partwise';

/** Waits in the partition that params.wait names until the gate file exists. */
export const counted = definePartitionFunction({
  name: 'counted',
  async run(data, context) {
    const { calls, gate, wait, ms = 0 } = context.params;
    const { partitionId, attempt } = context;
    const note = (what) => appendFileSync(calls, [what, partitionId, attempt, process.pid].join(' ') + '\\n');
    note('begin');
    console.log('call ' + attempt);
    await context.upload('call.json', { attempt });
    if (ms > 0) await sleep(ms);
    while (partitionId === wait && !existsSync(gate)) await sleep(20);
    note('end');
    return { call: attempt };
  },
});
`;

let server: OwnServer;
let project: TestProject;
beforeAll(async () => {
  server = await startOwnServer();
  project = await makeProject(FUNCTIONS, { server });
  await project.execute(
    "CREATE TABLE regions AS SELECT unnest(['a', 'b', 'c', 'd', 'e', 'f']) AS k",
    'CREATE TABLE many AS SELECT range AS k FROM range(600)',
  );
});
afterAll(async () => {
  await project.close();
  await server.end();
});

const start = async (
  name: string,
  params: Record<string, unknown>,
  options: Record<string, unknown> = {},
  table = 'regions',
) => {
  const runId = project.runId(name);
  const calls = join(project.folder, `${runId}.calls`);
  const gate = join(project.folder, `${runId}.gate`);
  await writeFile(calls, '');
  const run = await project.partwise.start(
    {
      function: 'counted',
      source: { table },
      partitionBy: ['k'],
      params: { calls, gate, ...params },
      options: { heartbeatTimeout: '3s', ...options },
    },
    { runId },
  );
  const ids = (what: string): string[] =>
    readFileSync(calls, 'utf8')
      .split('\n')
      .filter((line) => line.startsWith(`${what} `))
      .map((line) => line.split(' ')[1]!);
  return {
    run,
    ids,
    until: (condition: () => boolean) => changed(calls, condition),
    openGate: () => writeFile(gate, ''),
  };
};

const recorded = async (run: RunHandle, done: number): Promise<void> => {
  for await (const event of run.events())
    if (event.type === 'progress' && event.state.counts.DONE >= done) return;
  throw new Error('The run ended before that.');
};

/**
 * Simulates a power failure or a restored backup: the server continues from the copy, and workers start
 * again.
 */
const restoreCopyAndRestart = async (
  worker: ChildProcess,
  whileStopped: () => Promise<void> = async () => {},
): Promise<ChildProcess> => {
  worker.kill('SIGKILL');
  await server.forgetSinceCopy();
  await whileStopped();
  return project.startWorker({ PARTWISE_RUNNERS: '2' });
};

describe('a server that lost', () => {
  it('partitions that ended since does not lead to a second call of any (I4)', async () => {
    const worker = await project.startWorker({ PARTWISE_RUNNERS: '2' });
    const { run, ids, openGate } = await start('forgot', { wait: 'a', ms: 200 }, { maxConcurrency: 2 });
    await recorded(run, 1);
    await server.copy();
    const known = (await run.status()).counts.DONE;
    await recorded(run, 5);
    // A worker recovers at once what is recorded.
    const other = await restoreCopyAndRestart(worker, async () =>
      expect((await run.status()).counts.DONE).toBeLessThanOrEqual(known),
    );
    await openGate();
    expect(await run.wait()).toMatchObject({ status: 'SUCCESS', counts: { DONE: 6 } });
    expect(ids('begin').filter((id) => id !== 'a')).toHaveLength(5);
    expect(ids('end').sort()).toEqual(['a', 'b', 'c', 'd', 'e', 'f']);
    expect((await run.results()).map(({ k, call }) => `${String(k)} ${String(call)}`)).toEqual([
      expect.stringMatching(/^a [12]$/),
      ...['b', 'c', 'd', 'e', 'f'].map((k) => `${k} 1`),
    ]);
    expect(await run.partition('f').artifacts.get('call.json')).toEqual({ attempt: 1 });
    expect((await run.partition('f').logs()).map(({ text, attempt }) => [text, attempt])).toEqual([
      ['call 1', 1],
    ]);
    await end(other);
  });

  it('all but the start of a run keeps its plan, and what is DONE stays DONE (I4)', async () => {
    const worker = await project.startWorker({ PARTWISE_RUNNERS: '2' });
    const holder = await holdWarehouse(join(project.folder, 'w.duckdb'));
    const { run, ids } = await start('unplanned', {}, { maxConcurrency: 2 });
    await server.copy();
    holder.kill('SIGKILL');
    const { snapshotTime } = await run.wait();
    await project.execute("INSERT INTO regions VALUES ('g')");
    const other = await restoreCopyAndRestart(worker);
    expect(await run.wait()).toMatchObject({ status: 'SUCCESS', snapshotTime, counts: { DONE: 6 } });
    expect(ids('begin').sort()).toEqual(['a', 'b', 'c', 'd', 'e', 'f']);
    await end(other);
  });

  it('what a batch recorded resumes the batch after it, in an attempt of the same number (I4)', async () => {
    const worker = await project.startWorker({ PARTWISE_RUNNERS: '2' });
    const { run, ids, until } = await start(
      'batch',
      { ms: 10 },
      { maxConcurrency: 1, partitionsPerUnit: 300 },
      'many',
    );
    await until(() => ids('end').length >= 150);
    await server.copy();
    await until(() => ids('end').length >= 450);
    const other = await restoreCopyAndRestart(worker);
    const before = ids('end').length;
    expect(await run.wait()).toMatchObject({ status: 'SUCCESS', counts: { DONE: 600 } });
    // In the second batch, unrecorded partitions run again; in the first, which was recorded completely, none
    // does.
    expect(ids('end').length - 600).toBeLessThan(before - 300);
    expect(new Set(ids('end')).size).toBe(600);
    expect(await run.results()).toHaveLength(600);
    await end(other);
  });
});
