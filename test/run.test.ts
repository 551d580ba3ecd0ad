import { rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { RunInput } from '../src/core/input';
import { queryRows, withDatabase } from '../src/duckdb/database-file';
import { REPOSITORY, makeProject, type TestProject } from './support/project';

const FLIGHTS = join(REPOSITORY, 'test/data/flights_2013.parquet');

const FUNCTIONS = `
import { definePartitionFunction } from 'partwise';

export const summary = definePartitionFunction({
  name: 'summary',
  async run(data, context) {
    const rows = await data.rows<{ dep_delay: number | null; distance: number }>();
    const delays = rows.flatMap(({ dep_delay }) => (dep_delay === null ? [] : [dep_delay]));
    return {
      flights: rows.length,
      delays: delays.length,
      delay_sum: delays.reduce((a, b) => a + b, 0),
      distance: rows.reduce((a, { distance }) => a + distance, 0),
    };
  },
});

export const throwsFor = definePartitionFunction({
  name: 'throwsFor',
  retry: { maximumAttempts: 2, initialInterval: 10 },
  async run(data, context) {
    console.log('calling', context.partitionId, context.attempt);
    const { failing = [], once = [] } = context.params as { failing?: string[]; once?: string[] };
    if (failing.includes(context.partitionId)) throw new RangeError('no good: ' + context.partitionId);
    if (once.includes(context.partitionId) && context.attempt === 1) throw new Error('only the first time');
    await context.upload('note.json', { id: context.partitionId, attempt: context.attempt });
    return { attempt: context.attempt };
  },
});

export const count = definePartitionFunction({ name: 'count', run: (data) => ({ n: data.rowCount }) });

export const withRates = definePartitionFunction({
  name: 'withRates',
  run: (data, context) =>
    context.withConnection((warehouse) => warehouse.query('SELECT rate FROM rates WHERE region = ? AND rate > ?', [context.key.region, 1])),
});

export const programmingError = definePartitionFunction({
  name: 'programmingError',
  run(data, context) {
    return undefinedName(context);
  },
});

export const hostile = definePartitionFunction({
  name: 'hostile',
  async run(data, context) {
    await context.upload('key.json', context.key);
    return { rows: data.rowCount };
  },
});
`;

let project: TestProject;
beforeAll(async () => {
  project = await makeProject(FUNCTIONS, { config: { allow: { files: ['.', dirname(FLIGHTS)] } } });
  await project.startWorker();
});
afterAll(() => project.close());

const runToEnd = async (name: string, input: RunInput) => {
  const run = await project.partwise.start(input, { runId: project.runId(name) });
  return { run, state: await run.wait() };
};

describe('flights', () => {
  const flightsBy = async (...by: string[]) => {
    const { run, state } = await runToEnd('flights', {
      function: 'summary',
      source: { files: FLIGHTS },
      partitionBy: by,
    });
    expect(state.status).toBe('SUCCESS');
    const keys = by.map((name) => `"${name}"`).join(', ');
    const expected = await withDatabase(':memory:', 'read', (duckdb) =>
      queryRows(
        duckdb,
        `SELECT ${keys}, count(*)::INTEGER AS flights, count(dep_delay)::INTEGER AS delays, coalesce(sum(dep_delay), 0)::DOUBLE AS delay_sum,
           sum(distance)::DOUBLE AS distance
         FROM '${FLIGHTS}' GROUP BY ${keys} ORDER BY ${by.map((name) => `"${name}" NULLS LAST`).join(', ')}`,
      ),
    );
    return { state, rows: await run.results(), expected };
  };

  it('by destination match a GROUP BY row for row', async () => {
    const { state, rows, expected } = await flightsBy('dest');
    expect(state.counts).toMatchObject({ total: 105, DONE: 105 });
    expect(rows).toEqual(expected);
  });

  it('by carrier and origin match a GROUP BY row for row', async () => {
    const { state, rows, expected } = await flightsBy('carrier', 'origin');
    expect(state.counts).toMatchObject({ total: 35, DONE: 35 });
    expect(rows).toEqual(expected);
  });

  it('by tail number, in batches and with a NULL key, match a GROUP BY row for row', async () => {
    const { state, rows, expected } = await flightsBy('tailnum');
    expect(state.counts).toMatchObject({ total: 4_044, DONE: 4_044 });
    expect(rows).toEqual(expected);
    expect(rows.at(-1)).toMatchObject({ tailnum: null, flights: 2_512 });
  });
});

describe('a run', () => {
  beforeAll(() =>
    project.execute(
      "CREATE TABLE sales AS SELECT * FROM (VALUES ('North', 1, DATE '2024-01-01'), ('North', 2, DATE '2024-01-02'), ('South', 3, NULL), ('West', 4, NULL)) t(region, amount, day)",
      'CREATE TABLE many AS SELECT range // 2 AS k, range AS v FROM range(1400)',
    ),
  );
  const sales = { source: { table: 'sales' }, partitionBy: ['region'] };

  it('with a failing partition runs all others, and then fails with the counts (I8)', async () => {
    const { run, state } = await runToEnd('partial', {
      function: 'throwsFor',
      ...sales,
      params: { failing: ['South'] },
    });
    expect(state).toMatchObject({
      status: 'PARTIAL_FAILURE',
      counts: { total: 3, DONE: 2, FAILED: 1 },
      error: { type: 'PartialFailure' },
    });
    const described = await project.client.workflow.getHandle(run.runId).describe();
    expect(described.status.name).toBe('FAILED');
    const south = await run.partition('South').describe();
    expect(south).toMatchObject({
      status: 'FAILED',
      attempts: 2,
      error: { type: 'RangeError', message: 'no good: South' },
      artifacts: [],
    });
    expect(south.error!.stack).toMatch(/functions\.ts:\d+/);
  });

  it('with failures within its tolerance completes (I8)', async () => {
    const { run, state } = await runToEnd('tolerated', {
      function: 'throwsFor',
      ...sales,
      params: { failing: ['South'] },
      options: { toleratedFailures: 1 },
    });
    expect(state).toMatchObject({ status: 'PARTIAL_FAILURE', counts: { DONE: 2, FAILED: 1 } });
    expect((await project.client.workflow.getHandle(run.runId).describe()).status.name).toBe('COMPLETED');
  });

  it('in which no partition is DONE is a FAILURE, whatever the tolerance (I8)', async () => {
    const { state } = await runToEnd('none', {
      function: 'throwsFor',
      ...sales,
      params: { failing: ['North', 'South', 'West'] },
      options: { toleratedFailures: 100 },
    });
    expect(state.status).toBe('FAILURE');
  });

  it('retries a partition that threw, and keeps the artifacts of the call that succeeded', async () => {
    const { run, state } = await runToEnd('retried', {
      function: 'throwsFor',
      ...sales,
      params: { once: ['West'] },
    });
    expect(state.status).toBe('SUCCESS');
    expect(await run.partition('West').describe()).toMatchObject({
      status: 'DONE',
      attempts: 2,
      artifacts: [{ name: 'note.json' }],
    });
    expect(await run.partition('West').artifacts.get('note.json')).toEqual({ id: 'West', attempt: 2 });
    expect((await run.partition('West').logs()).map(({ text }) => text)).toEqual([
      'calling West 1',
      'calling West 2',
    ]);
    expect(await run.results()).toEqual([
      { region: 'North', attempt: 1 },
      { region: 'South', attempt: 1 },
      { region: 'West', attempt: 2 },
    ]);
  });

  it('does not retry programming errors', async () => {
    const { run, state } = await runToEnd('bug', { function: 'programmingError', ...sales });
    expect(state.status).toBe('FAILURE');
    expect(await run.partition('North').describe()).toMatchObject({
      attempts: 1,
      error: { type: 'ReferenceError' },
    });
  });

  it('retries only the partitions of a batch that threw (I4)', async () => {
    const { run, state } = await runToEnd('batch-retry', {
      function: 'throwsFor',
      source: { table: 'many' },
      partitionBy: ['k'],
      params: { once: ['3', '500'], failing: ['7'] },
      options: { toleratedFailures: 1 },
    });
    expect(state).toMatchObject({ status: 'PARTIAL_FAILURE', counts: { total: 700, DONE: 699, FAILED: 1 } });
    expect(await run.partition('500').describe()).toMatchObject({ status: 'DONE', attempts: 2 });
    expect(await run.partition('7').describe()).toMatchObject({ status: 'FAILED', attempts: 2 });
    const rows = await run.results();
    expect(rows).toHaveLength(699);
    expect(rows.filter(({ attempt }) => attempt === 2).map(({ k }) => k)).toEqual([3, 500]);
  });

  it('of 5,000 partitions uses batches, and each partition has its own outcome', async () => {
    const { run, state } = await runToEnd('batches', {
      function: 'count',
      source: { query: 'SELECT range % 5000 AS k FROM range(12500)' },
      partitionBy: ['k'],
    });
    expect(state).toMatchObject({ status: 'SUCCESS', counts: { total: 5_000, DONE: 5_000 }, rows: 12_500 });
    expect(await run.partition('4999').describe()).toMatchObject({ status: 'DONE', attempts: 1, rows: 2 });
    const rows = await run.results();
    expect(rows.map(({ n }) => n)).toEqual(Array.from({ length: 5_000 }, (_, k) => (k < 2_500 ? 3 : 2)));
    const { historyLength } = await project.client.workflow.getHandle(run.runId).describe();
    expect(historyLength).toBeLessThan(1_500);
  });

  it('in one batch of hundreds puts no large payload into its history (I7)', async () => {
    const { run, state } = await runToEnd('one-batch', {
      function: 'count',
      source: { table: 'many' },
      partitionBy: ['k'],
      options: { partitionsPerUnit: 700 },
    });
    expect(state.counts).toMatchObject({ total: 700, DONE: 700 });
    const { events } = await project.client.workflow.getHandle(run.runId).fetchHistory();
    const results = events!.flatMap(
      ({ activityTaskCompletedEventAttributes: ended }) => ended?.result?.payloads ?? [],
    );
    expect(results.length).toBeGreaterThan(0);
    for (const { data } of results) expect(data!.length).toBeLessThan(10 * 1024);
  });

  it('in one batch of hundreds that fail keeps their errors out of its history (I7)', async () => {
    const { run, state } = await runToEnd('one-batch-fails', {
      function: 'sql',
      sql: "SELECT error('no rate for ' || any_value(k) || repeat(' of many', 30)) FROM data",
      source: { table: 'many' },
      partitionBy: ['k'],
      options: { partitionsPerUnit: 700, retry: { maximumAttempts: 1 } },
    });
    expect(state.counts).toMatchObject({ total: 700, FAILED: 700 });
    const { events } = await project.client.workflow.getHandle(run.runId).fetchHistory();
    const results = events!.flatMap(
      ({ activityTaskCompletedEventAttributes: ended }) => ended?.result?.payloads ?? [],
    );
    expect(results.length).toBeGreaterThan(0);
    for (const { data } of results) expect(data!.length).toBeLessThan(10 * 1024);
  });

  it('lets functions query the warehouse', async () => {
    await project.execute(
      "CREATE TABLE rates AS SELECT * FROM (VALUES ('North', 1), ('North', 2), ('South', 3)) t(region, rate)",
    );
    const { run, state } = await runToEnd('rates', { function: 'withRates', ...sales });
    expect(state.status).toBe('SUCCESS');
    expect(await run.results()).toEqual([
      { region: 'North', rate: 2 },
      { region: 'South', rate: 3 },
    ]);
  });

  it('runs SQL without any code, and keeps its types', async () => {
    const { run, state } = await runToEnd('sql', {
      function: 'sql',
      sql: 'SELECT count(*) AS n, max(day) AS last, sum(amount)::DECIMAL(10,2) AS total FROM data',
      ...sales,
      output: { table: 'totals' },
    });
    expect(state).toMatchObject({ status: 'SUCCESS', commit: { target: 'totals', rows: 3 } });
    const columns = await project.query<{ column_type: string }>('DESCRIBE totals');
    expect(columns.map(({ column_type }) => column_type)).toEqual([
      'VARCHAR',
      'BIGINT',
      'DATE',
      'DECIMAL(10,2)',
    ]);
    expect((await run.results())[0]).toMatchObject({
      region: 'North',
      n: 2,
      last: new Date('2024-01-02'),
      total: 3,
    });
  });

  it("keeps last night's table when more partitions fail than are tolerated (I10)", async () => {
    const output = { table: 'nightly' };
    await runToEnd('night-1', { function: 'throwsFor', ...sales, output });
    await runToEnd('night-2', { function: 'throwsFor', ...sales, output, params: { failing: ['North'] } });
    const rows = await project.query<{ region: string }>('SELECT region FROM nightly ORDER BY region');
    expect(rows.map(({ region }) => region)).toEqual(['North', 'South', 'West']);
  });

  it('returns hostile keys, typed, with their own artifacts and logs (I6)', async () => {
    await project.execute(
      `CREATE TABLE hostile AS SELECT * FROM (VALUES (NULL, 1), ('', 1), (' ', 1), ('/', 1), ('..', 1), ('%', 1), ('é', 1), ('e\u0301', 1), ('A', 1), ('a', 1), ('a', 2),
        (repeat('x', 300), 1), ('a/../../b', NULL)) t(k, n)`,
    );
    const { run, state } = await runToEnd('hostile', {
      function: 'hostile',
      source: { table: 'hostile' },
      partitionBy: ['k', 'n'],
    });
    expect(state).toMatchObject({ status: 'SUCCESS', counts: { DONE: 13 } });
    const { partitions } = await run.partitions();
    expect(new Set(partitions.map(({ id }) => id)).size).toBe(13);
    for (const { id, key } of partitions)
      expect(await run.partition(id).artifacts.get('key.json')).toEqual(key);
    expect(partitions.map(({ key }) => key)).toContainEqual({ k: 'a/../../b', n: null });
    expect(partitions.map(({ key }) => key)).toContainEqual({ k: null, n: 1 });
  });

  it('reads the same from its history and files by a client that has nothing else (I2)', async () => {
    const { run } = await runToEnd('restored', {
      function: 'throwsFor',
      ...sales,
      params: { failing: ['South'] },
    });
    const { Partwise } = await import('../src/index');
    const other = Partwise.fromClient(project.client, { taskQueue: 'another' }).getRun(run.runId);
    const { asOf: _, ...first } = await run.status();
    const { asOf: __, ...second } = await other.status();
    expect(second).toEqual(first);
    expect(await other.partitions()).toEqual(await run.partitions());
  });

  it('shows an artifact only if its bytes are those that the outcome records (I3)', async () => {
    const { run } = await runToEnd('tampered', { function: 'throwsFor', ...sales });
    const stage = join(project.folder, 'stage');
    const { readdir, writeFile } = await import('node:fs/promises');
    const files = (await readdir(stage, { recursive: true })).filter(
      (file) => file.includes(run.runId) && file.endsWith('note.json'),
    );
    expect(files).toHaveLength(3);
    for (const file of files) {
      await rm(join(stage, file));
      await writeFile(join(stage, file), '{"id":"forged","attempt":9}');
    }
    await expect(run.partition('North').artifacts.get('note.json')).rejects.toThrow('sha256');
  });
});
