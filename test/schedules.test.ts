import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { NoSuchSchedule, Partwise, ScheduleRefused, type RunInput, type ScheduleInput } from '../src/index';
import { optionalDateToTs } from '@temporalio/common/lib/time';
import { asTemporalCron } from '../src/input/cron';
import { cli } from './support/cli';
import { killAll } from './support/embedded';
import { SUITE, makeProject, type TestProject } from './support/project';
import { until } from './support/until';

const FUNCTIONS = `
import { existsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { definePartitionFunction } from 'partwise';

export const seen = definePartitionFunction({
  name: 'seen',
  async run(data, context) {
    const [{ days }] = await data.sql\`SELECT string_agg(DISTINCT day::VARCHAR, ' ') AS days FROM data\`;
    return { days, scheduled: context.scheduledTime?.toISOString() ?? null, day: context.scheduledDate };
  },
});

export const fixable = definePartitionFunction({
  name: 'fixable',
  retry: { maximumAttempts: 1 },
  async run(data, context) {
    if (context.partitionId === 'South' && !existsSync(context.params.until)) throw new Error('not yet');
    const [{ days }] = await data.sql\`SELECT string_agg(DISTINCT day::VARCHAR, ' ') AS days FROM data\`;
    return { days, scheduled: context.scheduledTime.toISOString() };
  },
});

export const fails = definePartitionFunction({
  name: 'fails',
  retry: { maximumAttempts: 1 },
  run(data, context) {
    if ((context.params.failing ?? [context.partitionId]).includes(context.partitionId)) throw new Error('on purpose');
  },
});

export const waits = definePartitionFunction({
  name: 'waits',
  async run(data, context) {
    while (!existsSync(context.params.until)) await sleep(20, undefined, { signal: context.signal });
    return { waited: true };
  },
});
`;

let project: TestProject;
beforeAll(async () => {
  project = await makeProject(FUNCTIONS);
  await project.execute(
    `CREATE TABLE sales AS SELECT region, day::DATE AS day
       FROM (VALUES ('North'), ('South')) r(region), range(DATE '2024-10-01', DATE '2024-12-01', INTERVAL 1 DAY) d(day)`,
  );
  await project.startWorker();
});
afterAll(() => project.close());

const DAILY: RunInput = {
  function: 'seen',
  source: { query: 'SELECT * FROM sales WHERE day = $scheduled_date' },
  partitionBy: ['region'],
};

describe('the scheduled time', () => {
  it('of an input reaches the query, the function and the state', async () => {
    const run = await project.partwise.start(
      { ...DAILY, scheduledTime: '2024-11-01T00:30', timeZone: 'Europe/Berlin' },
      { runId: project.runId('given') },
    );
    const scheduledTime = '2024-10-31T23:30:00.000Z';
    expect(await run.wait()).toMatchObject({ status: 'SUCCESS', scheduledTime });
    expect(await run.results()).toEqual([
      { region: 'North', days: '2024-11-01', scheduled: scheduledTime, day: '2024-11-01' },
      { region: 'South', days: '2024-11-01', scheduled: scheduledTime, day: '2024-11-01' },
    ]);
  });

  it('that the query needs and the run lacks is requested before anything is started (I9)', async () => {
    const run = await project.partwise.start(DAILY, { runId: project.runId('not-given') });
    expect(await run.wait()).toMatchObject({
      status: 'FAILURE',
      scheduledTime: null,
      error: { type: 'InvalidInput', message: expect.stringContaining('--scheduled-time') },
    });
  });

  it('applies to a plan too', async () => {
    const args = ['plan', 'seen', '--by', 'region', '--json', '--from'];
    const query = 'query:SELECT * FROM sales WHERE day <= $scheduled_date';
    const planned = await cli(project.folder, [...args, query, '--scheduled-time', '2024-10-03']);
    expect(planned).toMatchObject({ code: 0 });
    expect(JSON.parse(planned.stdout)).toMatchObject({ partitions: 2, rows: 6 });
    const refused = await cli(project.folder, [...args, query]);
    expect(refused).toMatchObject({ code: 2, stderr: expect.stringContaining('--scheduled-time') });
  });
});

describe('a source without rows', () => {
  const empty: RunInput = { ...DAILY, scheduledTime: '2025-06-01', timeZone: 'Europe/Berlin' };

  it('is refused, and with allowEmpty is a SUCCESS without partitions (I8)', async () => {
    const refused = await project.partwise.start(empty, { runId: project.runId('no-rows') });
    expect(await refused.wait()).toMatchObject({
      status: 'FAILURE',
      error: { type: 'SourceEmpty', message: expect.stringContaining('--allow-empty') },
    });
    const allowed = { ...empty, options: { allowEmpty: true } };
    const run = await project.partwise.start(allowed, { runId: project.runId('empty') });
    expect(await run.wait()).toMatchObject({ status: 'SUCCESS', rows: 0, counts: { total: 0 } });
    expect(await run.results()).toEqual([]);
    const again = await run.retry();
    expect(await again.wait()).toMatchObject({ status: 'SUCCESS', counts: { total: 0 } });
  });

  it('leaves an output table without rows but with its columns, and creates none (I10)', async () => {
    const output = { table: 'nightly' };
    const full = { ...DAILY, scheduledTime: '2024-11-01', output };
    expect(await (await project.partwise.start(full)).wait()).toMatchObject({ status: 'SUCCESS' });
    expect(await project.query('SELECT count(*)::INTEGER AS n FROM nightly')).toEqual([{ n: 2 }]);
    const columns = 'SELECT column_name FROM (DESCRIBE nightly)';
    const before = await project.query(columns);
    const nothing = { ...empty, options: { allowEmpty: true } };
    const run = await project.partwise.start({ ...nothing, output });
    expect(await run.wait()).toMatchObject({ status: 'SUCCESS', commit: { target: 'nightly', rows: 0 } });
    expect(await project.query('SELECT * FROM nightly')).toEqual([]);
    expect(await project.query(columns)).toEqual(before);
    const other = await project.partwise.start({ ...nothing, output: { table: 'not_made' } });
    expect(await other.wait()).toMatchObject({ status: 'SUCCESS' });
    await expect(project.query('FROM not_made')).rejects.toThrow(/does not exist/);
  });

  it('of files may match none of them, and plan says so', async () => {
    const { partwise } = project;
    const input = { function: 'seen', source: { files: '.', pattern: 'inbox/*.csv' } };
    await expect(partwise.plan(input)).rejects.toThrow(/matches the pattern "inbox/);
    const planned = await partwise.plan({ ...input, options: { allowEmpty: true } });
    expect(planned).toMatchObject({ partitions: 0, rows: 0, units: 0, histogram: [] });
    const trying = partwise.try({ ...input, options: { allowEmpty: true } }, { partitions: 1 });
    await expect(trying).rejects.toThrow(/no rows, so there is no partition to try/);
  });
});

/** Needs no functions file. */
const COUNT: RunInput = { ...DAILY, function: 'sql', sql: 'SELECT count(*) AS n FROM data' };

/** Due only on the first of January, so that only the test starts runs. */
const NEW_YEAR = '0 0 1 1 *';

async function withSchedule(
  name: string,
  schedule: Partial<ScheduleInput>,
  use: (id: string) => Promise<void>,
): Promise<void> {
  const { schedules } = project.partwise;
  const id = project.runId(name);
  await schedules.create(id, { input: DAILY, cron: NEW_YEAR, ...schedule });
  try {
    await use(id);
  } finally {
    await schedules.delete(id).catch((error: unknown) => {
      if (!(error instanceof NoSuchSchedule)) throw error;
    });
  }
}

describe('a schedule', () => {
  it('starts a run when it is due, which has that time and is named after it', async () => {
    // Any day: the source does not use the time.
    const input: RunInput = { ...DAILY, source: { table: 'sales' } };
    await withSchedule('by-itself', { input, cron: [], every: '1s' }, async (id) => {
      const { schedules } = project.partwise;
      const { runId, scheduledTime } = await until(async () => (await schedules.describe(id)).recent[0]);
      await project.partwise.withIdentity('ann@example.com').schedules.pause(id);
      expect(await schedules.describe(id)).toMatchObject({
        paused: true,
        note: 'Paused by ann@example.com.',
      });
      expect(runId).toBe(`${id}-${scheduledTime.slice(0, 19)}Z`);
      const run = project.partwise.getRun(runId);
      expect(await run.wait()).toMatchObject({ status: 'SUCCESS', scheduledTime });
      expect(await run.results()).toMatchObject([
        { region: 'North', scheduled: scheduledTime },
        { region: 'South', scheduled: scheduledTime },
      ]);
    });
  });

  it('starts a run when it is triggered, for the time of the trigger', async () => {
    const input: RunInput = {
      ...DAILY,
      source: {
        query: "SELECT *, $scheduled_date::VARCHAR AS the_date FROM sales WHERE day = DATE '2024-10-01'",
      },
      partitionBy: ['the_date'],
    };
    await withSchedule('triggered', { input, timeZone: 'Pacific/Kiritimati' }, async (id) => {
      const { schedules } = project.partwise;
      const { runId, scheduledTime, startedAt } = await schedules.trigger(id);
      expect(Date.parse(startedAt!)).toBeGreaterThanOrEqual(Date.parse(scheduledTime));
      const run = project.partwise.getRun(runId);
      expect(await run.wait()).toMatchObject({ status: 'SUCCESS', scheduledTime });
      // 14 hours ahead of UTC.
      const date = new Date(Date.parse(scheduledTime) + 14 * 3_600_000).toISOString().slice(0, 10);
      expect(await run.results()).toMatchObject([{ the_date: date, scheduled: scheduledTime }]);
      expect(await schedules.describe(id)).toMatchObject({
        recent: [{ runId, scheduledTime, status: 'SUCCESS', refused: null }],
        counts: { started: 1, skipped: 0, missed: 0 },
      });
    });
  });

  it('backfills ten days as ten runs, each with the rows and the time of its day, even across a clock change', async () => {
    await withSchedule('backfilled', { cron: '30 0 * * *', timeZone: 'Europe/Berlin' }, async (id) => {
      const { schedules } = project.partwise;
      const firings = await schedules.backfill(id, { from: '2024-10-23', to: '2024-11-01' });
      const due = [
        ...['22', '23', '24', '25', '26'].map((day) => `2024-10-${day}T22:30:00.000Z`),
        // Clocks were set back on the 27th.
        ...['27', '28', '29', '30', '31'].map((day) => `2024-10-${day}T23:30:00.000Z`),
      ];
      expect(firings).toEqual(
        due.map((scheduledTime) => ({
          scheduledTime,
          runId: `${id}-${scheduledTime.slice(0, 19)}Z`,
          startedAt: null,
        })),
      );
      await until(async () => (await schedules.describe(id)).counts.started === 10);
      for (const [i, { runId, scheduledTime }] of firings.entries()) {
        const run = project.partwise.getRun(runId);
        expect(await run.wait()).toMatchObject({ status: 'SUCCESS', scheduledTime, rows: 2 });
        const days = new Date(Date.UTC(2024, 9, 23 + i)).toISOString().slice(0, 10);
        expect(await run.results()).toEqual([
          { region: 'North', days, scheduled: scheduledTime, day: days },
          { region: 'South', days, scheduled: scheduledTime, day: days },
        ]);
      }
      const { recent } = await schedules.describe(id);
      expect(recent.map(({ runId }) => runId)).toEqual(firings.map(({ runId }) => runId));
      // One after the other, by default.
      const states = await Promise.all(firings.map(({ runId }) => project.partwise.getRun(runId).status()));
      for (const [i, { startedAt }] of states.slice(1).entries())
        expect(startedAt >= states[i]!.endedAt!).toBe(true);

      const again = await schedules.backfill(id, { from: '2024-10-31T22:00:00Z', to: '2024-11-02' });
      expect(again.map(({ startedAt }) => startedAt === null)).toEqual([false, true]);
      await until(async () => (await schedules.describe(id)).counts.started === 11);
      expect((await project.partwise.getRun(firings[9]!.runId).status()).executions).toHaveLength(1);
    });
  });

  it('gives a retry of a backfilled run the date and rows of that run (I1)', async () => {
    const file = join(project.folder, 'fixed');
    const input: RunInput = { ...DAILY, function: 'fixable', params: { until: file } };
    await withSchedule('retried', { input, cron: '30 0 * * *', timeZone: 'Europe/Berlin' }, async (id) => {
      const { schedules } = project.partwise;
      const [firing] = await schedules.backfill(id, { from: '2024-11-01', to: '2024-11-01' });
      const { runId, scheduledTime } = firing!;
      await until(async () => (await schedules.describe(id)).counts.started === 1);
      const run = project.partwise.getRun(runId);
      expect(await run.wait()).toMatchObject({ status: 'PARTIAL_FAILURE', scheduledTime });
      // The schedule is gone, and the day has changed.
      await schedules.delete(id);
      await project.write('fixed', '');
      const again = await run.retry();
      expect(await again.wait()).toMatchObject({ status: 'SUCCESS', scheduledTime, counts: { DONE: 2 } });
      const seen = { days: '2024-11-01', scheduled: '2024-10-31T23:30:00.000Z' };
      expect(await again.results()).toEqual([
        { region: 'North', ...seen },
        { region: 'South', ...seen },
      ]);
      // A new snapshot of the same run is for the same day.
      const recreated = await project.partwise.start(
        { ...input, onExisting: 'overwrite', timeZone: 'Europe/Berlin' },
        { runId },
      );
      expect(await recreated.wait()).toMatchObject({ status: 'SUCCESS', scheduledTime });
      expect(await recreated.results()).toEqual(await again.results());
    });
  });

  it('backfills nothing for times that are invalid, in the future, or not due (I9)', async () => {
    await withSchedule('not-backfilled', { cron: '30 0 * * *' }, async (id) => {
      const { schedules } = project.partwise;
      const problemsOf = (from: string, to: string) =>
        schedules.backfill(id, { from, to }).then(
          () => [],
          (error: ScheduleRefused) => error.problems,
        );
      expect(await problemsOf('yesterday', '2024-02-30')).toEqual([
        '"from" is "yesterday"; it takes a day such as "2026-11-01", or a time such as "2026-11-01T06:00:00Z".',
        '"to" is "2024-02-30"; it takes a day such as "2026-11-01", or a time such as "2026-11-01T06:00:00Z".',
      ]);
      expect(await problemsOf('2024-11-02', '2024-11-01')).toEqual([expect.stringContaining('swap them')]);
      expect(await problemsOf('2999-01-01', '2999-01-02')).toEqual([
        expect.stringContaining('in the future'),
      ]);
      expect(await problemsOf('2024-11-01T01:00', '2024-11-01T02:00')).toEqual([
        `The schedule "${id}" was not due between 2024-11-01T01:00 and 2024-11-01T02:00.`,
      ]);
      expect(await problemsOf('2020-01-01', '2024-01-01')).toEqual([
        expect.stringContaining('1,000 times or more'),
      ]);
      expect((await schedules.describe(id)).counts.started).toBe(0);
    });
  });

  it('follows its overlap policy while a run is running', async () => {
    const file = join(project.folder, 'go-on');
    const input: RunInput = {
      ...DAILY,
      function: 'waits',
      source: { table: 'sales' },
      params: { until: file },
    };
    await withSchedule('overlapping', { input }, async (id) => {
      const { schedules } = project.partwise;
      const first = project.partwise.getRun((await schedules.trigger(id)).runId);
      await expect(schedules.trigger(id)).rejects.toThrow(
        `The schedule "${id}" did not start a run because one is in progress: ${first.runId}.`,
      );
      const second = await schedules.trigger(id, { overlap: 'cancel-other' });
      expect(await first.wait()).toMatchObject({ status: 'CANCELLED' });
      const third = await schedules.trigger(id, { overlap: 'buffer-one' });
      expect(third.startedAt).toBe(null);
      expect(await schedules.describe(id)).toMatchObject({
        running: [second.runId],
        waiting: 1,
        counts: { skipped: 1 },
      });
      expect(existsSync(file)).toBe(false);
      await project.write('go-on', '');
      expect(await project.partwise.getRun(second.runId).wait()).toMatchObject({ status: 'SUCCESS' });
      await until(async () => (await schedules.describe(id)).counts.started === 3);
      expect(await project.partwise.getRun(third.runId).wait()).toMatchObject({ status: 'SUCCESS' });
    });
  });

  it('pauses when a run fails, if that was asked for (I8)', async () => {
    const input: RunInput = { ...DAILY, function: 'fails', source: { table: 'sales' } };
    await withSchedule('failing', { input, pauseOnFailure: true, note: 'nightly' }, async (id) => {
      const { schedules } = project.partwise;
      const { runId } = await schedules.trigger(id);
      expect(await project.partwise.getRun(runId).wait()).toMatchObject({ status: 'FAILURE' });
      const paused = await until(async () => {
        const schedule = await schedules.describe(id);
        return schedule.paused && schedule;
      });
      expect(paused.note).toContain(runId);
      await schedules.unpause(id, 'fixed');
      expect(await schedules.describe(id)).toMatchObject({ paused: false, note: 'fixed' });
      // Failures that are tolerated do not pause it.
      const tolerant: RunInput = {
        ...input,
        params: { failing: ['South'] },
        options: { toleratedFailures: 1 },
      };
      await withSchedule('tolerant', { input: tolerant, pauseOnFailure: true }, async (other) => {
        const run = project.partwise.getRun((await schedules.trigger(other)).runId);
        expect(await run.wait()).toMatchObject({ status: 'PARTIAL_FAILURE' });
        // The schedule has noticed the end.
        await until(async () => (await schedules.describe(other)).running.length === 0);
        expect((await schedules.describe(other)).paused).toBe(false);
      });
    });
  });

  it('is described as created, is listed, and is gone once deleted', async () => {
    const wanted: Partial<ScheduleInput> = {
      input: { ...DAILY, onUnchanged: 'reuse' },
      cron: ['15 6 * * MON-FRI', '0 0 12 1 */2 * 2030-2032'],
      calendar: { hour: { start: 8, end: 18, step: 2 }, dayOfWeek: ['saturday', 'SUNDAY'], minute: 30 },
      every: '36h',
      timeZone: 'America/New_York',
      overlap: 'buffer-all',
      catchupWindow: '6h',
      note: 'for the record',
      paused: true,
    };
    await withSchedule('described', wanted, async (id) => {
      const { schedules } = project.partwise;
      const described = await schedules.describe(id);
      expect(described).toMatchObject({
        id,
        function: 'seen',
        paused: true,
        note: 'for the record',
        overlap: 'buffer-all',
        pauseOnFailure: false,
        catchupWindowMs: 6 * 3_600_000,
        taskQueue: project.taskQueue,
        // Without its own series, its runs reuse each other's outcomes.
        input: { ...DAILY, onUnchanged: 'reuse', series: id, timeZone: 'America/New_York' },
        spec: { every: ['36h'], timeZone: 'America/New_York' },
        recent: [],
        running: [],
        waiting: 0,
      });
      expect(described.spec.cron.toSorted()).toEqual([
        '0 12 1 */2 * 2030-2032',
        '15 6 * * 1-5',
        '30 8-18/2 * * 6,0',
      ]);
      expect(described.next).toHaveLength(10);
      const listed = await until(async () => (await schedules.list()).find((schedule) => schedule.id === id));
      expect(listed).toEqual({
        id,
        function: 'seen',
        paused: true,
        note: 'for the record',
        spec: described.spec,
        next: described.next[0],
        last: null,
      });
      await expect(schedules.create(id, { input: DAILY, cron: NEW_YEAR })).rejects.toThrow(
        `The schedule "${id}" already exists`,
      );
      await schedules.delete(id);
      await until(async () => {
        const error = await schedules.describe(id).catch((reason: unknown) => reason);
        return error instanceof NoSuchSchedule;
      });
      for (const ask of [schedules.pause(id), schedules.trigger(id), schedules.delete(id)])
        await expect(ask).rejects.toThrow(`There is no schedule "${id}"`);
    });
  });

  it('is due by cron exactly when the server says so', async () => {
    const { schedules } = project.partwise;
    const good = [
      '* * * * 7',
      '*/15 * * * MON-FRI',
      '0 6 * JAN-mar sunday',
      '@daily',
      '@annually',
      '1/15,3 * * * *',
    ];
    good.push('0 6 * * 1 2027', '0 0 6 * * 1 2027', '0 6 * * 0,7', '0 6 * * 5-7', '0 6 * * * # said so');
    const bad = [
      '',
      '0 6 * *',
      '0 60 * * *',
      '0 6 31-1 * *',
      '0 6 1-3-4 * *',
      '0 0 L * *',
      '0 0 ? * *',
      '*/0 * * * *',
    ];
    bad.push(
      '0 6 * * FRI-MON',
      '@reboot',
      '0 0 0 * *',
      '0 6 * * 8',
      '@Daily',
      '0 6 * * 1 1999',
      'a b c d e',
      '0 6,  * * *',
    );
    const asServer = (id: string, cron: string) =>
      project.client.schedule.create({
        scheduleId: id,
        spec: { cronExpressions: [cron] },
        action: { type: 'startWorkflow', workflowType: 'none', taskQueue: 'none' },
        state: { paused: true },
      });
    for (const cron of good) {
      await withSchedule('good', { input: COUNT, cron, paused: true }, async (id) => {
        const theirs = await asServer(`${id}-raw`, cron);
        // The shown form means the same.
        const [shown] = (await schedules.describe(id)).spec.cron;
        const again = await asServer(`${id}-shown`, shown!);
        const times = async (schedule: typeof theirs) => (await schedule.describe()).info.nextActionTimes;
        expect([cron, await times(again)]).toEqual([cron, await times(theirs)]);
        await theirs.delete();
        await again.delete();
      });
    }
    for (const cron of bad) {
      await expect(asServer(project.runId('bad'), cron)).rejects.toThrow(/./);
      await expect(schedules.create(project.runId('bad'), { input: DAILY, cron })).rejects.toThrow(
        /"cron" is/,
      );
    }
  });

  /** When the server would start runs by this expression. */
  async function dueTimes(cron: string, timezone: string, from: string, to: string): Promise<string[]> {
    const scheduleId = project.runId('due');
    const handle = await project.client.schedule.create({
      scheduleId,
      spec: { cronExpressions: asTemporalCron(cron), timezone },
      action: { type: 'startWorkflow', workflowType: 'none', taskQueue: 'none' },
      state: { paused: true },
    });
    const startTime = optionalDateToTs(new Date(from));
    const endTime = optionalDateToTs(new Date(to));
    const request = { namespace: SUITE.namespace, scheduleId, startTime, endTime };
    const found = await project.client.workflowService.listScheduleMatchingTimes(request);
    await handle.delete();
    return found.startTime.map(({ seconds }) => new Date(Number(seconds) * 1000).toISOString());
  }

  it('by cron is due on days that match the day of the month or the day of the week, once each', async () => {
    const due = async (cron: string): Promise<string[]> =>
      (await dueTimes(cron, 'UTC', '2024-07-01', '2024-08-01')).map((time) => time.slice(8, 13));
    // 1 July 2024 is a Monday.
    const both = ['01T06', '08T06', '13T06', '15T06', '22T06', '29T06'];
    expect(await due('0 6 1,13 * 1')).toEqual(both);
    expect(await due('0 0 6 13 * MON 2024 # said so')).toEqual(both);
    // As in cron, a field that starts with * does not count as restricted.
    expect(await due('0 6 */14 * 1')).toEqual(['01T06', '15T06', '29T06']);
    await withSchedule('either', { input: COUNT, cron: '0 6 1,13 * 1', paused: true }, async (id) => {
      const { spec } = await project.partwise.schedules.describe(id);
      expect(spec.cron.sort()).toEqual(['0 6 * * 1', '0 6 1,13 * *']);
    });
  });

  it('by calendar is due on days that match both, and says so', async () => {
    const calendar = { hour: 6, dayOfMonth: { start: 1, end: 7 }, dayOfWeek: 'MONDAY' };
    await withSchedule('first-monday', { input: COUNT, cron: [], calendar, paused: true }, async (id) => {
      const { spec, next } = await project.partwise.schedules.describe(id);
      expect(spec.cron).toEqual(['0 6 1-7 * 1 # days that match both']);
      expect(next.every((time) => new Date(time).getUTCDate() <= 7)).toBe(true);
    });
  });

  it('is due in the hour that comes twice as docs/schedules.md says', async () => {
    const berlin = (cron: string) =>
      dueTimes(cron, 'Europe/Berlin', '2026-10-24T20:00Z', '2026-10-25T04:00Z');
    const newYork = (cron: string) =>
      dueTimes(cron, 'America/New_York', '2026-11-01T03:00Z', '2026-11-01T09:00Z');
    expect(await newYork('30 1 * * *')).toEqual(['2026-11-01T05:30:00.000Z', '2026-11-01T06:30:00.000Z']);
    expect(await berlin('30 2 * * *')).toEqual(['2026-10-25T01:30:00.000Z']);
    expect(await berlin('30 1 * * *')).toEqual(['2026-10-24T23:30:00.000Z', '2026-10-25T00:30:00.000Z']);
    expect(await berlin('30 0 * * *')).toEqual(['2026-10-24T22:30:00.000Z']);
    expect(await berlin('30 3 * * *')).toEqual(['2026-10-25T02:30:00.000Z']);
    // Hourly runs leave out an hour.
    expect(await berlin('0 * * * *')).not.toContain('2026-10-25T01:00:00.000Z');
    expect(await newYork('0 * * * *')).toHaveLength(6);
  });

  it('changes what an update names, and keeps the rest', async () => {
    const { schedules } = project.partwise;
    const schedule = { input: { ...DAILY, params: { a: 1 } }, note: 'before', pauseOnFailure: true };
    await withSchedule('updated', { ...schedule, paused: true }, async (id) => {
      const before = await schedules.describe(id);
      const noted = await schedules.update(id, { note: 'after' });
      expect({ ...noted, updatedAt: null }).toEqual({ ...before, note: 'after' });
      const changed = await schedules.update(id, {
        every: '2h',
        timeZone: 'Europe/Berlin',
        input: { where: "region = 'North'", params: { b: 2 }, options: { maxConcurrency: 2 } },
      });
      expect(changed).toMatchObject({
        spec: { cron: [], every: ['2h'], timeZone: 'Europe/Berlin' },
        pauseOnFailure: true,
        paused: true,
        input: {
          ...DAILY,
          where: "region = 'North'",
          params: { a: 1, b: 2 },
          options: { maxConcurrency: 2 },
          timeZone: 'Europe/Berlin',
        },
      });
      const wrong = { cron: 'x', input: { function: 'fails', partitionBy: [] } };
      const refused = await schedules.update(id, wrong).catch((error: unknown) => error);
      expect((refused as ScheduleRefused).problems).toEqual([
        'The schedule runs "seen" and cannot run "fails" instead: create another schedule for it.',
        expect.stringContaining('"cron" is "x"'),
        expect.stringContaining('"partitionBy" is missing'),
      ]);
      expect(await schedules.describe(id)).toEqual(changed);
      await expect(schedules.update(`${id}-x`, {})).rejects.toThrow(NoSuchSchedule);
    });
  });

  it('is refused for a function that the project does not have (I9)', async () => {
    const { schedules } = project.partwise;
    const create = (name: string) =>
      schedules.create(project.runId('misspelt'), { input: { ...DAILY, function: name }, every: '1h' });
    await expect(create('sene')).rejects.toThrow(/no function "sene" .* Did you mean "seen"\?/);
  });

  it('is refused with all problems together, and is not created (I9)', async () => {
    const id = project.runId('refused');
    const { schedules } = project.partwise;
    const refused = await schedules
      .create(id, {
        input: { ...DAILY, partitionBy: undefined, scheduledTime: '2024-11-01', timeZone: 'UTC' },
        cron: ['0 6 * *', 'CRON_TZ=UTC 0 6 * * *', '@every 1h'],
        calendar: { hour: 24 },
        timeZone: 'Europe/Berln',
        overlap: 'both' as never,
        catchupWindow: '1s',
      })
      .catch((error: unknown) => error as ScheduleRefused);
    expect(refused).toBeInstanceOf(ScheduleRefused);
    expect((refused as ScheduleRefused).problems).toEqual([
      expect.stringMatching(/^"cron" is "0 6 \* \*", which has 4 fields; it takes 5: minute, hour/),
      expect.stringContaining('give it as "timeZone" instead'),
      expect.stringContaining('give it as "every"'),
      expect.stringMatching(/^"calendar\[0\]\.hour" is 24; it takes a number from 0 to 23/),
      '"timeZone" is "Europe/Berln"; it takes an IANA time zone, such as "Europe/Berlin" or "UTC".',
      expect.stringMatching(/^"overlap" is "both"; it takes "skip"/),
      expect.stringMatching(/^"catchupWindow" is "1s"; it takes a duration from 10s to 365d/),
      expect.stringContaining('give it once, for the schedule'),
      '"partitionBy" is missing; it takes a list of column names, such as ["region"].',
      '"scheduledTime" is set by the schedule for each run: remove it.',
    ]);
    await expect(schedules.create('', { input: DAILY })).rejects.toThrow(/no name[^]*has no times/);
    await expect(schedules.create('x'.repeat(190), { input: DAILY, every: '1h' })).rejects.toThrow(
      /its run ids start with its name/,
    );
    await expect(schedules.create(id, null as never)).rejects.toThrow(/There is no input/);
    await expect(schedules.describe(id)).rejects.toThrow(NoSuchSchedule);
  });
});

describe('on the embedded server', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'partwise-schedules-'));
    await writeFile(join(folder, 'partwise.config.json'), '{}');
    await writeFile(join(folder, 'regions.csv'), 'region,n\na,1\nb,2\n');
  });
  afterAll(async () => {
    const stopped = await cli(folder, ['stop']);
    expect(stopped.stderr).toBe('Stopped the Temporal server and the worker of this project.\n');
    expect((await cli(folder, ['stop'])).stderr).toBe('This project has no background processes.\n');
    await rm(folder, { recursive: true, force: true });
  });

  it('survives kill -9 of everything, and catches up on missed runs, each for its own time', async () => {
    let partwise = await Partwise.connect({ projectDir: folder });
    const source = {
      query: "SELECT *, $scheduled_time::VARCHAR AS due FROM read_csv('" + join(folder, 'regions.csv') + "')",
    };
    await partwise.schedules.create('often', {
      input: {
        function: 'sql',
        sql: 'SELECT any_value(due) AS due FROM data',
        source,
        partitionBy: ['region'],
      },
      every: '1h',
      overlap: 'buffer-all',
    });
    // Runs of a changed schedule carry the proof of their new input (I13).
    await partwise.schedules.update('often', { every: '1s', input: { params: { changed: true } } });
    await until(async () => (await partwise.schedules.describe('often')).recent.length > 0);
    await partwise.close();
    await killAll(folder);
    const killed = Math.ceil(Date.now() / 1000) * 1000;
    await until(async () => Date.now() > killed + 2_000);
    const back = new Date().toISOString();

    partwise = await Partwise.connect({ projectDir: folder });
    const { schedules } = partwise;
    const made = await until(async () => {
      const due = [killed, killed + 1000].map((time) => new Date(time).toISOString());
      const { recent } = await schedules.describe('often');
      const found = recent.filter(({ scheduledTime }) => due.includes(scheduledTime));
      return found.length === due.length && found;
    });
    for (const { runId, scheduledTime, startedAt } of made) {
      expect(startedAt! > back).toBe(true);
      const run = partwise.getRun(runId);
      expect(await run.wait()).toMatchObject({ status: 'SUCCESS', scheduledTime });
      const due = scheduledTime.replace('T', ' ').slice(0, 19);
      expect(await run.results()).toEqual([
        { region: 'a', due },
        { region: 'b', due },
      ]);
    }
    expect((await schedules.describe('often')).counts.missed).toBe(0);
    await schedules.delete('often');
    await partwise.close();
  });

  it('warns on creation that it fires only while the server is up', async () => {
    const what = [
      '--sql',
      'SELECT 1 AS one FROM data',
      '--from',
      'regions.csv',
      '--by',
      'region',
      '--every',
      '1h',
    ];
    const { code, stdout, stderr } = await cli(folder, ['schedule', 'create', 'hourly', ...what]);
    expect({ code, stdout }).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('due every 1h (UTC)'),
    });
    expect(stderr).toMatch(
      /fires schedules only while it is running, and it stops after ten idle minutes: keep it running with `.* dev`/,
    );
    // Its runs get this project's settings, whoever started the worker.
    const { input } = JSON.parse(
      (await cli(folder, ['schedule', 'describe', 'hourly', '--json'])).stdout,
    ) as {
      input: RunInput;
    };
    expect(input.stage).toBe(join(folder, 'stage'));
  });
});

describe('partwise schedule', () => {
  const say = async (...args: string[]) => {
    const { code, stdout, stderr } = await cli(project.folder, ['schedule', ...args]);
    return { code, stdout, stderr };
  };

  it('creates, lists, describes, pauses, triggers, backfills and deletes', async () => {
    const id = project.runId('cli');
    const query = 'query:SELECT * FROM sales WHERE day = $scheduled_date';
    const when = ['--cron', '30 0 * * *', '--time-zone', 'Europe/Berlin', '--note', 'by day'];
    const created = await say('create', id, 'seen', '--from', query, '--by', 'region', ...when);
    expect(created).toMatchObject({ code: 0, stdout: expect.stringContaining('30 0 * * * (Europe/Berlin)') });
    expect(created.stdout).toContain(`schedule trigger ${id}`);
    // The server is a named one, which someone else keeps running.
    expect(created.stderr).not.toContain('embedded');

    const { schedules } = project.partwise;
    await until(async () => (await schedules.list()).some((schedule) => schedule.id === id));
    expect((await say('list')).stdout).toMatch(
      new RegExp(`${id} +on +seen +30 0 \\* \\* \\* +Europe/Berlin`),
    );
    const listed = JSON.parse((await say('list', '--json')).stdout) as { schedules: { id: string }[] };
    expect(listed.schedules.find((schedule) => schedule.id === id)).toMatchObject({ note: 'by day' });

    expect(await say('pause', id, '--note', 'holidays')).toMatchObject({ code: 0, stdout: '' });
    expect((await say('describe', id)).stdout).toMatch(/paused[^]*note holidays[^]* \(paused\)/);
    expect(await say('unpause', id)).toMatchObject({ code: 0 });

    const refused = JSON.parse((await say('trigger', id, '--json')).stdout) as { runId: string };
    await project.partwise.getRun(refused.runId).wait();
    const whyRefused =
      /refused .*\n\nStarts that were refused, so nothing was run:\n +\S+ \S+ +SourceEmpty: /;
    expect((await say('describe', id)).stdout).toMatch(whyRefused);
    const runsOf = await until(async () => {
      const listing = await cli(project.folder, ['list', '--schedule', id]);
      return listing.stderr !== '' && listing;
    });
    expect(runsOf).toMatchObject({
      stdout: 'no runs\n',
      stderr: expect.stringMatching(`^1 start was refused, so nothing was run: .* schedule describe ${id}\n`),
    });
    const updated = await say('update', id, '--allow-empty', '--param', 'a=1', '--no-pause-on-failure');
    expect(updated).toMatchObject({ code: 0, stdout: expect.stringContaining('30 0 * * * (Europe/Berlin)') });
    expect((await schedules.describe(id)).input).toMatchObject({
      options: { allowEmpty: true },
      params: { a: 1 },
      source: { query: query.slice('query:'.length) },
    });

    const days = ['--from', '2024-11-01', '--to', '2024-11-02'];
    const preview = await say('backfill', id, ...days, '--dry-run');
    expect(preview.stdout.match(/will run/g)).toHaveLength(2);
    expect((await schedules.describe(id)).counts.started).toBe(1);
    const backfilled = await say('backfill', id, ...days, '--json');
    const { runs } = JSON.parse(backfilled.stdout) as { runs: { runId: string }[] };
    expect(runs.map(({ runId }) => runId)).toEqual([
      `${id}-2024-10-31T23:30:00Z`,
      `${id}-2024-11-01T23:30:00Z`,
    ]);
    await until(async () => (await schedules.describe(id)).counts.started === 3);
    for (const { runId } of runs)
      expect(await project.partwise.getRun(runId).wait()).toMatchObject({ status: 'SUCCESS' });
    const again = await say('backfill', id, '--from', '2024-11-01', '--to', '2024-11-01');
    expect(again).toMatchObject({ code: 0, stdout: expect.stringContaining('already exists') });

    const triggered = await say('trigger', id, '--json');
    const { runId } = JSON.parse(triggered.stdout) as { runId: string };
    await project.partwise.getRun(runId).wait();
    const described = await say('describe', id);
    expect(described.stdout).toMatch(new RegExp(`2024-11-01 00:30 +${runs[0]!.runId} +SUCCESS`));
    expect(described.stdout).toContain(`status ${runId}`);

    expect(await say('delete', id)).toMatchObject({ code: 0 });
    await until(() =>
      schedules.describe(id).then(
        () => false,
        () => true,
      ),
    );
    expect(await say('describe', id)).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('There is no schedule'),
    });
  });

  it('refuses invalid input, in terms of the command line (I9)', async () => {
    const refused = await say(
      'create',
      'x',
      '--cron',
      'daily',
      '--calendar',
      '{hour: 6}',
      '--time-zone',
      'Mars',
    );
    expect(refused).toMatchObject({ code: 2, stdout: '' });
    expect(refused.stderr).toContain('--cron is "daily", which has 1 field;');
    expect(refused.stderr).toContain('--calendar is "{hour: 6}"; it takes an object');
    expect(refused.stderr).toContain('--time-zone is "Mars"');
    expect(refused.stderr).toContain('FUNCTION is missing');
    expect(refused.stderr).toContain('--from is missing');
    expect(await say('trigger', 'x', '--overlap', 'twice')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('--overlap is "twice"'),
    });
  });
});
