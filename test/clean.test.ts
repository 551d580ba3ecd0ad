/** What `clean` removes from a stage, and what it leaves: on real runs, one of them killed. */
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { RunHandle, RunInput } from '../src/index';
import { selectRuns } from '../src/client/clean/selection';
import { cli } from './support/cli';
import { changed } from './support/files';
import { forget } from './support/forget';
import { makeProject, type TestProject } from './support/project';
import { until } from './support/until';

const FUNCTIONS = `
import { appendFileSync, existsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { definePartitionFunction } from 'partwise';

/** Uploads, then waits for the file params.gate if it is set. */
export const totals = definePartitionFunction({
  name: 'totals',
  async run(data, context) {
    const { calls, gate, gated } = context.params;
    const [{ total }] = await data.sql\`SELECT sum(amount) AS total FROM data\`;
    await context.upload('totals.json', { total });
    console.log('uploaded');
    appendFileSync(calls, context.partitionId + '\\n');
    if (gate !== undefined && context.partitionId === gated) while (!existsSync(gate)) await sleep(20);
    return { total };
  },
});
`;

let project: TestProject;
let calls: string;
beforeAll(async () => {
  const stages = Array.from({ length: 50 }, (_, i) => `stage-${i + 1}`);
  project = await makeProject(FUNCTIONS, { config: { allow: { stages } } });
  calls = join(project.folder, 'calls');
  await writeFile(calls, '');
  await project.execute(
    "CREATE TABLE sales AS SELECT ['a', 'b', 'c'][1 + range % 3] AS region, range AS amount FROM range(30)",
  );
  await project.startWorker();
});
afterAll(() => project.close());

/** Each test has its own stage. */
let stage: string;
let stages = 0;
beforeEach(async () => {
  stage = `stage-${++stages}`;
  await mkdir(join(project.folder, stage));
});

const input = (changes: Partial<RunInput> = {}): RunInput => ({
  function: 'totals',
  source: { table: 'sales' },
  partitionBy: ['region'],
  stage,
  ...changes,
  params: { calls, ...changes.params },
});

async function finished(name: string, changes: Partial<RunInput> = {}): Promise<RunHandle> {
  const run = await project.partwise.start(input(changes), { runId: project.runId(name) });
  expect((await run.wait()).status).toBe('SUCCESS');
  return project.partwise.getRun(run.runId);
}

/** Paths of files on the stage. */
async function files(below = ''): Promise<string[]> {
  const found = await readdir(join(project.folder, stage, below), { recursive: true, withFileTypes: true });
  return found
    .filter((entry) => entry.isFile() && !entry.parentPath.includes('.partial'))
    .map((entry) => join(entry.parentPath, entry.name).slice(join(project.folder, stage).length + 1))
    .filter((path) => !path.startsWith('.'))
    .sort();
}

const clean = (options: Parameters<typeof project.partwise.clean>[0] = {}) =>
  project.partwise.clean({ stage, ...options });

/** Ids of the removed runs. */
const removed = async (options: Parameters<typeof clean>[0]): Promise<string[]> =>
  (await clean(options)).runs.filter(({ what }) => what === 'run').map(({ runId }) => runId);

/** Deletes the run's history from the server and the stage; its other files stay. */
async function forgetHistory(runId: string): Promise<void> {
  await forget(project.client, { workflowId: runId });
  await rm(join(project.folder, stage, runId, 'archive'), { recursive: true });
}

/** Starts a new execution of the run as Temporal's own tools do: they name the stage. */
async function retried(run: RunHandle): Promise<RunHandle> {
  await project.client.workflow.start('partitionedRun', {
    workflowId: run.runId,
    taskQueue: project.taskQueue,
    args: [{ onExisting: 'retry', stage }],
  });
  return project.partwise.getRun(run.runId);
}

const totalOf = (run: RunHandle, partition: string): Promise<unknown> =>
  run.partition(partition).artifacts.get('totals.json');

describe('removed runs', () => {
  it('lose everything but their locator, as the dry run says, and can no longer be read or retried', async () => {
    const [one, two] = [await finished('one'), await finished('two')];
    const before = await files();
    const planned = await clean({ runs: [one.runId], dryRun: true });
    expect(await files()).toEqual(before);
    const ofOne = before.filter((path) => path.startsWith(one.runId));
    const sizes = await Promise.all(ofOne.map((path) => stat(join(project.folder, stage, path))));
    expect(planned).toMatchObject({
      dryRun: true,
      files: ofOne.length - 1,
      runs: [{ runId: one.runId, what: 'run', files: ofOne.length - 1, needed: { files: 0 } }],
    });
    expect(planned.bytes).toBeGreaterThan(0);
    expect(planned.bytes).toBeLessThanOrEqual(sizes.reduce((sum, { size }) => sum + size, 0));

    expect(await clean({ runs: [one.runId] })).toEqual({ ...planned, dryRun: false });
    expect(await files(one.runId)).toEqual([`${one.runId}/executions/1.json`]);
    expect(await readdir(join(project.folder, stage, one.runId))).toEqual(['executions']);
    expect(await totalOf(two, 'a')).toEqual({ total: 135 });
    expect(await two.results()).toHaveLength(3);

    const handle = await project.client.workflow.start('partitionedRun', {
      workflowId: one.runId,
      taskQueue: project.taskQueue,
      args: [{ onExisting: 'retry', stage }],
    });
    await expect(handle.result()).rejects.toMatchObject({
      cause: { message: expect.stringContaining('snapshot is no longer complete on the stage') },
    });
    const gone = `The files of the run "${one.runId}" were deleted from the stage`;
    await expect(one.results()).rejects.toThrow(gone);
    await expect(totalOf(one, 'a')).rejects.toThrow(gone);
    await expect(one.partition('a').logs()).rejects.toThrow(gone);
    await expect(one.logs()[Symbol.asyncIterator]().next()).rejects.toThrow(gone);
    await expect(project.partwise.debug(one.runId, 'a')).rejects.toThrow(gone);
    expect(await removed({ keep: 1 })).toEqual([]);
    expect(await removed({ keep: 0 })).toEqual([two.runId]);
  });

  it('are those that ended before the given time, except the newest, and never one in progress', async () => {
    const [old, middle, young] = [await finished('old'), await finished('middle'), await finished('young')];
    const gate = join(project.folder, `${stage}.gate`);
    await writeFile(calls, '');
    const open = await project.partwise.start(input({ params: { gate, gated: 'b' } }), {
      runId: project.runId('open'),
    });
    await changed(calls, () => readFileSync(calls, 'utf8').split('\n').includes('b'));
    const ofOpen = (await files(open.runId)).length;
    expect(await removed({ olderThan: 1, keep: 3, dryRun: true })).toEqual([old.runId]);
    expect(await removed({ olderThan: '1d', dryRun: true })).toEqual([]);
    expect(await removed({ keep: 2, dryRun: true })).toEqual([old.runId, middle.runId]);
    await clean({ keep: 0 });
    expect((await files(open.runId)).length).toBeGreaterThanOrEqual(ofOpen);
    expect(await files(young.runId)).toEqual([`${young.runId}/executions/1.json`]);
    await expect(clean({ runs: [open.runId, 'nope'] })).rejects.toMatchObject({
      name: 'CleanRefused',
      problems: [
        expect.stringContaining(`The run "${open.runId}" is in progress`),
        'The stage has no run "nope".',
      ],
    });
    await writeFile(gate, '');
    expect(await open.wait()).toMatchObject({ status: 'SUCCESS', counts: { DONE: 3 } });
    expect(await open.results()).toHaveLength(3);
  });

  it('leave behind files that another run reused or that the series may reuse next (I3)', async () => {
    const series = { series: 'nightly', onUnchanged: 'reuse' } as const;
    const apart = await finished('apart');
    const first = await finished('first', series);
    await project.execute("INSERT INTO sales VALUES ('c', 1)");
    const second = await finished('second', series);
    expect(await second.status()).toMatchObject({ reused: 2 });
    const report = await clean({ runs: [first.runId] });
    // The artifacts of a and b.
    expect(report.runs).toMatchObject([{ runId: first.runId, needed: { files: 2 } }]);
    expect(await totalOf(second, 'a')).toEqual({ total: 135 });
    expect(await second.results()).toHaveLength(3);

    // Without the second run, the ledger still needs them, and the rows of the second.
    await clean({ runs: [second.runId] });
    const third = await finished('third', series);
    expect(await third.status()).toMatchObject({ reused: 3 });
    expect(await totalOf(third, 'b')).toEqual({ total: 145 });
    expect(await third.results()).toMatchObject([{ total: 135 }, { total: 145 }, { total: 156 }]);
    // Files needed only by the second run's copy of the rows are gone with the next ledger.
    const later = await clean();
    expect(later.ledgers.files).toBe(2);
    expect((await files('@series')).length).toBe(1);
    expect(await totalOf(third, 'b')).toEqual({ total: 145 });
    expect(await clean()).toMatchObject({ files: 0 });
    // Runs outside a series are unchanged.
    expect(await totalOf(apart, 'a')).toEqual({ total: 135 });
    expect(await apart.results()).toHaveLength(3);
    expect(await apart.partition('c').describe()).toMatchObject({ status: 'DONE' });
  });

  it('free their id once the server no longer has them: the next run with that id writes its rows (I10)', async () => {
    const runId = project.runId('monthly');
    const output = { table: 'monthly', mode: 'replace' } as const;
    const begin = async (changes: Partial<RunInput>) =>
      (await project.partwise.start(input({ output, ...changes }), { runId })).wait();
    expect(await begin({})).toMatchObject({ commit: { rows: 3 }, executions: [{ execution: 1 }] });
    await forgetHistory(runId);
    await clean({ runs: [runId] });
    expect(await begin({ where: "region <> 'c'" })).toMatchObject({
      commit: { rows: 2 },
      executions: [{ execution: 1 }],
    });
    const written = await project.query('SELECT region FROM monthly ORDER BY region');
    expect(written).toEqual([{ region: 'a' }, { region: 'b' }]);
  });

  it('leave behind files reused by a run that cannot be read here (I3)', async () => {
    const series = { series: 'nightly', onUnchanged: 'reuse' } as const;
    const first = await finished('first', series);
    const second = await finished('second', series);
    expect(await second.status()).toMatchObject({ reused: 3 });
    // The ledger no longer needs the first run.
    await finished('third', { ...series, params: { other: true } });
    await forgetHistory(second.runId);
    const report = await clean({ runs: [first.runId] });
    expect(report.runs).toMatchObject([{ runId: first.runId, needed: { files: 3 } }]);
  });
});

describe('runs that are kept', () => {
  it('lose files left by a killed attempt, and keep what they recorded, including logs', async () => {
    const gate = join(project.folder, `${stage}.gate`);
    await writeFile(calls, '');
    const own = await makeProject(FUNCTIONS);
    try {
      await own.execute("CREATE TABLE sales AS SELECT 'a' AS region, 1 AS amount");
      const worker = await own.startWorker();
      const run = await own.partwise.start(
        {
          function: 'totals',
          source: { table: 'sales' },
          partitionBy: ['region'],
          params: { calls, gate, gated: 'a' },
          options: { heartbeatTimeout: '3s' },
        },
        { runId: own.runId('killed') },
      );
      await changed(calls, () => readFileSync(calls, 'utf8') !== '');
      worker.kill('SIGKILL');
      await writeFile(gate, '');
      await own.startWorker();
      expect((await run.wait()).status).toBe('SUCCESS');
      const listed = async (): Promise<string[]> =>
        (await readdir(join(own.folder, 'stage', run.runId), { recursive: true })).filter((path) =>
          path.endsWith('totals.json'),
        );
      expect(await listed()).toHaveLength(2);
      const report = await own.partwise.clean();
      expect(report.runs).toMatchObject([{ runId: run.runId, what: 'leftovers' }]);
      expect(await listed()).toHaveLength(1);
      expect(await totalOf(run, 'a')).toEqual({ total: 1 });
      expect(await run.partition('a').logs()).toMatchObject([{ text: 'uploaded' }]);
      expect(await run.results()).toMatchObject([{ region: 'a', total: 1 }]);
      expect(await own.partwise.clean()).toMatchObject({ files: 0, runs: [] });
    } finally {
      await own.close();
    }
  });

  it.each([
    ['', false],
    [', even if a retry in between ended before planning finished', true],
  ])(
    'can be retried after they were interrupted, with what their units had recorded%s (I4)',
    async (_, between) => {
      await writeFile(calls, '');
      const gate = join(project.folder, `${stage}.gate`);
      const run = await project.partwise.start(
        input({
          params: { gate, gated: 'b' },
          options: { partitionsPerUnit: 3, maxConcurrency: 1, heartbeatTimeout: '3s' },
        }),
        { runId: project.runId('cut') },
      );
      const segments = async (): Promise<string[]> =>
        (await files(run.runId).catch(() => [])).filter((path) => path.includes('/segments/'));
      await until(async () => (await segments()).length > 0);
      await project.client.workflow.getHandle(run.runId).terminate();
      await run.wait();
      if (between) {
        const unplanned = await retried(run);
        // Then it waits until nothing of the first execution can still be running.
        await until(() => existsSync(join(project.folder, stage, run.runId, 'executions', '2.json')));
        await project.client.workflow.getHandle(unplanned.runId).terminate();
      }
      await clean();
      expect(await segments()).not.toEqual([]);
      await writeFile(gate, '');
      await writeFile(calls, '');
      const again = await retried(run);
      expect(await again.wait()).toMatchObject({ status: 'SUCCESS', counts: { DONE: 3 } });
      expect(readFileSync(calls, 'utf8').split('\n').slice(0, -1).sort()).not.toContain('a');
      await clean();
      expect(await segments()).toEqual([]);
      expect(await totalOf(again, 'a')).toEqual({ total: 135 });
      expect(await again.results()).toHaveLength(3);
    },
  );
});

describe('partwise clean', () => {
  it('shows what it would remove, requires --yes where it cannot ask, and then removes it', async () => {
    const run = await finished('shown');
    const flags = ['clean', '--stage', stage, '--run', run.runId];
    const dry = await cli(project.folder, [...flags, '--dry-run']);
    expect(dry).toMatchObject({ code: 0 });
    expect(dry.stdout).toContain(run.runId);
    expect(dry.stdout).toContain('whole run');
    expect(dry.stderr).toMatch(/files \(.+\) would be deleted \(--dry-run: nothing was\)\./);
    const unasked = await cli(project.folder, flags);
    expect(unasked).toMatchObject({ code: 2 });
    expect(unasked.stderr).toContain('Add --yes to delete these files, or --dry-run to list them');
    expect((await files(run.runId)).length).toBeGreaterThan(1);
    const done = await cli(project.folder, [...flags, '--yes', '--json']);
    expect(JSON.parse(done.stdout)).toMatchObject({ dryRun: false, runs: [{ runId: run.runId }] });
    expect(existsSync(join(project.folder, stage, run.runId, 'g1'))).toBe(false);
    const both = await cli(project.folder, ['clean', '--run', 'x', '--keep', '3']);
    expect(both).toMatchObject({ code: 2 });
    expect(both.stderr).toContain('give one or the other');
  });
});

describe('choosing runs', () => {
  const run = (runId: string, status: 'running' | 'ended' | 'unknown', day: number) => ({
    runId,
    status,
    isBare: false,
    endedAt: `2026-11-${String(day).padStart(2, '0')}T00:00:00.000Z`,
  });
  const runs = [
    run('open', 'running', 1),
    run('fifth', 'ended', 5),
    run('tenth', 'ended', 10),
    run('elsewhere', 'unknown', 2),
    { ...run('cleaned before', 'ended', 11), isBare: true },
  ];
  const now = Date.parse('2026-11-12T00:00:00.000Z');
  const select = (olderThanMs: number | null, keep: number | null): string[] =>
    [...selectRuns(runs, { runs: null, olderThanMs, keep }, now)].sort();

  it.each([
    ['no criteria, and removes nothing', null, null, []],
    ['an age', 3 * 86_400_000, null, ['elsewhere', 'fifth']],
    ['a number of newest runs to keep, a running one included', null, 2, ['cleaned before', 'fifth']],
    ['a number, and keeps runs whose end is unknown', null, 0, ['cleaned before', 'fifth', 'tenth']],
    ['an age and a number of newest runs to keep', 3 * 86_400_000, 3, ['elsewhere']],
  ])('accepts %s', (_, olderThanMs, keep, expected) => {
    expect(select(olderThanMs, keep)).toEqual(expected);
  });
});
