/** Runs of several executions, generations and shards in the console. */
import { beforeAll, expect, it } from '@jest/globals';
import type { Locator, Page } from 'playwright-core';
import { describeBrowser, describeLongBrowser, type TestConsole } from './support/console';
import { consoleFixture } from './support/console-fixture';
import { GATED_FUNCTIONS, startGated } from './support/gated-runs';
import type { TestProject } from './support/project';

const FUNCTIONS = `${GATED_FUNCTIONS}
/** Prints in which generation it runs, which the rows say; fails for "b" unless params.fixed exists. */
export const dated = definePartitionFunction({
  name: 'dated',
  retry: { maximumAttempts: 1 },
  async run(data, { key, params }) {
    const [{ day }] = await data.rows();
    console.log('day ' + day + ' of ' + key.k);
    if (key.k === 'b' && !existsSync(params.fixed)) throw new RangeError('not yet');
    return { day };
  },
});
`;

describeBrowser('the console', () => {
  const fixture = consoleFixture();
  let project: TestProject;
  let served: TestConsole;
  let page: Page;

  beforeAll(async () => {
    ({ project, served } = await fixture.start(FUNCTIONS, {
      tables: ["CREATE TABLE t AS SELECT * FROM (VALUES ('a', 1), ('b', 1), ('c', 1)) AS _(k, day)"],
      worker: { PARTWISE_RUNNERS: '4' },
    }));
    page = await fixture.signedIn();
  });

  const rows = (): Locator => page.locator('.grid-row');
  const sentence = (text: string): Promise<void> => page.locator('.sentence').getByText(text).waitFor();

  it('has each execution of a run as a tab, with its own partitions and logs, after a retry and an overwrite', async () => {
    const fixed = `${project.folder}/fixed`;
    const input = {
      function: 'dated',
      source: { table: 't' },
      partitionBy: ['k'],
      params: { fixed },
      options: { toleratedFailures: 1 },
    };
    const runId = project.runId('dated');
    const run = await project.partwise.start(input, { runId });
    expect((await run.wait()).status).toBe('PARTIAL_FAILURE');
    await project.write('fixed', '');
    await (await run.retry()).wait();
    await project.execute('UPDATE t SET day = 2', "INSERT INTO t VALUES ('d', 2)");
    const over = await project.partwise.start({ ...input, onExisting: 'overwrite' }, { runId });
    expect((await over.wait()).executions).toMatchObject([
      { generation: 1, execution: 1 },
      { generation: 1, execution: 2 },
      { generation: 2, execution: 3 },
    ]);

    await page.goto(`${served.origin}/runs/${runId}`);
    const logOf = async (id: string): Promise<string> => {
      await rows().filter({ hasText: id }).first().click();
      const log = page.getByRole('region', { name: 'Logs' });
      await log.getByText(/^day/).first().waitFor();
      return (await log.getByText(/^day/).allInnerTexts()).join();
    };
    const back = (): Promise<unknown> => page.getByRole('link', { name: runId }).click();
    await sentence('4 partitions, 4 rows: 4 DONE');
    expect(await logOf('b')).toBe('day 2 of b');
    await back();
    await page.getByRole('link', { name: 'execution 1' }).click();
    await sentence('3 partitions, 3 rows: 2 DONE, 1 FAILED');
    expect(await logOf('b')).toBe('day 1 of b');
    await page.getByText('RangeError').first().waitFor();
    await back();
    await sentence('3 partitions, 3 rows: 2 DONE, 1 FAILED');
    await page.getByRole('link', { name: 'execution 2' }).click();
    await sentence('3 partitions, 3 rows: 3 DONE');
    expect(await page.locator('[aria-current=true]').innerText()).toBe('execution 2');
  });

  describeLongBrowser('with more units at a time than one workflow has', () => {
    it('shows a run of five shards as one run', async () => {
      const gated = await startGated(project, 'shards', {
        source: { query: "SELECT printf('%03d', range) AS k FROM range(260)" },
        params: { wait: ['017'], fails: { '101': 'no sales', '259': 'no sales' } },
        options: { maxConcurrency: 240, partitionsPerUnit: 1, toleratedFailures: 5 },
      });
      await page.goto(`${served.origin}/runs/${gated.run.runId}`);
      await gated.untilStarted('017');
      await sentence('2 FAILED');
      await sentence('1 RUNNING');
      await page.getByRole('button', { name: 'RUNNING 1' }).click();
      await rows().filter({ hasText: '017' }).waitFor();
      await gated.release();
      await page.getByRole('heading', { name: /PARTIAL_FAILURE/ }).waitFor();
      await page.getByRole('button', { name: 'Show all' }).click();
      await page.getByText('260 of 260', { exact: true }).waitFor();
      expect(await page.locator('.group .count').allInnerTexts()).toEqual(['2']);
      await page.getByRole('button', { name: 'FAILED 2' }).click();
      await page.getByText('2 of 260', { exact: true }).waitFor();
      const { executions } = await gated.run.status();
      const shards = await Promise.all(
        [0, 1, 2, 3, 4].map((shard) =>
          project.client.workflow
            .getHandle(`${gated.run.runId}/execution-${executions[0]!.execution}/shard-${shard}`)
            .describe(),
        ),
      );
      expect(shards.map(({ status }) => status.name)).toEqual(shards.map(() => 'COMPLETED'));
    });
  });
});
