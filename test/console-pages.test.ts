/** The console's pages about schedules, models, plans and workers: over HTTP, then in a browser. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Page } from 'playwright-core';
import type {
  ComparedPartition,
  PlanPreview,
  PromotionPreview,
  ScheduleFiring,
  ScheduleListing,
} from '../src/index';
import { comparisonAnswer } from '../src/console/comparison';
import type { ComparisonAnswer, ModelAnswer, VersionAnswer } from '../src/console/wire/models';
import type { StartedRun, WorkersAnswer } from '../src/console/wire/project';
import type { ScheduleAnswer } from '../src/console/wire/schedules';
import { freePort } from '../src/temporal/ports';
import { audit, viewportsOf } from './support/audit';
import { cli } from './support/cli';
import { describeBrowser, listOf, startConsole, type TestConsole } from './support/console';
import { askConsole, type ConsoleAnswer } from './support/console-api';
import { consoleFixture } from './support/console-fixture';
import { makeProject, type TestProject } from './support/project';
import { until } from './support/until';

const FUNCTIONS = `
import { definePartitionFunction, definePartitionModel } from 'partwise';

export const counted = definePartitionFunction({
  name: 'counted',
  retry: { maximumAttempts: 1 },
  run(data, { params }) {
    if (params.fails) throw new Error('on purpose');
    return { rows: data.rowCount, id: params.id };
  },
});

export const mean = definePartitionModel({
  name: 'mean',
  async train(data, { params, partitionId }) {
    const [row] = await data.sql\`SELECT avg(amount) AS mean FROM data\`;
    return { mean: row.mean + (params.off?.[partitionId] ?? 0) };
  },
  predict: (model, data) => Array.from({ length: data.rowCount }, () => model.mean),
  async metrics(model, data) {
    const rows = await data.rows();
    return { mae: rows.reduce((sum, { amount }) => sum + Math.abs(amount - model.mean), 0) / rows.length };
  },
});
`;

const DAILY = {
  function: 'counted',
  source: { query: 'SELECT * FROM sales WHERE day = $scheduled_date' },
  partitionBy: ['shop'],
};

// Defined first, so that it comes before the project is closed.
afterAll(() => project?.partwise.schedules.delete(nightly));
const fixture = consoleFixture();
let project: TestProject;
let served: TestConsole;
let nightly: string;
/** Training runs of the model's versions, in order. */
const runs: string[] = [];

beforeAll(async () => {
  ({ project, served } = await fixture.start(FUNCTIONS, {
    tables: [
      "CREATE TABLE sales AS SELECT 'S' || (i % 3) AS shop, i::DOUBLE AS amount, DATE '2026-09-01' + i::INT AS day FROM range(60) t(i)",
    ],
  }));
  nightly = project.runId('nightly');
  const when = { cron: '30 0 * * *', timeZone: 'Europe/Berlin', note: 'for the morning' };
  await project.partwise.schedules.create(nightly, { input: DAILY, ...when });
  for (const off of [
    { S0: 5, S1: 5 },
    { S1: 9, S2: 9 },
  ]) {
    const run = await project.partwise.start(
      {
        function: 'mean.train',
        source: { table: 'sales' },
        partitionBy: ['shop'],
        output: { model: 'traffic' },
        params: { off },
      },
      { runId: project.runId('train') },
    );
    expect((await run.wait()).status).toBe('SUCCESS');
    runs.push(run.runId);
  }
  await (await project.partwise.registry()).model('traffic').promote(1, 'production');
});

const ask = <T>(path: string, body?: unknown, of = served): Promise<ConsoleAnswer<T>> =>
  askConsole<T>(of, path, body);

describe('the page of schedules', () => {
  const one = async (): Promise<ScheduleAnswer> => (await ask<ScheduleAnswer>(`schedules/${nightly}`)).value;

  it('lists them, and shows one as the library describes it', async () => {
    const { value } = await ask<ScheduleListing[]>('schedules');
    expect(value.find(({ id }) => id === nightly)).toMatchObject({ paused: false, function: 'counted' });
    const { schedule, firings } = await one();
    expect(schedule).toEqual(await project.partwise.schedules.describe(nightly));
    expect(schedule.next).toHaveLength(10);
    expect(firings).toEqual([]);
  });

  it('lists the times of a backfill first, starts those times, and shows what they became', async () => {
    // Clocks were set back on the 25th.
    const range = { from: '2026-10-24', to: '2026-10-26' };
    const preview = await ask<ScheduleFiring[]>(`schedules/${nightly}/backfill/preview`, range);
    const due = ['2026-10-23T22:30:00.000Z', '2026-10-24T22:30:00.000Z', '2026-10-25T23:30:00.000Z'];
    expect(preview.value.map(({ scheduledTime }) => scheduledTime)).toEqual(due);
    expect((await one()).schedule.counts.started).toBe(0);
    const started = await ask<ScheduleFiring[]>(`schedules/${nightly}/backfill`, range);
    expect(started.value).toEqual(preview.value);
    await until(async () => (await one()).firings.filter(({ took }) => took !== null).length === 3);
    const { firings } = await one();
    expect(firings.map(({ scheduledTime, status }) => `${scheduledTime} ${status}`)).toEqual(
      due.map((time) => `${time} SUCCESS`),
    );
    expect(firings[0]).toMatchObject({ refused: null, counts: { total: 1, DONE: 1 } });
  });

  it('shows why a firing was refused', async () => {
    const { value } = await ask<ScheduleFiring>(`schedules/${nightly}/trigger`, {});
    await project.partwise.getRun(value.runId).wait();
    const { firings, schedule } = await one();
    expect(firings.at(-1)).toMatchObject({ runId: value.runId, refused: expect.stringContaining('no rows') });
    expect(schedule.recent.at(-1)!.refused!.message).toBe(firings.at(-1)!.refused);
  });

  it('pauses with a note, and unpauses', async () => {
    await ask(`schedules/${nightly}/pause`, { note: 'The source moves.' });
    expect((await one()).schedule).toMatchObject({ paused: true, note: 'The source moves.' });
    await ask(`schedules/${nightly}/unpause`, {});
    expect((await one()).schedule.paused).toBe(false);
  });

  it('refuses in the sentences of the library', async () => {
    const range = { from: 'yesterday', to: '2026-02-30' };
    const wanted = await project.partwise.schedules
      .previewBackfill(nightly, range)
      .catch((error: Error) => error);
    for (const path of ['backfill', 'backfill/preview'])
      expect(await ask(`schedules/${nightly}/${path}`, range)).toMatchObject({
        status: 409,
        refusal: (wanted as Error).message,
      });
    expect(await ask('schedules/nigthly')).toMatchObject({
      status: 404,
      refusal: expect.stringContaining('partwise schedule list'),
    });
  });

  it('deletes one', async () => {
    const id = project.runId('deleted');
    await project.partwise.schedules.create(id, { input: DAILY, every: '1h', paused: true });
    expect((await ask(`schedules/${id}/delete`, {})).status).toBe(200);
    expect((await ask(`schedules/${id}`)).status).toBe(404);
  });
});

describe('the page of models', () => {
  const model = async (): Promise<ModelAnswer> => (await ask<ModelAnswer>('models/traffic')).value;

  it('lists them, and shows versions, metrics and the steps of aliases', async () => {
    const { value } = await ask('models');
    expect(value).toEqual([
      expect.objectContaining({ name: 'traffic', versions: 2, aliases: { production: 1 } }),
    ]);
    const { versions, history, metrics } = await model();
    expect(versions.map(({ version, run, changed }) => ({ version, run, changed }))).toEqual(
      runs.map((run, i) => ({ version: i + 1, run, changed: 3 })),
    );
    expect(history).toEqual([
      { alias: 'production', steps: [{ version: 1, how: 'promote', at: expect.any(String) }] },
    ]);
    expect(metrics).toEqual(['mae']);
  });

  it('leads from a model to the run and partition that trained it', async () => {
    const all = await ask<VersionAnswer>('models/traffic/versions/1');
    expect(all.value).toMatchObject({ version: { entries: 3 }, next: null });
    expect(all.value.entries.map(({ partition, run }) => [partition, run])).toEqual(
      ['S0', 'S1', 'S2'].map((partition) => [partition, runs[0]]),
    );
    const rest = await ask<VersionAnswer>('models/traffic/versions/1?after=S0');
    expect(rest.value.entries.map(({ partition }) => partition)).toEqual(['S1', 'S2']);
    const found = await ask<VersionAnswer>('models/traffic/versions/1?partition=S2');
    expect(found.value.entries).toEqual([all.value.entries[2]]);
    expect(await ask('models/traffic/versions/latest')).toMatchObject({ status: 400 });
  });

  it('compares two versions', async () => {
    const { value } = await ask<ComparisonAnswer>('models/traffic/compare?a=1&b=2&metric=mae');
    expect(value.counts).toMatchObject({ total: 3, betterA: 2, betterB: 1, otherRows: 0 });
    expect(value.worst.map(({ partition }) => partition)).toEqual(['S2', 'S1']);
    expect(value.best.map(({ partition }) => partition)).toEqual(['S0']);
    expect(value.differences!.bins.reduce((sum, count) => sum + count, 0)).toBe(3);
    const points = value.scatter!.cells.filter((_, i) => i % 3 === 2);
    expect(points.reduce((sum, count) => sum + count, 0)).toBe(3);
    const higher = await ask<ComparisonAnswer>('models/traffic/compare?a=1&b=2&metric=mae&higher=true');
    expect(higher.value.worst.map(({ partition }) => partition)).toEqual(['S0']);
    expect((await ask('models/traffic/compare?a=1&b=2&metric=mea')).refusal).toContain('They have: mae.');
  });

  it('counts each partition of a comparison once, and keeps apart what cannot be compared', () => {
    const of = (
      partition: string,
      a: number | null,
      b: number | null,
      rest: Partial<ComparedPartition> = {},
    ) => ({
      partition,
      a,
      b,
      better: null,
      otherRows: false,
      same: false,
      ...rest,
    });
    const partitions = [
      of('worse', 1, 3, { better: 'a' }),
      of('much better', 500, 1, { better: 'b' }),
      of('equal', 2, 2),
      of('gone', 1, null, { better: 'a' }),
      of('not measured', null, null),
      of('held out', 1, 9, { otherRows: true }),
      of('same', 1, 1, { same: true }),
    ];
    const answer = comparisonAnswer(
      { metric: 'mae', partitions, better: { a: 2, b: 1 }, otherRows: 1 },
      false,
    );
    const { total, ...counts } = answer.counts;
    expect([total, Object.values(counts)]).toEqual([7, [1, 1, 1, 1, 1, 1, 1]]);
    const names = [answer.worst, answer.best, answer.otherRows, answer.missing].map((rows) =>
      rows.map(({ partition }) => partition),
    );
    expect(names).toEqual([['worse'], ['much better'], ['held out'], ['gone']]);
    expect(answer.scatter).toMatchObject({ scale: 'log', from: 1, to: 500 });
    expect(answer.differences!.quantiles).toMatchObject({ min: -499, max: 2 });
  });

  it('says what a promotion would take and keep, promotes, and rolls back', async () => {
    const body = { version: 2, alias: 'production', whereBetter: { metric: 'mae' } };
    const preview = await ask<PromotionPreview>('models/traffic/promote/preview', body);
    expect(preview.value).toMatchObject({ before: 1, version: null, taken: 1, kept: 2 });
    expect((await model()).model).toMatchObject({ versions: 2, aliases: { production: 1 } });
    expect((await ask('models/traffic/promote', body)).value).toMatchObject({
      version: 3,
      taken: 1,
      kept: 2,
    });
    expect((await ask('models/traffic/rollback', { alias: 'production' })).value).toMatchObject({
      version: 1,
    });
    expect((await model()).history[0]!.steps.map(({ version, how }) => [version, how])).toEqual([
      [1, 'promote'],
      [3, 'promote'],
      [1, 'rollback'],
    ]);
  });

  it('sets tags, and deletes a version only if no alias points at it', async () => {
    const tags = { tags: { reviewed: 'yes' }, description: 'with an offset' };
    await ask('models/traffic/versions/2/tag', tags);
    expect((await model()).versions[1]).toMatchObject(tags);
    expect(await ask('models/traffic/versions/1/delete', {})).toMatchObject({
      status: 409,
      refusal: expect.stringContaining('production'),
    });
    expect((await ask('models/traffic/versions/3/delete', {})).status).toBe(200);
    expect((await model()).versions.map(({ version }) => version)).toEqual([1, 2]);
  });
});

describe('the page of plans', () => {
  const input = { function: 'counted', source: { table: 'sales' }, partitionBy: ['shop'] };

  it('lists the functions of the project', async () => {
    const { value } = await ask<{ name: string }[]>('functions');
    expect(value.map(({ name }) => name)).toEqual(expect.arrayContaining(['counted', 'mean.train']));
  });

  it('shows what the library plans, and all problems at once', async () => {
    const { value } = await ask<PlanPreview>('plan', { input });
    expect(value).toEqual(await project.partwise.plan(input as never));
    const refused = await ask('plan', {
      input: { ...input, partitionBy: [], options: { maxConcurrency: 0 } },
    });
    expect(refused.status).toBe(409);
    expect(refused.refusal!.split('\n')).toHaveLength(2);
  });

  it('starts a run under the id that was given, once', async () => {
    const runId = project.runId('planned');
    expect((await ask<StartedRun>('runs', { input, runId })).value).toEqual({ runId });
    expect(await project.partwise.getRun(runId).wait()).toMatchObject({ status: 'SUCCESS', rows: 60 });
    // The next plan is timed by it: three units of 20 rows, all at once.
    // Runs of other projects on the server do not hide it, although they come first in the list.
    const others = await Promise.all(
      Array.from({ length: 20 }, (_, n) =>
        project.client.workflow.start('partitionedRun', {
          workflowId: `${runId}-elsewhere-${n}`,
          taskQueue: 'elsewhere',
          args: [input],
        }),
      ),
    );
    const { time, unitSizes } = await until(async () => {
      const { value } = await ask<PlanPreview>('plan', { input });
      return value.time?.runId === runId && value;
    });
    expect(time).toMatchObject({ runId, maxConcurrency: 8, atLeastMs: 20 * time!.msPerRow });
    expect(unitSizes.map(({ label, rows }) => `${label} ${rows}`)).toEqual(['S0 20', 'S1 20', 'S2 20']);
    await Promise.all(others.map((other) => other.terminate()));
    const printed = await cli(project.folder, ['plan', 'counted', '--from', 'sales', '--by', 'shop']);
    expect(printed.stdout).toMatch(new RegExp(` in the last run of the function: ${runId}\n`));
    expect(await ask('runs', { input, runId })).toMatchObject({
      status: 409,
      refusal: expect.stringContaining(runId),
    });
  });
});

it('shows who polls the task queues', async () => {
  const { value } = await ask<WorkersAnswer>('workers');
  expect(value.embedded).toBe(false);
  expect(value.queues.map(({ work, polled }) => [work, polled])).toEqual([
    ['workflows', true],
    ['activities', true],
    ['units', true],
  ]);
});

it('has no route that changes anything if it is read-only', async () => {
  const readOnly = await fixture.startConsole('--read-only', '--port', `${await freePort()}`);
  try {
    for (const path of [
      ...['pause', 'unpause', 'trigger', 'backfill', 'backfill/preview', 'delete'].map(
        (action) => `schedules/${nightly}/${action}`,
      ),
      ...['promote', 'promote/preview', 'rollback', 'versions/1/tag', 'versions/1/delete'].map(
        (action) => `models/traffic/${action}`,
      ),
      'runs',
    ])
      expect([path, (await ask(path, {}, readOnly)).status]).toEqual([path, 404]);
    expect((await ask('models', undefined, readOnly)).status).toBe(200);
  } finally {
    await readOnly.end();
  }
});

describeBrowser('in a browser', () => {
  let page: Page;

  beforeAll(async () => {
    page = await fixture.signedIn({ timezoneId: 'America/Chicago' });
  });

  it('the next times are in both zones, and changes of clocks are marked', async () => {
    const id = project.runId('march');
    await project.partwise.schedules.create(id, {
      input: DAILY,
      cron: '0 12 25-31 3 *',
      timeZone: 'Europe/Berlin',
    });
    try {
      await page.goto(`${served.origin}/schedules/${id}`);
      const next = page.getByRole('region', { name: 'Next times' });
      await next.getByText('clocks change: UTC+01:00 → UTC+02:00').first().waitFor();
      expect(await next.getByRole('columnheader').allInnerTexts()).toEqual([
        'Europe/Berlin',
        'America/Chicago',
      ]);
      await next.getByText('12:00 UTC+02:00').first().waitFor();
      await next.getByText('05:00 UTC-05:00').first().waitFor();
      await page.getByLabel('Note').fill("it's <b>moved</b>");
      await page.getByRole('button', { name: 'Pause', exact: true }).click();
      await page.getByText("Paused: it's <b>moved</b>.").waitFor();
      await page.getByRole('button', { name: 'Unpause' }).waitFor();
    } finally {
      await project.partwise.schedules.delete(id);
    }
  });

  it('two versions are compared from the page of a model', async () => {
    await page.goto(`${served.origin}/models/traffic`);
    await page.getByRole('button', { name: 'Compare' }).click();
    await page.getByText('3 partitions: 1 better in version 2, 2 better in version 1.').waitFor();
    expect(new URL(page.url()).search).toBe('?a=1&b=2&metric=mae');
    await page.getByRole('img', { name: /with the diagonal/ }).waitFor();
  });

  it('a plan is in the address, and its start leads to the run', async () => {
    await page.goto(`${served.origin}/plan`);
    await page.getByLabel('Function').fill('counted');
    await page.getByLabel('Source', { exact: true }).fill('sales');
    await page.getByLabel('By', { exact: true }).fill('shop');
    await page.getByText('Parameters and settings').click();
    await page.getByLabel('Parameters, one a line').fill('id=12345678901234567890');
    await page.getByRole('button', { name: 'Plan', exact: true }).click();
    await page.getByText('3 partitions, 60 rows, 3 units').waitFor();
    const units = page.getByRole('region', { name: 'Units' });
    await units.getByRole('img', { name: '3 units of 20 to 20 rows.' }).focus();
    await page.keyboard.press('ArrowRight');
    await page.keyboard.press('ArrowRight');
    await units.getByText('S1: 1 partition, 20 rows, 33.3 % of the rows.').waitFor();
    await page.reload();
    const start = page.getByRole('button', { name: 'Start the run' });
    await start.waitFor();
    expect(await page.getByTitle(/^partwise run/).getAttribute('title')).toBe(
      'partwise run counted --from sales --by shop --param id=12345678901234567890',
    );
    await start.click();
    await page.getByRole('heading', { name: /SUCCESS/ }).waitFor();
    const runId = decodeURIComponent(new URL(page.url()).pathname.split('/')[2]!);
    const [row] = await project.partwise.getRun(runId).results();
    expect(row).toMatchObject({ id: '12345678901234567890' });
  });

  it('the page of a run that no worker takes says so, with the command that starts one', async () => {
    const idle = await makeProject(FUNCTIONS);
    const ofIdle = await startConsole(idle.folder);
    try {
      const run = await idle.partwise.start(
        { function: 'counted', source: { table: 'none' }, partitionBy: ['shop'] },
        { runId: idle.runId('waits') },
      );
      await page.goto(listOf(ofIdle.url, run.runId));
      await page.getByRole('link', { name: run.runId }).click();
      const banner = page.getByRole('alert').filter({ hasText: `(task queue ${idle.taskQueue})` });
      await banner.waitFor();
      expect(await banner.locator('code').innerText()).toBe('partwise worker');
      await run.cancel();
    } finally {
      await ofIdle.end();
      await idle.close();
    }
  });

  it.each(['light', 'dark'] as const)(
    'no page has a violation that axe-core finds, nor sideways scroll, in the %s theme',
    async (theme) => {
      await page.emulateMedia({ colorScheme: theme, reducedMotion: 'reduce' });
      for (const viewport of viewportsOf(theme)) {
        await page.setViewportSize(viewport);
        for (const [address, there] of [
          ['/schedules', 'table.listing'],
          [`/schedules/${nightly}`, '.firings'],
          ['/schedules/none', '.refusal'],
          ['/models', 'table.listing'],
          ['/models/traffic', '.steps'],
          ['/models/traffic/versions/1', '.sideways'],
          ['/models/traffic/compare?a=1&b=2&metric=mae', '.square'],
          ['/plan?function=counted&source=sales&by=shop', '.panels'],
          ['/plan?function=counted&source=sales&by=shop&maxConcurrency=0', '.refusal'],
          ['/workers', 'table.listing'],
        ] as const) {
          await page.goto(served.origin + address);
          await page.locator(there).first().waitFor();
          for (const form of await page.locator('main details').all())
            await form.evaluate((element: { open: boolean }) => (element.open = true));
          await audit(page);
        }
      }
    },
  );
});
