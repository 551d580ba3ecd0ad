/** The console of projects whose stage is remote: the same pages. Only with `npm run test:long`. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Page } from 'playwright-core';
import type { PartwiseConfig, RunInput } from '../src/index';
import { describeLongBrowser, listOf, type TestConsole } from './support/console';
import { consoleFixture } from './support/console-fixture';
import { describeS3, startS3 } from './support/s3';
import { describeSnowflake, startSnowflake } from './support/snowflake';

const FUNCTIONS = `
import { definePartitionFunction } from 'partwise';

export const sums = definePartitionFunction({
  name: 'sums',
  retry: { maximumAttempts: 1 },
  async run(data, context) {
    console.log('called for ' + context.partitionId);
    if (context.partitionId === 'd') throw new RangeError('no sales');
    const rows = await data.rows();
    await context.upload('rows.parquet', rows.map((row) => ({ v: Number(row.v ?? row.V) })));
    return { rows: rows.length };
  },
});
`;

interface Remote {
  config: Pick<PartwiseConfig, 'stage' | 'warehouse'>;
  source: RunInput['source'];
  end(): Promise<unknown>;
}

const ROWS = "('a', 1), ('a', 2), ('b', 3), ('c', 4), ('d', 5)";

async function onS3(): Promise<Remote> {
  const s3 = await startS3();
  return {
    config: { stage: `s3://${s3.bucket}/runs` },
    source: { query: `SELECT * FROM (VALUES ${ROWS}) AS _(k, v)` },
    end: () => s3.close(),
  };
}

async function onSnowflake(): Promise<Remote> {
  const snowflake = await startSnowflake();
  await snowflake.execute(
    'CREATE STAGE runs',
    'CREATE TABLE sales (k VARCHAR, v NUMBER(10,2))',
    `INSERT INTO sales VALUES ${ROWS}`,
  );
  return {
    config: { warehouse: `snowflake:${snowflake.connection}`, stage: `@${snowflake.schema}.RUNS/p` },
    source: { table: 'sales' },
    end: () => snowflake.close(),
  };
}

/** `isThere`: the tests of the remote system, which are left out without it. */
const tests = (isThere: typeof describe, start: () => Promise<Remote>): void =>
  isThere('the console', () => {
    const fixture = consoleFixture();
    let remote: Remote;
    let served: TestConsole;
    let page: Page;
    let runId: string;

    beforeAll(async () => {
      remote = await start();
      const started = await fixture.start(FUNCTIONS, { project: { config: remote.config } });
      ({ served } = started);
      const run = await started.project.partwise.start(
        {
          function: 'sums',
          source: remote.source,
          partitionBy: ['k'],
          options: { toleratedFailures: 1 },
        },
        { runId: started.project.runId('remote') },
      );
      ({ runId } = run);
      expect((await run.wait()).counts).toMatchObject({ DONE: 3, FAILED: 1 });
      page = await fixture.newPage();
    });

    afterAll(() => remote?.end());

    const showsAll = async (): Promise<void> => {
      await page.getByRole('link', { name: runId }).click();
      await page.locator('.sentence').getByText('3 DONE, 1 FAILED').waitFor();
      await page.getByText('4 of 4', { exact: true }).waitFor();
      await page.locator('.group').getByText('RangeError: no sales').waitFor();
      await page
        .locator('.grid-row')
        .filter({ has: page.getByText('a', { exact: true }) })
        .click();
      await page.getByRole('region', { name: 'Logs' }).getByText('called for a').waitFor();
      await page.getByRole('button', { name: 'rows.parquet' }).click();
      await page.getByRole('region', { name: 'Artifacts' }).getByRole('cell', { name: '2' }).waitFor();
      await page.getByRole('link', { name: runId }).click();
      await page.getByRole('link', { name: 'Results' }).click();
      await page
        .getByText(/^3 rows/)
        .first()
        .waitFor();
    };

    it('shows the run, its partitions, logs, artifacts and results', async () => {
      await page.goto(listOf(served.url, runId));
      await showsAll();
    });

    it('shows the same from the stage alone', async () => {
      const { stage } = remote.config;
      const ofStage = await fixture.startConsole('--stage', stage!, '--address', '127.0.0.1:1');
      await page.goto(ofStage.url);
      await page.getByText('read-only').waitFor();
      await showsAll();
    });
  });

describeLongBrowser('on S3', () => tests(describeS3 as typeof describe, onS3));
describeLongBrowser('on Snowflake', () => tests(describeSnowflake as typeof describe, onSnowflake));
