/**
 * What a stage's disk may do during a run: fill up, become read-only, disappear, come back as another one.
 * The function writes each call to an external file, as a record of what really happened.
 */
import { randomBytes, randomUUID } from 'node:crypto';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { RunHandle, RunInput, RunState } from '../src/index';
import { withDatabase } from '../src/duckdb/database-file';
import { PartitionIndex } from '../src/reader/partitions/partition-index';
import { openStage, StageUnavailable } from '../src/stage';
import { putLocator } from '../src/stored/locators';
import { changed } from './support/files';
import { makeProject, type TestProject } from './support/project';
import {
  describeOnSmallDisks,
  describeWithPowerLoss,
  powerDisk,
  smallDisk,
  type SmallDisk,
} from './support/small-disk';
import { until } from './support/until';

const MIB = 1024 * 1024;

const FUNCTIONS = `
import { appendFileSync, existsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { definePartitionFunction } from 'partwise';

/** Uploads params.bytes; partitions named in params.wait first wait for the gate file. */
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

/** Waits for params.gate if it is set. */
export const sums = definePartitionFunction({
  name: 'sums',
  async run(data, context) {
    const { calls, gate } = context.params;
    appendFileSync(calls, context.partitionId + ' ' + context.attempt + '\\n');
    while (gate !== undefined && !existsSync(gate)) await sleep(20);
    const rows = await data.rows();
    await context.upload('n.json', { n: rows.length });
    return { sum: rows.reduce((sum, { n }) => sum + Number(n), 0) };
  },
});
`;

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'partwise-faults-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

describeOnSmallDisks('a stage on its own disk', () => {
  let disk: SmallDisk;
  beforeEach(() => {
    disk = smallDisk(MIB);
  });
  afterEach(() => disk.remove());

  it('that is full is unavailable, keeps nothing of what did not fit, and accepts it once there is space', async () => {
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
          /is unavailable: ENOSPC.* Free up space there; the run then continues automatically\.$/,
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

  it('that a run fills makes the run wait, say why, call no function twice, and continue once there is space (I4)', async () => {
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
      expect(waiting!.error.message).toContain('Free up space there');
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

describeWithPowerLoss('a stage on an ext4 disk', () => {
  it('that has no room for another folder is unavailable, which Node 20 calls ENOENT (I4)', async () => {
    const ext4 = powerDisk(8 * MIB);
    try {
      const stage = openStage(pathToFileURL(ext4.folder).href);
      await stage.token({ create: true });
      ext4.fill();
      // A few blocks are left for folders.
      expect(() => {
        for (;;) mkdtempSync(join(ext4.folder, 'more-'));
      }).toThrow('ENOSPC');
      // An empty file needs no block.
      await expect(stage.put('r/rows', new Uint8Array())).rejects.toMatchObject({
        name: 'StageUnavailable',
        message: expect.stringContaining('ENOSPC'),
      });
    } finally {
      ext4.remove();
    }
  });
});

describe('a stage that goes away', () => {
  let root: string;
  beforeEach(() => {
    root = join(folder, 'stage');
  });
  const uri = (): string => pathToFileURL(root).href;

  it('gets nothing written in its place, be its folder missing, empty or another stage (I6)', async () => {
    const token = (await openStage(uri()).token({ create: true }))!;
    const stage = openStage(uri(), token);
    await stage.put('r/a', Buffer.from('a'));
    renameSync(root, `${root}.away`);
    const isAway = {
      name: 'StageUnavailable',
      message: expect.stringContaining('is unavailable: its folder'),
    };
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
    await refused({ name: 'StageUnavailable', message: expect.stringContaining('a different stage') });
    expect(await readdir(root)).toEqual(['.partwise-stage']);
    rmSync(root, { recursive: true });
    renameSync(`${root}.away`, root);
    await stage.put('r/b', Buffer.from('b'));
    expect((await stage.list('')).map(({ path }) => path)).toEqual(['r/a', 'r/b']);
  });

  it('at any moment of a put is unavailable, and no missing folder (I4)', async () => {
    const token = (await openStage(uri()).token({ create: true }))!;
    const stage = openStage(uri(), token);
    const errors: unknown[] = [];
    for (let ticks = 0; ticks < 120; ticks++) {
      const put = stage.put(`r/${ticks}/a`, Buffer.from('a')).then(
        () => null,
        (error: unknown) => error,
      );
      for (let n = 0; n < ticks / 3; n++) await new Promise(setImmediate);
      renameSync(root, `${root}.away`);
      errors.push(await put);
      renameSync(`${root}.away`, root);
    }
    const met = errors.filter((error) => error !== null);
    expect(met.length).toBeGreaterThan(0);
    expect(met.map((error) => (error as Error).name)).toEqual(met.map(() => 'StageUnavailable'));
  });

  it('during a run makes its units wait and leaves its place empty, and the run is correct when it is back (I4)', async () => {
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

  it('while functions read their rows costs no call, and each has its rows when it is back (I4)', async () => {
    const project = await makeProject(FUNCTIONS);
    try {
      await project.execute('CREATE TABLE many AS SELECT range % 6 AS k, range AS n FROM range(60)');
      await project.startWorker();
      const [calls, gate] = [join(folder, 'calls'), join(folder, 'gate')];
      writeFileSync(calls, '');
      const run = await project.partwise.start(
        {
          function: 'sums',
          source: { table: 'many' },
          partitionBy: ['k'],
          params: { calls, gate },
          options: { retry: { maximumAttempts: 1 } },
        },
        { runId: project.runId('reads') },
      );
      await changed(calls, () => callsIn(calls).length > 0);
      const stage = join(project.folder, 'stage');
      renameSync(stage, `${stage}.gone`);
      writeFileSync(gate, '');
      await waits(run);
      renameSync(`${stage}.gone`, stage);
      const end = await run.wait();
      expect((await run.partitions({ limit: 9 })).partitions.map(({ error }) => error)).toEqual(
        Array.from({ length: 6 }, () => null),
      );
      expect(end).toMatchObject({ status: 'SUCCESS', counts: { DONE: 6 } });
      const sums = (await run.results()).map(({ sum }) => Number(sum));
      expect(sums.reduce((all, sum) => all + sum, 0)).toBe((59 * 60) / 2);
    } finally {
      await project.close();
    }
  });

  it.each([
    ['single partitions', 6, 1],
    ['batches', 600, 300],
  ])('is no reason to stop following a run of %s, which are reported when it is back', async (_, n, each) => {
    const project = await makeProject(FUNCTIONS);
    try {
      await project.execute(`CREATE TABLE many AS SELECT range AS k FROM range(${n})`);
      await project.startWorker();
      const [calls, gate] = [join(folder, 'calls'), join(folder, 'gate')];
      writeFileSync(calls, '');
      const run = await project.partwise.start(
        {
          function: 'uploads',
          source: { table: 'many' },
          partitionBy: ['k'],
          params: { calls, gate, bytes: 10, wait: [`${n - 1}`] },
          options: { partitionsPerUnit: each, maxConcurrency: 1 },
        },
        { runId: project.runId('followed') },
      );
      await until(async () => (await run.status()).counts.DONE >= each || undefined);
      const stage = join(project.folder, 'stage');
      renameSync(stage, `${stage}.gone`);
      const reported: string[] = [];
      let hasProgress = false;
      const followed = project.partwise.getRun(run.runId).wait({
        onEvent(event) {
          if (event.type === 'partition') reported.push(event.partition.id);
          hasProgress ||= event.type === 'progress' && event.state.counts.DONE >= each;
        },
      });
      await until(() => Promise.resolve(hasProgress || undefined));
      renameSync(`${stage}.gone`, stage);
      writeFileSync(gate, '');
      expect(await followed).toMatchObject({ status: 'SUCCESS', counts: { DONE: n } });
      expect(reported.map(Number).sort((a, b) => a - b)).toEqual([...Array(n).keys()]);
    } finally {
      await project.close();
    }
  });

  it('between opening and reading a list of partitions is unavailable, and read when it is back', async () => {
    const file = join(folder, 'index.parquet');
    const sql = `COPY (SELECT range::INTEGER AS ord, 'p' || range AS id, 1 AS rows FROM range(3)) TO '${file}'`;
    await withDatabase(':memory:', 'write', (connection) => connection.run(sql));
    let opened = 0;
    const index = new PartitionIndex(() => {
      if (opened++ === 1) return Promise.reject(new StageUnavailable('away'));
      return Promise.resolve(file);
    });
    renameSync(file, `${file}.gone`);
    await expect(index.entry(1)).rejects.toThrow(new StageUnavailable('away'));
    renameSync(`${file}.gone`, file);
    expect(await index.entry(1)).toEqual({ ordinal: 1, id: 'p1', rows: 1 });
  });

  it('is named by a retry, which runs nothing', async () => {
    const project = await makeProject(FUNCTIONS);
    try {
      await project.execute('CREATE TABLE many AS SELECT range AS k FROM range(2)');
      await project.startWorker();
      const calls = join(folder, 'calls');
      const run = await project.partwise.start(
        { function: 'sums', source: { table: 'many' }, partitionBy: ['k'], params: { calls } },
        { runId: project.runId('away') },
      );
      expect(await run.wait()).toMatchObject({ status: 'SUCCESS' });
      renameSync(join(project.folder, 'stage'), join(project.folder, 'gone'));
      const { error } = await (await run.retry()).wait();
      expect(error?.message).toMatch(
        /^There is nothing to continue: there is no stage file:.*\. Check its name and what is mounted there, or/,
      );
      expect(callsIn(calls)).toHaveLength(2);
    } finally {
      await project.close();
    }
  });

  it('can be waited for by a run that is then cancelled (I12)', async () => {
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

describe('files of a run that are damaged or missing', () => {
  let project: TestProject;
  beforeAll(async () => {
    project = await makeProject(FUNCTIONS);
    await project.execute('CREATE TABLE many AS SELECT range % 600 AS k, range AS n FROM range(3000)');
    await project.startWorker();
  });
  afterAll(() => project.close());

  const started = async (
    name: string,
    changes: Partial<RunInput> = {},
    runId = project.runId(name),
  ): Promise<RunHandle> => {
    const calls = join(folder, 'calls');
    const run = await project.partwise.start(
      {
        function: 'sums',
        source: { table: 'many' },
        partitionBy: ['k'],
        ...changes,
        params: { calls, ...changes.params },
      },
      { runId },
    );
    writeFileSync(calls, '', { flag: 'a' });
    return run;
  };
  const onStage = (runId: string, name: RegExp): string[] =>
    readdirSync(join(project.folder, 'stage', runId), { recursive: true, encoding: 'utf8' })
      .filter((path) => name.test(path))
      .map((path) => join(project.folder, 'stage', runId, path));

  it('are refused by file name if one bit of a snapshot, rows or artifacts is flipped anywhere (I1, I3)', async () => {
    const run = await started('flipped');
    expect(await run.wait()).toMatchObject({ status: 'SUCCESS' });
    const right = await run.results();
    const random = seeded(20_261);
    const artifact = (again: RunHandle) => again.partition('1').artifacts.get('n.json');
    const kinds: [RegExp, (again: RunHandle) => Promise<unknown>, unknown][] = [
      [/rows[^/]*\.parquet$/, (again) => again.results(), right],
      [/index\.parquet$/, (again) => again.partitions({ limit: 5 }), await run.partitions({ limit: 5 })],
      [/pack-\d+$/, artifact, { n: 5 }],
    ];
    const sentence = /on the stage .* was changed after it was written/;
    for (const [name, read, expected] of kinds) {
      const files = onStage(run.runId, name);
      expect(files.length).toBeGreaterThan(0);
      for (let i = 0; i < 4; i++) {
        const file = files[Math.floor(random() * files.length)]!;
        const content = readFileSync(file);
        const flipped = Buffer.from(content);
        flipped[Math.floor(random() * content.length)]! ^= 1 << Math.floor(random() * 8);
        writeFileSync(file, flipped);
        const answer = await read(project.partwise.getRun(run.runId)).catch((error: unknown) => error);
        // A bit of another partition's artifact in the same file does not affect this one.
        if (answer instanceof Error) expect(answer.message).toMatch(sentence);
        else expect([read, answer]).toEqual([artifact, expected]);
        writeFileSync(file, content);
      }
    }
    expect(await project.partwise.getRun(run.runId).results()).toEqual(right);
  });

  it('fail the run with the name of the file if they are its snapshot, and no function is called on it (I1)', async () => {
    const gate = join(folder, 'gate');
    const run = await started('rotten', { params: { gate } });
    await until(async () => callsIn(join(folder, 'calls')).length > 0);
    await run.cancel();
    await run.wait();
    const [snapshot] = onStage(run.runId, /snapshot\.parquet$/);
    const content = readFileSync(snapshot!);
    content[200]! ^= 4;
    writeFileSync(snapshot!, content);
    const calls = callsIn(join(folder, 'calls')).length;
    const again = await run.retry();
    const state = await again.wait();
    expect(state.status).not.toBe('SUCCESS');
    expect(state.error!.message).toMatch(
      /snapshot\.parquet" on the stage .* is not the file that was recorded/,
    );
    const failed = await again.partitions({ status: 'INTERNAL_ERROR', limit: 1 });
    expect(failed.partitions[0]!.error).toMatchObject({ type: 'StageDamaged' });
    expect(callsIn(join(folder, 'calls'))).toHaveLength(calls);
  });

  it('make their DONE partitions run again on request, with their rows written once (I10)', async () => {
    const run = await started('gone', { output: { table: 'gone' } });
    expect(await run.wait()).toMatchObject({ status: 'SUCCESS' });
    const before = callsIn(join(folder, 'calls')).length;
    expect(before).toBe(600);
    const rows = onStage(run.runId, /rows\.parquet$|rows-1\.parquet$/);
    const unitOf = (file: string): string => /\/u\d+\//.exec(file)![0];
    // Of another unit, whose rows are intact.
    const pack = onStage(run.runId, /pack-1$/).find((file) => unitOf(file) !== unitOf(rows[0]!));
    rmSync(rows[0]!);
    writeFileSync(pack!, Buffer.alloc(10));
    const plain = await run.retry({ output: { table: 'gone2' } });
    const refused = await plain.wait();
    expect(refused).toMatchObject({ status: 'FAILURE', error: { type: 'CommitFailed' } });
    expect(refused.error!.message).toContain(`partwise retry ${run.runId} --rerun-missing`);
    await expect(plain.results()).rejects.toThrow(`partwise retry ${run.runId} --rerun-missing`);
    expect(callsIn(join(folder, 'calls'))).toHaveLength(before);

    const preview = await plain.previewRetry({ rerunMissing: true });
    const again = await plain.retry({ rerunMissing: true, output: { table: 'gone' } });
    expect(await again.wait()).toMatchObject({ status: 'SUCCESS', counts: { DONE: 600 } });
    const rerun = callsIn(join(folder, 'calls')).length - before;
    expect(rerun).toBeGreaterThan(0);
    expect(rerun).toBeLessThan(600);
    expect(rerun).toBe(preview.partitions);
    expect(
      await project.query(
        'SELECT count(*)::INTEGER AS n, count(DISTINCT k)::INTEGER AS d, sum(sum)::INTEGER AS s FROM gone',
      ),
    ).toEqual([{ n: 600, d: 600, s: (2999 * 3000) / 2 }]);
    expect(await again.results()).toHaveLength(600);
    for (const id of ['0', '1', '300', '599'])
      expect(await again.partition(id).artifacts.get('n.json')).toEqual({ n: 5 });
  });

  it('do not make their DONE partitions run again if their rows were appended (I10)', async () => {
    const run = await started('appended', { output: { table: 'appended', mode: 'append' } });
    await run.wait();
    const before = callsIn(join(folder, 'calls')).length;
    const { error } = await (await run.retry({ rerunMissing: true })).wait();
    expect(error!.message).toContain('"rerunMissing" would append rows that the run has already appended');
    expect(callsIn(join(folder, 'calls'))).toHaveLength(before);
  });

  it('can be rerun only by a retry: rerunMissing is refused elsewhere (I9)', async () => {
    await expect(started('misplaced', { rerunMissing: true })).rejects.toThrow(
      '"rerunMissing" goes with "onExisting": "retry" only',
    );
  });

  it('are reported if they are a locator, and block no other run and no clean (I4)', async () => {
    const [one, two] = [await started('one'), await started('two')];
    await Promise.all([one.wait(), two.wait()]);
    const [locator] = onStage(one.runId, /executions\/1\.json$/);
    writeFileSync(locator!, '');
    const retry = await one.retry();
    expect((await retry.wait()).error).toMatchObject({ type: 'StageDamaged' });
    expect(await (await two.retry()).wait()).toMatchObject({ status: 'SUCCESS' });
    await expect(project.partwise.clean({ dryRun: true })).resolves.toBeDefined();
    const cleaned = await project.partwise.clean({ runs: [one.runId] });
    expect(cleaned.runs.map(({ runId }) => runId)).toEqual([one.runId]);
  });

  it('are no reason to run all partitions for an output that cannot be written, if they are a locator (I10)', async () => {
    const run = await started('unknown', { output: { table: 'unknown' } });
    await run.wait();
    writeFileSync(onStage(run.runId, /executions\/1\.json$/)[0]!, '');
    const before = callsIn(join(folder, 'calls')).length;
    const overwrite = (changes: Partial<RunInput>): Promise<RunHandle> =>
      started('unknown', { ...changes, onExisting: 'overwrite' }, run.runId);
    const again = await overwrite({ output: { table: 'unknown' } });
    const { error } = await again.wait();
    expect(error).toMatchObject({ type: 'StageDamaged' });
    expect(error!.message).toMatch(/executions\/1\.json.*choose another id, or leave out the output\.$/);
    expect(callsIn(join(folder, 'calls'))).toHaveLength(before);

    expect(await (await overwrite({})).wait()).toMatchObject({ status: 'SUCCESS', counts: { DONE: 600 } });
  });

  it('fail the commit if they become a locator that only the stage had (I10)', async () => {
    const runId = project.runId('forgotten');
    const [calls, gate] = [join(folder, 'calls'), join(folder, 'gate')];
    await putLocator(openStage(pathToFileURL(join(project.folder, 'stage')).href), {
      version: 1,
      runId,
      generation: 1,
      execution: 1,
      workflowRunId: randomUUID(),
      openedAt: new Date().toISOString(),
    });
    const changes = { output: { table: 'forgotten' }, params: { gate } };
    const run = await started('forgotten', { ...changes, onExisting: 'overwrite' }, runId);
    await until(async () => callsIn(calls).length > 0);
    writeFileSync(onStage(runId, /executions\/1\.json$/)[0]!, '');
    writeFileSync(gate, '');
    expect(await run.wait()).toMatchObject({
      status: 'FAILURE',
      error: { type: 'CommitFailed', message: expect.stringContaining('/executions/1.json') },
    });
  });
});

/** Random numbers in [0, 1), determined by the seed. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647;
}

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
