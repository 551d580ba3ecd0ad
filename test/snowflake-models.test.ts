/** Training, the registry and prediction on Snowflake: the same functions and messages. */
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { jsonSerde, type RunInput } from '../src/index';
import { makeProject, type TestProject } from './support/project';
import { describeSnowflake, startSnowflake, type TestSnowflake } from './support/snowflake';

const FUNCTIONS = `
import { definePartitionModel } from 'partwise';

export const mean = definePartitionModel({
  name: 'mean',
  async train(data, context) {
    const [row] = await data.sql\`SELECT avg(amount) AS mean FROM data\`;
    return { mean: row.mean + (context.params.off ?? 0) };
  },
  predict: (model, data) => Array.from({ length: data.rowCount }, () => model.mean),
  async metrics(model, data) {
    const rows = await data.rows();
    return { mae: rows.reduce((sum, { amount }) => sum + Math.abs(amount - model.mean), 0) / rows.length };
  },
});
`;

describeSnowflake('models on Snowflake', () => {
  let snowflake: TestSnowflake;
  let project: TestProject;
  beforeAll(async () => {
    snowflake = await startSnowflake();
    await snowflake.execute(
      'CREATE STAGE models',
      'CREATE TABLE sales (shop VARCHAR, day NUMBER(4,0), amount NUMBER(10,2))',
      "INSERT INTO sales VALUES ('a', 1, 1), ('a', 2, 3), ('b', 1, 10), ('b', 2, 20), ('c', 1, 5)",
    );
    project = await makeProject(FUNCTIONS, {
      config: { warehouse: `snowflake:${snowflake.connection}`, stage: `@${snowflake.schema}.MODELS/p` },
    });
    await project.startWorker();
  });
  afterAll(async () => {
    await project.close();
    await snowflake.close();
  });

  async function ran(input: Partial<RunInput>) {
    const run = await project.partwise.start(
      { source: { table: 'sales' }, partitionBy: ['shop'], ...input } as RunInput,
      { runId: project.runId('models') },
    );
    const { status, error } = await run.wait();
    expect({ status, error }).toEqual({ status: 'SUCCESS', error: null });
    return run;
  }

  it('train, keep versions, promote where the new model is better, roll back, and predict into a table', async () => {
    await ran({ function: 'mean.train', output: { model: 'sales' }, params: { off: 1 }, only: ['a', 'b'] });
    await ran({ function: 'mean.train', output: { model: 'sales' }, only: ['b'] });
    const model = (await project.partwise.registry()).model('sales');
    await model.promote(1, 'production');
    const promotion = await model.promote(2, 'production', { whereBetter: { metric: 'mae' } });
    expect(promotion.before).toBe(1);
    expect(await model.version(1).load('b', jsonSerde)).toEqual({ mean: 16 });
    await model.promote(2, 'production');
    expect(await model.version('production').load('b', jsonSerde)).toEqual({ mean: 15 });
    const run = await model.version('production').predict({
      source: { table: 'sales' },
      partitionBy: ['shop'],
      model: { onMissing: 'skip', keep: ['day'] },
      output: { table: 'forecast' },
    });
    expect(await run.wait()).toMatchObject({
      status: 'SUCCESS',
      counts: { DONE: 2, SKIPPED: 1 },
      models: { firstMissing: ['c'] },
    });
    const { rows } = await snowflake.query(
      'SELECT shop, row_id, day, prediction, model_partition FROM forecast ORDER BY 1, 2',
    );
    expect(rows.map((row) => row.map(String))).toEqual([
      ['a', '0', '1', '3', 'a'],
      ['a', '1', '2', '3', 'a'],
      ['b', '0', '1', '15', 'b'],
      ['b', '1', '2', '15', 'b'],
    ]);
    await model.rollback('production');
    expect((await model.describe()).aliases.production).toBe(promotion.version);
  });

  it('let one of two concurrent moves of an alias win and report the conflict to the other', async () => {
    await ran({ function: 'mean.train', output: { model: 'raced' } });
    await ran({ function: 'mean.train', output: { model: 'raced' } });
    const model = (await project.partwise.registry()).model('raced');
    await model.promote(1, 'production');
    const ends = await Promise.allSettled([model.promote(2, 'production'), model.promote(2, 'production')]);
    const lost = ends.flatMap((end) => (end.status === 'rejected' ? [(end.reason as Error).name] : []));
    expect(lost).toEqual(['RegistryConflict']);
  });
});
