import { randomUUID } from 'node:crypto';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { DefaultLogger, NativeConnection, Runtime, Worker } from '@temporalio/worker';
import { wasRefused } from '../src/index';
import { REPOSITORY, SUITE, makeProject, type TestProject } from './support/project';

const FUNCTIONS = `
import { definePartitionFunction } from 'partwise';
export const salesByRegion = definePartitionFunction({ name: 'salesByRegion', run: (data) => ({ rows: data.rowCount }) });
export const returnsMap = definePartitionFunction({ name: 'returnsMap', run: () => new Map() as never });
export const leaves = definePartitionFunction({ name: 'leaves', run: (data, context) => context.upload('../x', 1) });
export const twice = definePartitionFunction({
  name: 'twice',
  async run(data, context) {
    await context.upload('x', 1);
    await context.upload('x', 2);
  },
});
export const says = definePartitionFunction({ name: 'says', run: (data, context) => context.heartbeat('x'.repeat(3_000_000)) });
export const gaps = definePartitionFunction({
  name: 'gaps',
  run(data, context) {
    context.expect(data.rowCount > 10, 'only ' + data.rowCount + ' rows');
  },
});
`;

let project: TestProject;
beforeAll(async () => {
  // Accepts them as if they were valid.
  const allow = {
    warehouses: ['duckdb:./stage'],
    stages: ['/proc/partwise', './partwise.config.json/stage', 'file://stage'],
  };
  project = await makeProject(FUNCTIONS, { config: { allow } });
  await project.execute(
    "CREATE TABLE sales AS SELECT unnest(['North', 'South']) AS region, 1 AS amount, NULL::VARCHAR AS store",
  );
  await project.startWorker();
});
afterAll(() => project.close());

/** Starts the workflow as `temporal workflow start` does, whatever the input. */
const startPlainly = async (...args: unknown[]) => {
  const workflowId = `plain-${randomUUID().slice(0, 8)}`;
  await project.client.workflow.start('partitionedRun', { workflowId, taskQueue: project.taskQueue, args });
  const run = project.partwise.getRun(workflowId);
  return { run, state: await run.wait() };
};
const good = { function: 'salesByRegion', source: { table: 'sales' }, partitionBy: ['region'] };

describe('a plain start (I9)', () => {
  it('with valid input runs', async () => {
    const { state } = await startPlainly(good);
    expect(state).toMatchObject({ status: 'SUCCESS', counts: { total: 2, DONE: 2 } });
  });

  it.each([
    ['nothing', []],
    ['null', [null]],
    ['a number', [42]],
    ['a string', ['hello']],
    ['JSON in a string', [JSON.stringify(good)]],
    ['a list', [[good]]],
    ['an empty object', [{}]],
  ])('with %s as input is refused with an explanation', async (_, args) => {
    const { state } = await startPlainly(...args);
    expect(state).toMatchObject({ status: 'FAILURE', error: { type: 'InvalidInput' }, counts: { total: 0 } });
    expect(state.error!.message).toMatch(/input|"function" is missing/i);
    expect(wasRefused(state)).toBe(true);
  });

  it('with a deeply nested argument is refused with an explanation', async () => {
    const nested = (levels: number): unknown => {
      let value: unknown = 1;
      for (let i = 0; i < levels; i++) value = [value];
      return value;
    };
    const { state: some } = await startPlainly({ ...good, params: { list: nested(200) } });
    expect(some).toMatchObject({ status: 'FAILURE', error: { type: 'InvalidInput' } });
    expect(some.error!.message).toContain('is nested more than 100 levels deep');
    const workflowId = `plain-${randomUUID().slice(0, 8)}`;
    const depth = 100_000;
    const data = Buffer.from(`{"function":"f","params":{"list":${'['.repeat(depth)}${']'.repeat(depth)}}}`);
    await project.client.workflowService.startWorkflowExecution({
      namespace: SUITE.namespace,
      workflowId,
      requestId: randomUUID(),
      workflowType: { name: 'partitionedRun' },
      taskQueue: { name: project.taskQueue },
      input: { payloads: [{ metadata: { encoding: Buffer.from('json/plain') }, data }] },
    });
    const state = await project.partwise.getRun(workflowId).wait();
    expect(state).toMatchObject({ status: 'FAILURE', error: { type: 'InvalidInput' } });
    expect(state.error!.message).toContain('[nested more than 1000 levels deep]');
  });

  it('with a payload that cannot be decoded ends', async () => {
    const workflowId = `plain-${randomUUID().slice(0, 8)}`;
    await project.client.workflowService.startWorkflowExecution({
      namespace: SUITE.namespace,
      workflowId,
      requestId: randomUUID(),
      workflowType: { name: 'partitionedRun' },
      taskQueue: { name: project.taskQueue },
      input: {
        payloads: [{ metadata: { encoding: Buffer.from('json/plain') }, data: Buffer.from('{"function": ') }],
      },
    });
    const run = project.partwise.getRun(workflowId);
    expect((await run.wait()).status).toBe('FAILURE');
  });

  it('reports every problem together', async () => {
    const { state } = await startPlainly({
      function: 'salesByRegoin',
      source: { table: 'sales' },
      partitionBy: ['regoin', 'amont'],
      warehouse: 'oracle:x',
    });
    expect(state.error!.message).toMatch('"warehouse"');
    const { state: later } = await startPlainly({
      function: 'salesByRegoin',
      source: { table: 'sales' },
      partitionBy: ['regoin', 'amont'],
    });
    expect(later.error!.message).toMatch('There is no function "salesByRegoin" in');
    expect(later.error!.message).toMatch('Did you mean "salesByRegion"?');
    expect(later.error!.message).toMatch(
      'There is no column "regoin" in the table "sales". Did you mean "region"?',
    );
    expect(later.error!.message).toMatch(
      'There is no column "amont" in the table "sales". Did you mean "amount"?',
    );
  });
});

it('an activity that omits half of its result ends the run with a message I9', async () => {
  Runtime.install({ logger: new DefaultLogger('ERROR') });
  const taskQueue = `mistaken-${randomUUID().slice(0, 8)}`;
  const connection = await NativeConnection.connect({ address: SUITE.address });
  const worker = await Worker.create({
    connection,
    namespace: SUITE.namespace,
    taskQueue,
    workflowBundle: { codePath: join(REPOSITORY, 'dist/workflow-bundle.js') },
    // As a faulty release would.
    activities: {
      openRun: async () => ({ runTimeoutMs: null }),
      planRun: async () => ({}),
      closeRun: async () => {},
    },
  });
  try {
    const workflow = project.client.workflow.execute('partitionedRun', {
      workflowId: taskQueue,
      taskQueue,
      args: [good],
      workflowExecutionTimeout: '30s',
    });
    const failure = await worker.runUntil(workflow.catch((error: Error) => error.cause as Error));
    expect(failure).toMatchObject({ name: 'ApplicationFailure', type: 'NotAResult' });
  } finally {
    await connection.close();
  }
});

describe('a source that only planning can check (I9)', () => {
  it.each([
    ['no rows', { ...good, where: 'amount > 100' }, 'SourceEmpty', 'nothing to run'],
    [
      'a key that is NULL everywhere',
      { ...good, partitionBy: ['store'] },
      'InvalidInput',
      'is NULL in every row',
    ],
    [
      'more partitions than allowed',
      { ...good, options: { maxPartitions: 1 } },
      'TooManyPartitions',
      'more than maxPartitions (1)',
    ],
    ['a partition that is not there', { ...good, only: ['Nroth'] }, 'InvalidInput', 'Did you mean "North"?'],
  ])('with %s is refused, and nothing is started', async (_, input, type, words) => {
    const { state } = await startPlainly(input);
    expect(state).toMatchObject({
      status: 'FAILURE',
      error: { type, message: expect.stringContaining(words) },
    });
    expect(wasRefused(state)).toBe(true);
  });
});

describe('the query of the sql function (I9)', () => {
  const query = (sql: string) => ({ ...good, function: 'sql', sql });

  it.each([
    ['that does not parse', 'SELECT count(*) FORM sales', 'Parser error: syntax error at or near "sales"'],
    ['that names no column of the source', 'SELECT sum(amuont) FROM data', 'Candidate bindings: "amount"'],
    ['over another table', 'SELECT * FROM sales', 'Catalog error: Table with name sales does not exist'],
    ['that changes something', 'DELETE FROM data', 'takes one SELECT over data'],
    ['of two statements', 'SELECT 1; SELECT 2', 'takes one SELECT over data'],
    ['with parameters', 'SELECT * FROM data WHERE amount > $1', 'has parameters'],
  ])('is refused before anything starts: %s', async (_, sql, words) => {
    const { state } = await startPlainly(query(sql));
    expect(state).toMatchObject({ status: 'FAILURE', error: { type: 'InvalidInput' } });
    expect(state.error!.message).toContain('"sql" cannot be run: ');
    expect(state.error!.message).toContain(words);
    expect(wasRefused(state)).toBe(true);
  });

  it.each([
    'WITH a AS (FROM data) SELECT count(*) AS n FROM a -- all of it',
    'SELECT region, amount::INTEGER AS amount FROM data;',
    'FROM data',
  ])('is run if DuckDB can run it: %s', async (sql) => {
    expect((await startPlainly(query(sql))).state.status).toBe('SUCCESS');
  });

  it('over one file per partition has the columns of all files, and is refused for others', async () => {
    await mkdir(join(project.folder, 'files'), { recursive: true });
    await project.write('files/a.csv', 'n\n1\n');
    await project.write('files/b.csv', 'm\n2\n');
    const files = { function: 'sql', source: { files: 'files', pattern: '*.csv' } };
    const { run, state } = await startPlainly({ ...files, sql: 'SELECT m FROM data' });
    expect(state).toMatchObject({ status: 'SUCCESS', counts: { DONE: 2 } });
    expect(await run.results()).toEqual([
      { file: 'a.csv', m: null },
      { file: 'b.csv', m: 2 },
    ]);
    for (const sql of ['SELECT m FORM data', 'SELECT o FROM data']) {
      const { state: refused } = await startPlainly({ ...files, sql });
      expect(wasRefused(refused)).toBe(true);
    }
  });
});

describe('what no retry can fix ends the run with an explanation (I9)', () => {
  it.each([
    ['a stage on a file system without folders', { stage: '/proc/partwise' }],
    ['a stage below a file', { stage: './partwise.config.json/stage' }],
    ['a stage that is not an absolute URI', { stage: 'file://stage' }],
    ['a warehouse that is a folder', { warehouse: 'duckdb:./stage' }],
  ])('%s', async (_, change) => {
    const { state } = await startPlainly({ ...good, ...change });
    expect(state).toMatchObject({
      status: 'FAILURE',
      error: { message: expect.stringMatching(/.{20}/) },
    });
  });

  it('contradictory retry intervals do not hang the run', async () => {
    const options = { retry: { initialInterval: '10s', maximumInterval: '1s' } };
    expect((await startPlainly({ ...good, options })).state.status).toBe('SUCCESS');
  });
});

describe('an output that cannot be written is refused before anything runs (I9)', () => {
  it.each([
    [
      'a schema that does not exist',
      { table: 'nowhere.sales' },
      'There is no schema "nowhere" in the warehouse',
    ],
    ['a schema of another catalog', { table: 'other.main.sales' }, 'There is no schema "other.main"'],
    ["DuckDB's own schema", { table: 'information_schema.tables' }, 'reserved for DuckDB'],
    ["DuckDB's own catalog", { table: 'Temp.main.sales' }, 'reserved for DuckDB'],
    ['a view', { table: 'all_sales' }, 'is a view'],
    ["a view of DuckDB's own", { table: 'SQLite_master' }, "one of DuckDB's own views"],
    ["a view of DuckDB's own in a schema", { table: 'main.duckdb_tables' }, "one of DuckDB's own views"],
    ['a quotation mark', { table: 'a"b' }, 'not a table name'],
    ['an empty part', { table: 'main..sales' }, 'not a table name'],
    ['the table of commits', { table: 'partwise_commits', evolve: true }, 'reserved for Partwise'],
    ['the table of models', { table: 'w."PARTWISE_Models"' }, 'reserved for Partwise'],
    ['a folder', { file: './folder.csv' }, 'is a folder'],
    ['a file below a file', { file: './partwise.config.json/rows.csv' }, 'would be inside the file'],
  ])('%s', async (_, output, words) => {
    await mkdir(join(project.folder, 'folder.csv'), { recursive: true });
    await project.execute('CREATE OR REPLACE VIEW all_sales AS FROM sales');
    const modes = 'table' in output ? (['replace', 'partitions', 'append'] as const) : [undefined];
    for (const mode of modes) {
      const { state } = await startPlainly({ ...good, output: { ...output, mode } });
      expect(state).toMatchObject({
        status: 'FAILURE',
        error: { type: 'InvalidInput' },
        counts: { total: 0 },
      });
      expect(state.error!.message).toContain(words);
      expect(wasRefused(state)).toBe(true);
    }
  });

  it('and one in an existing schema is written, whatever quoting its name needs', async () => {
    await project.execute('CREATE SCHEMA IF NOT EXISTS marts');
    for (const table of ['marts.sales', 'w.MARTS.sales2', 'w.sales3', '"my ""own"".table"', 'Umsätze 2024'])
      expect((await startPlainly({ ...good, output: { table } })).state.status).toBe('SUCCESS');
    const [{ n } = { n: 0 }] = await project.query<{ n: number }>(
      'SELECT count(*)::INTEGER AS n FROM "my ""own"".table"',
    );
    expect(n).toBe(2);
  });
});

describe('a run id', () => {
  it('that exists is refused, also by a plain start, and the refused execution does not hide the good one', async () => {
    const { run, state: first } = await startPlainly(good);
    expect(first.status).toBe('SUCCESS');
    await project.client.workflow.start('partitionedRun', {
      workflowId: run.runId,
      taskQueue: project.taskQueue,
      args: [good],
    });
    await expect(project.client.workflow.getHandle(run.runId).result()).rejects.toMatchObject({
      cause: {
        type: 'RunExists',
        message: expect.stringContaining(`The run "${run.runId}" already exists`),
      },
    });
    const again = project.partwise.getRun(run.runId);
    expect(await again.status()).toMatchObject({ status: 'SUCCESS', counts: { DONE: 2 } });
    expect(await again.results()).toHaveLength(2);
    const third = await (await project.partwise.start(good, { runId: run.runId })).wait();
    expect(third).toMatchObject({ status: 'FAILURE', error: { type: 'RunExists' } });
    expect(wasRefused(third)).toBe(true);
    expect(await again.status()).toMatchObject({ status: 'SUCCESS' });
  });

  it('of a run that was refused before it started is free', async () => {
    const { run, state } = await startPlainly({ ...good, where: 'amount > 100' });
    expect(state.status).toBe('FAILURE');
    const fixed = await project.partwise.start(good, { runId: run.runId });
    expect((await fixed.wait()).status).toBe('SUCCESS');
  });

  it('that is not a valid id is refused', async () => {
    await expect(project.partwise.start(good, { runId: '..' })).rejects.toThrow('only of dots');
    await project.client.workflow.start('partitionedRun', {
      workflowId: '...',
      taskQueue: project.taskQueue,
      args: [good],
    });
    expect((await project.partwise.getRun('...').wait()).error).toMatchObject({ type: 'InvalidInput' });
  });
});

describe('a function that produces something that cannot be stored', () => {
  it.each([
    ['returnsMap', 'InvalidResult', /Map/],
    ['leaves', expect.any(String), /"\.\.\/x"/],
    ['twice', expect.any(String), /"x".*(twice|already)/],
    ['gaps', 'ExpectationFailed', /only 1 rows/],
    ['says', 'InvalidProgress', /at most 2,048 are allowed/],
  ])('(%s) fails its partitions immediately, with an explanation', async (name, type, words) => {
    const { run, state } = await startPlainly({ ...good, function: name });
    expect(state.status).toBe('FAILURE');
    const north = await run.partition('North').describe();
    expect(north).toMatchObject({
      status: 'FAILED',
      attempts: 1,
      error: { type, message: expect.stringMatching(words) },
    });
  });
});

it('a source file that changed after planning is refused, never read differently (I1)', async () => {
  // One file at a time, so that the second is read after the first call changed it.
  await project.write('a.csv', 'n\n1\n');
  await project.write('b.csv', 'n\n2\n');
  await project.write(
    'functions.ts',
    `import { writeFileSync } from 'node:fs';
     import { definePartitionFunction } from 'partwise';
     export const meddle = definePartitionFunction({
       name: 'meddle',
       async run(data, context) {
         writeFileSync(${JSON.stringify(project.folder)} + '/b.csv', 'n\\n3\\n');
         return { rows: data.rowCount };
       },
     });`,
  );
  const meddling = await project.startWorker({ PARTWISE_TASK_QUEUE: `${project.taskQueue}-meddle` });
  const workflowId = `meddle-${randomUUID().slice(0, 8)}`;
  await project.client.workflow.start('partitionedRun', {
    workflowId,
    taskQueue: `${project.taskQueue}-meddle`,
    args: [{ function: 'meddle', source: { files: '.', pattern: '?.csv' }, options: { maxConcurrency: 1 } }],
  });
  const run = project.partwise.getRun(workflowId);
  expect(await run.wait()).toMatchObject({ status: 'PARTIAL_FAILURE', counts: { DONE: 1, FAILED: 1 } });
  expect(await run.partition('b.csv').describe()).toMatchObject({
    attempts: 1,
    error: { type: 'SourceChanged' },
  });
  meddling.kill('SIGTERM');
  await rm(join(project.folder, 'a.csv'));
});
