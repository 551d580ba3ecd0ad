/**
 * Runs of a series that reuse earlier outcomes. The functions write each call to an external file, as a
 * record of what was really called.
 */
import { existsSync, readFileSync } from 'node:fs';
import { readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { RunHandle, RunInput } from '../src/index';
import { cli } from './support/cli';
import { end, makeProject, type TestProject } from './support/project';
import { until } from './support/until';

const code = (version: number): string => `
import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { definePartitionFunction } from 'partwise';

export const version = ${version};

/** Fails for the partitions that the file params.failing names; waits for params.gate if it is set. */
export const totals = definePartitionFunction({
  name: 'totals',
  async run(data, context) {
    const { calls, failing, gate, gated } = context.params;
    appendFileSync(calls, context.partitionId + '\\n');
    if (gate !== undefined && [undefined, context.partitionId].includes(gated)) while (!existsSync(gate)) await sleep(20);
    if (readFileSync(failing, 'utf8').split('\\n').includes(context.partitionId)) {
      throw new Error('cannot add up ' + context.partitionId);
    }
    const [{ n, total }] = await data.sql\`SELECT count(*) AS n, sum(amount) AS total FROM data\`;
    await context.upload('totals.json', { id: context.partitionId, total });
    return { n, total };
  },
});
`;

let project: TestProject;
beforeAll(async () => {
  project = await makeProject(code(1));
  await project.startWorker();
});
afterAll(() => project.close());

/** Runs of one series over their own table, with their own external files. */
async function makeSeries(
  name: string,
  rows: string,
): Promise<{
  table: string;
  series: string;
  /** Runs it and returns the calls. */
  run(changes?: Partial<RunInput>, runId?: string): Promise<{ run: RunHandle; called: string[] }>;
  start(changes?: Partial<RunInput>, runId?: string): Promise<RunHandle>;
  calls(): string[];
  fail(...ids: string[]): Promise<void>;
}> {
  const series = project.runId(name);
  const table = series.replaceAll('-', '_');
  const file = join(project.folder, `${series}.calls`);
  const failing = join(project.folder, `${series}.failing`);
  await writeFile(file, '');
  await writeFile(failing, '');
  await project.execute(`CREATE TABLE ${table} AS ${rows}`);
  const calls = (): string[] => readFileSync(file, 'utf8').split('\n').slice(0, -1);
  const start = (
    { params, ...changes }: Partial<RunInput> = {},
    runId = project.runId(name),
  ): Promise<RunHandle> =>
    project.partwise.start(
      {
        function: 'totals',
        source: { table },
        partitionBy: ['region'],
        series,
        onUnchanged: 'reuse',
        params: { calls: file, failing, ...params },
        options: { retry: { maximumAttempts: 1 } },
        ...changes,
      },
      { runId },
    );
  return {
    table,
    series,
    start,
    calls,
    fail: (...ids) => writeFile(failing, ids.join('\n')),
    async run(changes, runId) {
      const before = calls().length;
      const run = await start(changes, runId);
      await run.wait();
      return { run, called: calls().slice(before).sort() };
    },
  };
}

const FOUR = "SELECT ['a', 'b', 'c', 'd'][1 + range % 4] AS region, range AS amount FROM range(40)";

/** The result of a plain GROUP BY. */
function expected(table: string): Promise<Record<string, unknown>[]> {
  return project.query(
    `SELECT region, count(*)::INTEGER AS n, sum(amount)::DOUBLE AS total FROM ${table} GROUP BY region ORDER BY region`,
  );
}

describe('a run of a series', () => {
  it('calls the function only for the 7 of 1,000 regions that changed (I4)', async () => {
    const { table, run } = await makeSeries(
      'nightly',
      "SELECT 'region ' || (range % 1000) AS region, range AS amount FROM range(20000)",
    );
    const output = { table: `${table}_out` };
    const first = await run({ output });
    expect(first.called).toHaveLength(1000);
    expect(await first.run.status()).toMatchObject({ status: 'SUCCESS', reused: 0 });

    const changed = [5, 77, 300, 301, 302, 640, 999].map((n) => `region ${n}`).sort();
    await project.execute(
      `UPDATE ${table} SET amount = amount + 1 WHERE region IN (${changed.map((id) => `'${id}'`).join(', ')})`,
    );
    const second = await run({ output });
    expect(second.called).toEqual(changed.map((id) => encodeURIComponent(id)));
    const state = await second.run.status();
    expect(state).toMatchObject({ status: 'SUCCESS', counts: { total: 1000, DONE: 1000 }, reused: 993 });
    expect(state.commit).toMatchObject({ rows: 1000 });

    const comparison = await first.run.compare(second.run);
    expect(comparison).toMatchObject({
      inBoth: 1000,
      differences: { gone: 0, new: 0, status: 0, rows: 7, returnedRows: 0 },
      causes: { rows: 7, code: 0, params: 0, runtime: 0, none: 0 },
      rowsCompared: true,
    });
    expect(comparison.examples.map(({ id }) => decodeURIComponent(id)).sort()).toEqual(changed);

    // Results, artifacts and the table equal those of a run that ran everything.
    const wanted = await expected(table);
    const found = (await second.run.results()).map(({ region, n, total }) => ({
      region,
      n: Number(n),
      total: Number(total),
    }));
    expect(found).toEqual(wanted);
    expect(
      await project.query(
        `SELECT region, n::INTEGER AS n, total::DOUBLE AS total FROM ${output.table} ORDER BY region`,
      ),
    ).toEqual(wanted);
    const reused = second.run.partition('region%201');
    expect(await reused.describe()).toMatchObject({ status: 'DONE', reused: true, attempts: 0 });
    expect(await reused.artifacts.get('totals.json')).toMatchObject({ id: 'region%201' });
    expect(await reused.result()).toMatchObject([{ region: 'region 1' }]);
    expect(await second.run.partition('region%205').describe()).toMatchObject({ reused: false, attempts: 1 });

    const shown = await cli(project.folder, ['status', second.run.runId]);
    expect(shown.stdout).toContain('1,000 DONE (993 reused)');
    const listed = await cli(project.folder, ['partitions', second.run.runId, '--limit', '2']);
    expect(listed.stdout).toContain('DONE (reused)');

    // The next run reuses both reused and newly run partitions.
    const third = await run({ output });
    expect(third.called).toEqual([]);
    expect(await third.run.status()).toMatchObject({ reused: 1000, commit: { rows: 1000 } });
    expect(await third.run.partition('region%205').artifacts.get('totals.json')).toMatchObject({
      id: 'region%205',
    });
    expect((await third.run.results()).length).toBe(1000);
  });

  it('runs new partitions, and forgets removed ones', async () => {
    const { table, run } = await makeSeries('come-and-go', FOUR);
    await run();
    await project.execute(`DELETE FROM ${table} WHERE region = 'b'`, `INSERT INTO ${table} VALUES ('aa', 1)`);
    const { run: second, called } = await run();
    expect(called).toEqual(['aa']);
    expect((await second.results()).map(({ region }) => region)).toEqual(['a', 'aa', 'c', 'd']);
    expect(await second.status()).toMatchObject({ counts: { total: 4, DONE: 4 }, reused: 3 });
    // The ordinals of c and d have changed: their rows and artifacts were carried over.
    expect(await second.partition('d').result()).toMatchObject([{ region: 'd', n: 10 }]);
    expect(await second.partition('c').artifacts.get('totals.json')).toMatchObject({ id: 'c' });
    await project.execute(`INSERT INTO ${table} SELECT 'b', 1 + 4 * range FROM range(10)`);
    expect((await run()).called).toEqual(['b']);
  });

  it('detects a duplicated row, swapped values, and NULL that became a string', async () => {
    const { table, run } = await makeSeries(
      'subtle',
      `SELECT * FROM (VALUES
        ('a', 1, 'x', 'y'), ('a', 2, 'x', 'y'), ('a', 2, 'x', 'y'), ('b', 1, 'x', 'y'), ('b', 2, 'p', 'q'),
        ('c', 1, NULL, ''), ('d', 0, 'same', 'same')) AS t(region, amount, one, two)`,
    );
    await run();
    expect((await run()).called).toEqual([]);
    // Two rows of 1 and one of 2, which an XOR cannot distinguish from before.
    await project.execute(
      `DELETE FROM ${table} WHERE region = 'a'`,
      `INSERT INTO ${table} VALUES ('a', 1, 'x', 'y'), ('a', 1, 'x', 'y'), ('a', 2, 'x', 'y')`,
      `UPDATE ${table} SET one = two, two = one WHERE region = 'b' AND amount = 1`,
      `UPDATE ${table} SET one = 'NULL' WHERE region = 'c'`,
    );
    expect((await run()).called).toEqual(['a', 'b', 'c']);
    // Written again in another order: nothing has changed.
    await project.execute(
      `CREATE TABLE ${table}_copy AS SELECT * FROM ${table} ORDER BY amount DESC, region DESC`,
      `DELETE FROM ${table}`,
      `INSERT INTO ${table} SELECT * FROM ${table}_copy`,
    );
    expect((await run()).called).toEqual([]);
  });

  it('runs everything if parameters, column types or columns changed', async () => {
    const { table, run } = await makeSeries('basis', FOUR);
    const all = ['a', 'b', 'c', 'd'];
    expect((await run()).called).toEqual(all);
    expect((await run({ params: { b: 1, a: 2 } })).called).toEqual(all);
    expect((await run({ params: { a: 2, b: 1 } })).called).toEqual([]);
    await project.execute(`ALTER TABLE ${table} ALTER amount TYPE DOUBLE`);
    expect((await run({ params: { a: 2, b: 1 } })).called).toEqual(all);
    await project.execute(`ALTER TABLE ${table} ADD COLUMN note VARCHAR`);
    expect((await run({ params: { a: 2, b: 1 } })).called).toEqual(all);
    // With onUnchanged: "run" everything runs, and the next run reuses it.
    expect((await run({ onUnchanged: 'run', params: { a: 2, b: 1 } })).called).toEqual(all);
    expect((await run({ params: { a: 2, b: 1 } })).called).toEqual([]);
  });

  it('runs failed partitions, and reuses those that a retry fixed (I4)', async () => {
    const { run, fail, calls } = await makeSeries('failures', FOUR);
    await fail('b', 'c');
    expect((await run()).called).toEqual(['a', 'b', 'c', 'd']);
    await fail('c');
    const second = await run();
    expect(second.called).toEqual(['b', 'c']);
    expect(await second.run.status()).toMatchObject({ status: 'PARTIAL_FAILURE', reused: 2 });
    await fail();
    const before = calls().length;
    const again = await second.run.retry();
    expect(await again.wait()).toMatchObject({ status: 'SUCCESS', counts: { DONE: 4 }, reused: 2 });
    expect(calls().slice(before)).toEqual(['c']);
    expect((await again.results()).map(({ region }) => region)).toEqual(['a', 'b', 'c', 'd']);
    expect((await run()).called).toEqual([]);
  });

  it('keeps the last good outcome of a partition that fails on other rows, in case the rows come back', async () => {
    const { table, run, fail } = await makeSeries('back', FOUR);
    await run();
    await fail('b');
    await project.execute(`INSERT INTO ${table} VALUES ('b', 1000)`);
    expect((await run()).called).toEqual(['b']);
    await project.execute(`DELETE FROM ${table} WHERE amount = 1000`);
    expect((await run()).called).toEqual([]);
  });

  it('reuses unchanged partitions when overwriting, and a run of some partitions forgets none', async () => {
    const { table, run } = await makeSeries('again', FOUR);
    const runId = project.runId('again-run');
    await run({}, runId);
    await project.execute(`INSERT INTO ${table} VALUES ('d', 1)`);
    const second = await run({ onExisting: 'overwrite' }, runId);
    expect(second.called).toEqual(['d']);
    expect(await second.run.status()).toMatchObject({ reused: 3, executions: [{}, { generation: 2 }] });
    expect((await run({ only: ['a'] })).called).toEqual([]);
    expect((await run()).called).toEqual([]);
  });

  it('reruns a partition whose artifact or rows are gone from the stage', async () => {
    const { run } = await makeSeries('gone', FOUR);
    const first = await run();
    const files = await readdir(join(project.folder, 'stage', first.run.runId), { recursive: true });
    const artifact = files.find((file) => /-b[\\/]totals/.test(file))!;
    await rm(join(project.folder, 'stage', first.run.runId, artifact));
    const second = await run();
    expect(second.called).toEqual(['b']);
    expect(await second.run.partition('b').artifacts.get('totals.json')).toMatchObject({ id: 'b' });
    const reused = (await readdir(join(project.folder, 'stage', second.run.runId), { recursive: true })).find(
      (file) => file.endsWith('.parquet') && file.includes('reused-'),
    )!;
    await rm(join(project.folder, 'stage', second.run.runId, reused));
    expect((await run()).called).toEqual(['a', 'c', 'd']);
  });

  it('reuses the built-in function sql by its query, and files by their content', async () => {
    const { run } = await makeSeries('sql', FOUR);
    const sql = { function: 'sql', sql: 'SELECT count(*) AS n FROM data', params: {} };
    expect(await (await run(sql)).run.status()).toMatchObject({ reused: 0 });
    expect(await (await run(sql)).run.status()).toMatchObject({ reused: 4 });
    const other = await run({ ...sql, sql: 'SELECT count(*) + 1 AS n FROM data' });
    expect(await other.run.status()).toMatchObject({ reused: 0 });
    expect((await other.run.results())[0]).toMatchObject({ n: 11 });

    const source = { files: 'invoices', pattern: '*.csv' };
    const { mkdir } = await import('node:fs/promises');
    await mkdir(join(project.folder, 'invoices'));
    await project.write('invoices/one.csv', 'amount\n1\n');
    await project.write('invoices/two.csv', 'amount\n2\n');
    const files = await makeSeries('files', FOUR);
    expect((await files.run({ source, partitionBy: undefined })).called).toEqual(['one.csv', 'two.csv']);
    await project.write('invoices/two.csv', 'amount\n3\n');
    await project.write('invoices/three.csv', 'amount\n4\n');
    const again = await files.run({ source, partitionBy: undefined });
    expect(again.called).toEqual(['three.csv', 'two.csv']);
    expect(await again.run.results()).toMatchObject([{ total: 1 }, { total: 4 }, { total: 3 }]);
  });

  it('falls back to the previous ledger if a run ended without writing its own', async () => {
    const { table, run, start, calls } = await makeSeries('killed', FOUR);
    await run();
    await project.execute(`UPDATE ${table} SET amount = amount + 1 WHERE region IN ('a', 'b')`);
    const gate = join(project.folder, `${table}.gate`);
    const doomed = await start({ params: { gate } });
    await expect(doomed.status()).resolves.toMatchObject({ status: 'IN_PROGRESS' });
    await project.client.workflow.getHandle(doomed.runId).terminate();
    await writeFile(gate, '');
    await doomed.wait();
    const before = calls().length;
    const { run: next, called } = await run();
    expect(called.filter((id) => id === 'c' || id === 'd')).toEqual([]);
    expect(await next.status()).toMatchObject({ status: 'SUCCESS', reused: 2 });
    expect(calls().length).toBeGreaterThan(before);
    expect((await run()).called).toEqual([]);
  });

  it('loses nothing if two runs of a series finish at the same time', async () => {
    const { run, start } = await makeSeries(
      'both',
      'SELECT range % 40 AS region, range AS amount FROM range(400)',
    );
    const ids = (from: number): string[] => Array.from({ length: 20 }, (_, i) => String(from + i));
    const both = await Promise.all([start({ only: ids(0) }), start({ only: ids(20) })]);
    await Promise.all(both.map((each) => each.wait()));
    const { run: next, called } = await run();
    expect(called).toEqual([]);
    expect(await next.status()).toMatchObject({ reused: 40 });
  });

  it('reports immediately that reuse needs a series (I9)', async () => {
    const flags = ['--from', 'sales', '--by', 'region', '--on-unchanged', 'reuse'];
    const refused = await cli(project.folder, ['run', 'totals', ...flags]);
    expect(refused).toMatchObject({ code: 2 });
    expect(refused.stderr).toContain(
      '--on-unchanged is "reuse", which needs a --series of runs to reuse outcomes from: give all of them the same --series, such as "nightly".',
    );
  });
});

it('a batch shared by workers with different code records the code of each partition (I4)', async () => {
  const own = await makeProject(code(1));
  try {
    const file = join(own.folder, 'calls');
    const gate = join(own.folder, 'gate');
    const calls = (): string[] => readFileSync(file, 'utf8').split('\n').slice(0, -1).sort();
    await own.write('calls', '');
    await own.write('failing', '');
    await own.execute(`CREATE TABLE sales AS ${FOUR}`);
    const start = (): Promise<RunHandle> =>
      own.partwise.start(
        {
          function: 'totals',
          source: { table: 'sales' },
          partitionBy: ['region'],
          series: 'nightly',
          onUnchanged: 'reuse',
          params: { calls: file, failing: join(own.folder, 'failing'), gate, gated: 'b' },
          options: { partitionsPerUnit: 4, heartbeatTimeout: '3s' },
        },
        { runId: own.runId('mixed') },
      );
    const old = await own.startWorker();
    const run = await start();
    const recorded = async (): Promise<boolean> => {
      const paths = await readdir(join(own.folder, 'stage'), { recursive: true }).catch(() => []);
      return paths.some((path) => path.includes('segments/seg-'));
    };
    await until(recorded);
    old.kill('SIGKILL');
    await own.write('functions.ts', code(2));
    await writeFile(gate, '');
    await own.startWorker();
    expect(await run.wait()).toMatchObject({ status: 'SUCCESS' });
    expect([...new Set(calls())]).toEqual(['a', 'b', 'c', 'd']);
    await own.write('calls', '');
    const next = await start();
    expect(await next.wait()).toMatchObject({ status: 'SUCCESS', reused: 3 });
    expect(calls()).toEqual(['a']);
  } finally {
    await own.close();
  }
});

it('changed code runs everything, and a worker killed in between does not prevent reuse', async () => {
  const own = await makeProject(code(1));
  try {
    const file = join(own.folder, 'calls');
    await own.write('calls', '');
    await own.write('failing', '');
    await own.execute(`CREATE TABLE sales AS ${FOUR}`);
    const run = async (): Promise<string[]> => {
      const before = readFileSync(file, 'utf8').length;
      const handle = await own.partwise.start(
        {
          function: 'totals',
          source: { table: 'sales' },
          partitionBy: ['region'],
          series: 'nightly',
          onUnchanged: 'reuse',
          params: { calls: file, failing: join(own.folder, 'failing') },
        },
        { runId: own.runId('code') },
      );
      expect(await handle.wait()).toMatchObject({ status: 'SUCCESS' });
      return readFileSync(file, 'utf8').slice(before).split('\n').slice(0, -1).sort();
    };
    const worker = await own.startWorker();
    expect(await run()).toEqual(['a', 'b', 'c', 'd']);
    worker.kill('SIGKILL');
    const second = await own.startWorker();
    expect(await run()).toEqual([]);
    await end(second);
    await own.write('functions.ts', code(2));
    await own.startWorker();
    expect(await run()).toEqual(['a', 'b', 'c', 'd']);
    expect(existsSync(join(own.folder, 'stage', '@series', 'nightly'))).toBe(true);
  } finally {
    await own.close();
  }
});
