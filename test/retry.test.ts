/**
 * Continued runs: after failures, a cancel, a terminate, a timeout. The functions write each call to an
 * external file, as a record of what was really called.
 */
import type { ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { PartitionPage, RunHandle, RunInput, RunState } from '../src/index';
import { withDatabase } from '../src/duckdb/database-file';
import { cli } from './support/cli';
import { changed } from './support/files';
import { end, makeProject, type TestProject } from './support/project';

const FUNCTIONS = `
import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { definePartitionFunction } from 'partwise';

/**
 * Fails for the partitions that the file params.failing names; waits for params.gate in the partitions of
 * params.wait.
 */
export const totals = definePartitionFunction({
  name: 'totals',
  async run(data, context) {
    const { calls, failing, wait = [], gate, ms = 0 } = context.params;
    appendFileSync(calls, ['begin', context.partitionId, context.attempt].join(' ') + '\\n');
    console.log('call', context.attempt, 'of', context.partitionId);
    if (wait.includes(context.partitionId)) while (!existsSync(gate)) await sleep(20);
    if (ms > 0) await sleep(ms);
    if (existsSync(failing) && readFileSync(failing, 'utf8').split('\\n').includes(context.partitionId)) {
      throw new Error('cannot add up ' + context.partitionId);
    }
    const [{ n, total }] = await data.sql\`SELECT count(*) AS n, sum(amount) AS total FROM data\`;
    await context.upload('totals.json', { n, total });
    appendFileSync(calls, ['end', context.partitionId, context.attempt].join(' ') + '\\n');
    return { n, total };
  },
});
`;

let project: TestProject;
let worker: ChildProcess;
beforeAll(async () => {
  project = await makeProject(FUNCTIONS, {
    config: { allow: { stages: ['./stage of its own'], warehouses: ['duckdb:./other.duckdb'] } },
  });
  await project.execute(
    "CREATE TABLE changing AS SELECT ['a', 'b', 'c', 'd', NULL][1 + range % 5] AS region, range AS amount FROM range(50)",
    "CREATE TABLE sales AS SELECT ['a', 'b', 'c', 'd', NULL][1 + range % 5] AS region, range AS amount FROM range(50)",
    'CREATE TABLE many AS SELECT range % 600 AS k, range AS amount FROM range(1800)',
  );
  worker = await project.startWorker();
});
afterAll(() => project.close());

/** A run with its own external files. */
async function begin(
  name: string,
  failing: readonly string[],
  input: Partial<RunInput> = {},
): Promise<{
  run: RunHandle;
  calls: () => string[];
  fix: (still?: readonly string[]) => Promise<void>;
  gate: string;
  file: string;
}> {
  const runId = project.runId(name);
  const file = join(project.folder, `${runId}.calls`);
  const list = join(project.folder, `${runId}.failing`);
  const gate = join(project.folder, `${runId}.gate`);
  const fix = (still: readonly string[] = []): Promise<void> => writeFile(list, still.join('\n'));
  await writeFile(file, '');
  await fix(failing);
  const { params, options, ...rest } = input;
  const run = await project.partwise.start(
    {
      function: 'totals',
      source: { table: 'sales' },
      partitionBy: ['region'],
      ...rest,
      params: { calls: file, failing: list, gate, ...params },
      options: { retry: { maximumAttempts: 1 }, ...options },
    },
    { runId },
  );
  const calls = (): string[] =>
    readFileSync(file, 'utf8')
      .split('\n')
      .filter((line) => line !== '');
  return { run, calls, fix, gate, file };
}

const begins = (calls: readonly string[]): string[] => calls.filter((call) => call.startsWith('begin'));

const tableRows = (table: string) => project.query(`SELECT * FROM ${table}`);

describe('retrying the failures', () => {
  it('runs only what is not DONE, on the same rows, and rebuilds the output once (I1, I4)', async () => {
    const { run, calls, fix } = await begin('failures', ['b', 'd'], {
      source: { table: 'changing' },
      output: { table: 'failures_out' },
      options: { toleratedFailures: 1 },
    });
    const first = await run.wait();
    expect(first).toMatchObject({ status: 'PARTIAL_FAILURE', counts: { DONE: 3, FAILED: 2 } });
    expect(await tableRows('failures_out').catch(() => null)).toBeNull();
    const before = calls().length;

    await fix();
    // I1: later changes of the table do not affect this run.
    await project.execute(
      "INSERT INTO changing VALUES ('b', 1000000), ('e', 1)",
      "UPDATE changing SET amount = amount + 5000 WHERE region = 'd'",
      "DELETE FROM changing WHERE region = 'a'",
    );
    const again = await run.retry();
    const second = await again.wait();
    expect(second).toMatchObject({
      status: 'SUCCESS',
      counts: { total: 5, DONE: 5 },
      snapshotTime: first.snapshotTime,
      rows: first.rows,
      executions: [
        { generation: 1, execution: 1, status: 'PARTIAL_FAILURE' },
        { generation: 1, execution: 2, status: 'SUCCESS' },
      ],
    });
    expect(begins(calls().slice(before)).sort()).toEqual(['begin b 2', 'begin d 2']);
    const expected = [0, 1, 2, 3, 4].map((i) => ({
      region: ['a', 'b', 'c', 'd', null][i],
      n: 10,
      total: 10 * i + 5 * 45,
    }));
    expect(await project.partwise.getRun(run.runId).results()).toEqual(expected);
    expect(await tableRows('failures_out')).toHaveLength(5);
    expect(second.commit).toMatchObject({ rows: 5 });

    // Earlier executions stay readable: the first one unchanged, its log, and its artifacts.
    const old = run.execution(second.executions[0]!.workflowRunId);
    expect(await old.status()).toMatchObject({ status: 'PARTIAL_FAILURE', counts: { FAILED: 2 } });
    expect((await old.partition('b').describe()).error!.message).toBe('cannot add up b');
    expect((await again.partition('b').describe()).attempts).toBe(2);
    expect(await again.partition('a').artifacts.get('totals.json')).toEqual({ n: 10, total: 225 });
    const log = await again.partition('b').logs();
    expect(log.map(({ execution, text }) => [execution, text])).toEqual([
      [1, 'call 1 of b'],
      [2, 'call 2 of b'],
    ]);
    // A new run sees the changes.
    const fresh = await begin('fresh', [], { source: { table: 'changing' } });
    expect(await fresh.run.wait()).toMatchObject({ status: 'SUCCESS', counts: { total: 5 } });
    const rows = await fresh.run.results();
    expect(rows.map(({ region }) => region)).toEqual(['b', 'c', 'd', 'e', null]);
  });

  it('retries failures of a run that succeeded within its tolerance, as often as needed', async () => {
    const { run, calls, fix } = await begin('tolerated', ['b', 'd'], {
      options: { toleratedFailures: 2 },
      output: { file: 'tolerated.parquet' },
    });
    expect(await run.wait()).toMatchObject({ status: 'PARTIAL_FAILURE', error: null, commit: { rows: 3 } });
    await fix(['d']);
    expect(await (await run.retry()).wait()).toMatchObject({
      status: 'PARTIAL_FAILURE',
      counts: { DONE: 4, FAILED: 1 },
      commit: { rows: 4 },
    });
    await fix();
    const last = await (await run.retry()).wait();
    expect(last).toMatchObject({ status: 'SUCCESS', counts: { DONE: 5 }, commit: { rows: 5 } });
    expect(last.executions.map(({ execution }) => execution)).toEqual([1, 2, 3]);
    expect(begins(calls()).filter((call) => call.startsWith('begin b')).length).toBe(2);
    expect((await project.partwise.getRun(run.runId).partition('d').describe()).attempts).toBe(3);
    // Another destination for the rows is written, although nothing is left to run.
    const elsewhere = await (await run.retry({ output: { file: 'elsewhere.csv' } })).wait();
    expect(elsewhere.commit).toMatchObject({
      rows: 5,
      target: expect.stringContaining('elsewhere.csv'),
    });
    const back = await (await run.retry({ output: { file: 'tolerated.parquet' } })).wait();
    // Nothing is left: nothing runs, and nothing is written again.
    const none = await (await run.retry()).wait();
    expect(none).toMatchObject({ status: 'SUCCESS', commit: { committedAt: back.commit!.committedAt } });
    expect(begins(calls())).toHaveLength(8);
  });

  it('only narrows the selection with a list', async () => {
    const { run, calls, fix } = await begin('narrow', ['b', 'd']);
    await run.wait();
    await fix();
    const before = calls().length;
    const again = await run.retry({ only: ['b', 'a'] });
    expect(await again.wait()).toMatchObject({ status: 'PARTIAL_FAILURE', counts: { DONE: 4, FAILED: 1 } });
    expect(begins(calls().slice(before))).toEqual(['begin b 2']);
    expect((await again.partition('d').describe()).error!.message).toBe('cannot add up d');
    const wrong = await (await run.retry({ only: ['dd'] })).wait();
    expect(wrong.error!.message).toBe('The run has no partition "dd". Did you mean "d"?');
    // A refused start is not the run.
    expect(await project.partwise.getRun(run.runId).status()).toMatchObject({ counts: { DONE: 4 } });
  });

  it('runs only the partitions that failed as named, or that are named by ordinal (I9)', async () => {
    const { run, calls, fix } = await begin('selected', ['b', 'd']);
    await run.wait();
    const refusals = [
      [
        { failedWith: 'RateLimited' },
        /^"failedWith" is "RateLimited", which no failure of the run matches; .* The failures are: 2 × Error: cannot add up ◦ \(.*functions\.ts:\d+\)\.$/,
      ],
      [{ ordinals: '1,7' }, '"ordinals" is "1,7", which goes up to 7, but the run has the ordinals 0 to 4.'],
      [{ ordinals: '1', generation: 2 }, /^"generation" is 2, but the run .* is in generation 1, /],
    ] as const;
    for (const [changes, message] of refusals) {
      await expect(run.previewRetry(changes)).rejects.toThrow(message);
      const { error } = await (await run.retry(changes)).wait();
      expect(error!.message).toMatch(message);
    }
    const before = calls().length;
    // a is DONE.
    expect(await run.previewRetry({ ordinals: '0-1' })).toEqual({
      partitions: 1,
      ordinals: Int32Array.of(1),
    });
    const one = await (await run.retry({ ordinals: '0-1' })).wait();
    expect(one.counts).toMatchObject({ DONE: 3, FAILED: 2 });
    await fix();
    const [group] = await project.partwise.getRun(run.runId).failures();
    const two = await (await run.retry({ failedWith: group!.failedWith! })).wait();
    expect(two).toMatchObject({ status: 'SUCCESS', counts: { DONE: 5 } });
    const called = begins(calls().slice(before)).map((call) => call.split(' ')[1]!);
    expect(called.sort()).toEqual(['b', 'b', 'd']);
    const none = await (await run.retry({ failedWith: 'Error' })).wait();
    expect(none.error!.message).toBe('"failedWith" is "Error", but no partition of the run has failed.');
  });

  it('does not append rows again', async () => {
    const output = { table: 'appended', mode: 'append' } as const;
    const { run, fix } = await begin('append', ['b'], { output, options: { toleratedFailures: 1 } });
    expect(await run.wait()).toMatchObject({ commit: { rows: 4 } });
    await fix();
    expect(await (await run.retry()).wait()).toMatchObject({ status: 'SUCCESS', commit: { rows: 1 } });
    const regions = (await tableRows('appended')).map(({ region }) => String(region));
    expect(regions.sort()).toEqual(['a', 'b', 'c', 'd', 'null']);
  });

  it('appends rows that only a checkpoint has in the execution that takes them over (I10)', async () => {
    const output = { table: 'salvaged', mode: 'append' } as const;
    const { run, calls, gate } = await begin('salvage', [], {
      source: { table: 'many' },
      partitionBy: ['k'],
      output,
      params: { wait: ['500'], ms: 3 },
      options: { partitionsPerUnit: 300, toleratedFailures: 300, heartbeatTimeout: '3s', maxConcurrency: 2 },
    });
    // The second unit waits midway, after its earlier outcomes were put on the stage.
    const ended = (k: string): boolean => calls().some((call) => call.startsWith(`end ${k} `));
    await changed(join(project.folder, `${run.runId}.calls`), () => ended('299') && ended('499'));
    for await (const event of run.events())
      // The first unit has ended in history too.
      if (event.type === 'progress' && event.state.counts.DONE >= 500 && event.running.length === 1) break;
    // A worker that finds the unit's plan damaged cannot run it: the server reports the unit as lost.
    worker.kill('SIGKILL');
    const [plan] = (await readdir(join(project.folder, 'stage'), { recursive: true })).filter(
      (path) => path.startsWith(run.runId) && path.endsWith('unit-plan.json'),
    );
    const planFile = join(project.folder, 'stage', plan!);
    const whole = await readFile(planFile);
    await writeFile(planFile, '{}');
    worker = await project.startWorker();
    expect(await run.wait()).toMatchObject({
      status: 'PARTIAL_FAILURE',
      counts: { DONE: 300, INTERNAL_ERROR: 300 },
      commit: { rows: 300 },
    });
    await writeFile(planFile, whole);
    await writeFile(gate, '');
    const again = await run.retry();
    expect(await again.wait()).toMatchObject({ status: 'SUCCESS', counts: { DONE: 600 } });
    const keys = (await tableRows('salvaged')).map(({ k }) => Number(k));
    expect(keys.sort((a, b) => a - b)).toEqual(Array.from({ length: 600 }, (_, k) => k));
    // Partitions in the checkpoint did not run again.
    expect(calls().filter((call) => call.startsWith('begin 400 '))).toHaveLength(1);
  });

  it('writes rows of partitions that were DONE after the last commit, even with nothing left to run (I10)', async () => {
    const output = { table: 'uncommitted' };
    const { run, fix } = await begin('uncommitted', ['b', 'd'], {
      output,
      options: { toleratedFailures: 2 },
    });
    expect(await run.wait()).toMatchObject({ status: 'PARTIAL_FAILURE', commit: { rows: 3 } });
    await fix();
    // The retry cannot commit while another process has the file, and is then terminated.
    await withDatabase(join(project.folder, 'w.duckdb'), 'write', async () => {
      const retry = await run.retry();
      for await (const event of retry.events())
        if (event.type === 'progress' && event.state.waiting?.activity === 'commitRun') break;
      worker.kill('SIGKILL');
      await project.client.workflow.getHandle(run.runId).terminate();
    });
    worker = await project.startWorker();
    const last = await run.retry();
    expect(await last.wait()).toMatchObject({ status: 'SUCCESS', counts: { DONE: 5 }, commit: { rows: 5 } });
    expect(await tableRows('uncommitted')).toHaveLength(5);
    // Committed rows are not committed again.
    const again = await run.retry();
    await again.wait();
    const { events } = await project.client.workflow.getHandle(run.runId).fetchHistory();
    const activities = events!.flatMap(
      (event) => event.activityTaskScheduledEventAttributes?.activityType?.name ?? [],
    );
    expect(activities).not.toContain('commitRun');
    expect(await tableRows('uncommitted')).toHaveLength(5);
  });

  it('repeats a failed commit without running anything', async () => {
    await project.execute('CREATE TABLE drifted (other INTEGER)');
    const { run, calls } = await begin('commit', [], { output: { table: 'drifted' } });
    expect(await run.wait()).toMatchObject({
      status: 'FAILURE',
      error: { type: 'CommitFailed' },
      counts: { DONE: 5 },
    });
    await project.execute('DROP TABLE drifted');
    const before = calls().length;
    expect(await (await run.retry()).wait()).toMatchObject({ status: 'SUCCESS', commit: { rows: 5 } });
    expect(calls()).toHaveLength(before);
  });

  it('uses the current functions, also from plain Temporal', async () => {
    const { run, calls, fix } = await begin('plain', ['b']);
    await run.wait();
    await fix();
    const before = calls().length;
    const handle = await project.client.workflow.start('partitionedRun', {
      workflowId: run.runId,
      taskQueue: project.taskQueue,
      args: [{ onExisting: 'retry', options: { maxConcurrency: 2 } }],
    });
    await expect(handle.result()).resolves.toMatchObject({ status: 'SUCCESS', execution: 2 });
    expect(begins(calls().slice(before))).toEqual(['begin b 2']);
    const changes = await project.client.workflow.start('partitionedRun', {
      workflowId: run.runId,
      taskQueue: project.taskQueue,
      args: [{ onExisting: 'retry', source: { table: 'many' }, partitionBy: ['k'] }],
    });
    await expect(changes.result()).rejects.toMatchObject({
      cause: { message: expect.stringMatching(/"source" is .*many.*overwrite/s) },
    });
  });

  it('checks what plain Temporal passes: an invalid list, another warehouse (I9)', async () => {
    const { run, calls, fix } = await begin('unchecked', ['b']);
    await run.wait();
    await fix();
    const before = calls().length;
    const refusal = (raw: object): Promise<unknown> =>
      project.client.workflow
        .execute('partitionedRun', { workflowId: run.runId, taskQueue: project.taskQueue, args: [raw] })
        .catch((error: Error) => (error.cause as Error).message);
    expect(await refusal({ onExisting: 'retry', only: 'b' })).toMatch(/^"only" is "b"; it takes a list/);
    expect(await refusal({ onExisting: 'retry', warehouse: 'duckdb:./other.duckdb' })).toMatch(
      /^"warehouse" is "duckdb:.*a continuation cannot change it/,
    );
    expect(calls()).toHaveLength(before);
  });

  it('finds a run on its own stage', async () => {
    const { run, fix } = await begin('elsewhere', ['b'], {
      stage: join(project.folder, 'stage of its own'),
    });
    expect(await run.wait()).toMatchObject({ counts: { DONE: 4, FAILED: 1 } });
    await fix();
    expect(await (await project.partwise.getRun(run.runId).retry()).wait()).toMatchObject({
      status: 'SUCCESS',
      counts: { DONE: 5 },
      executions: [{ execution: 1 }, { execution: 2 }],
    });
  });

  it('continues the run if the server has lost the next execution, which had no plan', async () => {
    const { run, calls, fix } = await begin('lost', ['b']);
    await run.wait();
    await fix();
    const { putLocator } = await import('../src/stored/locators');
    const { openStage } = await import('../src/stage');
    await putLocator(openStage(pathToFileURL(join(project.folder, 'stage')).href), {
      version: 1,
      runId: run.runId,
      generation: 1,
      execution: 2,
      workflowRunId: randomUUID(),
      openedAt: new Date().toISOString(),
    });
    const before = calls().length;
    expect(await (await run.retry()).wait()).toMatchObject({ status: 'SUCCESS', counts: { DONE: 5 } });
    expect(begins(calls().slice(before))).toEqual(['begin b 2']);
  });

  it('works in batches, for the 7 failed of 600 partitions', async () => {
    const failing = ['3', '77', '78', '79', '300', '598', '599'];
    const { run, calls, fix } = await begin('batches', failing, {
      source: { table: 'many' },
      partitionBy: ['k'],
    });
    expect(await run.wait()).toMatchObject({ counts: { DONE: 593, FAILED: 7 } });
    await fix();
    const before = calls().length;
    expect(await (await run.retry()).wait()).toMatchObject({
      status: 'SUCCESS',
      counts: { DONE: 600 },
    });
    expect(begins(calls().slice(before)).length).toBe(7);
    const rows = await project.partwise.getRun(run.runId).results();
    expect(rows).toHaveLength(600);
    expect(rows[299]).toEqual({ k: 299, n: 3, total: 299 + 899 + 1499 });
  });

  it('reports that the snapshot is gone', async () => {
    const { run } = await begin('cleaned', ['b']);
    await run.wait();
    const { runFolder } = await import('../src/stored/layout');
    await rm(join(project.folder, 'stage', runFolder(run.runId), 'g1'), { recursive: true });
    const again = await (await run.retry()).wait();
    expect(again.error).toMatchObject({ type: 'StageDamaged' });
    expect(again.error!.message).toMatch(/snapshot is no longer complete.*--on-existing overwrite/);
  });
});

describe('resuming', () => {
  it.each(['cancel', 'terminate'] as const)('finishes a run after %s (I4)', async (how) => {
    const { run, calls, gate, file } = await begin(how, [], {
      params: { wait: ['c', 'd'] },
      options: { maxConcurrency: 2, heartbeatTimeout: '3s' },
    });
    // Two are done before only the two waiting ones run: c and d hold both lanes.
    await changed(file, () => ['c', 'd'].every((id) => calls().includes(`begin ${id} 1`)));
    const done = calls()
      .filter((call) => call.startsWith('end'))
      .map((call) => call.split(' ')[1]!);
    if (how === 'cancel') await run.cancel();
    else await project.client.workflow.getHandle(run.runId).terminate('test');
    const first = await run.wait();
    expect(first.status).toBe(how === 'cancel' ? 'CANCELLED' : 'FAILURE');
    if (how === 'cancel') {
      await writeFile(gate, '');
      // Interrupted partitions that are not on the list are left alone too.
      const narrowed = await (await run.retry({ only: ['c'] })).wait();
      const DONE = done.length + 1;
      expect(narrowed).toMatchObject({ status: 'PARTIAL_FAILURE', counts: { DONE, CANCELLED: 5 - DONE } });
      expect(begins(calls()).filter((call) => call.startsWith('begin d '))).toHaveLength(1);
    }
    const preview = await run.previewRetry();
    const newest = await project.partwise.getRun(run.runId).status();
    expect(preview.partitions).toBe(5 - newest.counts.DONE);
    const again = await run.retry();
    await expect(run.previewRetry()).rejects.toThrow(/ is still running: /);
    // The calls of a terminated run are interrupted when their next heartbeat is refused: the gate stays
    // closed until then.
    await changed(file, () => calls().some((call) => /^begin [cd] 2$/.test(call)));
    await writeFile(gate, '');
    const state = await again.wait();
    expect(state).toMatchObject({ status: 'SUCCESS', counts: { DONE: 5 } });
    const callsOf = (id: string): string[] =>
      begins(calls()).filter((call) => call.startsWith(`begin ${id} `));
    for (const id of done) expect(callsOf(id)).toHaveLength(1);
    // The interrupted call counts.
    for (const id of ['c', 'd']) expect(callsOf(id)).toEqual([`begin ${id} 1`, `begin ${id} 2`]);
    expect(await project.partwise.getRun(run.runId).results()).toHaveLength(5);
  });

  it('does not repeat what a batch had put on the stage when it was terminated (I4)', async () => {
    const { run, calls, file } = await begin('salvage', [], {
      source: { table: 'many' },
      partitionBy: ['k'],
      params: { ms: 10 },
      options: { heartbeatTimeout: '3s' },
    });
    // Live state is read from the checkpoints: partitions shown as DONE are on the stage.
    let done: string[] = [];
    do {
      const seen = calls().length;
      await changed(file, () => calls().length > seen);
      done = (await run.partitions({ status: 'DONE', limit: 600 })).partitions.map(({ id }) => id);
    } while (done.length < 50);
    await project.client.workflow.getHandle(run.runId).terminate('test');
    await run.wait();
    const again = await run.retry({ options: { maxConcurrency: 4 } });
    expect(await again.wait()).toMatchObject({ status: 'SUCCESS', counts: { DONE: 600 } });
    const called = begins(calls()).map((call) => call.split(' ')[1]!);
    for (const id of done) expect(called.filter((each) => each === id)).toEqual([id]);
    expect(new Set(called).size).toBe(600);
    expect(await again.results()).toHaveLength(600);
  });

  it('loses nothing if the worker is killed while a continuation starts (I4)', async () => {
    const { run, calls, fix } = await begin('killed', ['a', 'b', 'c', 'd']);
    await run.wait();
    await fix();
    await end(worker);
    const again = await run.retry();
    worker = await project.startWorker();
    // The first attempt to open or plan it dies with its worker.
    const opened = (await project.client.workflow.getHandle(run.runId).describe()).historyLength;
    expect(opened).toBeGreaterThan(0);
    worker.kill('SIGKILL');
    worker = await project.startWorker();
    expect(await again.wait()).toMatchObject({ status: 'SUCCESS', counts: { DONE: 5 } });
    for (const id of ['a', 'b', 'c', 'd'])
      expect(calls().filter((call) => call.startsWith(`end ${id} `))).toHaveLength(1);
    expect(calls().filter((call) => call.startsWith('end null') || call.startsWith('end %- '))).toHaveLength(
      1,
    );
  });

  it('restarts a run that ended before planning finished, with its original input', async () => {
    const { run, calls } = await begin('unplanned', [], { source: { table: 'later' } });
    expect(await run.wait()).toMatchObject({ status: 'FAILURE', error: { type: 'InvalidInput' } });
    const never = await run.retry();
    expect((await never.wait()).error!.message).toMatch(/There is nothing to continue: no run/);
    // Accepted, and then found to be empty.
    const { run: empty } = await begin('empty', [], {
      source: { query: 'SELECT * FROM sales WHERE amount > 999' },
    });
    expect(await empty.wait()).toMatchObject({ error: { type: 'SourceEmpty' } });
    const narrowed = await (await empty.retry({ only: ['late'] })).wait();
    expect(narrowed.error!.message).toMatch(
      /^"only" is \["late"\], but the run .* ended before it had partitions/,
    );
    await expect(empty.previewRetry()).rejects.toThrow(
      / ended before it was planned, so a retry would plan it/,
    );
    const byCause = await (await empty.retry({ failedWith: 'Error' })).wait();
    expect(byCause.error!.message).toMatch(
      /^"failedWith" is "Error", but the run .* ended before it had part/,
    );
    await project.execute("INSERT INTO sales VALUES ('late', 1000)");
    expect(await (await empty.retry()).wait()).toMatchObject({
      status: 'SUCCESS',
      counts: { total: 1 },
      executions: [{ generation: 1, execution: 2 }],
    });
    await project.execute("DELETE FROM sales WHERE region = 'late'");
    expect(calls()).toEqual([]);
  });

  it('is refused while the run is running, and starts a run that does not exist', async () => {
    const { run, gate } = await begin('running', [], { params: { wait: ['a'] } });
    await expect(run.retry()).rejects.toMatchObject({
      type: 'RunExists',
      message: expect.stringMatching(/is still running.*partwise cancel/),
    });
    await writeFile(gate, '');
    await run.wait();
    const runId = project.runId('resumed-new');
    const input = { ...(await inputOf(run)), onExisting: 'retry' } as RunInput;
    const fresh = await project.partwise.start(input, { runId });
    expect(await fresh.wait()).toMatchObject({ status: 'SUCCESS', executions: [{ execution: 1 }] });
    const nothing = await project.client.workflow.start('partitionedRun', {
      workflowId: project.runId('resumed-nothing'),
      taskQueue: project.taskQueue,
      args: [{ onExisting: 'retry' }],
    });
    await expect(nothing.result()).rejects.toMatchObject({
      cause: { message: expect.stringMatching(/There is nothing to continue: no run/) },
    });
  });
});

describe('overwriting', () => {
  it('starts a new generation with a new snapshot; earlier executions stay readable', async () => {
    const { run, calls } = await begin('again', ['b'], { output: { table: 'overwritten' } });
    const first = await run.wait();
    await project.execute("INSERT INTO sales VALUES ('z', 7)");
    const input = { ...(await inputOf(run)), onExisting: 'overwrite' } as RunInput;
    await writeFile((input.params as { failing: string }).failing, '');
    const before = calls().length;
    const over = await project.partwise.start(input, { runId: run.runId });
    const state: RunState = await over.wait();
    expect(state).toMatchObject({
      status: 'SUCCESS',
      counts: { total: first.counts.total + 1 },
      executions: [
        { generation: 1, execution: 1 },
        { generation: 2, execution: 2 },
      ],
    });
    expect(begins(calls().slice(before))).toHaveLength(state.counts.total);
    expect(await run.execution(state.executions[0]!.workflowRunId).status()).toMatchObject({
      counts: { FAILED: 1 },
    });
    expect(await tableRows('overwritten')).toHaveLength(state.counts.total);
  });

  it('refuses a taken id without an option for it, and an append that would duplicate rows', async () => {
    const { run } = await begin('taken', []);
    await run.wait();
    const input = await inputOf(run);
    await expect(project.partwise.start(input, { runId: run.runId })).rejects.toMatchObject({
      type: 'RunExists',
    });
    const doubled = await project.partwise.start(
      { ...input, onExisting: 'overwrite', output: { table: 'doubled', mode: 'append' } },
      { runId: run.runId },
    );
    expect((await doubled.wait()).error!.message).toMatch(/append its rows a second time/);
  });
});

describe('partwise retry', () => {
  it('runs what failed and exits like run', async () => {
    const { run, fix } = await begin('command', ['b']);
    await run.wait();
    const flags = ['--project', project.folder];
    const failed = await cli(project.folder, ['retry', run.runId, ...flags]);
    expect(failed.code).toBe(1);
    expect(failed.stderr).toContain('are DONE and kept');
    await fix();
    const good = await cli(project.folder, ['retry', run.runId, '--only', 'b', '--json', ...flags]);
    expect([good.code, (JSON.parse(good.stdout) as RunState).status]).toEqual([0, 'SUCCESS']);
    const first = await cli(project.folder, [
      'partitions',
      run.runId,
      '--execution',
      '1',
      '--json',
      ...flags,
    ]);
    expect((JSON.parse(first.stdout) as PartitionPage).partitions[1]).toMatchObject({
      id: 'b',
      status: 'FAILED',
    });
    const none = await cli(project.folder, ['status', run.runId, '--execution', '7', ...flags]);
    expect([none.code, none.stderr]).toEqual([
      2,
      expect.stringContaining('no execution 7; its executions are 1, 2, 3'),
    ]);
    const unknown = await cli(project.folder, ['retry', 'no-such-run', ...flags]);
    expect([unknown.code, unknown.stderr]).toEqual([
      2,
      expect.stringContaining('There is no run "no-such-run"'),
    ]);
    const bad = await cli(project.folder, [
      'retry',
      run.runId,
      '--max-concurrency',
      '99999',
      '--timeout',
      'soon',
      ...flags,
    ]);
    expect(bad.code).toBe(2);
    expect(bad.stderr).toMatch(/--max-concurrency is 99999[^]*--timeout is "soon"/);
  });
});

async function inputOf(run: RunHandle): Promise<RunInput> {
  const history = await project.client.workflow.getHandle(run.runId).fetchHistory();
  const { defaultPayloadConverter } = await import('@temporalio/common');
  const payload = history.events![0]!.workflowExecutionStartedEventAttributes!.input!.payloads![0]!;
  return defaultPayloadConverter.fromPayload<RunInput>(payload as never);
}
