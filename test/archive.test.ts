/**
 * What a run leaves on the stage when it finishes, and runs that are read from there when the server no
 * longer has them.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Partwise, type RunHandle, type RunInput } from '../src/index';
import { runFolder } from '../src/stored/layout';
import { findTemporalBinary } from '../src/temporal';
import { cli } from './support/cli';
import { changed } from './support/files';
import { forget } from './support/forget';
import { SUITE, makeProject, type TestProject } from './support/project';
import { until } from './support/until';

const FUNCTIONS = `
import { appendFileSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { definePartitionFunction } from 'partwise';

/**
 * Fails for the partitions of params.fails until the file params.fixed exists; never ends for params.wait.
 */
export const totals = definePartitionFunction({
  name: 'totals',
  async run(data, context) {
    const { calls, wait, fails = [], fixed, blocks } = context.params;
    appendFileSync(calls, context.partitionId + '\\n');
    console.log('adding up', context.partitionId);
    if (blocks !== undefined && !existsSync(blocks)) {
      mkdirSync(dirname(blocks), { recursive: true });
      writeFileSync(blocks, '');
    }
    if (wait === context.partitionId) for (;;) await sleep(1000);
    if (fails.includes(context.partitionId) && !existsSync(fixed)) throw new Error('cannot add up ' + context.partitionId);
    const [{ total }] = await data.sql\`SELECT sum(amount) AS total FROM data\`;
    await context.upload('total.json', { total });
    return { total };
  },
});
`;

let project: TestProject;
beforeAll(async () => {
  project = await makeProject(FUNCTIONS);
  await project.execute(
    "CREATE TABLE sales AS SELECT ['a', 'b', 'c', 'd'][1 + range % 4] AS region, range AS amount FROM range(40)",
  );
  await project.startWorker();
});
afterAll(() => project.close());

interface Begun {
  run: RunHandle;
  calls: string;
  fixed: string;
}

async function begin(
  name: string,
  params: Record<string, unknown> = {},
  rest: Partial<RunInput> = {},
): Promise<Begun> {
  const runId = /-[0-9a-f]{8}$/.test(name) ? name : project.runId(name);
  const calls = join(project.folder, `${runId}.calls`);
  const fixed = join(project.folder, `${runId}.fixed`);
  await writeFile(calls, '');
  const run = await project.partwise.start(
    {
      function: 'totals',
      source: { table: 'sales' },
      partitionBy: ['region'],
      options: { retry: { maximumAttempts: 1 } },
      ...rest,
      params: { calls, fixed, ...params },
    },
    { runId },
  );
  return { run, calls, fixed };
}

const archives = (runId: string): string => join(project.folder, 'stage', runFolder(runId), 'archive');

async function archivesOf(runId: string): Promise<Record<string, unknown>[]> {
  const names = await readdir(archives(runId)).catch(() => []);
  const contents = names.sort().map((name) => readFile(join(archives(runId), name)));
  return (await Promise.all(contents)).map(
    (content) => JSON.parse(gunzipSync(content).toString('utf8')) as Record<string, unknown>,
  );
}

/** Attempts of the activity, and its failure. */
async function closingOf(runId: string): Promise<{ attempts: number; failure: string | null }> {
  const { events } = await project.client.workflow.getHandle(runId).fetchHistory();
  const scheduled = events!.filter(
    (event) => event.activityTaskScheduledEventAttributes?.activityType?.name === 'closeRun',
  );
  expect(scheduled).toHaveLength(1);
  const id = String(scheduled[0]!.eventId);
  const of = (attributes: { scheduledEventId?: unknown } | null | undefined): boolean =>
    attributes != null && String(attributes.scheduledEventId) === id;
  const started = events!.find((event) => of(event.activityTaskStartedEventAttributes))!;
  const failed = events!.find((event) => of(event.activityTaskFailedEventAttributes));
  return {
    attempts: started.activityTaskStartedEventAttributes!.attempt!,
    failure: failed?.activityTaskFailedEventAttributes?.failure?.message ?? null,
  };
}

describe('a run that finishes', () => {
  it('is archived on its stage, however it ended', async () => {
    const good = await begin('good');
    expect(await good.run.wait()).toMatchObject({ status: 'SUCCESS' });
    const bad = await begin('bad', { fails: ['b'] });
    expect(await bad.run.wait()).toMatchObject({ status: 'PARTIAL_FAILURE' });
    const cancelled = await begin('cancelled', { wait: 'd' });
    await changed(cancelled.calls, () => readFileSync(cancelled.calls, 'utf8').includes('d'));
    await cancelled.run.cancel();
    expect(await cancelled.run.wait()).toMatchObject({ status: 'CANCELLED' });
    const late = await begin('late', { wait: 'd' }, { options: { runTimeout: '2s' } });
    expect(await late.run.wait()).toMatchObject({ status: 'FAILURE', error: { type: 'RunTimeout' } });

    expect(await closingOf(good.run.runId)).toEqual({ attempts: 1, failure: null });
    const [one] = await archivesOf(good.run.runId);
    expect(one).toMatchObject({
      version: 1,
      runId: good.run.runId,
      generation: 1,
      execution: 1,
      closing: { kind: 'completed', error: null, summary: { status: 'SUCCESS', counts: { DONE: 4 } } },
    });
    expect(await archivesOf(bad.run.runId)).toMatchObject([
      { closing: { kind: 'failed', error: { type: 'PartialFailure' }, summary: { counts: { FAILED: 1 } } } },
    ]);
    expect(await archivesOf(cancelled.run.runId)).toMatchObject([
      { closing: { kind: 'cancelled', summary: { status: 'CANCELLED', counts: { PENDING: 0 } } } },
    ]);
    expect(await archivesOf(late.run.runId)).toMatchObject([
      { closing: { kind: 'failed', error: { type: 'RunTimeout' } } },
    ]);
    // Both records of the end agree.
    const { events } = one!['history'] as { events: { eventId: string; eventType: string }[] };
    expect(events[0]!.eventType).toBe('EVENT_TYPE_WORKFLOW_EXECUTION_STARTED');
    expect(events.map(({ eventId }) => Number(eventId))).toEqual(events.map((_, i) => i + 1));
  });

  it('is closed once if it was refused, and leaves nothing on the stage', async () => {
    const { run } = await begin('refused', {}, { source: { table: 'sale' } });
    expect(await run.wait()).toMatchObject({ status: 'FAILURE', error: { type: 'InvalidInput' } });
    expect(await closingOf(run.runId)).toEqual({ attempts: 1, failure: null });
    expect(await archivesOf(run.runId)).toEqual([]);
  });

  it('keeps its status when a closing step fails, and Temporal shows the failure', async () => {
    const runId = project.runId('blocked');
    const { run } = await begin(runId, { blocks: archives(runId) }, { output: { table: 'blocked_out' } });
    const state = await run.wait();
    expect(state).toMatchObject({ status: 'SUCCESS', error: null, commit: { rows: 4 } });
    const closing = await closingOf(runId);
    expect(closing.attempts).toBe(3);
    expect(closing.failure).toMatch(/^archive: /);
  });
});

async function read(run: RunHandle): Promise<Record<string, unknown>> {
  const logs: string[] = [];
  for await (const { text } of run.logs()) logs.push(text);
  const { status, counts, commit, error, function: name, rows, snapshotTime } = await run.status();
  return {
    state: { status, counts, commit, error, name, rows, snapshotTime },
    partitions: await run.partitions(),
    results: await run.results(),
    progress: await run.progress(),
    artifacts: await run.partition('a').artifacts.list(),
    artifact: await run.partition('a').artifacts.get('total.json'),
    logs,
  };
}

const callsIn = (file: string): string[] => readFileSync(file, 'utf8').trim().split('\n');

describe('a run that the server no longer has', () => {
  it('is read from its archive, says so in its state, and can be retried', async () => {
    const { run, calls, fixed } = await begin('forgotten', { fails: ['b'] });
    const { workflowRunId } = (await run.wait()).executions[0]!;
    const before = await read(run);
    await forget(project.client, { workflowId: run.runId, runId: workflowRunId });

    const again = project.partwise.getRun(run.runId);
    expect(await read(again)).toEqual(before);
    expect(await again.status()).toMatchObject({
      archived: true,
      live: false,
      executions: [{ execution: 1 }],
    });
    expect(await again.wait()).toMatchObject({ status: 'PARTIAL_FAILURE', archived: true });
    await expect(again.cancel()).rejects.toThrow(/has already ended/);
    const shown = await cli(project.folder, ['status', run.runId]);
    expect(shown.stdout).toContain('read from a recorded history');

    // A refused start ran nothing, and does not hide the run.
    const refused = await project.client.workflow.start('partitionedRun', {
      workflowId: run.runId,
      taskQueue: project.taskQueue,
      args: [{ function: 'totals', source: { table: 'sales' }, partitionBy: ['region'] }],
    });
    await expect(refused.result()).rejects.toThrow();
    expect(await again.status()).toMatchObject({ status: 'PARTIAL_FAILURE', archived: true });

    await writeFile(fixed, '');
    const called = callsIn(calls).length;
    const retried = await again.retry();
    const state = await retried.wait();
    expect(state).toMatchObject({ status: 'SUCCESS', counts: { DONE: 4 }, archived: false });
    expect(state.executions).toMatchObject([
      { execution: 1, workflowRunId, status: 'PARTIAL_FAILURE' },
      { execution: 2, status: 'SUCCESS' },
    ]);
    expect(callsIn(calls).slice(called)).toEqual(['b']);
    expect(await retried.execution(workflowRunId).status()).toMatchObject({
      status: 'PARTIAL_FAILURE',
      archived: true,
    });
  });

  it('is listed from its archives, page by page, with or without a server', async () => {
    const begun = await Promise.all([
      begin('shelved-b', { fails: ['b'] }),
      begin('shelved-a'),
      begin('shelved-here'),
    ]);
    const [failed, good, here] = begun.map(({ run }) => run);
    const states = await Promise.all(begun.map(({ run }) => run.wait()));
    await Promise.all(
      [failed!, good!].map(({ runId: workflowId }, i) =>
        forget(project.client, { workflowId, runId: states[i]!.executions[0]!.workflowRunId }),
      ),
    );
    const ids = [failed!.runId, good!.runId];
    const { partwise } = project;
    // The server's list lags behind.
    const forgotten = await until(async () => {
      const { runs } = await partwise.list({ archived: true, text: 'SHELVED-' });
      return runs.length === 2 ? runs : undefined;
    });
    expect(forgotten.map(({ runId }) => runId)).toEqual(ids);
    const [first, second] = states;
    expect(forgotten[0]).toMatchObject({
      status: 'PARTIAL_FAILURE',
      function: 'totals',
      startedAt: first!.startedAt,
      counts: first!.counts,
      rows: 40,
      error: { type: 'PartialFailure' },
      archived: true,
    });
    expect(forgotten[1]).toMatchObject({ status: 'SUCCESS', counts: second!.counts, error: null });
    expect((await partwise.list({ text: 'shelved-' })).runs).toMatchObject([{ archived: false }]);

    const stage = await Partwise.fromStage(join(project.folder, 'stage'), { projectDir: project.folder });
    const found: string[] = [];
    let after: string | undefined;
    do {
      const page = await stage.list({ text: 'shelved-', limit: 1, after });
      found.push(...page.runs.map(({ runId }) => runId));
      after = page.next ?? undefined;
    } while (after !== undefined);
    expect(found).toEqual([here!.runId, ...ids]);
    expect((await stage.list({ text: 'shelved-', status: 'PARTIAL_FAILURE' })).runs).toHaveLength(1);
    await expect(stage.list({ after: 'runs-x' })).rejects.toThrow('"runs-x" is not a cursor');
    expect((await stage.getRun(good!.runId).status()).counts).toEqual(second!.counts);
    expect(await stage.getRun(good!.runId).results()).toHaveLength(4);
    await expect(stage.getRun('shelved').status()).rejects.toThrow('has no archive of the run "shelved"');
    await expect(stage.getRun(good!.runId).pause()).rejects.toThrow();

    const [name] = await readdir(archives(good!.runId));
    await writeFile(join(archives(good!.runId), name!), 'damaged');
    const listed = await cli(project.folder, ['list', '--stage', 'stage', '--text', 'shelved-', '--json'], {
      TEMPORAL_ADDRESS: '127.0.0.1:1',
    });
    expect(JSON.parse(listed.stdout)).toMatchObject({
      runs: [{ runId: here!.runId }, { runId: failed!.runId }],
      unread: [{ runId: good!.runId, why: expect.stringContaining('cannot be read as a history') }],
    });
    const shown = await cli(project.folder, ['list', '--archived', '--text', 'shelved-']);
    expect(shown.stdout).toContain(failed!.runId);
    expect(shown.stdout).not.toContain(here!.runId);
    expect(shown.stderr).toContain(`The run "${good!.runId}" cannot be read`);
  });

  it('is not looked for where there is no stage; a stage without runs is an empty list', async () => {
    const nowhere = join(project.folder, 'no-stage');
    await expect(Partwise.fromStage(nowhere, { projectDir: project.folder })).rejects.toMatchObject({
      name: 'NoSuchStage',
      message: expect.stringContaining(`There is no stage at file://${nowhere}`),
    });
    for (const command of [['list'], ['console', '--port', '1']]) {
      const refused = await cli(project.folder, [...command, '--stage', 'no-stage']);
      expect(refused).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining('no stage at') });
    }
    await mkdir(join(project.folder, 'empty-stage'));
    expect(await cli(project.folder, ['list', '--stage', 'empty-stage'])).toMatchObject({
      code: 0,
      stdout: 'no runs\n',
      stderr: expect.stringContaining('A run is archived on its stage when it ends.'),
    });
  });

  it('needs only its newest execution to be read and retried (I2)', async () => {
    const { run, calls, fixed } = await begin('newest', { fails: ['b', 'c'] });
    await run.wait();
    const second = await (await run.retry({ only: ['c'] })).wait();
    const [one, two] = second.executions;
    await forget(project.client, { workflowId: run.runId, runId: one!.workflowRunId });
    for (const name of await readdir(archives(run.runId)))
      if (name.startsWith('e1-')) await rm(join(archives(run.runId), name));

    const again = project.partwise.getRun(run.runId);
    expect((await again.status()).counts).toMatchObject({ DONE: 2, FAILED: 2 });
    expect(await again.results()).toHaveLength(2);
    await expect(again.execution(one!.workflowRunId).status()).rejects.toThrow(/no archive/);
    // The archive of the newest execution is enough, too.
    await forget(project.client, { workflowId: run.runId, runId: two!.workflowRunId });
    expect((await again.status()).counts).toMatchObject({ DONE: 2, FAILED: 2 });
    await writeFile(fixed, '');
    const called = callsIn(calls).length;
    expect(await (await again.retry()).wait()).toMatchObject({
      status: 'SUCCESS',
      counts: { DONE: 4 },
    });
    expect(callsIn(calls).slice(called).sort()).toEqual(['b', 'c']);
  });

  it('is archived by its continuation or by hand if it was terminated', async () => {
    const { run, calls } = await begin('terminated', { wait: 'd' });
    await changed(calls, () => readFileSync(calls, 'utf8').includes('d'));
    await project.client.workflow.getHandle(run.runId).terminate('for a test');
    const { executions } = await run.wait();
    expect(await archivesOf(run.runId)).toEqual([]);

    const written = await cli(project.folder, ['archive', run.runId, '--json']);
    const { path } = (JSON.parse(written.stdout) as { executions: { path: string }[] }).executions[0]!;
    expect(path).toMatch(/archive\/e1-[0-9a-f]{8}-full\.json\.gz$/);
    await rm(join(project.folder, 'stage', path));

    const again = await run.retry();
    await until(async () => (await again.status()).counts.total > 0);
    expect(await archivesOf(run.runId)).toMatchObject([{ execution: 1, closing: null }]);
    await again.cancel();
    await again.wait();
    await forget(project.client, { workflowId: run.runId, runId: executions[0]!.workflowRunId });
    const old = run.execution(executions[0]!.workflowRunId);
    expect(await old.status()).toMatchObject({
      status: 'FAILURE',
      error: { type: 'Terminated', message: 'The run was terminated: for a test.' },
      archived: true,
    });
  });

  it('is not confused with an older execution or with a run that never existed', async () => {
    const { run, fixed } = await begin('lost', { fails: ['b'] });
    await run.wait();
    await writeFile(fixed, '');
    const { executions } = await (await run.retry()).wait();
    for (const { workflowRunId } of executions)
      await forget(project.client, { workflowId: run.runId, runId: workflowRunId });
    for (const name of await readdir(archives(run.runId)))
      if (name.startsWith('e2-')) await rm(join(archives(run.runId), name));

    const again = project.partwise.getRun(run.runId);
    await expect(again.status()).rejects.toThrow(/^Execution 2 of the run .* has expired/);
    const refused = await project.client.workflow.start('partitionedRun', {
      workflowId: run.runId,
      taskQueue: project.taskQueue,
      args: [{ onExisting: 'retry' }],
    });
    await expect(refused.result()).rejects.toMatchObject({
      cause: { message: expect.stringContaining('has no archive of it, so it cannot be continued') },
    });
  });
});

describe('a run in a history file', () => {
  it('is read without a server, from an archive or from the output of temporal workflow show', async () => {
    const { run } = await begin('filed', { fails: ['b'] });
    await run.wait();
    const before = await read(run);
    const { path: temporal } = await findTemporalBinary({ projectDir: project.folder, env: process.env });
    const { address, namespace } = SUITE;
    const shown = execFileSync(
      temporal,
      [
        'workflow',
        'show',
        '-w',
        run.runId,
        '--output',
        'json',
        '--address',
        address,
        '--namespace',
        namespace,
      ],
      { maxBuffer: 1e8 },
    );
    const exported = join(project.folder, 'exported.json');
    await writeFile(exported, shown);
    const [name] = await readdir(archives(run.runId));
    const archive = join(archives(run.runId), name!);
    const plain = join(project.folder, 'plain.json');
    await writeFile(plain, gunzipSync(await readFile(archive)));

    for (const file of [exported, archive, plain]) {
      const filed = await Partwise.fromHistory(file, { projectDir: project.folder });
      expect(filed.runId).toBe(run.runId);
      expect(await read(filed)).toEqual(before);
      await expect(filed.retry()).rejects.toThrow(/can only be read/);
      await expect(filed.previewRetry()).rejects.toThrow(/can only be read/);
      expect(await filed.compare(run)).toMatchObject({ examples: [], a: { runId: run.runId } });
    }
    const replayed = await cli(project.folder, ['replay', run.runId, '--history', exported, archive]);
    expect(replayed).toMatchObject({ code: 0, stdout: expect.stringMatching(/^(ok .*\n){3}$/) });
    const newest = await cli(project.folder, ['replay', '--last', '2', '--json']);
    expect(newest).toMatchObject({ code: 0 });
    // Nothing listens on this port.
    const env = { TEMPORAL_ADDRESS: '127.0.0.1:1' };
    const commands = [
      ['status', '--json'],
      ['partitions', run.runId, '--json'],
      ['results', '--json'],
      ['logs', '--json'],
      ['artifacts', 'get', run.runId, 'a', 'total.json'],
    ];
    const answers = commands.map((command) => cli(project.folder, [...command, '--history', exported], env));
    const [status, partitions, results, logs, artifact] = await Promise.all(answers);
    expect(JSON.parse(status!.stdout)).toMatchObject({ status: 'PARTIAL_FAILURE', archived: true });
    expect(JSON.parse(partitions!.stdout)).toEqual(before['partitions']);
    expect(JSON.parse(results!.stdout)).toHaveLength(3);
    expect(JSON.parse(logs!.stdout)).toHaveLength(4);
    expect(JSON.parse(artifact!.stdout)).toEqual(before['artifact']);

    const other = await cli(project.folder, ['status', 'other', '--history', exported], env);
    expect(other).toMatchObject({ code: 2, stderr: expect.stringContaining(`, not "other"`) });
    await project.write('nothing.json', '{"events": []}');
    const none = await cli(project.folder, ['status', '--history', 'nothing.json'], env);
    expect(none).toMatchObject({ code: 2, stderr: expect.stringContaining('does not begin with the start') });
    const neither = await cli(project.folder, ['status'], env);
    expect(neither).toMatchObject({ code: 2, stderr: expect.stringContaining('--history') });
  });
});

it('lists the execution of a run that ran, not a later one that was terminated before it did anything', async () => {
  const { run } = await begin('listed');
  await run.wait();
  const idle = await project.client.workflow.start('partitionedRun', {
    workflowId: run.runId,
    taskQueue: 'nobody-polls-this',
    args: [{}],
  });
  await idle.terminate();
  const query = `WorkflowId = '${run.runId}' AND ExecutionStatus = 'Terminated'`;
  await until(async () => (await project.client.workflow.count(query)).count === 1);
  const listed = (await project.partwise.list({ limit: 100 })).runs.find(({ runId }) => runId === run.runId);
  expect(listed).toMatchObject({ status: 'SUCCESS', function: 'totals' });
  expect(await run.status()).toMatchObject({ status: 'SUCCESS' });
});
