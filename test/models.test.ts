/** Models per partition, end to end: real workers, real runs, a registry in DuckDB. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { jsonSerde, RegistryRefused, type RunHandle, type RunInput } from '../src/index';
import { registerModels } from '../src/activities/register-models';
import { RunReader } from '../src/reader/run-reader';
import { ServerRun } from '../src/reader/run-source';
import { neededByModels } from '../src/client/clean/needed-models';
import { openStage } from '../src/stage/index';
import { openWarehouse } from '../src/warehouse/index';
import { forget } from './support/forget';
import { holdWarehouse } from './support/hold-warehouse';
import { itLong } from './support/long';
import { makeProject, REPOSITORY, type TestProject } from './support/project';
import { until } from './support/until';

const FUNCTIONS = `
import { existsSync } from 'node:fs';
import { definePartitionModel } from 'partwise';
import { gradientBoostedTrees } from 'partwise/models';

let read = 0;

function throwIfFailing({ partitionId, params: { fail, until } }) {
  if (fail === partitionId && !existsSync(until ?? '')) throw new Error('no luck');
}

export const mean = definePartitionModel({
  name: 'mean',
  async train(data, context) {
    throwIfFailing(context);
    const [row] = await data.sql\`SELECT avg(amount) AS mean FROM data\`;
    return { mean: row.mean + (context.params.off ?? 0) };
  },
  predict(model, data, context) {
    throwIfFailing(context);
    return Array.from({ length: data.rowCount }, () => model.mean);
  },
  serde: {
    filename: 'model.json',
    write: (model) => JSON.stringify(model),
    read: (bytes) => (console.log('read', ++read), JSON.parse(Buffer.from(bytes).toString())),
  },
  async metrics(model, data) {
    const rows = await data.rows();
    return { mae: rows.reduce((sum, { amount }) => sum + Math.abs(amount - model.mean), 0) / rows.length };
  },
});

export const other = definePartitionModel({ name: 'other', train: () => ({}), predict: () => [] });

export const trees = gradientBoostedTrees({ name: 'trees', label: 'amount', features: ['day'], atLeast: 0 });
`;

const ROWS =
  "INSERT INTO sales VALUES ('a', 1, 1), ('a', 2, 3), ('b', 1, 10), ('b', 2, 20), ('c', 1, 5), ('c', 2, 5)";
const SOURCE = { source: { table: 'sales' }, partitionBy: ['shop'] };

let project: TestProject;
beforeAll(async () => {
  project = await makeProject(FUNCTIONS);
  await project.execute('CREATE TABLE sales (shop VARCHAR, day INTEGER, amount DOUBLE)', ROWS);
  await project.startWorker();
});
afterAll(() => project.close());

const start = (input: Partial<RunInput>, name: string): Promise<RunHandle> =>
  project.partwise.start({ ...SOURCE, ...input } as RunInput, { runId: project.runId(name) });

async function trained(model: string, input: Partial<RunInput> = {}): Promise<RunHandle> {
  const run = await start({ function: 'mean.train', output: { model }, ...input }, 'train');
  const { status, error } = await run.wait();
  expect({ status, error }).toEqual({ status: 'SUCCESS', error: null });
  return run;
}

const registered = async (name: string) => (await project.partwise.registry()).model(name);

describe('training', () => {
  it('keeps a model of each partition as a version, with its metrics, run and digest', async () => {
    const run = await trained('first', { model: { holdout: 'day = 2' } });
    expect(await run.results()).toEqual([
      { shop: 'a', trained_rows: 1, model_file: 'model.json', model_bytes: 10, mae: 2 },
      { shop: 'b', trained_rows: 1, model_file: 'model.json', model_bytes: 11, mae: 10 },
      { shop: 'c', trained_rows: 1, model_file: 'model.json', model_bytes: 10, mae: 0 },
    ]);
    const { commit } = await run.status();
    expect(commit).toMatchObject({ target: 'first', rows: 3, modelVersion: 1 });
    const version = (await registered('first')).version('latest');
    expect(await version.describe()).toMatchObject({
      version: 1,
      entries: 3,
      changed: 3,
      base: null,
      run: run.runId,
    });
    const entry = await version.entry('b');
    expect(entry).toMatchObject({ rows: 1, metrics: { mae: 10 }, run: run.runId, file: 'model.json' });
    expect(entry!.sha256).toMatch(/^[0-9a-f]{64}$/);
    expect(await version.load('b', jsonSerde)).toEqual({ mean: 10 });
    expect(await run.model('b', jsonSerde)).toEqual({ mean: 10 });
  });

  it('of some partitions makes a version that shares the others', async () => {
    await trained('shared');
    const run = await trained('shared', { only: ['b'], params: { off: 1 } });
    const model = await registered('shared');
    expect(await model.version(2).describe()).toMatchObject({
      base: 1,
      entries: 3,
      changed: 1,
      run: run.runId,
    });
    const [one, two] = await Promise.all([1, 2].map((n) => entriesIn(model.version(n))));
    expect(two!.map(({ path }, i) => path === one![i]!.path)).toEqual([true, false, true]);
  });

  it('keeps the previous model of a partition that fails, without affecting the others', async () => {
    await trained('tolerant');
    const run = await start(
      {
        function: 'mean.train',
        output: { model: 'tolerant' },
        params: { fail: 'b', off: 1 },
        options: { toleratedFailures: 1, retry: { maximumAttempts: 1 } },
      },
      'tolerant',
    );
    expect((await run.wait()).counts).toMatchObject({ DONE: 2, FAILED: 1 });
    const version = (await registered('tolerant')).version(2);
    expect(await version.describe()).toMatchObject({ entries: 3, changed: 2 });
    expect(await version.load('b', jsonSerde)).toEqual({ mean: 15 });
    expect(await version.load('a', jsonSerde)).toEqual({ mean: 3 });
  });

  it('adds failed partitions in a retry, and keeps the newer models of another run (I10)', async () => {
    const fixed = join(project.folder, 'trains');
    const options = { toleratedFailures: 1, retry: { maximumAttempts: 1 } };
    const params = { fail: 'b', until: fixed };
    const run = await start({ function: 'mean.train', output: { model: 'late' }, params, options }, 'late');
    expect((await run.wait()).counts).toMatchObject({ DONE: 2, FAILED: 1 });
    await trained('late', { only: ['a', 'c'], params: { off: 1 } });
    await writeFile(fixed, '');
    const retried = await run.retry();
    expect(await retried.wait()).toMatchObject({ status: 'SUCCESS', commit: { rows: 1, modelVersion: 3 } });
    const newest = (await registered('late')).version('latest');
    expect(await newest.describe()).toMatchObject({ version: 3, base: 2, changed: 1, entries: 3 });
    expect(await newest.load('a', jsonSerde)).toEqual({ mean: 3 });
    expect(await newest.load('b', jsonSerde)).toEqual({ mean: 15 });
  });

  it('merges a retry with what its own run has registered, whatever that was based on (I10)', async () => {
    const fixed = join(project.folder, 'based-trains');
    await trained('based', { params: { off: 5 } });
    const output = { model: 'based', base: 'none' };
    const options = { toleratedFailures: 1, retry: { maximumAttempts: 1 } };
    const params = { fail: 'b', until: fixed };
    const run = await start({ function: 'mean.train', output, params, options }, 'based');
    await run.wait();
    const model = await registered('based');
    expect(await model.version(2).describe()).toMatchObject({ base: null, entries: 2 });
    await writeFile(fixed, '');
    await (await run.retry()).wait();
    expect(await model.version(3).describe()).toMatchObject({ base: 2, entries: 3, changed: 1 });
    expect(await model.version(3).load('a', jsonSerde)).toEqual({ mean: 2 });
  });

  it('refuses models of an execution once a later one of its run has made a version (I10)', async () => {
    const fixed = join(project.folder, 'late-trains');
    const input = {
      function: 'mean.train',
      output: { model: 'fenced' },
      params: { fail: 'b', until: fixed },
    };
    const run = await start({ ...input, options: { retry: { maximumAttempts: 1 } } }, 'fenced');
    expect(await run.wait()).toMatchObject({ status: 'PARTIAL_FAILURE', commit: null });
    const { runId } = run;
    const { workflowExecutionInfo } = (await project.client.workflow.getHandle(runId).describe()).raw;
    const workflowRunId = workflowExecutionInfo!.execution!.runId!;
    await writeFile(fixed, '');
    await (await run.retry()).wait();
    const reader = new RunReader(new ServerRun(project.client, runId, workflowRunId));
    const { record } = await reader.read();
    const { opened, plan } = record;
    const commit = registerModels({
      task: { ...opened!, ...plan!, version: 1, output: { model: 'fenced', base: null } },
      warehouse: openWarehouse(opened!.warehouse, project.folder),
      reader,
      record,
      lineage: workflowRunId,
      signal: new AbortController().signal,
    });
    await expect(commit).rejects.toThrow(
      'Execution 1 of run "' + runId + '" came too late: execution 2 has taken its place',
    );
    expect((await (await registered('fenced')).describe()).versions).toBe(1);
  });

  it('keeps models under keys of any kind: several columns, NULL, and strings with slashes', async () => {
    const query =
      "SELECT * FROM (VALUES (1, 'x/../y', 1.0), (1, NULL, 2.0), (NULL, 'x/../y', 3.0)) AS t(n, s, amount)";
    const keyed = { source: { query }, partitionBy: ['n', 's'] };
    await trained('keyed', keyed);
    const run = await start({ ...keyed, function: 'mean.predict', model: { name: 'keyed' } }, 'keyed');
    expect(await run.wait()).toMatchObject({ status: 'SUCCESS', counts: { DONE: 3 } });
    const found = (await run.results()).map(({ n, s, prediction }) => JSON.stringify([n, s, prediction]));
    expect(found.sort()).toEqual(['[1,"x/../y",1]', '[1,null,2]', '[null,"x/../y",3]']);
  });

  it('reuses the models of unchanged partitions if the run asks for it', async () => {
    const series = { series: project.runId('series'), onUnchanged: 'reuse' } as const;
    await trained('reused', series);
    const again = await trained('reused', series);
    expect((await again.status()).counts).toMatchObject({ DONE: 3 });
    const model = await registered('reused');
    const [one, two] = await Promise.all([1, 2].map((n) => entriesIn(model.version(n))));
    expect(two!.map(({ path }) => path)).toEqual(one!.map(({ path }) => path));
  });

  it('never puts two models under one name', async () => {
    await trained('taken');
    const run = await start({ function: 'other.train', output: { model: 'taken' } }, 'other');
    const { status, error } = await run.wait();
    expect(status).toBe('FAILURE');
    expect(error!.message).toContain('Register this one under another name');
    expect((await (await registered('taken')).describe()).versions).toBe(1);
  });

  it('by two concurrent runs gives two versions, and loses none of their models', async () => {
    await trained('both');
    await Promise.all([
      trained('both', { only: ['a'], params: { off: 1 } }),
      trained('both', { only: ['b'], params: { off: 1 } }),
    ]);
    const newest = (await registered('both')).version('latest');
    expect(await newest.describe()).toMatchObject({ version: 3, entries: 3 });
    expect([await newest.load('a', jsonSerde), await newest.load('b', jsonSerde)]).toEqual([
      { mean: 3 },
      { mean: 16 },
    ]);
  });

  it('with gradient-boosted trees needs no user code', async () => {
    const source = { query: "SELECT 'x' AS shop, range AS day, 2.0 * range AS amount FROM range(200)" };
    await trained('trees', { function: 'trees.train', source });
    const run = await start({ function: 'trees.predict', source, model: { name: 'trees' } }, 'trees');
    expect((await run.wait()).error).toBeNull();
    const predictions = (await run.results()).map(({ prediction }) => Number(prediction));
    expect(predictions).toHaveLength(200);
    expect(Math.abs(predictions[100]! - 200)).toBeLessThan(10);
  });
});

async function entriesIn(version: {
  entries(): AsyncIterable<{ path: string }>;
}): Promise<{ path: string }[]> {
  const found: { path: string }[] = [];
  for await (const entry of version.entries()) found.push(entry);
  return found;
}

describe('predicting', () => {
  beforeAll(async () => {
    await trained('known', { only: ['a', 'b'] });
  });
  const predict = (model: object, more: Partial<RunInput> = {}): Promise<RunHandle> =>
    start({ function: 'mean.predict', model: { name: 'known', ...model }, ...more }, 'predict');

  it('carries columns in their source types', async () => {
    const moment = "TIMESTAMP '2026-11-01 06:00:00.123456'";
    const columns = {
      price: '12.3456::DECIMAL(18,4)',
      day: "DATE '2026-11-01'",
      moment,
      zoned: `timezone('Europe/Berlin', ${moment})`,
      large: '9007199254740993::BIGINT',
      huge: '12345678901234567890123456789::DECIMAL(38,0)',
      single: '0.1::FLOAT',
      ratio: '0.1::DOUBLE',
      id: "'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::UUID",
      clock: "TIME '06:00:00.123456'",
      bytes: "'\\xAA\\x00'::BLOB",
      list: "['a', NULL, '''b'', \"']",
      fields: "{'x': 1::TINYINT, 'y': 'it''s'}",
      nothing: 'NULL::SMALLINT',
      text: "'two\\nlines'",
    };
    const selected = Object.entries(columns).map(([name, value]) => `${value} AS ${name}`);
    await project.execute(
      `CREATE TABLE typed AS SELECT * FROM (VALUES ('a', 0), ('a', 1), ('b', 0)) AS t(shop, row_number), (SELECT ${selected.join(', ')})`,
    );
    const keep = ['row_number', ...Object.keys(columns)];
    const run = await predict({ keep }, { source: { table: 'typed' }, output: { table: 'carried' } });
    expect((await run.wait()).error).toBeNull();
    const names = ['shop', ...keep].join(', ');
    const both = ['typed', 'carried'] as const;
    const described = both.map(
      (table) => `SELECT column_name, column_type FROM (DESCRIBE SELECT ${names} FROM ${table})`,
    );
    await project.execute(
      `CREATE TABLE differences AS ((SELECT ${names} FROM typed EXCEPT SELECT ${names} FROM carried)
        UNION ALL (SELECT ${names} FROM carried EXCEPT SELECT ${names} FROM typed))`,
      `CREATE TABLE other_types AS (${described.join(' EXCEPT ')})`,
    );
    expect(await project.query('SELECT * FROM other_types')).toEqual([]);
    expect(await project.query('SELECT * FROM differences')).toEqual([]);
    expect(
      await project.query('SELECT count(*)::INTEGER AS n FROM carried WHERE row_id = row_number'),
    ).toEqual([{ n: 3 }]);
  });

  it('carries key, row id and chosen columns into a table', async () => {
    const run = await predict({ keep: ['day'] }, { only: ['a', 'b'], output: { table: 'predicted' } });
    expect(await run.wait()).toMatchObject({ status: 'SUCCESS', error: null });
    expect(await run.results()).toEqual([
      { shop: 'a', row_id: 0, day: 1, prediction: 2, model_partition: 'a' },
      { shop: 'a', row_id: 1, day: 2, prediction: 2, model_partition: 'a' },
      { shop: 'b', row_id: 0, day: 1, prediction: 15, model_partition: 'b' },
      { shop: 'b', row_id: 1, day: 2, prediction: 15, model_partition: 'b' },
    ]);
  });

  it('fails only a partition without a model', async () => {
    const run = await predict({});
    const { counts } = await run.wait();
    expect(counts).toMatchObject({ DONE: 2, FAILED: 1 });
    const { error, attempts } = await run.partition('c').describe();
    expect({ type: error!.type, attempts }).toEqual({ type: 'NoModel', attempts: 1 });
  });

  it('skips a partition without a model if the run says so, and counts and lists it', async () => {
    const run = await predict({ onMissing: 'skip' });
    const state = await run.wait();
    expect(state).toMatchObject({ status: 'SUCCESS', counts: { DONE: 2, SKIPPED: 1 } });
    expect(state.models).toEqual({ label: 'known version 1', missing: 1, firstMissing: ['c'] });
    expect((await run.progress()).SKIPPED).toEqual(['c']);
    expect((await run.partition('c').describe()).error).toMatchObject({ type: 'NoModel' });
  });

  it('names failed partitions, not skipped ones, as the reason for a failed run', async () => {
    const run = await predict({ onMissing: 'skip' }, { params: { fail: 'b' } });
    const { error, counts } = await run.wait();
    expect(counts).toMatchObject({ DONE: 1, FAILED: 1, SKIPPED: 1 });
    expect(error!.message).toContain('First error: b: no luck');
  });

  it('falls back to the model of another partition, and records which one', async () => {
    const run = await predict({ onMissing: 'fallback', fallback: 'b' });
    const state = await run.wait();
    expect(state).toMatchObject({
      status: 'SUCCESS',
      counts: { DONE: 3 },
      models: { missing: 1, firstMissing: ['c'] },
    });
    expect((await run.results()).at(-1)).toMatchObject({ shop: 'c', prediction: 15, model_partition: 'b' });
  });

  it('uses the models of a training run', async () => {
    const { runId } = await trained('of-run', { params: { off: 100 } });
    const run = await start({ function: 'mean.predict', model: { run: runId } }, 'of-run');
    expect((await run.wait()).error).toBeNull();
    expect((await run.results())[0]).toMatchObject({ shop: 'a', prediction: 102 });
  });

  it('fits and predicts in one run, and keeps no model', async () => {
    const run = await start(
      { function: 'mean.fitPredict', model: { holdout: 'day = 2', keep: ['amount'] } },
      'stateless',
    );
    expect((await run.wait()).error).toBeNull();
    expect(await run.results()).toEqual([
      { shop: 'a', row_id: 1, amount: 3, prediction: 1 },
      { shop: 'b', row_id: 1, amount: 20, prediction: 10 },
      { shop: 'c', row_id: 1, amount: 5, prediction: 5 },
    ]);
    expect(await run.partition('a').artifacts.list()).toEqual([]);
  });

  it('on no rows gives no rows', async () => {
    const run = await start(
      { function: 'mean.fitPredict', model: { holdout: "day = 2 AND shop = 'a'" } },
      'none',
    );
    expect((await run.wait()).counts).toMatchObject({ DONE: 3 });
    expect(await run.results()).toHaveLength(1);
  });

  it('is refused without a partition key, without a model, and with a fallback that does not exist', async () => {
    const refusalOf = async (input: Partial<RunInput>): Promise<string> => {
      const run = await project.partwise.start({ ...SOURCE, function: 'mean.predict', ...input } as RunInput);
      return (await run.wait()).error!.message;
    };
    await project.execute("COPY sales TO '" + join(project.folder, 'sales.parquet') + "' (FORMAT parquet)");
    const files = { source: { files: 'sales.parquet' }, partitionBy: [] };
    expect(await refusalOf({ ...files, model: { name: 'known' } })).toContain('"partitionBy" is missing');
    expect(await refusalOf({})).toContain('"model" names no models to predict with');
    expect(await refusalOf({ model: { name: 'unknown' } })).toContain('There is no model "unknown"');
    expect(await refusalOf({ model: { name: 'known', version: 'productoin' } })).toContain(
      'has no version "productoin"',
    );
    expect(await refusalOf({ model: { name: 'known', onMissing: 'fallback', fallback: 'x' } })).toContain(
      'has no model for it',
    );
  });

  it('is refused before anything starts if it asks for something that does not exist (I9)', async () => {
    const problemOf = async (input: Partial<RunInput>): Promise<string> => {
      const run = await start(input, 'refused');
      const { error, counts } = await run.wait();
      expect({ type: error!.type, total: counts.total }).toEqual({ type: 'InvalidInput', total: 0 });
      return error!.message;
    };
    const training = { function: 'mean.train', output: { model: 'known', base: 'productoin' } };
    expect(await problemOf(training)).toContain('has no version "productoin"');
    expect(await problemOf({ function: 'mean.train', output: { model: 'new', base: 3 } })).toContain(
      'There is no model "new"',
    );
    expect(await problemOf({ function: 'mean.train', model: { holdout: 'dya = 2' } })).toMatch(
      /^"model\.holdout" cannot be evaluated on the rows: .*"?dya"?/,
    );
    expect(await problemOf({ function: 'mean.train', model: { keep: ['day'] } })).toContain(
      '"model.keep" is for functions that predict',
    );
    const predicting = { function: 'mean.predict', model: { name: 'known' } };
    expect(await problemOf({ ...predicting, model: { name: 'known', keep: ['amuont'] } })).toContain(
      'names "amuont", which the source does not have. Did you mean "amount"?',
    );
    const source = { query: 'SELECT *, 1 AS Row_ID FROM sales' };
    expect(await problemOf({ ...predicting, source, model: { name: 'known', keep: ['row_id'] } })).toContain(
      'which Partwise adds to predictions',
    );
    expect(await problemOf({ ...predicting, function: 'other.predict' })).toContain(
      'comes from "mean", and "other.predict" cannot read its models',
    );
    expect(await problemOf({ ...predicting, partitionBy: ['day'] })).toContain(
      'has one model per shop, but this run is partitioned by day',
    );
  });

  it('is refused if the run that it names is not a training run, is of another model, or has not finished (I9)', async () => {
    const refusalOf = async (run: string, more: Partial<RunInput> = {}): Promise<string> =>
      (await (await start({ function: 'mean.predict', model: { run }, ...more }, 'run')).wait()).error!
        .message;
    const predicted = await start(
      { function: 'mean.predict', model: { name: 'known' }, only: ['a'] },
      'no-training',
    );
    await predicted.wait();
    expect(await refusalOf(predicted.runId)).toContain('trained no models');
    expect(await refusalOf('nobody')).toMatch(/^"model\.run": .*nobody/);
    const { runId } = await trained('named');
    expect(await refusalOf(runId, { function: 'other.predict' })).toContain('comes from "mean"');
    expect(await refusalOf(runId, { partitionBy: ['day'] })).toContain('one model per shop');
    const running = await start({ function: 'mean.train', options: { maxConcurrency: 1 } }, 'paused');
    await running.pause();
    expect(await refusalOf(running.runId)).toContain('which has not ended');
    await running.unpause();
    await running.wait();
  });

  it('decodes a model once, however often its runner needs it', async () => {
    await trained('decoded', { only: ['b'] });
    const query = "SELECT 'z' || range AS shop, 1 AS day FROM range(40)";
    const run = await predict(
      { name: 'decoded', onMissing: 'fallback', fallback: 'b' },
      { source: { query }, options: { maxConcurrency: 1 } },
    );
    expect((await run.wait()).error).toBeNull();
    let reads = 0;
    for await (const { text } of run.logs()) if (text.startsWith('read')) reads++;
    // At most one for each of the two runners, for 40 partitions.
    expect([1, 2]).toContain(reads);
    expect((await run.results()).map(({ prediction }) => prediction)).toEqual(Array(40).fill(15));
  });

  it('refuses a model that differs from the one recorded (I3)', async () => {
    const run = await trained('damaged');
    const { path } = (await (await registered('damaged')).version(1).entry('a'))!;
    await project.write(join('stage', path), '{"mean":7}');
    const again = await start({ function: 'mean.predict', model: { name: 'damaged' } }, 'damaged');
    await again.wait();
    expect((await again.partition('a').describe()).error).toMatchObject({ type: 'ObjectDamaged' });
    await expect(run.model('a')).rejects.toThrow('sha256 differs');
  });
});

describe('the registry', () => {
  it('moves aliases in one step, remembers their previous version, and rolls back', async () => {
    await trained('moved');
    await trained('moved', { only: ['b'], params: { off: 5 } });
    const model = await registered('moved');
    expect(await model.promote(1, 'production')).toMatchObject({ version: 1, before: null });
    expect(await model.promote('latest', 'production')).toMatchObject({ version: 2, before: 1 });
    expect(await model.rollback('production')).toMatchObject({ version: 1, before: 2 });
    expect((await model.history('production')).map(({ version, how }) => `${how} ${version}`)).toEqual([
      'promote 1',
      'promote 2',
      'rollback 1',
    ]);
    await expect(model.rollback('production')).rejects.toThrow('has no earlier version');
    // Promoting to the current version is not a step: a rollback would have no effect.
    await model.promote(2, 'production');
    await model.promote(2, 'production');
    expect(await model.rollback('production')).toMatchObject({ version: 1, before: 2 });
  });

  it('promotes partition by partition, only where the new model is better', async () => {
    await trained('better', { params: { off: 1 } });
    await trained('better', { params: { off: 0.5 }, only: ['a'] });
    await trained('better', { params: { off: 9 }, only: ['b', 'c'] });
    const model = await registered('better');
    await model.promote(1, 'production');
    const comparison = await model.compare(1, 3, { metric: 'mae' });
    expect(comparison.partitions.map(({ partition, better }) => `${partition} ${better}`)).toEqual([
      'a null',
      'b a',
      'c a',
    ]);
    await model.promote(2, 'challenger');
    const promotion = await model.promote('latest', 'production', { whereBetter: { metric: 'mae' } });
    expect(promotion).toMatchObject({ version: 1, before: 1, taken: 0, kept: 3 });
    const higher = { whereBetter: { metric: 'mae', higherIsBetter: true } };
    expect(await model.previewPromotion(3, 'production', higher)).toEqual({
      alias: 'production',
      version: null,
      before: 1,
      taken: 2,
      kept: 1,
      otherRows: 0,
    });
    expect(await model.describe()).toMatchObject({ latest: 3, aliases: { production: 1 } });
    const wanted = await model.promote(3, 'production', higher);
    expect(wanted).toMatchObject({ version: 4, before: 1, taken: 2, kept: 1 });
    expect(await model.version('production').load('b', jsonSerde)).toEqual({ mean: 24 });
    await expect(model.compare(1, 2, { metric: 'mea' })).rejects.toThrow('They have: mae.');
  });

  it('warns that metrics measured on other rows do not show which model is better', async () => {
    await trained('held', { model: { holdout: 'day = 2' }, params: { off: -1 } });
    await trained('held', { model: { holdout: 'day = 2' }, only: ['a'] });
    await trained('held', { model: { holdout: 'day = 1' }, only: ['b'] });
    const model = await registered('held');
    const comparison = await model.compare(1, 'latest', { metric: 'mae' });
    expect(comparison).toMatchObject({ otherRows: 1, better: { a: 0 } });
    expect(comparison.partitions[1]).toMatchObject({ partition: 'b', better: null, otherRows: true });
    await model.promote(1, 'production');
    const promotion = await model.promote('latest', 'production', {
      whereBetter: { metric: 'mae' },
    });
    expect(promotion).toMatchObject({ taken: 1, kept: 2, otherRows: 1 });
    expect((await model.version('production').entry('b'))!.holdout).toBe('day = 2');
  });

  it('lets one of two concurrent moves of an alias win and reports the conflict to the other', async () => {
    await trained('raced');
    await trained('raced');
    const model = await registered('raced');
    await model.promote(1, 'production');
    const ends = await Promise.allSettled([model.promote(2, 'production'), model.promote(2, 'production')]);
    const lost = ends.filter((end) => end.status === 'rejected');
    expect(lost.map(({ reason }) => (reason as Error).name)).toEqual(['RegistryConflict']);
    expect((await model.describe()).aliases).toEqual({ production: 2 });
  });

  it('keeps files that versions need during clean, and frees them when the versions are removed', async () => {
    const run = await trained('kept');
    const model = await registered('kept');
    await model.promote(1, 'production');
    const cleaned = await project.partwise.clean({ runs: [run.runId] });
    expect(cleaned.runs[0]!.needed.files).toBeGreaterThan(0);
    expect(await model.version('production').load('b', jsonSerde)).toEqual({ mean: 15 });
    await trained('kept');
    await expect(model.version(1).delete()).rejects.toThrow(RegistryRefused);
    await model.promote(2, 'production');
    await model.version(1).delete();
    expect((await model.versions()).map(({ version }) => version)).toEqual([2]);
    // Files of a version that may still be being written are kept for a day.
    const stage = openStage(pathToFileURL(join(project.folder, 'stage')).href);
    const unnamed = async (now: number): Promise<number> =>
      (await neededByModels(stage, await stage.list('@models/kept/'), now, async () => null)).unnamed.length;
    expect(await unnamed(Date.now())).toBe(0);
    // Its block, and the marker of the version.
    expect(await unnamed(Date.now() + 25 * 3_600_000)).toBe(2);
    expect(await model.version('production').load('b', jsonSerde)).toEqual({ mean: 15 });
  });

  it('never reuses a version number, whatever was removed', async () => {
    await trained('numbered');
    await trained('numbered');
    const model = await registered('numbered');
    expect(await model.version('latest').delete()).toBe(2);
    await trained('numbered');
    expect((await model.versions()).map(({ version }) => version)).toEqual([1, 3]);
    await model.promote(3, 'production');
    await expect(model.version(3).delete()).rejects.toThrow('point it at another version');
    // Deleting the last version removes its aliases: there is no other version for them.
    for (const version of [1, 3]) await model.version(version).delete();
    await expect(model.describe()).rejects.toThrow('There is no model "numbered"');
    expect((await (await project.partwise.registry()).models()).map(({ name }) => name)).not.toContain(
      'numbered',
    );
    // The name can be reused, but none of the numbers.
    await trained('numbered', { function: 'other.train' });
    expect(await model.describe()).toMatchObject({
      definition: 'other',
      versions: 1,
      latest: 4,
      aliases: {},
    });
  });

  it('loses nothing to a clean that reads an outdated copy of the registry', async () => {
    await trained('copied');
    const stage = openStage(pathToFileURL(join(project.folder, 'stage')).href);
    const copy = await openWarehouse(`duckdb:${join(project.folder, 'w.duckdb')}`, project.folder).readModels(
      null,
    );
    await trained('copied');
    const { unnamed } = await neededByModels(
      stage,
      await stage.list('@models/copied/'),
      Date.now() + 25 * 3_600_000,
      async () => copy,
    );
    expect(unnamed).toEqual([]);
  });

  it('keeps models pinned by a run whose history cannot be read here (I3)', async () => {
    const training = await trained('pinned');
    const run = await start({ function: 'mean.predict', model: { name: 'pinned' } }, 'pinned');
    await run.wait();
    const model = await registered('pinned');
    const { path } = (await model.version(1).entry('b'))!;
    await trained('pinned');
    await model.version(1).delete();
    await forget(project.client, { workflowId: run.runId });
    const stage = join(project.folder, 'stage');
    await rm(join(stage, run.runId, 'archive'), { recursive: true });
    await expect(run.status()).rejects.toThrow();
    // Nothing else needs them, neither a version nor the run that trained them.
    await project.partwise.clean({ runs: [training.runId] });
    expect(existsSync(join(stage, path))).toBe(true);
  });

  it('keeps the models that a run was planned with when their version is removed and the stage cleaned', async () => {
    const first = await trained('leaving');
    await trained('leaving');
    const model = await registered('leaving');
    const fixed = join(project.folder, 'fixed');
    const input = { ...SOURCE, params: { fail: 'b', until: fixed } } as Omit<RunInput, 'function'>;
    const run = await model.version(1).predict(input, { runId: project.runId('leaving') });
    expect(await run.wait()).toMatchObject({ counts: { DONE: 2, FAILED: 1 } });
    await model.version(1).delete();
    await project.partwise.clean({ runs: [first.runId] });
    await writeFile(fixed, '');
    const retried = await run.retry();
    expect(await retried.wait()).toMatchObject({ status: 'SUCCESS', counts: { DONE: 3 } });
  });

  it('has tags and a description for each version', async () => {
    await trained('tagged');
    const version = (await registered('tagged')).version(1);
    await version.tag({ tags: { reviewed: 'yes', draft: 'x' }, description: 'the first' });
    await version.tag({ tags: { draft: null } });
    expect(await version.describe()).toMatchObject({ tags: { reviewed: 'yes' }, description: 'the first' });
  });

  itLong(
    'shows no version while a run whose worker was killed is open, and one when it has finished (I3)',
    async () => {
      const own = await makeProject(FUNCTIONS);
      await own.execute(
        'CREATE TABLE sales AS SELECT (range % 60)::VARCHAR AS shop, 1 AS day, 1.0 AS amount FROM range(600)',
      );
      const worker = await own.startWorker();
      const run = await own.partwise.start(
        {
          ...SOURCE,
          function: 'mean.train',
          output: { model: 'killed' },
          options: { heartbeatTimeout: '3s' },
        } as RunInput,
        { runId: own.runId('killed') },
      );
      for await (const event of run.events()) if (event.type === 'partition') break;
      worker.kill('SIGKILL');
      await once(worker, 'exit');
      const registry = await own.partwise.registry();
      expect(await registry.models()).toEqual([]);
      await own.startWorker();
      expect((await run.wait()).error).toBeNull();
      expect(await registry.model('killed').version(1).describe()).toMatchObject({
        entries: 60,
        changed: 60,
      });
      await own.close();
    },
    120_000,
  );

  it('gets one version if the worker is killed between manifest and registry, and clean finds the leftovers (I3)', async () => {
    const own = await makeProject(FUNCTIONS);
    await own.execute('CREATE TABLE sales (shop VARCHAR, day INTEGER, amount DOUBLE)', ROWS);
    const worker = await own.startWorker();
    const holder = await holdWarehouse(join(own.folder, 'w.duckdb'), 'read');
    const input = {
      ...SOURCE,
      function: 'mean.train',
      output: { model: 'cut' },
      options: { heartbeatTimeout: '3s' },
    };
    const run = await own.partwise.start(input as RunInput, { runId: own.runId('cut') });
    const folder = join(own.folder, 'stage', '@models', 'cut');
    await until(async () => (await rootsIn(folder)).length === 1);
    worker.kill('SIGKILL');
    await once(worker, 'exit');
    holder.kill();
    await once(holder, 'exit');
    const registry = await own.partwise.registry();
    expect(await registry.models()).toEqual([]);
    await own.startWorker();
    expect((await run.wait()).error).toBeNull();
    expect((await registry.model('cut').versions()).map(({ entries }) => entries)).toEqual([3]);
    expect(await rootsIn(folder)).toHaveLength(2);
    await own.close();
  }, 120_000);

  it('keeps an alias in place if a promotion is killed before it is recorded, and clean removes its leftovers (I3)', async () => {
    await trained('torn', { params: { off: 3 } });
    const model = await registered('torn');
    await model.promote(1, 'production');
    await trained('torn');
    const holder = await holdWarehouse(join(project.folder, 'w.duckdb'), 'read');
    const better = ['torn@2', 'production', '--where-better', 'mae', '--project', project.folder];
    const program = join(REPOSITORY, 'dist/cli/main.js');
    const promote = spawn(process.execPath, [program, 'models', 'promote', ...better], { stdio: 'ignore' });
    const folder = join(project.folder, 'stage', '@models', 'torn');
    // The manifest of the new version exists; the transaction waits for the file.
    await until(async () => (await rootsIn(folder)).length === 3);
    promote.kill('SIGKILL');
    await once(promote, 'exit');
    holder.kill();
    await once(holder, 'exit');
    expect((await model.describe()).aliases).toEqual({ production: 1 });
    expect((await model.versions()).map(({ version }) => version)).toEqual([1, 2]);
    const stage = openStage(pathToFileURL(join(project.folder, 'stage')).href);
    const records = async () =>
      openWarehouse(`duckdb:${join(project.folder, 'w.duckdb')}`, project.folder).readModels(null);
    const { needed, unnamed } = await neededByModels(
      stage,
      await stage.list('@models/torn/'),
      Date.now() + 25 * 3_600_000,
      records,
    );
    const roots = unnamed.filter(({ path }) => path.endsWith('/manifest.json'));
    expect(roots).toHaveLength(1);
    for (const version of [1, 2])
      for (const { path } of await entriesIn(model.version(version))) expect(needed).toContain(path);
    // It is made again, in full.
    expect(await model.promote(2, 'production', { whereBetter: { metric: 'mae' } })).toMatchObject({
      version: 3,
    });
    expect(await entriesIn(model.version('production'))).toHaveLength(3);
  }, 120_000);

  it('is kept by clean', async () => {
    await trained('spared');
    const { models } = await project.partwise.clean();
    expect(models).toEqual({ files: 0, bytes: 0 });
    expect(await (await registered('spared')).version(1).load('b', jsonSerde)).toEqual({ mean: 15 });
  });
});

/** Names of the folders that have a manifest. */
async function rootsIn(folder: string): Promise<string[]> {
  const found = await readdir(folder, { recursive: true }).catch(() => []);
  return found.filter((path) => path.endsWith('manifest.json'));
}
