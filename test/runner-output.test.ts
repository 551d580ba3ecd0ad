import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from '@jest/globals';
import type { FunctionBundle } from '../src/runners/language';
import { RunnerPool } from '../src/runners/pool';
import { until } from './support/until';
import { bundleFixture, makeFolder, makeSnapshot, run, type RunRequest } from './support/runner-unit';

const PARTITIONS = 400;
let folder: string;
let bundle: FunctionBundle;
let pool: RunnerPool;

beforeAll(async () => {
  folder = makeFolder();
  await makeSnapshot(folder, PARTITIONS, 1);
  bundle = await bundleFixture(folder, 'odd-functions.ts');
});
beforeEach(() => {
  pool = new RunnerPool({ size: 1 });
});
afterEach(() => pool.close());
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const all = Array.from({ length: PARTITIONS }, (_, i) => i);

const runOdd = (does: Record<string, string>, request: Partial<RunRequest> & { text?: string } = {}) =>
  run({
    pool,
    folder,
    bundle,
    name: 'odd',
    ordinals: [0, 1, 2],
    maximumLosses: 1,
    ...request,
    unit: { params: { does, text: request.text }, ...request.unit },
  });

test('every line of a batch is logged for the partition that wrote it, however it was written', async () => {
  const ways = ['print in every way', 'print by a child', 'nothing', 'nothing'];
  const does = Object.fromEntries(all.map((i) => [`k${i}`, ways[i % ways.length]!]));
  const { logs, summary } = await runOdd(does, { ordinals: all, unit: { params: { does }, isBatch: true } });
  expect(summary.filter((text) => !text.endsWith('DONE'))).toEqual([]);
  expect(logs.filter(({ ordinal, text }) => !text.endsWith(` k${ordinal}`))).toEqual([]);
  expect(logs.map(({ text }) => text).sort()).toEqual(
    all
      .flatMap((i) => {
        if (i % 4 === 0)
          return ['console', 'write', 'raw', 'raw error', 'unfinished'].map((how) => `${how} k${i}`);
        return i % 4 === 1 ? [`child k${i}`, `child error k${i}`] : [];
      })
      .sort(),
  );
});

test('a script that truncates the output loses no output of later partitions', async () => {
  const does = Object.fromEntries(['k0', 'k2', 'k3'].map((key) => [key, 'print by a child']));
  does.k1 = 'empty what was printed';
  const { logs } = await runOdd(does, { ordinals: [0, 1, 2, 3] });
  const lines = logs.map(({ ordinal, text }) => `${ordinal}: ${text}`);
  for (const line of ['2: child k2', '2: child error k2', '3: child k3', '3: child error k3'])
    expect(lines).toContain(line);
});

test('output written just before the process died is logged for its call', async () => {
  const { logs } = await runOdd({ k1: 'print and die' }, { maximumLosses: 2 });
  const words = logs.map(({ ordinal, attempt, stream, text }) => `${ordinal}/${attempt} ${stream}: ${text}`);
  expect(words.sort()).toEqual([
    '1/1 stderr: die',
    '1/1 stderr: now',
    '1/1 stdout: about to',
    '1/2 stderr: die',
    '1/2 stderr: now',
    '1/2 stdout: about to',
  ]);
});

test('output that bypasses the console can be read while the function runs', async () => {
  const cancel = new AbortController();
  const { logs } = await runOdd(
    { k1: 'print and wait' },
    {
      options: { signal: cancel.signal },
      handlers: {
        onLog: (lines) => lines.some(({ ordinal }) => ordinal === 1) && cancel.abort(),
      },
    },
  );
  expect(logs).toEqual([]);
  expect(cancel.signal.aborted).toBe(true);
});

test('a process left running by an earlier unit does not write into the log of the next one', async () => {
  const between = mkdtempSync(join(folder, 'between-'));
  await runOdd({ k0: 'leave a child that prints', k1: 'print later' }, { text: between });
  writeFileSync(join(between, 'go'), '');
  await until(() => existsSync(join(between, 'printed')));
  const { logs } = await runOdd({ k1: 'wait for the timer' }, { text: between });
  expect(logs).toEqual([]);
});

test('a hundred megabytes without a newline are split into lines, at little cost in time and memory (I5)', async () => {
  const before = process.memoryUsage().rss;
  const { logs, summary } = await runOdd({ k1: 'print without a line feed' }, { text: '100000000' });
  expect(summary).toEqual(['k0: DONE', 'k1: DONE', 'k2: DONE']);
  expect(Math.max(...logs.map(({ text }) => text.length))).toBeLessThanOrEqual(16_384 + 1);
  expect(new Set(logs.map(({ ordinal }) => ordinal))).toEqual(new Set([1]));
  expect(process.memoryUsage().rss - before).toBeLessThan(400_000_000);
});

test('a function that prints endlessly is stopped with an explanation, and its neighbours are not (I5)', async () => {
  const { logs, ended, summary } = await runOdd({ k1: 'print for ever' });
  expect(summary).toEqual(['k0: DONE', 'k1: INTERNAL_ERROR TooMuchOutput', 'k2: DONE']);
  const { error } = ended.find(({ outcome }) => outcome.ordinal === 1)!.outcome;
  expect(error!.message).toMatch(/^The function and its child processes printed more than 256 MB .*\.$/);
  expect(logs[0]).toMatchObject({ ordinal: 1, text: 'the first words' });
});
