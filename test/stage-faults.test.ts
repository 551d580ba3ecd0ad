/**
 * What a stage's disk may do under a run: fill up, turn read-only, go away, come back as another one. The function writes each call to
 * a file outside, which tells what really happened.
 */
import { randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { RunHandle, RunState } from '../src/index';
import { openStage, StageUnavailable } from '../src/stage';
import { changed } from './support/files';
import { makeProject } from './support/project';
import { describeOnSmallDisks, smallDisk, type SmallDisk } from './support/small-disk';
import { until } from './support/until';

const MIB = 1024 * 1024;

const FUNCTIONS = `
import { appendFileSync, existsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { definePartitionFunction } from 'partwise';

/** Uploads params.bytes; partitions named in params.wait do so when the gate file is there. */
export const uploads = definePartitionFunction({
  name: 'uploads',
  async run(data, context) {
    const { calls, gate, bytes, wait = [] } = context.params;
    appendFileSync(calls, context.partitionId + ' ' + context.attempt + '\\n');
    if (wait.includes(context.partitionId)) while (!existsSync(gate)) await sleep(20);
    await context.upload('bytes', Buffer.alloc(bytes, context.partitionId));
    return { k: Number(context.partitionId) };
  },
});
`;

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'partwise-faults-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

describeOnSmallDisks('a stage on a disk of its own', () => {
  let disk: SmallDisk;
  beforeEach(() => {
    disk = smallDisk(MIB);
  });
  afterEach(() => disk.remove());

  it('that is full is unavailable, keeps nothing of what did not fit, and takes it when there is room', async () => {
    const stage = openStage(pathToFileURL(disk.folder).href);
    await stage.token({ create: true });
    disk.fill();
    const file = join(folder, 'rows');
    await writeFile(file, randomBytes(100_000));
    for (const content of [randomBytes(100_000), { file }]) {
      const put = stage.put('r/rows', content).catch((error: unknown) => error);
      expect(await put).toBeInstanceOf(StageUnavailable);
      expect(await put).toMatchObject({
        message: expect.stringMatching(
          /cannot be used now: ENOSPC.* Make room there; the run goes on by itself\.$/,
        ),
      });
      expect(await readdir(join(disk.folder, '.partial')).catch(() => [])).toEqual([]);
    }
    disk.makeRoom();
    await stage.put('r/rows', { file });
    expect(await stage.list('')).toEqual([{ path: 'r/rows', bytes: 100_000 }]);
  });

  it('that is read-only is unavailable until it is not', async () => {
    const stage = openStage(pathToFileURL(disk.folder).href);
    await stage.put('a', Buffer.from('a'));
    disk.setReadOnly(true);
    await expect(stage.put('b', Buffer.from('b'))).rejects.toMatchObject({
      name: 'StageUnavailable',
      message: expect.stringContaining('EROFS'),
    });
    expect(Buffer.from(await stage.get('a')).toString()).toBe('a');
    disk.setReadOnly(false);
    await stage.put('b', Buffer.from('b'));
  });

  it('I4 of a run that fills it: waits, says why, calls no function twice, and goes on when there is room', async () => {
    const project = await makeProject(FUNCTIONS, { config: { stage: disk.folder } });
    try {
      await project.execute('CREATE TABLE many AS SELECT range AS k FROM range(12)');
      await project.startWorker();
      const calls = join(folder, 'calls');
      writeFileSync(calls, '');
      writeFileSync(join(disk.folder, 'ballast'), Buffer.alloc(MIB / 2));
      const run = await project.partwise.start(
        {
          function: 'uploads',
          source: { table: 'many' },
          partitionBy: ['k'],
          params: { calls, bytes: 60_000 },
          options: { timeout: '2s' },
        },
        { runId: project.runId('full') },
      );
      const waiting = await until(async () => (await run.status()).waiting);
      expect(waiting).toMatchObject({ activity: 'processUnit', error: { type: 'StageUnavailable' } });
      expect(waiting!.error.message).toContain('Make room there');
      rmSync(join(disk.folder, 'ballast'));
      expect(await run.wait()).toMatchObject({ status: 'SUCCESS', counts: { DONE: 12 } });
      expect(callsIn(calls)).toHaveLength(12);
      expect(readdirSync(join(disk.folder, '.partial'))).toEqual([]);
      expect((await run.results()).map(({ k }) => Number(k)).sort((a, b) => a - b)).toEqual([
        ...Array(12).keys(),
      ]);
      const artifact = await run.partition('7').artifacts.get('bytes');
      expect(Buffer.from(artifact as Uint8Array).equals(Buffer.alloc(60_000, '7'))).toBe(true);
    } finally {
      await project.close();
    }
  });
});

describe('a stage that goes away', () => {
  let root: string;
  beforeEach(() => {
    root = join(folder, 'stage');
  });
  const uri = (): string => pathToFileURL(root).href;

  it('I6 nothing is written into a folder that is not the stage, be it none, an empty one or another stage', async () => {
    const token = (await openStage(uri()).token({ create: true }))!;
    const stage = openStage(uri(), token);
    await stage.put('r/a', Buffer.from('a'));
    renameSync(root, `${root}.away`);
    const isAway = { name: 'StageUnavailable', message: expect.stringContaining('is away') };
    const refused = async (expected: object): Promise<void> => {
      await expect(stage.put('r/b', Buffer.from('b'))).rejects.toMatchObject(expected);
      await expect(stage.get('r/a')).rejects.toMatchObject(expected);
      await expect(stage.list('r/')).rejects.toMatchObject(expected);
      await expect(stage.remove('r/a')).rejects.toMatchObject(expected);
    };
    await refused(isAway);
    expect(await readdir(folder)).toEqual(['stage.away']);
    mkdirSync(root);
    await refused(isAway);
    expect(await readdir(root)).toEqual([]);
    writeFileSync(join(root, '.partwise-stage'), 'another\n');
    await refused({ name: 'StageUnavailable', message: expect.stringContaining('another stage') });
    expect(await readdir(root)).toEqual(['.partwise-stage']);
    rmSync(root, { recursive: true });
    renameSync(`${root}.away`, root);
    await stage.put('r/b', Buffer.from('b'));
    expect((await stage.list('')).map(({ path }) => path)).toEqual(['r/a', 'r/b']);
  });

  it('I4 of a run: its units wait, nothing is written where it was, and all is right when it is back', async () => {
    const project = await makeProject(FUNCTIONS);
    try {
      await project.execute('CREATE TABLE many AS SELECT range AS k FROM range(6)');
      await project.startWorker();
      const [calls, gate] = [join(folder, 'calls'), join(folder, 'gate')];
      writeFileSync(calls, '');
      const run = await project.partwise.start(
        {
          function: 'uploads',
          source: { table: 'many' },
          partitionBy: ['k'],
          params: { calls, gate, bytes: 1_000, wait: ['0', '1', '2', '3', '4', '5'] },
          output: { table: 't' },
        },
        { runId: project.runId('away') },
      );
      await changed(calls, () => callsIn(calls).length > 0);
      const stage = join(project.folder, 'stage');
      renameSync(stage, `${stage}.gone`);
      writeFileSync(gate, '');
      await waits(run);
      expect(readdirSync(project.folder)).not.toContain('stage');
      renameSync(`${stage}.gone`, stage);
      expect(await run.wait()).toMatchObject({ status: 'SUCCESS', counts: { DONE: 6 } });
      expect(callsIn(calls)).toHaveLength(6);
      expect(
        await project.query('SELECT count(*)::INTEGER AS n, count(DISTINCT k)::INTEGER AS d FROM t'),
      ).toEqual([{ n: 6, d: 6 }]);
    } finally {
      await project.close();
    }
  });

  it('I12 a run that waits for its stage can be cancelled', async () => {
    const project = await makeProject(FUNCTIONS);
    try {
      await project.execute('CREATE TABLE many AS SELECT range AS k FROM range(6)');
      await project.startWorker();
      const [calls, gate] = [join(folder, 'calls'), join(folder, 'gate')];
      writeFileSync(calls, '');
      const run = await project.partwise.start(
        {
          function: 'uploads',
          source: { table: 'many' },
          partitionBy: ['k'],
          params: { calls, gate, bytes: 1_000, wait: ['0', '1', '2', '3', '4', '5'] },
        },
        { runId: project.runId('cancelled') },
      );
      await changed(calls, () => callsIn(calls).length > 0);
      renameSync(join(project.folder, 'stage'), join(project.folder, 'gone'));
      writeFileSync(gate, '');
      await waits(run);
      await run.cancel();
      expect(await run.wait()).toMatchObject({ status: 'CANCELLED', counts: { CANCELLED: 6 } });
    } finally {
      await project.close();
    }
  });
});

function callsIn(file: string): string[] {
  return readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line !== '');
}

function waits(run: RunHandle): Promise<RunState> {
  return until(async () => {
    const state = await run.status();
    return state.waiting?.activity === 'processUnit' && state;
  });
}
