import { readFileSync, rmSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { FunctionBundle } from '../src/runners/language';
import { RunnerPool } from '../src/runners/pool';
import { bundleFixture, makeFolder, makeSnapshot, run, type RunRequest } from './support/runner-unit';
import type { RunningSession } from '../src/runners/unit-run-types';

let folder: string;
let bundle: FunctionBundle;
let pool: RunnerPool;

beforeAll(async () => {
  folder = makeFolder();
  await makeSnapshot(folder, 6, 10);
  bundle = await bundleFixture(folder, 'odd-functions.ts');
});
beforeEach(() => {
  pool = new RunnerPool({ size: 2 });
});
afterEach(() => pool.close());
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const runOdd = (how: string, request: Partial<RunRequest> & { text?: string } = {}) =>
  run({
    pool,
    folder,
    bundle,
    name: 'odd',
    ordinals: [0, 1, 2, 3],
    maximumLosses: 1,
    ...request,
    unit: { params: { does: { k1: how }, text: request.text }, ...request.unit },
  });

const OTHERS = ['k0: DONE', 'k2: DONE', 'k3: DONE'];

test('a runner that is held while the stage is unavailable continues its unit afterwards', async () => {
  const replaced: string[] = [];
  const own = new RunnerPool({ size: 1, onReplaced: (reason) => replaced.push(reason) });
  let session: RunningSession | null = null;
  const { summary } = await run({
    pool: own,
    folder,
    bundle,
    name: 'odd',
    ordinals: [0, 1, 2, 3, 4, 5],
    unit: { isBatch: true, params: { does: { k0: 'print and take a while' } } },
    handlers: { onSession: (each) => (session = each), onLog: () => session?.holdCalls() },
  });
  expect(summary).toEqual([0, 1, 2, 3, 4, 5].map((i) => `${i}: DONE`));
  expect(replaced).toEqual([]);
  await own.close();
});

describe('a runner cannot harm its worker (I5):', () => {
  test('a function that claims that its process exits affects no other partition (I5)', async () => {
    const own = new RunnerPool({ size: 1 });
    const does = { k1: 'claim to exit', k2: 'outlast exit handlers' };
    const { summary } = await runOdd('', { pool: own, unit: { params: { does } } });
    expect(summary).toEqual([...OTHERS, 'k1: DONE'].sort());
    await own.close();
  });

  test('a function has no channel to its worker that it could send to or close (I5)', async () => {
    const { summary, ended } = await runOdd('send what it likes');
    expect(summary).toEqual([...OTHERS, 'k1: DONE'].sort());
    expect(ended[0]!.outcome.preview).toContain('"channel":"undefined,undefined,undefined"');
  });

  const outcome = {
    ordinal: 1,
    id: 'k1',
    status: 'DONE',
    attempts: 1,
    rows: 10,
    startedAt: new Date(0).toISOString(),
    durationMs: 1,
    preview: null,
    outputRows: 0,
    error: null,
    reused: false,
  };
  const ending = { outcome, artifacts: [], retryable: false, retryDelayMs: null };
  const segment = { type: 'segment', done: null, outcomes: [ending], rows: null, pack: null };
  /** A segment in which one partition is DONE, with its columns. */
  const done = ({ ordinal = 1, startedAt = 0, attempts = 1 } = {}): Buffer =>
    Buffer.concat([Float64Array.of(startedAt, 1), Int32Array.of(ordinal, attempts, 0)].map(bytesOf));
  const inColumns = { ...segment, outcomes: [], done: { partitions: 1, artifacts: null } };
  const upload = {
    type: 'upload',
    id: 1,
    ordinal: 1,
    partitionId: 'k1',
    attempt: 1,
    name: 'a.txt',
    codec: 'text',
  };

  test.each<[string, unknown, Buffer?]>([
    ['nothing', null],
    ['a string', 'ready'],
    ['an unknown type', { type: 'surprise' }],
    ['a log without lines', { type: 'log' }],
    ['a log of a partition of another unit', { type: 'log', lines: [{ at: '', ordinal: 99, attempt: 1 }] }],
    ['a segment without anything', { type: 'segment' }],
    ['a segment of a partition outside the unit', inColumns, done({ ordinal: 7 })],
    ['a segment with columns that are too short', inColumns, done().subarray(0, 27)],
    ['a segment without the announced columns', inColumns],
    ['a segment with unannounced columns', { ...segment, outcomes: [] }, done()],
    ['a segment with columns as lists', { ...segment, done: { ordinals: [1], attempts: [1] } }],
    ['a segment with an invalid number of partitions', { ...segment, done: { partitions: -1 } }],
    ['a segment with a time that is none', inColumns, done({ startedAt: NaN })],
    ['a segment with a partition that was never called', inColumns, done({ attempts: 0 })],
    ['a log with columns', { type: 'log', lines: [] }, done()],
    [
      'a segment with a date that is none',
      { ...segment, outcomes: [{ ...ending, outcome: { ...outcome, startedAt: 'x' } }] },
    ],
    [
      'a segment with a status that is none',
      { ...segment, outcomes: [{ ...ending, outcome: { ...outcome, status: 'RUNNING' } }] },
    ],
    ['a segment that names a partition twice', { ...inColumns, outcomes: [ending] }, done()],
    ['a segment with rows that are somewhere else', { ...segment, rows: '/etc/passwd' }],
    [
      'a segment with an artifact that was never put',
      { ...segment, outcomes: [{ ...ending, artifacts: [['a', 'text', 0, 1, '0'.repeat(64), 'u1/a1/x']] }] },
    ],
    ['an upload of a file that is somewhere else', { ...upload, file: '/etc/passwd' }],
    ['an upload under a name that is a path', { ...upload, file: 'SCRATCH/upload-1', name: '../x' }],
    ['a heartbeat of five megabytes', { type: 'heartbeat', ordinal: 1, progress: 'x'.repeat(5_000_000) }],
    [
      'a query where there is no warehouse',
      { type: 'query', id: 1, partitionId: 'k1', attempt: 1, sql: 'SELECT 1', binds: [] },
    ],
    ['cancelled queries that are no list', { type: 'cancelQueries', ids: 7 }],
    ['an end before the end', { type: 'unitDone', left: [], reusable: true }],
    ['a failure without a reason', { type: 'unitFailed' }],
  ])('one that sends %s is ended, and its partition says why (I5)', async (_, ...[message, body]) => {
    // k0 has ended, but its outcome was not handed over.
    const { summary, ended } = await runOdd('write to the channel', {
      text: frame(JSON.stringify(message), body),
    });
    expect(summary).toEqual([...OTHERS, 'k1: INTERNAL_ERROR RunnerKilled'].sort());
    const { error } = ended.find(({ outcome: { ordinal } }) => ordinal === 1)!.outcome;
    expect(error!.message).toMatch(/^The runner process sent a message that .* descriptor 3.*\.$/);
  });

  test.each([
    ['no message at all', frame('junkjunk')],
    ['text that is not UTF-8', frame(Buffer.from('{"type":"log","lines":[{"text":"\xff"}]}', 'latin1'))],
    ['progress a million levels deep', frame(deepHeartbeat(1_000_000))],
    ['a length of four gigabytes', Buffer.from('ffffffff00000000', 'hex').toString('base64')],
    ['a second length of four gigabytes', Buffer.from('00000000ffffffff', 'hex').toString('base64')],
  ])('one that sends %s is ended (I5)', async (_, text) => {
    const { summary } = await runOdd('write to the channel', { text });
    expect(summary).toEqual([...OTHERS, 'k1: INTERNAL_ERROR RunnerKilled'].sort());
  });

  test('one that closes the channel says so (I5)', async () => {
    const { failed } = await runOdd('close the channel', { mayFail: true });
    expect(failed!.error.message).toMatch(/^The function closed the connection of its process to Partwise/);
  });

  test('junk in the memory report is ignored (I5)', async () => {
    const { summary } = await runOdd('write to the memory report');
    expect(summary).toEqual([...OTHERS, 'k1: DONE'].sort());
  });

  test('junk in the call record affects only its writer (I5)', async () => {
    const { left, failed, summary } = await runOdd('write to the call record', { mayFail: true });
    expect(failed === null ? [] : left).not.toContain(undefined);
    expect(summary.filter((text) => text.includes('undefined'))).toEqual([]);
  });
});

describe('a runner that cannot continue is replaced (I5):', () => {
  const impatient = (): RunnerPool => (pool = new RunnerPool({ size: 2, stalledMs: 6_000 }));

  test('a function may remove all listeners of its process (I5)', async () => {
    expect((await runOdd('remove all listeners')).summary).toEqual([...OTHERS, 'k1: DONE'].sort());
    const [pid] = pool.pids;
    expect((await runOdd('nothing')).summary).toEqual([...OTHERS, 'k1: DONE'].sort());
    expect(pool.pids).toEqual([pid]);
  });

  test('a partition that blocks its runner after it has finished is charged for it (I5)', async () => {
    impatient();
    const { summary } = await runOdd('block once it has ended', { ordinals: [1] });
    expect(summary).toEqual(['k1: INTERNAL_ERROR RunnerKilled']);
  });

  test('a partition whose runner dies before its result is handed over runs again (I5)', async () => {
    const { summary } = await runOdd('die once it has ended, the first time', {
      ordinals: [1],
      maximumLosses: 3,
    });
    expect(summary).toEqual(['k1: DONE']);
  });

  test('runners that are blocked between units are replaced, and delay no run (I5)', async () => {
    impatient();
    await Promise.all([1, 2].map(() => runOdd('block a little later', { ordinals: [1] })));
    const { pids } = pool;
    await Promise.all(pids.map(untilBusy));
    const runs = await Promise.all([1, 2, 3].map(() => runOdd('nothing')));
    expect(runs.map(({ summary }) => summary)).toEqual(runs.map(() => [...OTHERS, 'k1: DONE'].sort()));
    expect(pool.pids.filter((pid) => pids.includes(pid))).toEqual([]);
  });
});

/** Waits until a process has used another half second of CPU. */
async function untilBusy(pid: number): Promise<void> {
  const ticks = (): number =>
    Number(readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ')[11]);
  const before = ticks();
  while (ticks() < before + 50) await sleep(50);
}

function bytesOf({ buffer, byteOffset, byteLength }: Float64Array | Int32Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

/** A message in the format of docs/runner-protocol.md, in Base64. */
function frame(header: string | Buffer, body: Buffer = Buffer.alloc(0)): string {
  const lengths = Buffer.alloc(8);
  lengths.writeUInt32LE(Buffer.byteLength(header), 0);
  lengths.writeUInt32LE(body.length, 4);
  return Buffer.concat([lengths, Buffer.from(header as string), body]).toString('base64');
}

function deepHeartbeat(levels: number): string {
  return `{"type":"heartbeat","ordinal":1,"progress":${'['.repeat(levels)}${']'.repeat(levels)}}`;
}
