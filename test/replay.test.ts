/**
 * Histories recorded with every release, of every shape that a run can have (scripts/record-histories.mjs):
 * they replay with the workflow code, and readers return the recorded state.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { Client, type ConnectionLike } from '@temporalio/client';
import { describe, expect, it } from '@jest/globals';
import type { OpenedRun } from '../src/core/opened-run';
import { asOpenedRun } from '../src/core/answers/step-results';
import type { PartitionStatus } from '../src/core/status';
import { Partwise } from '../src/index';
import { NO_SETTINGS } from '../src/input/function-settings';
import { plannedInput, settingsOfFunction } from '../src/planning/opened-run';
import { parseHistory } from '../src/reader/archive/archive';
import type { RecordedHistory } from '../src/reader/histories/execution-history';
import { payloadDecoder } from '../src/reader/histories/payloads';
import { RunReader } from '../src/reader/run-reader';
import { RecordedRun } from '../src/reader/recorded-run';
import { divergenceOf } from '../src/worker/divergence';
import type { ReplayReport } from '../src/worker';
import { cli } from './support/cli';
import { REPOSITORY } from './support/project';

const HISTORIES = join(__dirname, 'histories');
const FILES = readdirSync(HISTORIES).flatMap((release) =>
  readdirSync(join(HISTORIES, release))
    .filter((name) => name.endsWith('.json.gz'))
    .map((name) => join(HISTORIES, release, name)),
);
/** Histories of shards are read together with the run's. */
const RUNS = FILES.filter((file) => !/-shard-\d+\.json\.gz$/.test(file));
const fileOf = (name: string): string => FILES.find((file) => file.endsWith(`/${name}.json.gz`))!;

function replayChanged(file: string, from: string, to: string, names: readonly string[]): ReplayReport[] {
  const script = join(__dirname, 'support/replay-mutant.js');
  const output = execFileSync(process.execPath, [script, file, from, to, ...names.map(fileOf)], {
    encoding: 'utf8',
    env: { ...process.env, NODE_OPTIONS: '' },
  });
  return JSON.parse(output) as ReplayReport[];
}

async function expectToReplay(files: readonly string[]): Promise<void> {
  const { code, stdout } = await cli(REPOSITORY, ['replay', '--json', '--history', ...files], {
    TEMPORAL_ADDRESS: '127.0.0.1:1',
  });
  const { replayed } = JSON.parse(stdout) as { replayed: ReplayReport[] };
  expect(replayed.filter(({ divergence }) => divergence !== null)).toEqual([]);
  expect(replayed).toHaveLength(files.length);
  expect(code).toBe(0);
}

describe('histories of all releases', () => {
  it('replay with the current workflow code', async () => {
    await expectToReplay(FILES);
  });

  it.each(RUNS.map((file) => [file.slice(HISTORIES.length + 1)]))(
    'are read with their recorded state: %s (I2)',
    async (name) => {
      const file = join(HISTORIES, name);
      const expected = JSON.parse(readFileSync(file.replace(/json\.gz$/, 'state.json'), 'utf8')) as object;
      const run = await Partwise.fromHistory(file, { projectDir: REPOSITORY });
      expect(await run.status()).toMatchObject(expected);
    },
  );

  it('that have no counts of a status replay, and are read as if none had ended with it (I8)', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'partwise-'));
    const uncounted = (file: string): string => join(folder, basename(file));
    for (const file of FILES) writeFileSync(uncounted(file), withoutCount(file, 'INTERNAL_ERROR'));
    await expectToReplay(FILES.map(uncounted));
    for (const file of RUNS) {
      const [run, before] = await Promise.all(
        [uncounted(file), file].map((each) => Partwise.fromHistory(each, { projectDir: REPOSITORY })),
      );
      const { asOf: _, ...status } = await before!.status();
      expect(await run!.status()).toMatchObject(status);
      // Shards are read at the same time.
      const units = await before!.units();
      expect(await run!.units()).toEqual(expect.arrayContaining(units));
    }
    rmSync(folder, { recursive: true });
  });
});

/** The history as a release wrote it that did not have the status yet. */
function withoutCount(file: string, status: PartitionStatus): Buffer {
  const without = (key: string, value: unknown): unknown => {
    if (key === 'data' && typeof value === 'string') {
      const text = Buffer.from(value, 'base64').toString('utf8');
      return text.startsWith('{')
        ? Buffer.from(JSON.stringify(JSON.parse(text, without))).toString('base64')
        : value;
    }
    return key === status && value === 0 ? undefined : value;
  };
  return gzipSync(JSON.stringify(JSON.parse(gunzipSync(readFileSync(file)).toString('utf8'), without)));
}

/** The result of its `openRun`, or null if the run was refused. */
function openedIn(file: string): OpenedRun | null {
  const content = JSON.parse(gunzipSync(readFileSync(file)).toString('utf8')) as {
    history: {
      events: { activityTaskCompletedEventAttributes?: { result?: { payloads: { data: string }[] } } }[];
    };
  };
  for (const { activityTaskCompletedEventAttributes: completed } of content.history.events) {
    const data = completed?.result?.payloads[0]?.data;
    const result: unknown =
      data === undefined ? null : JSON.parse(Buffer.from(data, 'base64').toString('utf8'));
    const opened = asOpenedRun(result);
    if (opened !== null) return opened;
  }
  return null;
}

describe('planning a run that an earlier release opened', () => {
  const opened = RUNS.map(openedIn).filter((each) => each !== null);

  it('parses the input and the function settings, which that release did not record I2', () => {
    const earlier = opened.filter(({ normalized }) => normalized === undefined);
    expect(earlier.length).toBeGreaterThan(10);
    for (const each of earlier) {
      const { source, partitionBy } = each.input;
      expect(plannedInput(each)).toMatchObject({ source, partitionBy, options: { maxPartitions: 100_000 } });
      expect(settingsOfFunction(each)).toMatchObject({ retry: { nonRetryableErrorTypes: null } });
    }
  });

  it('uses the recorded form if there is one I2', () => {
    const settings = { ...NO_SETTINGS, timeoutMs: 5 };
    const normalized = { ...plannedInput(opened[0]!), partitionBy: ['recorded'] };
    const recorded = { ...opened[0]!, normalized, settings };
    expect(asOpenedRun(recorded)).toEqual(recorded);
    expect(plannedInput(recorded)).toBe(normalized);
    expect(settingsOfFunction(recorded)).toBe(settings);
    expect(asOpenedRun({ ...recorded, normalized: { ...normalized, only: 'a' } })).toBeNull();
  });
});

it('a worker that closes a run reads its history once: the record is what it has archived I2', async () => {
  const { loadedDataConverter } = new Client({ connection: {} as ConnectionLike }).options;
  const decoder = payloadDecoder(loadedDataConverter);
  const content = readFileSync(fileOf('batches'));
  const history = parseHistory(content, 'batches', { read: async () => null, place: 'nowhere' });
  let reads = 0;
  const pages = () => (reads++, history.pages());
  const counted = Object.create(history, { pages: { value: pages } }) as RecordedHistory;
  const reader = new RunReader(new RecordedRun(counted, decoder));
  const archived: unknown[] = [];
  for await (const events of reader.closingPages()) archived.push(...events);
  expect(archived).toEqual(history.events);
  const record = await reader.record();
  expect(reads).toBe(1);
  expect(record).toEqual(await new RunReader(new RecordedRun(history, decoder)).record());
});

describe('a change in the order of commands', () => {
  it('is detected, and the report says where history and code diverge', () => {
    const [small, tolerated] = replayChanged(
      'workflows/partitioned-run.js',
      'await work.process();',
      'await (0, ending_1.commit)(plan, opened, { counts: { DONE: 1 } }); await work.process();',
      ['small', 'tolerated'],
    );
    expect(small!.divergence).toMatchObject({
      recorded: 'the start of the activity processUnit (id "0")',
      wanted: 'start the activity with id "3"',
    });
    expect(small!.divergence!.message).toBe(
      `At event ${small!.divergence!.eventId} the history has the start of the activity processUnit (id "0"), ` +
        'but this code would start the activity with id "3".',
    );
    // A run without output commits nothing.
    expect(tolerated!.divergence).toBeNull();
  });

  it('is detected if a step is left out, and if one is added', () => {
    const [left] = replayChanged('workflows/closing.js', 'activities.closeRun(', 'Promise.resolve(', [
      'failFast',
    ]);
    expect(left!.divergence).toMatchObject({
      recorded: expect.stringContaining('the activity closeRun'),
      wanted: 'fail the run',
    });
    const [added] = replayChanged(
      'workflows/partitioned-run.js',
      'const plan =',
      'await (0, workflow_1.sleep)(1000); const plan =',
      ['batches'],
    );
    expect(added!.divergence).toMatchObject({
      recorded: expect.stringContaining('the activity planRun'),
      wanted: 'start a timer',
    });
  });

  it("is reported in Temporal's words if those name no event", () => {
    const error = new Error(
      'Replay failed. Details: "[TMPRL1100] Nondeterminism error: Something else", source: ""',
    );
    expect(divergenceOf(error, [])).toEqual({
      eventId: null,
      recorded: null,
      wanted: null,
      message: 'Something else',
    });
  });
});

describe('partwise replay', () => {
  it('says what it needs, and what is wrong with a file', async () => {
    expect(await cli(REPOSITORY, ['replay'])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('Give a run id, files with --history'),
    });
    expect(await cli(REPOSITORY, ['replay', '--history', 'package.json'])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('cannot be read as a history'),
    });
    // A run that no worker has started yet.
    const { history, ...head } = JSON.parse(gunzipSync(readFileSync(fileOf('small'))).toString('utf8')) as {
      history: { events: unknown[] };
    };
    const folder = mkdtempSync(join(tmpdir(), 'partwise-'));
    const untouched = join(folder, 'untouched.json');
    writeFileSync(untouched, JSON.stringify({ ...head, history: { events: history.events.slice(0, 1) } }));
    expect(await cli(REPOSITORY, ['replay', '--history', untouched, fileOf('small')])).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/1 event\n.*\d\d events\n$/),
    });
    rmSync(folder, { recursive: true });
    const text = await cli(REPOSITORY, ['replay', '--history', fileOf('small')]);
    expect(text).toMatchObject({ code: 0, stdout: expect.stringMatching(/^ok\s+small\s/) });
  });
});
