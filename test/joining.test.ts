/**
 * Quick partitions share an activity with their neighbours; slow partitions, small runs, and runs with that
 * setting have one activity per partition.
 */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { RunHandle, RunInput } from '../src/index';
import { joinUpToMs, lanesAtWork, unitsToJoin } from '../src/core/units/joining';
import { GATED_FUNCTIONS, startGated } from './support/gated-runs';
import { makeProject, type TestProject } from './support/project';

describe('the number of units in an activity', () => {
  const speed = { meanMs: 5, left: 2_000, lanes: 8, joinUpToMs: 1_000 };

  it('fills a second while much is left, and is a fair share towards the end', () => {
    expect(unitsToJoin({ ...speed, meanMs: 10 })).toBe(100);
    expect(unitsToJoin({ ...speed, left: 480 })).toBe(30);
    expect(unitsToJoin({ ...speed, left: 400 })).toBe(25);
    expect(unitsToJoin({ ...speed, left: 400, lanes: 2 })).toBe(100);
  });

  it('is never less than makes an activity worthwhile', () => {
    expect(unitsToJoin({ ...speed, left: 16 })).toBe(20);
    expect(unitsToJoin({ ...speed, left: 16, meanMs: 0 })).toBe(1_000);
  });

  it('is one for slow partitions, even while the run is paused', () => {
    expect(unitsToJoin({ ...speed, meanMs: 600 })).toBe(1);
    expect(unitsToJoin({ ...speed, meanMs: 3_600_000 })).toBe(1);
    expect(unitsToJoin({ ...speed, meanMs: 600, lanes: 0 })).toBe(1);
  });

  it('is one in small runs, and if the user asked for it', () => {
    expect(joinUpToMs({ units: 65, partitionsPerUnit: null })).toBe(1_000);
    expect(joinUpToMs({ units: 64, partitionsPerUnit: null })).toBeNull();
    expect(joinUpToMs({ units: 65, partitionsPerUnit: 1 })).toBeNull();
  });

  it('is a share for each active worker slot, of which there may be fewer than lanes', () => {
    const pace = { lanes: 8, activities: 8, doneMs: 8 * 50 };
    // Eight ran one at a time, and in pairs.
    expect(lanesAtWork({ ...pace, elapsedMs: 75 })).toBe(8);
    expect(lanesAtWork({ ...pace, elapsedMs: 4 * 75 })).toBe(2);
    expect(lanesAtWork({ ...pace, elapsedMs: 3_600_000 })).toBe(1);
    // The first activities show nothing yet.
    expect(lanesAtWork({ ...pace, activities: 7, elapsedMs: 4 * 75 })).toBe(8);
    expect(lanesAtWork({ ...pace, elapsedMs: 0 })).toBe(8);
  });
});

let project: TestProject;
beforeAll(async () => {
  project = await makeProject(GATED_FUNCTIONS);
  await project.startWorker();
});
afterAll(() => project.close());

/** A run of partitions 0 … n - 1, with one row each. */
function start(name: string, partitions: number, input: Partial<RunInput> = {}) {
  const source = { query: `SELECT range AS k, 1 AS x FROM range(${partitions})` };
  return startGated(project, name, { source, ...input });
}

/** Summaries of the activities that processed units, in the order in which they were scheduled. */
async function activities(run: RunHandle): Promise<string[]> {
  const { events } = await project.client.workflow.getHandle(run.runId).fetchHistory();
  return (events ?? []).flatMap(({ activityTaskScheduledEventAttributes: scheduled, userMetadata }) =>
    scheduled?.activityType?.name === 'processUnit'
      ? [JSON.parse(Buffer.from(userMetadata!.summary!.data!).toString('utf8')) as string]
      : [],
  );
}

async function outcomes(run: RunHandle): Promise<string[]> {
  const { partitions } = await run.partitions();
  return partitions.map(({ id, status, attempts }) => `${id} ${status} ${attempts}`);
}

describe('a run of quick partitions', () => {
  it('needs few activities, and each partition has its own outcome, row and call (I3)', async () => {
    const { run, started } = await start('quick', 200);
    expect(await run.wait()).toMatchObject({ status: 'SUCCESS', counts: { total: 200, DONE: 200 } });
    const names = await activities(run);
    expect(names.length).toBeLessThan(200);
    // The first ones measure how quick partitions are.
    expect(names.slice(0, 2)).not.toContainEqual(expect.stringContaining('…'));
    expect(names).toContainEqual(expect.stringMatching(/^\d+ … \d+$/));
    expect(new Set(await outcomes(run))).toEqual(
      new Set(Array.from({ length: 200 }, (_, i) => `${i} DONE 1`)),
    );
    expect(started().sort()).toEqual(Array.from({ length: 200 }, (_, i) => `${i}`).sort());
    const rows = (await run.results()) as { value: string }[];
    expect(new Set(rows.map(({ value }) => value)).size).toBe(200);
  });

  it('has one activity per partition if the user asks for it', async () => {
    const { run } = await start('one-each', 100, { options: { partitionsPerUnit: 1 } });
    expect(await run.wait()).toMatchObject({ status: 'SUCCESS' });
    expect((await activities(run)).filter((name) => name.includes('…'))).toEqual([]);
  });

  it('retries only the partitions that failed, not their neighbours (I4)', async () => {
    const fails = Object.fromEntries([7, 70, 71, 140].map((k) => [`${k}`, 'not ID']));
    const { run, started, release } = await start('retried', 150, { params: { fails } });
    expect(await run.wait()).toMatchObject({ status: 'PARTIAL_FAILURE', counts: { DONE: 146, FAILED: 4 } });
    await release('fixed');
    const before = started().length;
    const retried = await run.retry();
    expect(await retried.wait()).toMatchObject({ status: 'SUCCESS', counts: { DONE: 150 } });
    expect(started().slice(before).sort()).toEqual(['140', '7', '70', '71']);
  });

  it('joins only the remaining partitions in a retry (I4)', async () => {
    // Every second one fails: the others are in the ranges of joined units, and must not be called.
    const fails = Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`${2 * i}`, 'not ID']));
    const { run, started, release } = await start('holes', 200, { params: { fails } });
    expect(await run.wait()).toMatchObject({ counts: { DONE: 100, FAILED: 100 } });
    await release('fixed');
    const before = started().length;
    const retried = await run.retry();
    expect(await retried.wait()).toMatchObject({ status: 'SUCCESS', counts: { DONE: 200 } });
    const again = started().slice(before);
    expect(again).toHaveLength(100);
    expect(again.filter((k) => Number(k) % 2 === 1)).toEqual([]);
    const names = await activities(retried);
    expect(names.length).toBeLessThan(100);
    expect(names).toContainEqual(expect.stringContaining('…'));
  });
});

it('a run of slow partitions has one activity per partition', async () => {
  const { run } = await start('slow', 66, { params: { ms: 510 }, options: { maxConcurrency: 48 } });
  expect(await run.wait()).toMatchObject({ status: 'SUCCESS' });
  expect(await activities(run)).toHaveLength(66);
});
