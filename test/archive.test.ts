/** What a run leaves on the stage when it ends, and runs that are read from it when the server has forgotten them. */
import { readFileSync } from 'node:fs';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { RunHandle, RunInput } from '../src/index';
import { runFolder } from '../src/run/stage-layout';
import { changed } from './support/files';
import { makeProject, type TestProject } from './support/project';

const FUNCTIONS = `
import { appendFileSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { definePartitionFunction } from 'partwise';

/** Fails for the partitions of params.fails until the file params.mended is there; never ends for params.wait. */
export const totals = definePartitionFunction({
  name: 'totals',
  async run(data, context) {
    const { calls, wait, fails = [], mended, blocks } = context.params;
    appendFileSync(calls, context.partitionId + '\\n');
    console.log('adding up', context.partitionId);
    if (blocks !== undefined && !existsSync(blocks)) {
      mkdirSync(dirname(blocks), { recursive: true });
      writeFileSync(blocks, '');
    }
    if (wait === context.partitionId) for (;;) await sleep(1000);
    if (fails.includes(context.partitionId) && !existsSync(mended)) throw new Error('cannot add up ' + context.partitionId);
    const [{ total }] = await data.sql\`SELECT sum(amount) AS total FROM data\`;
    await context.upload('total.json', { total });
    return { total };
  },
});
`;

let project: TestProject;
beforeAll(async () => {
  project = await makeProject(FUNCTIONS);
  await project.execute(
    "CREATE TABLE sales AS SELECT ['a', 'b', 'c', 'd'][1 + range % 4] AS region, range AS amount FROM range(40)",
  );
  await project.startWorker();
});
afterAll(() => project.close());

interface Begun {
  run: RunHandle;
  calls: string;
  mended: string;
}

async function begin(
  name: string,
  params: Record<string, unknown> = {},
  rest: Partial<RunInput> = {},
): Promise<Begun> {
  const runId = /-[0-9a-f]{8}$/.test(name) ? name : project.runId(name);
  const calls = join(project.folder, `${runId}.calls`);
  const mended = join(project.folder, `${runId}.mended`);
  await writeFile(calls, '');
  const run = await project.partwise.start(
    {
      function: 'totals',
      source: { table: 'sales' },
      partitionBy: ['region'],
      options: { retry: { maximumAttempts: 1 } },
      ...rest,
      params: { calls, mended, ...params },
    },
    { runId },
  );
  return { run, calls, mended };
}

const archives = (runId: string): string => join(project.folder, 'stage', runFolder(runId), 'archive');

async function archivesOf(runId: string): Promise<Record<string, unknown>[]> {
  const names = await readdir(archives(runId)).catch(() => []);
  const contents = names.sort().map((name) => readFile(join(archives(runId), name)));
  return (await Promise.all(contents)).map(
    (content) => JSON.parse(gunzipSync(content).toString('utf8')) as Record<string, unknown>,
  );
}

/** How often the activity was tried, and with what it failed. */
async function closingOf(runId: string): Promise<{ attempts: number; failure: string | null }> {
  const { events } = await project.client.workflow.getHandle(runId).fetchHistory();
  const scheduled = events!.filter(
    (event) => event.activityTaskScheduledEventAttributes?.activityType?.name === 'closeRun',
  );
  expect(scheduled).toHaveLength(1);
  const id = String(scheduled[0]!.eventId);
  const of = (attributes: { scheduledEventId?: unknown } | null | undefined): boolean =>
    attributes != null && String(attributes.scheduledEventId) === id;
  const started = events!.find((event) => of(event.activityTaskStartedEventAttributes))!;
  const failed = events!.find((event) => of(event.activityTaskFailedEventAttributes));
  return {
    attempts: started.activityTaskStartedEventAttributes!.attempt!,
    failure: failed?.activityTaskFailedEventAttributes?.failure?.message ?? null,
  };
}

describe('a run that ends', () => {
  it('is archived on its stage, whatever its end', async () => {
    const good = await begin('good');
    expect(await good.run.wait()).toMatchObject({ status: 'SUCCESS' });
    const bad = await begin('bad', { fails: ['b'] });
    expect(await bad.run.wait()).toMatchObject({ status: 'PARTIAL_FAILURE' });
    const cancelled = await begin('cancelled', { wait: 'd' });
    await changed(cancelled.calls, () => readFileSync(cancelled.calls, 'utf8').includes('d'));
    await cancelled.run.cancel();
    expect(await cancelled.run.wait()).toMatchObject({ status: 'CANCELLED' });
    const late = await begin('late', { wait: 'd' }, { options: { runTimeout: '2s' } });
    expect(await late.run.wait()).toMatchObject({ status: 'FAILURE', error: { type: 'RunTimeout' } });

    expect(await closingOf(good.run.runId)).toEqual({ attempts: 1, failure: null });
    const [one] = await archivesOf(good.run.runId);
    expect(one).toMatchObject({
      version: 1,
      runId: good.run.runId,
      generation: 1,
      execution: 1,
      closing: { kind: 'completed', error: null, summary: { status: 'SUCCESS', counts: { DONE: 4 } } },
    });
    expect(await archivesOf(bad.run.runId)).toMatchObject([
      { closing: { kind: 'failed', error: { type: 'PartialFailure' }, summary: { counts: { FAILED: 1 } } } },
    ]);
    expect(await archivesOf(cancelled.run.runId)).toMatchObject([
      { closing: { kind: 'cancelled', summary: { status: 'CANCELLED', counts: { PENDING: 0 } } } },
    ]);
    expect(await archivesOf(late.run.runId)).toMatchObject([
      { closing: { kind: 'failed', error: { type: 'RunTimeout' } } },
    ]);
    // Two words about one end agree.
    const { events } = one!['history'] as { events: { eventId: string; eventType: string }[] };
    expect(events[0]!.eventType).toBe('EVENT_TYPE_WORKFLOW_EXECUTION_STARTED');
    expect(events.map(({ eventId }) => Number(eventId))).toEqual(events.map((_, i) => i + 1));
  });

  it('is closed once when it was refused, and leaves nothing on the stage', async () => {
    const { run } = await begin('refused', {}, { source: { table: 'sale' } });
    expect(await run.wait()).toMatchObject({ status: 'FAILURE', error: { type: 'InvalidInput' } });
    expect(await closingOf(run.runId)).toEqual({ attempts: 1, failure: null });
    expect(await archivesOf(run.runId)).toEqual([]);
  });

  it('ends as it does when a closing step cannot be done, which Temporal shows', async () => {
    const runId = project.runId('blocked');
    const { run } = await begin(runId, { blocks: archives(runId) }, { output: { table: 'blocked_out' } });
    const state = await run.wait();
    expect(state).toMatchObject({ status: 'SUCCESS', error: null, commit: { rows: 4 } });
    const closing = await closingOf(runId);
    expect(closing.attempts).toBe(3);
    expect(closing.failure).toMatch(/^archive: /);
  });
});
