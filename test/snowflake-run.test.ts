/** Runs on Snowflake, end to end: real workers, the real driver. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { RunHandle } from '../src/index';
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

export const readsTwice = definePartitionFunction({
  name: 'readsTwice',
  async run(data) {
    const rows = await data.rows();
    const amounts = [];
    for await (const chunk of data) for (const { amount } of chunk) amounts.push(amount);
    const [{ n }] = await data.sql\`SELECT count(*) AS n FROM data\`;
    const { amount } = await data.columns();
    return { rows: rows.length, chunked: amounts.length, n, columns: amount.length, counted: data.rowCount };
  },
});

export const looksAway = definePartitionFunction({ name: 'looksAway', run: (data) => ({ counted: data.rowCount }) });
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

  describe('without a snapshot', () => {
    const start = async (name: string, options: object = {}) => {
      const run = await project.partwise.start(
        { function: name, source: { table: 'sales' }, partitionBy: ['region'], snapshot: 'none', options },
        { runId: project.runId(name) },
      );
      expect(await run.wait()).toMatchObject({ status: 'SUCCESS', error: null });
      return run;
    };

    /** Only the emulator counts queries. */
    const expectQueries = async ({ runId }: RunHandle, expected: number) => {
      const history = (await snowflake.emulator?.history()) ?? [];
      const ofUnits = history.filter(({ sql, tag }) => sql.startsWith('SELECT') && /"step":"unit"/.test(tag));
      if (snowflake.emulator !== null)
        expect(ofUnits.filter(({ tag }) => tag.includes(runId))).toHaveLength(expected);
    };

    it('reads the rows of a partition when its function asks for them, and only once', async () => {
      const run = await start('readsTwice', { partitionsPerUnit: 2 });
      expect(await run.results()).toEqual(
        expect.arrayContaining([
          { region: 'North', rows: 2, chunked: 2, n: 2, columns: 2, counted: 2 },
          { region: null, rows: 1, chunked: 1, n: 1, columns: 1, counted: 1 },
        ]),
      );
      await expectQueries(run, 5);
    });

    it('reads no rows for a function that uses none', async () => {
      const run = await start('looksAway');
      expect((await run.results()).map(({ counted }) => counted).sort()).toEqual([1, 1, 1, 1, 2]);
      await expectQueries(run, 0);
    });

    it('calls the function again in debug on the same rows', async () => {
      const run = await start('salesByRegion');
      await snowflake.execute("INSERT INTO sales VALUES ('North', 100)");
      const report = await project.partwise.debug(run.runId, 'North');
      expect(report.comparison).toMatchObject({ same: true });
      await snowflake.execute('DELETE FROM sales WHERE amount = 100');
    });
  });
});
