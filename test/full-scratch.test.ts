/**
 * A worker's scratch folder is on a disk that fills up during a run. The function writes each call to an
 * external file, as a record of what really happened.
 */
import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import type { RunHandle, RunInput } from '../src/index';
import { changed } from './support/files';
import { end, makeProject, type TestProject } from './support/project';
import { hasPython, PYTHON } from './support/python-server';
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

/** Each call waits for the gate, then uploads params.bytes and returns a row. */
export const gated = definePartitionFunction({
  name: 'gated',
  async run(data, context) {
    const { calls, gate, bytes } = context.params;
    appendFileSync(calls, context.partitionId + ' ' + context.attempt + '\\n');
    while (!existsSync(gate)) await sleep(20);
    await context.upload('bytes', Buffer.alloc(bytes, context.partitionId));
    return { text: 'row of ' + context.partitionId };
  },
});

/** Its own disk is full. */
export const fails = definePartitionFunction({
  name: 'fails',
  run() {
    throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
  },
});
`;
const IN_PYTHON = `
import os, time

def gated_in_python(data, context):
    params = context.params
    with open(params["calls"], "a") as calls:
        calls.write(f"{context.partition_id} {context.attempt}\\n")
    while not os.path.exists(params["gate"]):
        time.sleep(0.02)
    context.upload("bytes", bytes(str(context.partition_id), "utf8") * params["bytes"])
    return {"text": f"row of {context.partition_id}"}
`;

describeOnSmallDisks('a worker whose scratch folder is on a full disk', () => {
  let folder: string;
  let disk: SmallDisk;
  let project: TestProject;
  let calls: string;
  let gate: string;
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'partwise-full-scratch-'));
    [calls, gate] = [join(folder, 'calls'), join(folder, 'gate')];
    writeFileSync(calls, '');
    disk = smallDisk(8 * MIB);
    project = await makeProject(FUNCTIONS, {
      config: hasPython ? { python: PYTHON } : {},
      ...(hasPython && { inPython: IN_PYTHON }),
    });
    mkdirSync(join(project.folder, '.partwise'));
    symlinkSync(disk.folder, join(project.folder, '.partwise/scratch'));
    await project.execute('CREATE TABLE many AS SELECT range AS k, range * 2 AS n FROM range(12)');
    await project.startWorker();
  });
  afterEach(async () => {
    await project.close();
    disk.remove();
    await rm(folder, { recursive: true, force: true });
  });

  const start = (input: Partial<RunInput>): Promise<RunHandle> =>
    project.partwise.start(
      {
        function: 'gated',
        source: { table: 'many' },
        partitionBy: ['k'],
        output: { table: 'out' },
        ...input,
        options: { retry: { maximumAttempts: 1 }, ...input.options },
      },
      { runId: project.runId('full') },
    );
  const called = (): string[] => readFileSync(calls, 'utf8').split('\n').slice(0, -1).sort();
  const everyOne = Array.from({ length: 12 }, (_, k) => `${k} 1`).sort();
  const waits = async (run: RunHandle): Promise<void> => {
    const waiting = await until(async () => (await run.status()).waiting);
    expect(waiting).toMatchObject({ activity: 'processUnit', error: { type: 'StageUnavailable' } });
    expect(waiting!.error.message).toMatch(
      /^The worker's folder ".*scratch.*" is unavailable: .* Free up space there/,
    );
  };

  const kinds = [
    ['rows and packed artifacts of a batch', 'gated', 12, 1_000],
    ['rows and uploads of single partitions', 'gated', 1, 200_000],
    ...(hasPython
      ? ([
          ['rows and packed artifacts of a batch in Python', 'gated_in_python', 12, 1_000],
          ['uploads of single partitions in Python', 'gated_in_python', 1, 200_000],
        ] as const)
      : []),
  ] as const;

  it.each(kinds)(
    'keeps %s until there is room, and calls nothing twice (I4)',
    async (_, name, each, bytes) => {
      const run = await start({
        function: name,
        params: { calls, gate, bytes },
        options: { partitionsPerUnit: each, timeout: '10s' },
      });
      await changed(calls, () => called().length > 0);
      disk.fill();
      writeFileSync(gate, '');
      await waits(run);
      disk.makeRoom();
      expect(await run.wait()).toMatchObject({ status: 'SUCCESS', counts: { DONE: 12 } });
      expect(called()).toEqual(everyOne);
      expect(await project.query('SELECT k::INTEGER AS k, text FROM out ORDER BY k')).toEqual(
        Array.from({ length: 12 }, (_, k) => ({ k, text: `row of ${k}` })),
      );
      const artifact = await run.partition('7').artifacts.get('bytes');
      expect(Buffer.from(artifact as Uint8Array).equals(Buffer.alloc(bytes, '7'))).toBe(true);
    },
  );

  it('keeps the rows of a query over each partition', async () => {
    const run = await start({
      function: 'sql',
      // It takes long enough for the disk to be filled in the middle of it.
      sql: 'SELECT sum(n) AS total, (SELECT sum(hash(range) % 7) FROM range(20_000_000)) AS work FROM data',
      options: { partitionsPerUnit: 12 },
    });
    await until(async () => (await run.status()).counts.RUNNING > 0 || undefined);
    disk.fill();
    await waits(run);
    disk.makeRoom();
    expect(await run.wait()).toMatchObject({ status: 'SUCCESS', counts: { DONE: 12 } });
    expect(
      await project.query('SELECT k::INTEGER AS k, total::INTEGER AS total FROM out ORDER BY k'),
    ).toEqual(Array.from({ length: 12 }, (_, k) => ({ k, total: 2 * k })));
  });

  it('is not taken for the disk of a function, whose error fails its partition', async () => {
    const run = await start({ function: 'fails', options: { partitionsPerUnit: 1, toleratedFailures: 12 } });
    expect(await run.wait()).toMatchObject({ counts: { FAILED: 12 } });
    expect((await run.partition('7').describe()).attempts).toBe(1);
  });

  it('is left by a run that is cancelled (I12)', async () => {
    const run = await start({ params: { calls, gate, bytes: 1_000 }, options: { partitionsPerUnit: 12 } });
    await changed(calls, () => called().length > 0);
    disk.fill();
    writeFileSync(gate, '');
    await waits(run);
    await run.cancel();
    expect(await run.wait()).toMatchObject({ status: 'CANCELLED' });
  });
});

describeWithPowerLoss('a worker whose disk is full before its units call anything', () => {
  const KEY = { id: 'first', env: 'PARTWISE_KEY_FULL' };
  let folder: string;
  let disk: SmallDisk;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'partwise-full-scratch-'));
    disk = powerDisk(16 * MIB);
    process.env[KEY.env] = randomBytes(32).toString('base64');
  });
  afterEach(async () => {
    delete process.env[KEY.env];
    disk.remove();
    await rm(folder, { recursive: true, force: true });
  });

  const cases = [
    ['scratch folder', /^The worker's disk is full: ENOSPC.*mkdir.* continues automatically\./],
    [
      'copies',
      /^The folder ".*", for copies of files of the stage .*, is unavailable: ENOSPC.*Free up space/,
    ],
  ] as const;
  it.each(cases)('has no room for its %s: that costs no partition an attempt (I5)', async (what, message) => {
    const [calls, gate] = [join(folder, 'calls'), join(folder, 'gate')];
    writeFileSync(calls, '');
    const project = await makeProject(
      FUNCTIONS,
      what === 'copies' ? { config: { stage: 'encrypted:./stage' }, encryption: { keys: [KEY] } } : {},
    );
    try {
      if (what === 'scratch folder') {
        mkdirSync(join(project.folder, '.partwise'));
        symlinkSync(disk.folder, join(project.folder, '.partwise/scratch'));
      }
      await project.execute('CREATE TABLE many AS SELECT range AS k FROM range(3)');
      const first = await project.startWorker();
      const run = await project.partwise.start(
        {
          function: 'gated',
          source: { table: 'many' },
          partitionBy: ['k'],
          params: { calls, gate, bytes: 1 },
          options: { partitionsPerUnit: 3, retry: { maximumAttempts: 1 } },
        },
        { runId: project.runId('full') },
      );
      await changed(calls, () => readFileSync(calls, 'utf8') !== '');
      await project.client.workflow.getHandle(run.runId).terminate();
      await end(first);
      await project.startWorker(what === 'copies' ? { TMPDIR: disk.folder } : {});
      disk.fill();
      writeFileSync(gate, '');
      const again = await run.retry();
      const { error } = (await until(async () => (await again.status()).waiting))!;
      expect(error).toMatchObject({ type: 'StageUnavailable', message: expect.stringMatching(message) });
      disk.makeRoom();
      expect(await again.wait()).toMatchObject({ status: 'SUCCESS', counts: { DONE: 3 } });
    } finally {
      await project.close();
    }
  });
});
