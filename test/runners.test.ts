import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { FunctionBundle } from '../src/runners/language';
import type { ArtifactRef } from '../src/core/files';
import { bundleFunctions, describeFunctions } from '../src/runners/functions-file';
import { node as language } from '../src/runners/node/language';
import { RunnerPool } from '../src/runners/pool';
import {
  bundleFixture,
  makeFolder,
  makeSnapshot,
  readRows,
  run,
  type RunRequest,
} from './support/runner-unit';

const PARTITIONS = 6;
let folder: string;
let bundle: FunctionBundle;
let pool: RunnerPool;

beforeAll(async () => {
  folder = makeFolder();
  await makeSnapshot(folder, PARTITIONS, 10);
  bundle = await bundleFixture(folder);
});
beforeEach(() => {
  pool = new RunnerPool({ size: 2 });
});
afterEach(() => pool.close());
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const runFixture = (request: Partial<RunRequest> & { name: string }) =>
  run({ pool, folder, bundle, ordinals: [0, 1, 2, 3, 4, 5], ...request });

/** Partition k2 misbehaves, the other five do not. */
const misbehave = (how: string, request: Partial<RunRequest> = {}) =>
  runFixture({ name: 'hostile', ...request, unit: { params: { does: { k2: how } }, ...request.unit } });

const OTHERS = ['k0: DONE', 'k1: DONE', 'k3: DONE', 'k4: DONE', 'k5: DONE'];

describe('a unit', () => {
  test('runs its partitions in order, with rows, SQL, logs and artifacts', async () => {
    const { ended, summary, files, logs, left } = await runFixture({ name: 'wellBehaved' });
    expect(left).toEqual([]);
    expect(summary).toEqual([0, 1, 2, 3, 4, 5].map((i) => `k${i}: DONE`));
    expect(ended[0]!.outcome).toMatchObject({
      attempts: 1,
      rows: 10,
      outputRows: 1,
      preview: '{"counted":10,"read":10,"first":1}',
    });
    expect(ended[3]!.outcome.artifacts).toMatchObject([
      { name: 'sum.json', path: 'k3/1/sum.json', codec: 'json' },
    ]);
    expect(logs.map(({ ordinal, text }) => [ordinal, text])).toEqual(
      [0, 1, 2, 3, 4, 5].map((i) => [i, `partition k${i}`]),
    );
    const rows = await readRows(files, 'region, counted, read, first');
    expect(rows[5]).toEqual({ region: 'k5', counted: '10', read: '10', first: '1' });
  });

  test('of many partitions returns outcomes in columns, and small artifacts in one file', async () => {
    const { ended, files, packs, summary } = await runFixture({
      name: 'wellBehaved',
      unit: { isBatch: true, extraCalls: { 3: 1 } },
    });
    expect(summary).toEqual(['0: DONE', '1: DONE', '2: DONE', '3: DONE', '4: DONE', '5: DONE']);
    expect(ended.map(({ outcome }) => outcome.attempts)).toEqual([1, 1, 1, 2, 1, 1]);
    expect(ended[0]!.outcome).toMatchObject({ id: null, outputRows: 1, preview: null, reused: false });
    expect(Date.now() - Date.parse(ended[5]!.outcome.startedAt)).toBeLessThan(60_000);
    const [{ offset, bytes, sha256, codec, path }] = ended[4]!.outcome.artifacts as [ArtifactRef];
    expect(packs).toContain(path);
    const content = readFileSync(path).subarray(offset, offset + bytes);
    expect(codec).toBe('json');
    expect(JSON.parse(content.toString())).toEqual({ sum: 55 });
    expect(createHash('sha256').update(content).digest('hex')).toBe(sha256);
    expect(await readRows(files, 'region')).toHaveLength(6);
  });

  test('of many partitions puts a large artifact separately, and drops those of an interrupted call', async () => {
    const { ended } = await misbehave('exit', { unit: { isBatch: true }, ordinals: [1, 2, 3] });
    const of = (ordinal: number) => ended.find(({ outcome }) => outcome.ordinal === ordinal)!.outcome;
    expect(of(2)).toMatchObject({ status: 'INTERNAL_ERROR', artifacts: [] });
    expect(of(3).artifacts).toMatchObject([{ name: 'early.txt', codec: 'text' }]);
    const { ended: large, packs } = await runFixture({
      name: 'large',
      unit: { isBatch: true },
      ordinals: [0],
    });
    expect(large[0]!.outcome.artifacts).toMatchObject([
      { name: 'large.bin', path: 'k0/1/large.bin', offset: 0 },
      { name: 'small.txt', offset: 0, bytes: 5 },
    ]);
    expect(readFileSync(packs[0]!, 'utf8')).toBe('small');
  });

  test('of one partition packs artifacts once there are many', async () => {
    const uploaded: string[] = [];
    const { ended, packs } = await runFixture({
      name: 'manyFiles',
      ordinals: [0],
      handlers: {
        onUpload: async ({ name }) => {
          uploaded.push(name);
          return { path: name, bytes: 1, sha256: '0'.repeat(64) };
        },
      },
    });
    const { artifacts } = ended[0]!.outcome;
    expect(artifacts.map(({ name }) => name)).toEqual(Array.from({ length: 1_000 }, (_, i) => `${i}.txt`));
    expect(uploaded).toEqual(Array.from({ length: 100 }, (_, i) => `${i}.txt`));
    const { offset, bytes, path } = artifacts[999]!;
    expect(path).toBe(packs[0]);
    expect(readFileSync(path).toString('utf8', offset, offset + bytes)).toBe('number 999');
  });

  test('reuses a warm process, and uses another for another bundle', async () => {
    await runFixture({ name: 'wellBehaved', ordinals: [0] });
    const [first] = pool.pids;
    await runFixture({ name: 'wellBehaved', ordinals: [1] });
    expect(pool.pids).toEqual([first]);
    await runFixture({ name: 'wellBehaved', ordinals: [1], bundle: { ...bundle, digest: 'other' } });
    expect(pool.pids).toHaveLength(2);
  });

  test('never has more processes than the pool allows', async () => {
    let most = 0;
    const onCall = (): void => void (most = Math.max(most, pool.pids.length));
    await Promise.all(
      [0, 1, 2, 3, 4, 5].map((i) => runFixture({ name: 'wellBehaved', ordinals: [i], onCall })),
    );
    expect(most).toBe(2);
  });

  test('ends after the running partition when it is drained, and leaves the rest', async () => {
    const drain = new AbortController();
    const started: number[] = [];
    const { summary, left } = await runFixture({
      name: 'wellBehaved',
      options: { drain: drain.signal },
      onCall: (ordinal) => {
        started.push(ordinal);
        if (ordinal === 2) drain.abort();
      },
    });
    expect(left.length).toBeGreaterThan(0);
    // Partitions in transit between the processes are finished too.
    expect(summary).toEqual(started.map((ordinal) => `k${ordinal}: DONE`));
    expect([...started, ...left]).toEqual([0, 1, 2, 3, 4, 5]);
    expect(pool.pids).toHaveLength(1);
  });

  test('runs a partition alone when it must, while others wait', async () => {
    const beside: number[] = [];
    const pids: number[] = [];
    const afterLoss = ({ length }: readonly string[]): 'alone' | 'end' => (length === 1 ? 'alone' : 'end');
    const other = (): Promise<unknown> =>
      runFixture({
        name: 'hostile',
        ordinals: [0, 1],
        unit: { params: { does: { k0: 'dawdle', k1: 'dawdle' } } },
        onCall: () => void beside.push(pool.pids.length),
      });
    const [{ summary, ended }] = await Promise.all([
      misbehave('hoard Buffers', {
        ordinals: [2],
        options: { afterLoss, memory: { each: 150_000_000, alone: 300_000_000 } },
        onCall: (_, call) => void (call === 2 && pids.push(...pool.pids)),
      }),
      other(),
      other(),
    ]);
    expect(summary).toEqual(['k2: INTERNAL_ERROR OutOfMemory']);
    expect(ended[0]!.outcome).toMatchObject({
      attempts: 2,
      error: { message: expect.stringContaining('300 MB') },
    });
    expect(pids).toHaveLength(1);
    expect(beside).toHaveLength(4);
  });

  test('stops waiting to run alone when it is drained', async () => {
    const drain = new AbortController();
    const busy = await pool.acquire({
      language,
      digest: 'busy',
      bundle: null,
      memoryBytes: 300_000_000,
      gpus: 0,
    });
    const waiting = runFixture({
      name: 'wellBehaved',
      ordinals: [0],
      options: { alone: true, drain: drain.signal },
    });
    // Later requests do not overtake.
    const later = pool.acquire({
      language,
      digest: 'later',
      bundle: null,
      memoryBytes: 300_000_000,
      gpus: 0,
    });
    drain.abort();
    expect(await waiting).toMatchObject({ left: [0], ended: [] });
    await pool.release(await later, { reusable: false });
    await pool.release(busy, { reusable: false });
  });

  test('fails one partition if an exit handler never ends (I5)', async () => {
    const { ended, summary } = await misbehave('never exit', { maximumLosses: 1 });
    expect(summary).toEqual([...OTHERS, 'k2: INTERNAL_ERROR RunnerKilled'].sort());
    const { outcome } = ended.find(({ outcome: { ordinal } }) => ordinal === 2)!;
    expect(outcome.error!.message).toMatch(
      /an exit handler \(process\.on\('exit', …\)\) was still running after 10 s/,
    );
  });

  test('continues the call count of earlier executions', async () => {
    const { ended } = await misbehave('exit', {
      ordinals: [1, 2],
      unit: { params: { does: { k2: 'exit' } }, priorCalls: 1, extraCalls: { 2: 3 } },
      maximumLosses: 2,
    });
    expect(ended.map(({ outcome: { id, attempts } }) => [id, attempts])).toEqual([
      ['k1', 3],
      ['k2', 6],
    ]);
  });

  test('fails as a whole if its function is not in the bundle', async () => {
    const { failed, left } = await runFixture({ name: 'welBehaved', mayFail: true });
    expect(failed).toMatchObject({ error: { type: 'FunctionMissing' }, retryable: true });
    expect(failed!.error.message).toContain('Did you mean "wellBehaved"?');
    expect(left).toHaveLength(6);
  });

  test('ends with the error of a segment that cannot be stored', async () => {
    const onSegment = (): Promise<void> => Promise.reject(new Error('the stage is full'));
    await expect(runFixture({ name: 'wellBehaved', handlers: { onSegment } })).rejects.toThrow(
      'the stage is full',
    );
  });
});

describe('no partition harms another (I5):', () => {
  test.each([
    ['grow a Map', 'OutOfMemory'],
    ['hoard Buffers', 'OutOfMemory'],
    ['crash', 'RunnerKilled'],
    ['exit', 'RunnerKilled'],
  ])('a function that tries to %s fails only its partition (I5)', async (how, type) => {
    const { ended, summary } = await misbehave(how, {
      maximumLosses: 2,
      options: { memory: { each: 300_000_000, alone: 300_000_000 } },
    });
    expect(summary).toEqual([...OTHERS, `k2: INTERNAL_ERROR ${type}`].sort());
    const lost = ended.find(({ outcome }) => outcome.id === 'k2')!.outcome;
    expect(lost).toMatchObject({ attempts: 2, artifacts: [], rows: 10 });
    expect(lost.error!.message).toMatch(/^[A-Z].*\.$/);
  });

  test.each(['block', 'loop', 'query for ever'])(
    'a function that tries to %s is ended by its timeout (I5)',
    async (how) => {
      const { ended, summary } = await misbehave(how, { maximumLosses: 1, options: { timeoutMs: 1_000 } });
      expect(summary).toEqual([...OTHERS, 'k2: INTERNAL_ERROR Timeout'].sort());
      const { durationMs } = ended.find(({ outcome }) => outcome.id === 'k2')!.outcome;
      expect(durationMs).toBeGreaterThanOrEqual(1_000);
      expect(durationMs).toBeLessThan(5_000);
    },
  );

  test("a query that fills DuckDB's memory fails at its limit, and the process survives (I5)", async () => {
    const { summary } = await misbehave('fill DuckDB', {
      unit: { params: { does: { k2: 'fill DuckDB' } }, duckdbMemoryBytes: 100_000_000 },
    });
    expect(summary).toEqual([...OTHERS, 'k2: FAILED OutofMemoryError'].sort());
  });

  test('an uncaught error fails the partition that raised it (I5)', async () => {
    const { ended, summary } = await misbehave('throw from a timer');
    expect(summary).toEqual([...OTHERS, 'k2: FAILED Error'].sort());
    const { error } = ended.find(({ outcome }) => outcome.id === 'k2')!.outcome;
    expect(error!.message).toBe('nobody catches this');
    expect(error!.stack).toContain('runner-functions.ts');
  });

  test('what a partition left running is not held against the next one (I5)', async () => {
    const does = { k2: 'leave a rejection behind', k3: 'dawdle' };
    const { summary, logs } = await runFixture({ name: 'hostile', unit: { params: { does } } });
    expect(summary).toEqual([...OTHERS, 'k2: DONE'].sort());
    expect(logs).toContainEqual(
      expect.objectContaining({ ordinal: 2, text: expect.stringContaining('too late') }),
    );
  });

  test('a process that a partition leaves behind ends with its runner (I5, I12)', async () => {
    const { summary, logs } = await misbehave('leave a process behind', { maximumLosses: 1 });
    expect(summary).toEqual([...OTHERS, 'k2: INTERNAL_ERROR RunnerKilled'].sort());
    const pid = Number(/left (\d+)/.exec(logs.map(({ text }) => text).join('\n'))![1]);
    await eventually(() => (isAlive(pid) ? null : true));
  });

  test('a table created by one partition does not exist for the next (I5)', async () => {
    const does = { k2: 'make a table', k3: 'make a table' };
    const { summary } = await runFixture({ name: 'hostile', unit: { params: { does } } });
    expect(summary).toEqual([...OTHERS, 'k2: DONE'].sort());
  });

  test('partitions already reported as ended do not run again when a later one kills the runner (I5)', async () => {
    const started: number[] = [];
    await misbehave('exit', {
      maximumLosses: 3,
      onCall: (ordinal) => void started.push(ordinal),
    });
    // The first two ended less than a second before the process died: they run once more, and k2 three times.
    expect(started).toEqual([0, 1, 2, 0, 1, 3, 4, 5, 2, 2]);
  });
});

test('credentials in the environment of the worker do not reach the function (I11)', async () => {
  const names = [
    'TEMPORAL_API_KEY',
    'SNOWFLAKE_PASSWORD',
    'PARTWISE_SECRET_X',
    'AWS_SECRET_ACCESS_KEY',
    'AWS_SESSION_TOKEN',
    'AWS_CONTAINER_AUTHORIZATION_TOKEN',
    'OTEL_EXPORTER_OTLP_HEADERS',
    'AWS_REGION',
    'ORDINARY',
  ];
  for (const name of names) process.env[name] = 'x';
  try {
    const seenBy = async (own: RunnerPool): Promise<unknown> => {
      const { files } = await misbehave('look around', { ordinals: [2], pool: own });
      const [row] = await readRows(files, 'to_json(variables)::VARCHAR AS variables');
      return (JSON.parse(row!.variables as string) as string[]).filter((name) => names.includes(name));
    };
    expect(await seenBy(pool)).toEqual(['AWS_REGION', 'ORDINARY']);
    const passing = new RunnerPool({ size: 1, passEnv: ['AWS_SECRET_ACCESS_KEY'] });
    try {
      expect(await seenBy(passing)).toEqual(['AWS_REGION', 'AWS_SECRET_ACCESS_KEY', 'ORDINARY']);
    } finally {
      await passing.close();
    }
  } finally {
    for (const name of names) delete process.env[name];
  }
});

test('a file that changed after planning fails its partition, which is not retried (I1)', async () => {
  const place = mkdtempSync(join(folder, 'files-'));
  await makeSnapshot(place, 2, 1);
  const files = ['a.csv', 'b.csv'].map((name) => {
    const path = join(place, name);
    writeFileSync(path, 'amount\n1\n');
    return {
      path,
      bytes: 9,
      modifiedMs: statSync(path).mtimeMs,
      sha256: createHash('sha256').update('amount\n1\n').digest('hex'),
    };
  });
  writeFileSync(files[1]!.path, 'amount\n2\n');
  const { ended, files: written } = await runFixture({
    name: 'wellBehaved',
    folder: place,
    ordinals: [0, 1],
    unit: { files, snapshot: [] },
  });
  expect(ended).toMatchObject([
    { outcome: { status: 'DONE' } },
    { outcome: { status: 'FAILED', error: { type: 'SourceChanged' } }, retryable: false },
  ]);
  expect(await readRows(written, 'region, first')).toEqual([{ region: 'k0', first: '1' }]);
});

test('a throw fails its partition with the file and line of the function (I5)', async () => {
  const { ended, summary } = await misbehave('throw');
  expect(summary).toEqual([...OTHERS, 'k2: FAILED Error'].sort());
  const failed = ended.find(({ outcome }) => outcome.id === 'k2')!;
  expect(failed.retryable).toBe(true);
  expect(failed.outcome.artifacts).toHaveLength(1);
  const [, frame] = failed.outcome.error!.stack!.split('\n');
  const line =
    readFileSync(join(__dirname, 'support/runner-functions.ts'), 'utf8')
      .split('\n')
      .findIndex((text) => text.includes('thrown on purpose')) + 1;
  expect(frame).toContain(`runner-functions.ts:${line}:`);
  expect(failed.outcome.error!.stack).not.toMatch(/unit-loop|node:/);
});

describe('cancel means stopped (I12):', () => {
  test('a function that observes the signal ends immediately, and the rest is left (I12)', async () => {
    const cancel = new AbortController();
    let cancelledAt = 0;
    const onCall = (ordinal: number): void => {
      if (ordinal !== 2) return;
      cancelledAt = Date.now();
      cancel.abort();
    };
    const { summary, left } = await misbehave('wait for the signal', {
      options: { signal: cancel.signal },
      onCall,
    });
    expect(summary).toEqual(['k0: DONE', 'k1: DONE', 'k2: CANCELLED']);
    expect(left).toEqual([3, 4, 5]);
    expect(Date.now() - cancelledAt).toBeLessThan(1_900);
  });

  test('a function that ignores it is killed after two seconds (I12)', async () => {
    const cancel = new AbortController();
    let cancelledAt = 0;
    const onLog = (): void => {
      cancelledAt = Date.now();
      cancel.abort();
    };
    const { summary, left } = await misbehave('loop', {
      options: { signal: cancel.signal },
      handlers: { onLog },
    });
    expect(Date.now() - cancelledAt).toBeGreaterThanOrEqual(2_000);
    expect(Date.now() - cancelledAt).toBeLessThan(4_000);
    // k0 and k1 ended, but had not been handed over when k2 blocked the process.
    expect(summary).toEqual(['k2: CANCELLED']);
    expect(left).toEqual([0, 1, 3, 4, 5]);
    expect(pool.pids).toEqual([]);
  });

  test('two seconds after kill -9 of the worker, no runner and nothing it started is alive (I12)', async () => {
    const script = join(folder, 'worker.js');
    mkdirSync(join(folder, 'orphan'));
    writeFileSync(script, workerScript());
    const worker = spawn(process.execPath, [script], { stdio: ['ignore', 'pipe', 'inherit'] });
    try {
      const runner = await pidPrintedBy(worker);
      const sleeper = await eventually(() => pidOf('sleep 62', runner));
      worker.kill('SIGKILL');
      await once(worker, 'exit');
      await eventually(() => (isAlive(runner) || isAlive(sleeper) ? null : true), 2_000);
    } finally {
      worker.kill('SIGKILL');
    }
  });
});

describe('a worker that freezes', () => {
  const startWorker = async (leaseMs: number) => {
    const script = join(folder, 'worker.js');
    mkdirSync(join(folder, 'orphan'), { recursive: true });
    writeFileSync(script, workerScript(`() => ${leaseMs}`));
    const worker = spawn(process.execPath, [script], { stdio: ['ignore', 'pipe', 'inherit'] });
    const runner = await pidPrintedBy(worker);
    const sleeper = await eventually(() => pidOf('sleep 62', runner));
    return { worker, runner, sleeper };
  };

  test('loses its runners, and what they started, when its lease runs out (I4)', async () => {
    const { worker, runner, sleeper } = await startWorker(2_000);
    try {
      worker.kill('SIGSTOP');
      await eventually(() => (isAlive(runner) || isAlive(sleeper) ? null : true), 20_000);
    } finally {
      worker.kill('SIGKILL');
    }
  });

  test('keeps its runners if it continues before that (I5)', async () => {
    const { worker, runner, sleeper } = await startWorker(20_000);
    try {
      worker.kill('SIGSTOP');
      await sleep(3_000);
      worker.kill('SIGCONT');
      await sleep(500);
      expect([runner, sleeper].map(isAlive)).toEqual([true, true]);
    } finally {
      worker.kill('SIGKILL');
    }
  });

  test('keeps its runners if they were stopped as well, as on a suspended machine (I5)', async () => {
    const { worker, runner } = await startWorker(10_000);
    try {
      // The whole group, including the watchdog.
      process.kill(-runner, 'SIGSTOP');
      worker.kill('SIGSTOP');
      await sleep(12_000);
      worker.kill('SIGCONT');
      process.kill(-runner, 'SIGCONT');
      await sleep(1_000);
      expect(isAlive(runner)).toBe(true);
    } finally {
      worker.kill('SIGKILL');
    }
  });
});

describe('describeFunctions', () => {
  test('lists the functions of a bundle with their settings', async () => {
    const functions = await describeFunctions(bundle.path);
    expect(functions.map(({ name }) => name).sort()).toEqual([
      'hostile',
      'large',
      'manyFiles',
      'wellBehaved',
    ]);
  });

  test.each([
    ['throws', "throw new Error('no licence');", 'The functions file threw while loading: Error: no licence'],
    ['exits', 'process.exit(3);', 'died'],
    [
      'gives two functions the same name',
      "import { definePartitionFunction as d } from 'partwise'; export const a = d({ name: 'x', run() {} }), b = d({ name: 'x', run() {} });",
      'Two exported partition functions are named "x"',
    ],
  ])('reports a file that %s', async (what, code, message) => {
    const file = join(folder, `${what.replaceAll(' ', '-')}.ts`);
    writeFileSync(file, code);
    const broken = await bundleFunctions(file, join(folder, 'functions'));
    await expect(describeFunctions(broken.path)).rejects.toThrow(message);
  });
});

/** A worker with only a real pool: it prints the runner's pid when the function is about to block. */
function workerScript(lease = 'null'): string {
  const dist = join(__dirname, '../dist');
  const unit = {
    function: { name: 'hostile', digest: bundle.digest, bundle: bundle.path, sql: null },
    bundle: bundle.path,
    runId: 'run-1',
    params: { does: { k0: 'spawn' } },
    keyColumns: [{ name: 'region', type: 'VARCHAR' }],
    columns: [],
    index: join(folder, 'index.parquet'),
    snapshot: [join(folder, 'snapshot.parquet')],
    files: null,
    ordinals: [0],
    isBatch: false,
    priorCalls: 0,
    snapshotTime: '2024-06-01T00:00:00.000Z',
    scheduledTime: null,
    warehouse: 'duckdb::memory:',
    spill: join(folder, 'spill'),
    scratch: join(folder, 'orphan'),
    nonRetryableErrorTypes: [],
    duckdbMemoryBytes: 250_000_000,
  };
  return `
    const { RunnerPool } = require(${JSON.stringify(`${dist}/runners/pool`)});
    const { runUnit } = require(${JSON.stringify(`${dist}/runners/unit-run`)});
    const { languageOfBundle } = require(${JSON.stringify(`${dist}/runners/languages`)});
    const pool = new RunnerPool({ size: 1 });
    const nothing = async () => ({});
    runUnit({
      pool, language: languageOfBundle(null), unit: ${JSON.stringify(unit)}, timeoutMs: null, memory: { each: 500e6, alone: 500e6 }, alone: false,
      signal: new AbortController().signal, drain: new AbortController().signal, afterLoss: () => 'end',
      handlers: { onSegment: nothing, onLog: () => console.log(pool.pids[0]), onUpload: nothing, onDownload: nothing, onSession() {}, waitedSince: () => 0, onLoss() {}, onHeartbeat() {} },
      entryOf: async () => ({ id: 'k0', rows: 10 }), access: null, lease: ${lease},
    });`;
}

async function pidPrintedBy(worker: ChildProcess): Promise<number> {
  const [bytes] = (await once(worker.stdout!, 'data')) as [Buffer];
  return Number(bytes.toString().trim());
}

/** Polls for something without an event: another process's children, or its exit. */
async function eventually<T>(check: () => T | null, within = 10_000): Promise<T> {
  for (const giveUp = Date.now() + within; Date.now() < giveUp; await sleep(20)) {
    const found = check();
    if (found !== null) return found;
  }
  throw new Error(`It did not happen within ${within} ms.`);
}

function isAlive(pid: number): boolean {
  try {
    // A zombie, which only its parent can reap, counts as dead.
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

/** The process that runs `command` in the process group of `group`. */
function pidOf(command: string, group: number): number | null {
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      const line = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
      const stat = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ');
      if (line === command && Number(stat[2]) === group) return Number(pid);
    } catch {
      // It exited in the meantime.
    }
  }
  return null;
}
