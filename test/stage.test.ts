import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Context } from '@temporalio/activity';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { putCheckpoint, readCheckpoints, type CheckpointOutcome } from '../src/stored/checkpoints';
import { settledPlan, settlePlan } from '../src/stored/settled-plan';
import { closeLines, readClosedLines } from '../src/stored/numbered-objects';
import { putLocator } from '../src/stored/locators';
import { EarlierExecutions } from '../src/planning/earlier-executions';
import { claimStage } from '../src/stored/stage-access';
import { putAgain } from '../src/activities/unit/stage-wait';
import type { RunPlan } from '../src/core/plan';
import { openStage, StageUnavailable, type Stage } from '../src/stage';
import { mergeRows } from '../src/rows/combined-rows';
import { queryRows, withDatabase } from '../src/duckdb/database-file';

let folder: string;
let stage: Stage;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'partwise-stage-'));
  stage = openStage(pathToFileURL(join(folder, 'stage')).href);
});
afterEach(() => rm(folder, { recursive: true, force: true }));

it('a local stage leaves nothing behind after a failed put (I3)', async () => {
  await stage.put('a', Buffer.from('there'));
  await expect(stage.put('x/y', { file: join(folder, 'missing') })).rejects.toThrow('ENOENT');
  await expect(stage.put('a', Buffer.from('again'))).rejects.toThrow('already on the stage');
  expect(await stage.list('')).toEqual([{ path: 'a', bytes: 5 }]);
  expect(await readdir(join(folder, 'stage', '.partial'))).toEqual([]);
});

it('a retried put finds what the previous attempt had put when the stage went away I4', async () => {
  const file = join(folder, 'rows');
  await writeFile(file, 'rows');
  let isAway = true;
  const leaving = Object.create(stage) as Stage;
  leaving.localFile = (ref) => stage.localFile(ref);
  leaving.put = async (path, content) => {
    if (!isAway) return stage.put(path, content);
    isAway = false;
    await stage.put(path, Buffer.from('rows'));
    throw new StageUnavailable('The stage is away.');
  };
  const again = putAgain(leaving, 'u1/rows', { file });
  await expect(again()).rejects.toThrow('away');
  expect(await again()).toMatchObject({ path: 'u1/rows', bytes: 4 });
  expect((await stage.get('u1/rows')).toString()).toBe('rows');
  await stage.put('other', Buffer.from('theirs'));
  isAway = false;
  await expect(putAgain(leaving, 'other', Buffer.from('ours'))()).rejects.toThrow('already on the stage');
});

it('an execution has one plan, the first that was settled, whoever plans again (I4)', async () => {
  const place = { runId: 'r', generation: 1, execution: 1 };
  const plan = (rows: number): RunPlan => ({ ...place, rows }) as RunPlan;
  expect(await settledPlan(stage, place)).toBeNull();
  expect(await settlePlan(stage, plan(1))).toMatchObject({ rows: 1 });
  expect(await settlePlan(stage, plan(2))).toMatchObject({ rows: 1 });
  expect(await settledPlan(stage, place)).toMatchObject({ rows: 1 });
});

describe('a stage that cannot be used (I9)', () => {
  it.each(['/proc/partwise', '/proc', '/sys/partwise'])('(%s) is reported immediately', async (path) => {
    const taken = await claimStage(openStage(pathToFileURL(path).href)).catch((error: unknown) => error);
    expect(taken).toMatchObject({
      message: expect.stringMatching(/cannot be created: its file system|EPERM: operation not permitted/),
    });
  });

  it('and one that never answers is given up', async () => {
    const token = join(folder, 'stage', '.partwise-stage');
    await mkdir(join(folder, 'stage'));
    // Reading it blocks until something is written.
    execFileSync('mkfifo', [token]);
    await expect(claimStage(stage, 50)).rejects.toMatchObject({
      type: 'StageUnreachable',
      message: expect.stringContaining('did not answer within 0.05 s'),
    });
    await writeFile(token, 'over');
  });
});

describe('checkpoints', () => {
  it('exist only whole: a torn or altered one does not count (I4)', () => {
    const sealed = closeLines([{ a: 1 }, { b: 'two' }]);
    expect(readClosedLines(sealed)).toEqual([{ a: 1 }, { b: 'two' }]);
    for (let bytes = 0; bytes < sealed.length; bytes++)
      expect(readClosedLines(sealed.subarray(0, bytes))).toBeNull();
    expect(readClosedLines(Buffer.from(sealed.toString().replace('two', 'six')))).toBeNull();
  });

  it('written late by an abandoned attempt count once, including their rows (I10)', async () => {
    const ended = (ordinal: number): CheckpointOutcome => ({
      outcome: {
        ordinal,
        id: `${ordinal}`,
        status: 'DONE',
        attempts: 1,
        rows: 1,
        startedAt: '2024-01-01T00:00:00.000Z',
        durationMs: 1,
        preview: null,
        outputRows: 1,
        artifacts: [],
        error: null,
        reused: false,
      },
      retryable: false,
      retryDelayMs: null,
      big: false,
      functionDigest: 'digest',
    });
    const rows = async (name: string, ...ordinals: number[]) => {
      const file = join(folder, name);
      await withDatabase(':memory:', 'read', (duckdb) =>
        duckdb.run(
          `COPY (SELECT unnest([${ordinals.join(', ')}])::INTEGER AS __partwise_ord, 0::BIGINT AS __partwise_row, '${name}' AS k)
           TO '${file}' (FORMAT parquet, KV_METADATA {partwise_columns: '[]'})`,
        ),
      );
      return stage.put(`unit/${name}`, { file });
    };
    await putCheckpoint(stage, 'unit/a1/', 1, {
      outcomes: [ended(0), ended(1)],
      block: null,
      rows: { file: await rows('first', 0, 1), except: [] },
    });
    await putCheckpoint(stage, 'unit/a2/', 1, {
      outcomes: [ended(2)],
      block: null,
      rows: { file: await rows('second', 2), except: [] },
    });
    // The first attempt's late write, after the second attempt had started.
    await putCheckpoint(stage, 'unit/a1/', 2, {
      outcomes: [ended(2), ended(3)],
      block: null,
      rows: { file: await rows('late', 2, 3), except: [] },
    });
    await stage.put('unit/a2/segments/seg-000002.jsonl', Buffer.from('{"torn": '));
    const recorded = await readCheckpoints(stage, await stage.list('unit/'), () => true);
    expect(recorded.outcomes.map(({ outcome }) => outcome.ordinal).sort()).toEqual([0, 1, 2, 3]);
    const merged = join(folder, 'merged');
    const parts = await Promise.all(
      recorded.output.map(async ({ file, except }) => ({ file: await stage.localFile(file), except })),
    );
    expect(await mergeRows([{ name: 'k', type: 'VARCHAR' }], parts, merged)).toBe(true);
    const found = await withDatabase(':memory:', 'read', (duckdb) =>
      queryRows<{ ord: number }>(duckdb, `SELECT __partwise_ord AS ord FROM read_parquet('${merged}')`),
    );
    expect(found.map(({ ord }) => ord)).toEqual([0, 1, 2, 3]);
  });

  it('that repeat what is recorded add neither a block nor rows (I10)', async () => {
    const file = await stage.put('unit/rows', Buffer.from('rows'));
    const block = (...ordinals: number[]) => ({
      functionDigest: 'digest',
      block: {
        ordinals: Int32Array.from(ordinals),
        attempts: Int32Array.from(ordinals, () => 1),
        startedAt: Float64Array.from(ordinals, () => 0),
        durationMs: Float64Array.from(ordinals, () => 1),
        outputRows: Int32Array.from(ordinals, () => 1),
        artifacts: null,
        pack: null,
      },
    });
    const rows = { file, except: [] };
    await putCheckpoint(stage, 'unit/a1/', 1, { outcomes: [], block: block(0, 1), rows });
    await putCheckpoint(stage, 'unit/a2/', 1, { outcomes: [], block: block(0, 1), rows });
    await putCheckpoint(stage, 'unit/a2/', 2, { outcomes: [], block: block(1, 2), rows });
    const { blocks, output } = await readCheckpoints(stage, await stage.list('unit/'), () => true);
    expect(blocks.map(({ block: { ordinals } }) => [...ordinals])).toEqual([[0, 1], [2]]);
    expect(output.map(({ except }) => except)).toEqual([[], [1]]);
  });
});

it('opening an execution reads the locators of its run id once, unless another took the place in the meantime I4', async () => {
  let lists = 0;
  const counted = Object.create(stage) as Stage;
  counted.get = (path, range) => stage.get(path, range);
  counted.list = (prefix) => (lists++, stage.list(prefix));
  const info = { workflowExecution: { workflowId: 'r', runId: 'own' } };
  const earlier = new EarlierExecutions({ info } as unknown as Context, counted);
  const own = { version: 1, runId: 'r', generation: 1, execution: 1, workflowRunId: 'own' } as const;
  expect(await earlier.chain()).toEqual({ own: null, newest: null, previous: null, last: 0, damage: null });
  expect([await earlier.previous(), await earlier.newest()]).toEqual([null, null]);
  expect(lists).toBe(1);
  await putLocator(stage, { ...own, openedAt: new Date().toISOString() });
  expect((await earlier.chain()).own).toBeNull();
  earlier.reread();
  expect(await earlier.chain()).toMatchObject({ own, last: 1 });
  expect(lists).toBe(2);
});
