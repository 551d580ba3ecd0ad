/**
 * A runner in Python that implements docs/runner-protocol.md without any of Partwise's code works in the pool
 * as Node's does.
 */
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { describedFunctions } from '../src/runners/message-shapes';
import type { Language } from '../src/runners/language';
import { node } from '../src/runners/node/language';
import { RunnerPool } from '../src/runners/pool';
import { PROTOCOL_VERSION } from '../src/runners/protocol';
import { RunnerProcess } from '../src/runners/runner-process';
import type { FileRef } from '../src/core/files';
import { makeFolder, makeSnapshot, run, type Ran, type RunRequest } from './support/runner-unit';
import { hasPython, PYTHON } from './support/python-server';

const PARTITIONS = 6;
const MEMORY_BYTES = 100_000_000;

const withProtocol = (version: number): Language => ({
  ...node,
  name: 'test',
  start: (options) =>
    new RunnerProcess(
      {
        command: PYTHON,
        args: [join(__dirname, 'support', 'protocol_runner.py'), String(version)],
        words: {
          exhausted: { pattern: /MemoryError/, filled: 'its heap' },
          useLess: 'Read less',
          exitHandler: 'an exit handler',
          insteadOfExit: 'Return or raise',
        },
      },
      options,
    ),
});
const language = withProtocol(PROTOCOL_VERSION);

let folder: string;
let pool: RunnerPool;

beforeAll(async () => {
  folder = makeFolder();
  await makeSnapshot(folder, PARTITIONS, 10);
});
beforeEach(() => {
  pool = new RunnerPool({ size: 1 });
});
afterEach(() => pool.close());
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const all = Array.from({ length: PARTITIONS }, (_, i) => i);
const ids = all.map((ordinal) => `k${ordinal}`);

function runPython(does: Record<number, string>, request: Partial<RunRequest> = {}): Promise<Ran> {
  return run({
    pool,
    folder,
    bundle: null,
    name: 'answer',
    ordinals: all,
    maximumLosses: 1,
    ...request,
    unit: { params: { does, ids, rowsFile: join(folder, 'index.parquet') }, ...request.unit },
    options: { language, memory: { each: MEMORY_BYTES, alone: MEMORY_BYTES }, ...request.options },
  });
}

const allDoneBut = (ordinal: number, end: string): string[] =>
  ids.map((id, i) => `${id}: ${i === ordinal ? end : 'DONE'}`);

(hasPython ? describe : describe.skip)('a runner by the documented protocol', () => {
  test('runs the partitions of a unit one by one, and is reused', async () => {
    expect((await runPython({ 2: 'raise' })).summary).toEqual(allDoneBut(2, 'FAILED ValueError'));
    const { pids } = pool;
    const { ended } = await runPython({ 1: 'raise' }, { ordinals: [1] });
    expect(ended[0]!.outcome.error!.message).toBe('é 漢 😀');
    expect(pool.pids).toEqual(pids);
  });

  test('returns the outcomes of a batch in columns, with its artifacts and rows', async () => {
    const { summary, ended, packs, files } = await runPython(
      { 1: 'pack', 3: 'pack', 4: 'return rows' },
      { unit: { isBatch: true } },
    );
    expect(summary).toEqual(all.map((ordinal) => `${ordinal}: DONE`));
    const artifacts = ended.flatMap(({ outcome }) => outcome.artifacts);
    const pack = readFileSync(packs[0]!, 'utf8');
    expect(artifacts.map(({ offset, bytes }) => pack.slice(offset, offset! + bytes))).toEqual([
      'packed 1',
      'packed 3',
    ]);
    expect(files.map((file) => readFileSync(file))).toEqual([readFileSync(join(folder, 'index.parquet'))]);
  });

  test('describes the contents of a bundle', async () => {
    const runner = language.start({ memoryBytes: MEMORY_BYTES });
    const answer = new Promise<unknown>((resolve) => runner.listen({ onMessage: resolve }));
    runner.send({ type: 'describe', bundle: join(folder, 'functions.pyz') });
    expect(describedFunctions(await answer)).toEqual({
      type: 'functions',
      functions: [{ name: 'answer', timeout: Infinity }],
      error: null,
    });
    await runner.kill();
  });

  test.each([
    ['exit', 'RunnerKilled', 'exit code 3. Return or raise.'],
    ['crash', 'RunnerKilled', 'was killed by SIGSEGV'],
    ['grow', 'OutOfMemory', 'the limit is 100 MB. Read less'],
  ])('that dies of "%s" fails only the partition that it was running (I5)', async (how, type, why) => {
    const { summary, ended } = await runPython({ 3: how });
    expect(summary).toEqual(allDoneBut(3, `INTERNAL_ERROR ${type}`));
    expect(ended.find(({ outcome }) => outcome.ordinal === 3)!.outcome.error!.message).toContain(why);
  });

  test.each(['wait', 'ignore aborts'])(
    'that exceeds its timeout is killed, even if it would "%s"',
    async (how) => {
      const { summary } = await runPython({ 1: how }, { options: { timeoutMs: 500 } });
      expect(summary).toEqual(allDoneBut(1, 'INTERNAL_ERROR Timeout'));
    },
  );

  test('that is cancelled ends its call and leaves the rest (I12)', async () => {
    const cancel = new AbortController();
    const { summary, left } = await runPython(
      { 1: 'wait' },
      { onCall: () => cancel.abort(), options: { signal: cancel.signal } },
    );
    expect(summary).toEqual(['k0: DONE', 'k1: CANCELLED']);
    expect(left).toEqual([2, 3, 4, 5]);
  });

  test('that is drained ends its call and leaves the rest', async () => {
    const drain = new AbortController();
    const { summary, left } = await runPython(
      { 1: 'upload' },
      { onCall: () => drain.abort(), options: { drain: drain.signal } },
    );
    expect(summary).toEqual(['k0: DONE', 'k1: DONE']);
    expect(left).toEqual([2, 3, 4, 5]);
  });

  test('has its output, up to the last line before its process died, in the log of the call that wrote it', async () => {
    const printed = await runPython({ 1: 'print', 2: 'print' });
    const died = await runPython({ 4: 'print and die' });
    const lines = [...printed.logs, ...died.logs].map(
      ({ ordinal, attempt, stream, text }) => `${ordinal}/${attempt} ${stream}: ${text}`,
    );
    expect(lines.sort()).toEqual([
      '1/1 stderr: to stderr, unfinished',
      '1/1 stdout: to stdout',
      '2/1 stderr: to stderr, unfinished',
      '2/1 stdout: to stdout',
      '4/1 stdout: the last words',
    ]);
  });

  test('uploads artifacts and reports progress', async () => {
    const uploads: string[] = [];
    const progress: unknown[] = [];
    const ref: FileRef = { path: 'u1/a.txt', bytes: 8, sha256: 'a'.repeat(64) };
    const { ended } = await runPython(
      { 0: 'upload', 2: 'heartbeat' },
      {
        handlers: {
          onUpload: async ({ name, file, partitionId, attempt }) => {
            uploads.push(`${partitionId}/${attempt} ${name}: ${readFileSync(file, 'utf8')}`);
            return ref;
          },
          onHeartbeat: (ordinal, value) => progress.push([ordinal, value]),
        },
      },
    );
    expect(uploads).toEqual(['k0/1 a.txt: uploaded']);
    expect(ended[0]!.outcome.artifacts).toEqual([{ ...ref, name: 'a.txt', codec: 'text', offset: 0 }]);
    expect(progress).toEqual([[2, { rows: [1, 'é'] }]]);
  });

  test('gets query results without loss', async () => {
    const values = [1.5, 2n ** 70n, new Date(0), new Uint8Array([1, 2]), NaN, 'text', null, [{ a: -0 }]];
    const asked: unknown[] = [];
    const access = {
      query: async ({ sql, binds }: { sql: string; binds: unknown[] }) => {
        asked.push(sql, ...binds);
        return { names: values.map((_, i) => `c${i}`), rows: [values] };
      },
      queryFile: () => Promise.reject(new Error('No file is asked for.')),
      rows: () => Promise.reject(new Error('No rows are asked for.')),
    };
    const { logs } = await runPython({ 0: 'query' }, { options: { access } });
    expect(asked).toEqual(['SELECT ?', 'x', 1, true, null]);
    expect((JSON.parse(logs[0]!.text) as { rows: unknown }).rows).toEqual([
      [
        1.5,
        { $: 'bigint', value: '1180591620717411303424' },
        { $: 'date', value: 0 },
        { $: 'bytes', value: 'AQI=' },
        { $: 'number', value: 'NaN' },
        'text',
        null,
        [{ a: { $: 'number', value: '-0' } }],
      ],
    ]);
  });

  test('of another version is refused with both versions', async () => {
    const { failed, left } = await runPython({}, { mayFail: true, options: { language: withProtocol(2) } });
    expect(left).toEqual(all);
    expect(failed!.error.message).toBe(
      'The runner process speaks protocol version 2, but its worker speaks version 1. Install the same version of Partwise for both.',
    );
  });
});
