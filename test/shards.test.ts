/**
 * Runs with more units than one workflow may have: their shards, and that such runs behave like runs without
 * shards.
 */
import type { ChildProcess } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { cp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ApplicationFailure } from '@temporalio/common';
import { RunReader } from '../src/reader/run-reader';
import { ServerRun } from '../src/reader/run-source';
import { Partwise, type RunInput } from '../src/index';
import type { ShardSettings, ShardTask } from '../src/core/tasks';
import { cli } from './support/cli';
import { forget } from './support/forget';
import { GATED_FUNCTIONS, startGated, untilState, type GatedRun } from './support/gated-runs';
import { itLong } from './support/long';
import { isAlive } from './support/processes';
import { makeProject, type TestProject } from './support/project';
import { until } from './support/until';

let project: TestProject;
let worker: ChildProcess;
beforeAll(async () => {
  project = await makeProject(GATED_FUNCTIONS);
  worker = await project.startWorker({ PARTWISE_RUNNERS: '4' });
});
afterAll(() => project.close());

const ids = (from: number, to: number): string[] =>
  Array.from({ length: to - from }, (_, i) => `${from + i}`);

/** Partitions 0 … n - 1, of one row each except `large`, in two shards of 48 at a time. */
const sharded = (name: string, input: Partial<RunInput> = {}, partitions = 60) =>
  startGated(project, name, {
    source: { query: `SELECT range AS k, 1 AS x FROM range(${partitions})` },
    ...input,
    options: { maxConcurrency: 60, ...input.options },
  });

const handleOf = ({ run }: GatedRun) => project.client.workflow.getHandle(run.runId);
const shardOf = ({ run }: GatedRun, shard: number, execution = 1) =>
  project.client.workflow.getHandle(`${run.runId}/execution-${execution}/shard-${shard}`);

const eventsOf = async (handle: ReturnType<typeof handleOf>) => (await handle.fetchHistory()).events ?? [];

/**
 * The lanes assigned to a shard over time and, for each unit it started, how many lanes it had then and how
 * many were in use.
 */
async function lanesIn(shard: ReturnType<typeof shardOf>) {
  const given: number[] = [];
  const units: { lanes: number; taken: number }[] = [];
  const open = new Set<string>();
  for (const event of await eventsOf(shard)) {
    const started = event.workflowExecutionStartedEventAttributes;
    const signaled = event.workflowExecutionSignaledEventAttributes;
    if (started) given.push((decoded(started.input) as ShardTask).settings.lanes);
    if (signaled?.signalName === 'shardSettings')
      given.push((decoded(signaled.input) as ShardSettings).lanes);
    if (event.activityTaskScheduledEventAttributes?.activityType?.name === 'processUnit') {
      units.push({ lanes: given.at(-1)!, taken: open.size });
      open.add(String(event.eventId));
    }
    const completed = event.activityTaskCompletedEventAttributes;
    if (completed) open.delete(String(completed.scheduledEventId));
  }
  return { given, units };
}

const decoded = (input: { payloads?: { data?: Uint8Array | null }[] | null } | null | undefined): unknown =>
  JSON.parse(Buffer.from(input!.payloads![0]!.data!).toString('utf8'));

describe('a run with shards', () => {
  it('has the outcome, the row and one call of every partition', async () => {
    const gated = await sharded('plain', { output: { table: 'plain_out' } });
    expect(await gated.run.wait()).toMatchObject({
      status: 'SUCCESS',
      counts: { total: 60, DONE: 60, PENDING: 0 },
      commit: { rows: 60 },
    });
    expect(gated.started().sort()).toEqual(ids(0, 60).sort());
    const results = await gated.run.results();
    expect(results.map(({ k }) => Number(k)).sort((a, b) => a - b)).toEqual(ids(0, 60).map(Number));
    const activities = await Promise.all(
      [0, 1].map(async (shard) =>
        (await eventsOf(shardOf(gated, shard))).flatMap(
          ({ activityTaskScheduledEventAttributes: scheduled }) =>
            scheduled?.activityType?.name === 'processUnit' ? [scheduled.activityId!] : [],
        ),
      ),
    );
    expect(activities[0]).toEqual(ids(0, 30));
    expect(activities[1]).toEqual(ids(30, 60));
  });

  it('can be followed while it runs, from the start or from later on', async () => {
    const gated = await sharded('followed', { params: { wait: ['3', '40'] } });
    const seen: string[] = [];
    const first = gated.run.wait({
      onEvent: (event) => void (event.type === 'partition' && seen.push(event.partition.id)),
    });
    await untilState(gated.run, ({ counts }) => counts.DONE === 58);
    expect(await gated.run.status()).toMatchObject({
      status: 'IN_PROGRESS',
      live: true,
      counts: { DONE: 58, RUNNING: 2, PENDING: 0 },
    });
    expect(await gated.run.partition('40').describe()).toMatchObject({ status: 'RUNNING', attempts: 1 });
    const late = gated.run.events()[Symbol.asyncIterator]();
    const { value: planned } = await late.next();
    expect(planned).toMatchObject({ type: 'planned' });
    await gated.release();
    let last: unknown;
    for (let next = await late.next(); next.done !== true; next = await late.next()) last = next.value;
    expect(last).toMatchObject({ type: 'ended', state: { status: 'SUCCESS', counts: { DONE: 60 } } });
    expect(await first).toMatchObject({ status: 'SUCCESS', live: false });
    expect(seen.sort()).toEqual(ids(0, 60).sort());
  });

  it('retries partitions of batches in their own shard', async () => {
    const options = { partitionsPerUnit: 2, retry: { maximumAttempts: 2, initialInterval: 10 } };
    const fails = { 1: 'once', 118: 'once' };
    const gated = await sharded('rounds', { params: { fails }, options }, 120);
    expect(await gated.run.wait()).toMatchObject({ counts: { DONE: 118, FAILED: 2 } });
    expect(gated.started().filter((id) => id === '1' || id === '118')).toHaveLength(4);
    expect(await gated.run.partition('118').describe()).toMatchObject({ status: 'FAILED', attempts: 2 });
  });
});

describe('what a run with shards retries later', () => {
  it('shows when each shard begins, which does not wait for the others', async () => {
    const retry = { maximumAttempts: 2, initialInterval: '1h', maximumInterval: '1h' };
    const params = { fails: { 1: 'once', 60: 'once' }, wait: ['119'] };
    const gated = await sharded('due', { params, options: { partitionsPerUnit: 2, retry } }, 120);
    await untilState(
      gated.run,
      ({ counts, retries: { first } }) => counts.DONE >= 116 && first.length === 2 && first[0]!.at !== null,
    );
    const { retries } = await gated.run.status();
    const round = { partitions: 1, attempt: 2, maximumAttempts: 2, error: { message: 'once' } };
    expect(retries).toMatchObject({
      partitions: 2,
      first: [
        { ...round, label: '1' },
        { ...round, label: '60', at: null },
      ],
    });
    const { at } = retries.first[0]!;
    expect(await gated.run.partition('1').describe()).toMatchObject({ nextAttempt: { attempt: 2, at } });
    await gated.run.cancel();
    expect(await gated.run.wait()).toMatchObject({ status: 'CANCELLED', counts: { CANCELLED: 3 } });
  });
});

describe('a setting that changes while it runs', () => {
  it('reaches all shards: pause, unpause, concurrency, tolerance', async () => {
    const gated = await sharded('set', { params: { wait: true, fails: { 7: 'no' } } });
    await gated.untilCalls(4);
    await gated.run.pause();
    expect(await gated.run.status()).toMatchObject({ paused: true });
    await gated.release();
    // The four running units, and those that had just started when the pause arrived, only finish.
    await untilState(gated.run, ({ counts }) => counts.RUNNING === 0);
    const started = gated.started().length;
    expect(started).toBeLessThan(60);
    await gated.run.set({ maxConcurrency: 96, toleratedFailures: 1 });
    expect(await gated.run.status()).toMatchObject({
      maxConcurrency: 96,
      toleratedFailures: 1,
      paused: true,
    });
    await expect(gated.run.set({ maxConcurrency: 97 })).rejects.toThrow(
      '"maxConcurrency" is 97; it takes a whole number from 1 to 96: the run was planned for 60 at a time, with 2 shards of 48 each, and that cannot change.',
    );
    await gated.run.unpause();
    expect(await gated.run.wait()).toMatchObject({
      status: 'PARTIAL_FAILURE',
      error: null,
      counts: { DONE: 59, FAILED: 1 },
    });
    expect(gated.started()).toHaveLength(60);
  });

  it('can lower the concurrency to one partition at a time', async () => {
    const options = { partitionsPerUnit: 1 };
    const gated = await sharded('one', { params: { wait: true }, options }, 120);
    const shards = [shardOf(gated, 0), shardOf(gated, 1)];
    await until(async () => {
      const events = await eventsOf(handleOf(gated));
      return events.filter((event) => event.childWorkflowExecutionStartedEventAttributes).length === 2;
    });
    for (const shard of shards) await until(async () => (await lanesIn(shard)).units.length >= 30);
    await gated.run.set({ maxConcurrency: 1 });
    await gated.release();
    expect(await gated.run.wait()).toMatchObject({ status: 'SUCCESS', counts: { DONE: 120 } });
    // Units in flight finish; then the first shard has the lane, and the other one gets it when the first has
    // ended.
    const units = Array.from({ length: 60 }, (_, i) =>
      i < 30 ? { lanes: 30, taken: i } : { lanes: 1, taken: 0 },
    );
    expect(await Promise.all(shards.map(lanesIn))).toEqual([
      { given: [30, 1], units },
      { given: [30, 0, 1], units },
    ]);
  });

  it('skips partitions of several shards, or none, with a reason for each that cannot be skipped', async () => {
    const gated = await sharded('skip', { params: { wait: true } }, 120);
    await gated.untilCalls(4);
    const [done, runs] = gated.started() as [string, string];
    await gated.release(done);
    await untilState(gated.run, ({ counts }) => counts.DONE === 1);
    await expect(gated.run.skip(['55', done, '115'])).rejects.toThrow(
      `"${done}" has already ended: it is DONE.`,
    );
    expect((await gated.run.status()).counts.SKIPPED).toBe(0);
    // One that is running, and one waiting in each shard.
    await gated.run.skip([runs, '55', '115']);
    await expect(gated.run.skip(['54', '55'])).rejects.toThrow('"55" is already skipped, or has just ended.');
    await gated.run.skip({ ordinals: '58-59,118' });
    await gated.release();
    expect(await gated.run.wait()).toMatchObject({
      status: 'SUCCESS',
      counts: { total: 120, DONE: 114, SKIPPED: 6, CANCELLED: 0 },
    });
    expect(await handleOf(gated).query('progress')).toMatchObject({ counts: { DONE: 114, SKIPPED: 6 } });
    for (const id of ['55', '58', '59', '115', '118']) expect(gated.started()).not.toContain(id);
  });

  itLong('serves several concurrent skips', async () => {
    const gated = await sharded('skip-at-once', { params: { wait: true } }, 120);
    await gated.untilCalls(4);
    const asked = [['54', '114'], ['55'], ['115', '56'], ['116']];
    await Promise.all(asked.map((ids) => gated.run.skip(ids)));
    expect((await gated.run.status()).counts.SKIPPED).toBe(6);
    await gated.release();
    expect(await gated.run.wait()).toMatchObject({ status: 'SUCCESS', counts: { DONE: 114, SKIPPED: 6 } });
    for (const id of asked.flat()) expect(gated.started()).not.toContain(id);
  });

  it('runs the shards of a long list one after the other, without what was skipped before they started', async () => {
    const options = { maxConcurrency: 4, partitionsPerUnit: 1 };
    const gated = await sharded('long', { params: { wait: ['0', '1', '2', '3'] }, options }, 502);
    await gated.untilCalls(4);
    await gated.run.skip(['400', '501']);
    expect((await gated.run.status()).counts.SKIPPED).toBe(2);
    await gated.release();
    expect(await gated.run.wait()).toMatchObject({
      status: 'SUCCESS',
      counts: { total: 502, DONE: 500, SKIPPED: 2 },
    });
    const called = ids(0, 502).filter((id) => id !== '400' && id !== '501');
    expect(gated.started().sort()).toEqual(called.sort());
    const order = (await eventsOf(handleOf(gated))).flatMap((event) => {
      const { childWorkflowExecutionStartedEventAttributes: started } = event;
      const { childWorkflowExecutionCompletedEventAttributes: ended } = event;
      return started ? ['started'] : ended ? ['ended'] : [];
    });
    expect(order).toEqual(['started', 'ended', 'started', 'ended']);
  });
});

describe('a run with shards that does not end well', () => {
  it('stops within seconds when it is cancelled, and counts interrupted partitions (I12)', async () => {
    const gated = await sharded('cancel', { params: { wait: true, deaf: true } });
    await gated.untilCalls(4);
    await gated.run.cancel();
    expect(await gated.run.wait()).toMatchObject({
      status: 'CANCELLED',
      counts: { total: 60, CANCELLED: 60, PENDING: 0 },
    });
    expect(gated.calls().filter(({ pid }) => isAlive(pid))).toEqual([]);
    for (const shard of [0, 1])
      expect((await shardOf(gated, shard).describe()).status.name).toBe('COMPLETED');
  });

  async function cancelledAfter(signals: readonly string[]): Promise<void> {
    const gated = await sharded(`cancel-${signals.length}`, { params: { wait: true } });
    await gated.untilCalls(4);
    worker.kill('SIGKILL');
    // Everything waits for the next worker, which receives it together.
    for (const signal of signals) await handleOf(gated).signal(signal);
    await gated.run.cancel();
    worker = await project.startWorker({ PARTWISE_RUNNERS: '4' });
    expect(await gated.run.wait()).toMatchObject({
      status: 'CANCELLED',
      counts: { total: 60, CANCELLED: 60, PENDING: 0 },
    });
    for (const shard of [0, 1])
      expect((await shardOf(gated, shard).describe()).status.name).toBe('COMPLETED');
  }

  it('waits for its shards if it is cancelled while it is paused, unpaused and paused again (I12)', () =>
    cancelledAfter(['pause', 'unpause', 'pause']));

  itLong('waits for its shards if it is cancelled while a pause is on its way to them (I12)', () =>
    cancelledAfter(['pause']),
  );

  it('stops immediately when more fail than are tolerated, whichever shard they are in (I8)', async () => {
    const wait = ['0', '1'];
    const fails = { 2: 'no', 55: 'nor this' };
    const options = { failFast: true, toleratedFailures: 1 };
    const gated = await sharded('fail-fast', { params: { wait, fails }, options });
    const state = await gated.run.wait();
    expect(state).toMatchObject({
      error: { type: 'PartialFailure' },
      counts: { FAILED: 2 },
    });
    expect(state.error!.message).toContain(
      '2 of 60 partitions failed, and 1 is tolerated, so the run stopped',
    );
    expect(state.counts.CANCELLED).toBeGreaterThanOrEqual(2);
    expect(state.counts.PENDING).toBe(0);
    // The workflow's own summary, and the one that readers derive from history.
    const summary = await handleOf(gated)
      .result()
      .catch((error: Error) => (error.cause as ApplicationFailure).details![0] as { counts: object });
    expect(summary).toMatchObject({ counts: state.counts });
  });

  it('stops when every partition fails with the same error', async () => {
    const gated = await sharded('alike', { params: { fails: 'there is no table' } }, 400);
    const state = await gated.run.wait();
    expect(state).toMatchObject({ status: 'FAILURE', error: { type: 'PartialFailure' } });
    expect(state.error!.message).toMatch(
      /^The first \d+ partitions failed with the same error: RangeError: there is no table/,
    );
    expect(state.counts.SKIPPED).toBeGreaterThan(0);
    expect(state.counts.SKIPPED + state.counts.CANCELLED + state.counts.FAILED).toBe(400);
  });

  it('is finished by a retry, which calls no partition that is DONE (I4)', async () => {
    const fails = Object.fromEntries(
      ids(0, 60)
        .filter((id) => Number(id) % 10 === 0)
        .map((id) => [id, `${id} is bad`]),
    );
    const gated = await sharded('retry', { params: { fails }, output: { table: 'retry_out' } });
    expect(await gated.run.wait()).toMatchObject({
      status: 'PARTIAL_FAILURE',
      counts: { DONE: 54, FAILED: 6 },
    });
    const before = gated.started().length;
    await gated.release('fixed');
    const retried = await gated.run.retry();
    expect(await retried.wait()).toMatchObject({
      status: 'SUCCESS',
      counts: { DONE: 60 },
      commit: { rows: 60 },
    });
    expect(gated.started().slice(before).sort()).toEqual(Object.keys(fails).sort());
    expect(await retried.results()).toHaveLength(60);
    // A first reader, in several ways at the same time.
    const fresh = project.partwise.getRun(retried.runId);
    const [page, rows, again] = await Promise.all([fresh.partitions(), fresh.results(), fresh.results()]);
    expect([page.partitions.length, rows.length, again.length]).toEqual([60, 60, 60]);
  });

  itLong('is finished after a terminate, with what its shards had recorded (I4)', async () => {
    const gated = await sharded('terminated', { params: { wait: ['10', '50'] } });
    await untilState(gated.run, ({ counts }) => counts.DONE === 58);
    await handleOf(gated).terminate('test');
    expect(await gated.run.wait()).toMatchObject({
      status: 'FAILURE',
      error: { type: 'Terminated' },
      counts: { DONE: 58, PENDING: 2 },
    });
    const before = gated.started().length;
    const retried = await gated.run.retry();
    // Running units were stopped first.
    await gated.untilCalls(before + 2);
    await gated.release();
    expect(await retried.wait()).toMatchObject({ status: 'SUCCESS', counts: { DONE: 60 } });
    expect(gated.started().slice(before).sort()).toEqual(['10', '50']);
  });

  it('fails as ShardLost when a shard is terminated, and a retry finishes it (I8)', async () => {
    const gated = await sharded('lost', { params: { wait: ['10', '50'] } });
    await untilState(gated.run, ({ counts }) => counts.DONE === 58);
    await shardOf(gated, 1).terminate('test');
    const state = await gated.run.wait();
    expect(state).toMatchObject({ status: 'FAILURE', error: { type: 'ShardLost' } });
    expect(state.error!.message).toContain(
      `Shard 1 of 2 (the workflow "${gated.run.runId}/execution-1/shard-1") was lost: it was terminated.`,
    );
    expect(state.error!.message).toContain(`partwise retry ${gated.run.runId}`);
    expect(state.counts).toMatchObject({ DONE: 58, CANCELLED: 1, PENDING: 1 });
    const before = gated.started().length;
    const retried = await gated.run.retry();
    // Running units were stopped first.
    await gated.untilCalls(before + 2);
    await gated.release();
    expect(await retried.wait()).toMatchObject({ status: 'SUCCESS', counts: { DONE: 60 } });
    expect(gated.started().slice(before).sort()).toEqual(['10', '50']);
  });

  it('fails as ShardLost when only a shard is cancelled (I8)', async () => {
    const gated = await sharded('one-cancelled', { params: { wait: ['10', '50'] } });
    await untilState(gated.run, ({ counts }) => counts.DONE === 58);
    await shardOf(gated, 0).cancel();
    expect(await gated.run.wait()).toMatchObject({ error: { type: 'ShardLost' }, counts: { DONE: 58 } });
  });

  it('continues after its worker is killed, and loses nothing (I4)', async () => {
    const gated = await sharded('killed', { params: { wait: ['5', '45'] } });
    await untilState(gated.run, ({ counts }) => counts.DONE === 58);
    worker.kill('SIGKILL');
    await gated.release();
    worker = await project.startWorker({ PARTWISE_RUNNERS: '4' });
    expect(await gated.run.wait()).toMatchObject({ status: 'SUCCESS', counts: { DONE: 60 } });
    const started = gated.started();
    for (const id of ids(0, 60).filter((each) => each !== '5' && each !== '45'))
      expect(started.filter((each) => each === id)).toHaveLength(1);
  });
});

describe('the units of a shard', () => {
  it('are used only as the run recorded them (I2)', async () => {
    const options = { maxConcurrency: 4, partitionsPerUnit: 1 };
    const gated = await sharded('damaged', { params: { wait: ['10'] }, options }, 502);
    await gated.untilStarted('10');
    const { record } = await new RunReader(new ServerRun(project.client, gated.run.runId, null)).read();
    const { stage, sharding } = record.plan!;
    const lists = join(fileURLToPath(stage), sharding!.lists.path);
    const damaged = (await readFile(lists, 'utf8')).replace('"from":501', '"from":500');
    await rm(lists);
    await writeFile(lists, damaged);
    await gated.release();
    const { error, counts } = await gated.run.wait();
    expect(error).toMatchObject({ type: 'ShardLost' });
    expect(error!.message).toContain('shards.jsonl" on the stage');
    expect(counts).toMatchObject({ DONE: 251, PENDING: 251 });
  });
});

describe('the histories of shards', () => {
  it('are archived and read from the archive, and replay names each', async () => {
    const gated = await sharded('archived', {
      params: { fails: { 8: 'no' } },
      options: { toleratedFailures: 1 },
    });
    const state = await gated.run.wait();
    const { runId } = gated.run;
    const { executions, stage } = await gated.run.archive();
    const [{ path, shards }] = executions as [(typeof executions)[0]];
    expect(shards).toHaveLength(2);
    const file = join(fileURLToPath(stage), path!);
    const recorded = await Partwise.fromHistory(file, { projectDir: project.folder });
    expect((await recorded.status()).counts).toEqual(state.counts);
    expect(await recorded.partition('8').describe()).toMatchObject({ status: 'FAILED' });
    expect(await recorded.wait()).toMatchObject({ counts: { DONE: 59 } });

    const alone = join(project.folder, 'alone.json.gz');
    await cp(file, alone);
    const lone = await Partwise.fromHistory(alone, { projectDir: project.folder });
    await expect(lone.status()).rejects.toThrow(
      /^The run has shards, and the history of shard \d is missing: there is no e1-\w+-shard-\d\.json\.gz in the folder/,
    );
    const shardFile = join(fileURLToPath(stage), shards[1]!);
    await expect(Partwise.fromHistory(shardFile, { projectDir: project.folder })).rejects.toThrow(
      'is the history of a shard, which covers only part of its run: use the archive of the run',
    );

    const replayed = await cli(project.folder, ['replay', runId]);
    expect(replayed).toMatchObject({ code: 0, stderr: expect.stringContaining('3 histories') });
    expect(replayed.stdout).toContain(`${runId}, shard 1`);
    const files = await cli(project.folder, ['replay', '--json', '--history', file, shardFile]);
    expect(JSON.parse(files.stdout)).toMatchObject({
      replayed: [
        { runId, shard: null, divergence: null },
        { runId, divergence: null },
      ],
    });
  });

  it('are read from the archive once the server no longer has a shard, even while the run continues', async () => {
    const gated = await sharded('forgotten', { params: { wait: ['40'] } });
    await untilState(gated.run, ({ counts }) => counts.DONE === 59);
    await until(async () =>
      (await eventsOf(handleOf(gated))).some((event) => event.childWorkflowExecutionCompletedEventAttributes),
    );
    const { record } = await new RunReader(new ServerRun(project.client, gated.run.runId, null)).read();
    const ended = [...record.shards.values()].filter(({ closedAt }) => closedAt !== null);
    expect(ended).toHaveLength(1);
    await forget(project.client, ended[0]!.execution);
    expect(await gated.run.status()).toMatchObject({
      status: 'IN_PROGRESS',
      counts: { DONE: 59, RUNNING: 1, PENDING: 0 },
    });
    await gated.release();
    expect(await gated.run.wait()).toMatchObject({ status: 'SUCCESS', counts: { DONE: 60 } });
  });

  it('that no longer exist do not prevent cleaning up or reusing the run id', async () => {
    const gated = await sharded('gone');
    await gated.run.wait();
    const { runId } = gated.run;
    const { executions, stage } = await gated.run.archive();
    // Both the archives that the shards put at their ends and those of the run.
    const archives = join(fileURLToPath(stage), dirname(executions[0]!.path!));
    for (const name of await readdir(archives)) if (name.includes('shard')) await rm(join(archives, name));
    await forget(project.client, { workflowId: shardOf(gated, 1).workflowId });
    const lost = project.partwise.getRun(runId);
    await expect(lost.status()).rejects.toThrow('the history of shard');
    expect(await project.partwise.clean({ dryRun: true })).toMatchObject({ dryRun: true });
    const again = await project.partwise.start(
      {
        function: 'gated',
        source: { query: 'SELECT 1 AS k, 1 AS x' },
        partitionBy: ['k'],
        params: { calls: join(project.folder, 'anew'), gate: join(project.folder, 'anew.gate') },
        onExisting: 'overwrite',
      },
      { runId },
    );
    expect(await again.wait()).toMatchObject({ status: 'SUCCESS', counts: { DONE: 1 } });
  });
});
