import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { putCheckpoint, readCheckpoints, type RecordedPartition } from '../src/activities/checkpoints';
import { settledPlan, settlePlan } from '../src/activities/settled-plan';
import { sealLines, unsealLines } from '../src/activities/numbered-objects';
import { claimStage, openPlannedStage } from '../src/activities/stage-access';
import type { RunPlan } from '../src/run/plan';
import { openStage, type Stage } from '../src/stage';
import { mergeRows } from '../src/warehouse/duckdb/combined-rows';
import { queryRows, withDatabase } from '../src/warehouse/duckdb/database';

let folder: string;
let stage: Stage;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'partwise-stage-'));
  stage = openStage(pathToFileURL(join(folder, 'stage')).href);
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const text = async (path: string, range?: { offset: number; bytes: number }): Promise<string> =>
  Buffer.from(await stage.get(path, range)).toString();

describe('the local stage', () => {
  it('puts and gets whole objects and ranges', async () => {
    const ref = await stage.put('run/a.txt', Buffer.from('hello world'));
    expect(ref).toEqual({
      path: 'run/a.txt',
      bytes: 11,
      sha256: 'b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9',
    });
    expect(await text('run/a.txt')).toBe('hello world');
    expect(await text('run/a.txt', { offset: 6, bytes: 5 })).toBe('world');
  });

  it('I3 writes an object once: a second put is refused and changes nothing', async () => {
    await stage.put('a', Buffer.from('first'));
    await expect(stage.put('a', Buffer.from('second'))).rejects.toThrow('"a" is already on the stage');
    expect(await text('a')).toBe('first');
  });

  it('I3 leaves nothing behind, and lists nothing, of a put that failed', async () => {
    await stage.put('a', Buffer.from('there'));
    await expect(stage.put('x/y', { file: join(folder, 'missing') })).rejects.toThrow('ENOENT');
    await expect(stage.put('a', Buffer.from('again'))).rejects.toThrow('already on the stage');
    expect(await stage.list('')).toEqual([{ path: 'a', bytes: 5 }]);
    expect(await readdir(join(folder, 'stage', '.partial'))).toEqual([]);
  });

  it('takes a file over', async () => {
    await writeFile(join(folder, 'made'), 'content');
    await stage.put('x', { file: join(folder, 'made') });
    expect(await text('x')).toBe('content');
    expect(await readdir(folder)).toEqual(['stage']);
  });

  it('lists by prefix, sorted, and removes', async () => {
    for (const path of ['run1/b', 'run1/a', 'run10/a']) await stage.put(path, Buffer.from(path));
    expect(await stage.list('run1/')).toEqual([
      { path: 'run1/a', bytes: 6 },
      { path: 'run1/b', bytes: 6 },
    ]);
    await stage.remove('run1/a');
    expect((await stage.list('run1/')).map(({ path }) => path)).toEqual(['run1/b']);
    expect(await stage.list('none/')).toEqual([]);
  });

  it('I6 lets no path leave its folder', async () => {
    for (const path of ['../x', 'a/../../x', '/etc/passwd', 'a/..', 'x\0y']) {
      await expect(stage.put(path, Buffer.from(''))).rejects.toThrow('would leave the stage');
      await expect(stage.get(path)).rejects.toThrow('would leave the stage');
    }
  });

  it('notices a file that changed after it was recorded', async () => {
    const ref = await stage.put('a', Buffer.from('12345'));
    await writeFile(await stage.localFile(ref), '123');
    await expect(stage.localFile(ref)).rejects.toThrow('has 3 bytes, but the run recorded 5');
  });

  it('is told from another folder of the same name by its token', async () => {
    const token = (await stage.token({ create: true }))!;
    expect(await stage.token({ create: true })).toBe(token);
    await expect(openPlannedStage(stage.uri, token)).resolves.toBeDefined();
    await expect(openPlannedStage(stage.uri, 'other')).rejects.toThrow('is not to be seen from here');
    const elsewhere = pathToFileURL(join(folder, 'elsewhere')).href;
    await expect(openPlannedStage(elsewhere, token)).rejects.toThrow('is not to be seen from here');
  });
});

it('I4 an execution has one plan: the first that was settled, whoever plans once more', async () => {
  const place = { runId: 'r', generation: 1, execution: 1 };
  const plan = (rows: number): RunPlan => ({ ...place, rows }) as RunPlan;
  expect(await settledPlan(stage, place)).toBeNull();
  expect(await settlePlan(stage, plan(1))).toMatchObject({ rows: 1 });
  expect(await settlePlan(stage, plan(2))).toMatchObject({ rows: 1 });
  expect(await settledPlan(stage, place)).toMatchObject({ rows: 1 });
});

describe('I9 a stage that cannot be used', () => {
  it.each(['/proc/partwise', '/proc', '/sys/partwise'])('(%s) says so at once', async (path) => {
    const taken = await claimStage(openStage(pathToFileURL(path).href)).catch((error: unknown) => error);
    expect(taken).toMatchObject({
      message: expect.stringMatching(/cannot be made: its file system|EPERM: operation not permitted/),
    });
  });

  it('and one that answers never is given up', async () => {
    const token = join(folder, 'stage', '.partwise-stage');
    await mkdir(join(folder, 'stage'));
    // Whoever reads it waits for somebody to write.
    execFileSync('mkfifo', [token]);
    await expect(claimStage(stage, 50)).rejects.toMatchObject({
      type: 'StageUnreachable',
      message: expect.stringContaining('did not answer within 0.05 s'),
    });
    await writeFile(token, 'over');
  });
});

describe('checkpoints', () => {
  it('I4 exist only whole: a torn or altered one is none', () => {
    const sealed = sealLines([{ a: 1 }, { b: 'two' }]);
    expect(unsealLines(sealed)).toEqual([{ a: 1 }, { b: 'two' }]);
    for (let bytes = 0; bytes < sealed.length; bytes++)
      expect(unsealLines(sealed.subarray(0, bytes))).toBeNull();
    expect(unsealLines(Buffer.from(sealed.toString().replace('two', 'six')))).toBeNull();
  });

  it('I10 of an attempt that was given up and wrote late count once, rows included', async () => {
    const ended = (ordinal: number): RecordedPartition => ({
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
    // The first attempt's last word, after the second attempt had begun.
    await putCheckpoint(stage, 'unit/a1/', 2, {
      outcomes: [ended(2), ended(3)],
      block: null,
      rows: { file: await rows('late', 2, 3), except: [] },
    });
    await stage.put('unit/a2/segments/seg-000002.jsonl', Buffer.from('{"torn": '));
    const recorded = await readCheckpoints(stage, await stage.list('unit/'));
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
});
