/** Runs on Snowflake, end to end: real workers, the real driver. */
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { makeProject, type TestProject } from './support/project';
import { describeSnowflake, startSnowflake, type TestSnowflake } from './support/snowflake';

const FUNCTIONS = `
import { definePartitionFunction } from 'partwise';

export const salesByRegion = definePartitionFunction({
  name: 'salesByRegion',
  async run(data, context) {
    const [summary] = await data.sql\`SELECT count(*) AS orders, sum(amount) AS total_sales FROM data\`;
    await context.upload('sales_summary.json', summary);
    return summary;
  },
});
`;

describeSnowflake('a run on Snowflake', () => {
  let snowflake: TestSnowflake;
  let project: TestProject;
  beforeAll(async () => {
    snowflake = await startSnowflake();
    await snowflake.execute(
      'CREATE STAGE runs',
      'CREATE TABLE sales (region VARCHAR, amount NUMBER(10,2))',
      "INSERT INTO sales VALUES ('North', 1.5), ('South', 2), ('North', 3), (NULL, 4), ('', 5), ('it''s', 6)",
    );
    project = await makeProject(FUNCTIONS, {
      config: { warehouse: `snowflake:${snowflake.connection}`, stage: `@${snowflake.schema}.RUNS/p` },
    });
    await project.startWorker();
  });
  afterAll(async () => {
    await project.close();
    await snowflake.close();
  });

  it('reads a table, keeps everything on a stage there, and writes a table', async () => {
    const run = await project.partwise.start(
      {
        function: 'salesByRegion',
        source: { table: 'sales' },
        partitionBy: ['region'],
        output: { table: 'sales_summary' },
      },
      { runId: project.runId('first') },
    );
    const { status, error, counts } = await run.wait();
    expect({ status, error, total: counts.total }).toEqual({ status: 'SUCCESS', error: null, total: 5 });
    const ids = (await run.partitions()).partitions.map(({ id }) => id);
    expect(ids).toEqual(
      ['%_', "it's", 'North', 'South', '%-'].sort((a, b) => ids.indexOf(a) - ids.indexOf(b)),
    );
    expect(await run.results()).toEqual(
      expect.arrayContaining([
        { region: 'North', orders: 2, total_sales: 4.5 },
        { region: null, orders: 1, total_sales: 4 },
      ]),
    );
    expect(await run.partition('North').artifacts.get('sales_summary.json')).toEqual({
      orders: 2,
      total_sales: 4.5,
    });
    const { rows } = await snowflake.query(
      'SELECT REGION, ORDERS, TOTAL_SALES FROM sales_summary ORDER BY REGION',
    );
    expect(rows.map(([region, ...totals]) => [region, ...totals.map(Number)])).toEqual([
      ['', 1, 5],
      ['North', 2, 4.5],
      ['South', 1, 2],
      ["it's", 1, 6],
      [null, 1, 4],
    ]);
  });
});
