/** Every kind of artifact on the page of a partition. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, it } from '@jest/globals';
import type { Page } from 'playwright-core';
import { describeBrowser, describeLongBrowser } from './support/console';
import { consoleFixture, type ConsoleFixture } from './support/console-fixture';
import type { TestProject } from './support/project';

/** Larger than what is put into a pack with others, so that its file is its own. */
const BROKEN = 'the quick brown fox '.repeat(5_000);
const PIXEL =
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';
const SVG =
  '<svg xmlns="http://www.w3.org/2000/svg" width="40" height="20"><script>top.document.title = "broken"</script><rect width="40" height="20"/></svg>';
const LARGE_BYTES = 300 * 1024 * 1024;

const FUNCTIONS = `
import { definePartitionFunction } from 'partwise';

export const makes = definePartitionFunction({
  name: 'makes',
  async run(data, context) {
    if (context.partitionId === 'large') {
      const csv = Buffer.alloc(${LARGE_BYTES}, '1,a\\n');
      csv.write('n,s\\n');
      await context.upload('large.csv', csv);
      await context.upload('large.txt', csv);
      return;
    }
    const rows = [{ n: 1, s: '<b>bold</b>' }, { n: 2, s: null }];
    await context.upload('plain.json', { list: [1, 2], text: '<b>bold</b>' });
    await context.upload('table.csv', rows);
    await context.upload('table.parquet', rows);
    await context.upload('chart.svg', ${JSON.stringify(SVG)});
    await context.upload('dot.png', Buffer.from('${PIXEL}', 'base64'));
    await context.upload('note.txt', 'first\\n<i>second</i>');
    await context.upload('empty.txt', '');
    await context.upload('bytes.bin', Uint8Array.of(0, 1, 2, 255));
    await context.upload('broken.txt', ${JSON.stringify(BROKEN)});
  },
});
`;

let project: TestProject;
let page: Page;
let partitions: string;

/** Runs the function for one partition, and opens the console. */
async function prepare(fixture: ConsoleFixture, partition: string): Promise<void> {
  const started = await fixture.start(FUNCTIONS);
  ({ project } = started);
  const run = await project.partwise.start(
    { function: 'makes', source: { query: `SELECT '${partition}' AS k` }, partitionBy: ['k'] },
    { runId: project.runId('artifacts') },
  );
  expect((await run.wait()).status).toBe('SUCCESS');
  partitions = `${started.served.origin}/runs/${run.runId}/partitions`;
  page = await fixture.signedIn();
}

describeBrowser('the page of a partition', () => {
  const fixture = consoleFixture();
  beforeAll(() => prepare(fixture, 'all'));

  const panel = () => page.getByRole('region', { name: 'Artifacts' });
  const open = (name: string): Promise<unknown> => page.goto(`${partitions}/all?artifact=${name}`);

  it('shows JSON and text as text', async () => {
    await open('plain.json');
    expect(await panel().locator('pre').innerText()).toBe(
      '{\n  "list": [\n    1,\n    2\n  ],\n  "text": "<b>bold</b>"\n}',
    );
    await open('note.txt');
    expect(await panel().locator('pre').innerText()).toBe('first\n<i>second</i>');
  });

  it.each(['table.csv', 'table.parquet'])('shows the rows of %s', async (name) => {
    await open(name);
    const cells = panel().getByRole('row');
    await cells.nth(2).waitFor();
    expect(await cells.allInnerTexts()).toEqual([
      expect.stringMatching(/^n\b.*\ts\b/s),
      '1\t<b>bold</b>',
      expect.stringMatching(/^2\t/),
    ]);
  });

  it.each([
    ['chart.svg', 40],
    ['dot.png', 1],
  ])('shows %s as a picture, in which no script runs', async (name, width) => {
    await open(name);
    const image = panel().locator('img');
    await image.waitFor();
    expect(
      await image.evaluate((element: { decode(): Promise<void>; naturalWidth: number }) =>
        element.decode().then(() => element.naturalWidth),
      ),
    ).toBe(width);
    expect(await page.title()).not.toBe('broken');
  });

  it('says what cannot be shown: bytes, and a file of another digest', async () => {
    await open('bytes.bin');
    await panel().getByText('This kind of file cannot be previewed; save it instead.').waitFor();
    const stage = join(project.folder, 'stage');
    const file = (readdirSync(stage, { recursive: true }) as string[]).find((name) =>
      name.endsWith('broken.txt'),
    );
    writeFileSync(join(stage, file!), readFileSync(join(stage, file!), 'utf8').replace('quick', 'QUICK'));
    const digest = project.partwise
      .getRun(new URL(partitions).pathname.split('/')[2]!)
      .partition('all')
      .artifacts.get('broken.txt');
    const refusal = await digest.then(
      () => 'It was read.',
      (error: Error) => error.message,
    );
    expect(refusal).toContain('sha256');
    await open('broken.txt');
    await panel().locator('.empty').waitFor();
    expect(await panel().locator('.empty').innerText()).toBe(refusal);
  });

  it('shows a file of 0 bytes as empty', async () => {
    await open('empty.txt');
    await panel().getByText('The file is empty.').waitFor();
  });
});

describeLongBrowser('an artifact of 300 MB', () => {
  const fixture = consoleFixture();
  beforeAll(() => prepare(fixture, 'large'));

  it('is previewed from its head alone', async () => {
    const loaded: string[] = [];
    page.on('request', (request) => loaded.push(new URL(request.url()).pathname));
    await page.goto(`${partitions}/large?artifact=large.csv`);
    await page.getByText('The first 200 rows.').waitFor();
    await page.goto(`${partitions}/large?artifact=large.txt`);
    await page.getByText('Files larger than 1.0 MiB are not shown here; save it instead.').waitFor();
    expect(loaded.filter((path) => path.endsWith('/preview'))).toHaveLength(2);
    expect(loaded.filter((path) => path.endsWith('/artifact'))).toEqual([]);
  });
});
