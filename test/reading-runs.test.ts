import { existsSync } from 'node:fs';
import filePromises, { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import type { FileRef, RowsFile } from '../src/core/files';
import { findArtifact, writeArtifact } from '../src/reader/partitions/artifacts';
import { resultsPage } from '../src/reader/partitions/result-table';
import type { RunReader } from '../src/reader/run-reader';
import type { Stage } from '../src/stage';
import {
  PARTITION_STATUSES,
  Project,
  wasRefused,
  type ListOptions,
  type ResultFilter,
  type ResultsPageOptions,
  type RunEvent,
  type RunHandle,
  type RunState,
} from '../src/index';
import { serveConsole, type Backend } from '../src/console';
import type { GroupInfo, RunNow } from '../src/console/wire/types';
import { redirectNotes } from '../src/display/stderr';
import { RunList } from '../src/reader/list';
import { findTemporalBinary } from '../src/temporal/binary/find-binary';
import { startServer, type RunningServer } from '../src/temporal/host/server';
import { stateFolder } from '../src/temporal/state-folder';
import { startCli } from './support/cli';
import { holdWarehouse } from './support/hold-warehouse';
import { end, makeProject, type TestProject } from './support/project';
import { until } from './support/until';

/** Partitions named in `hold` wait until the file `open` exists in the project's folder. */
const FUNCTIONS = `
import { existsSync } from 'node:fs';
import { definePartitionFunction } from 'partwise';

/** Tables larger than what a preview reads, and files whose names lie. */
async function tables(context) {
  const rows = Array.from({ length: 130_000 }, (_, i) => ({ n: BigInt(i) + 2n ** 60n, text: 'a "quoted"\\nline ' + i, x: Math.sin(i) }));
  await context.upload('rows.csv', rows);
  await context.upload('rows.parquet', rows);
  await context.upload('few.csv', [{ a: 1, b: null }]);
  await context.upload('picture.png', '<html><script>alert(1)</script></html>');
  await context.upload('picture.svg', '<svg xmlns="http://www.w3.org/2000/svg"/>');
  await context.upload('dot.txt', new Uint8Array([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0]));
  await context.upload('list.json', [1, 2]);
}

/** Values of several types; South has none for x. */
export const measured = definePartitionFunction({
  name: 'measured',
  run: (data, { partitionId }) =>
    Array.from({ length: 40 }, (_, i) => ({
      n: 2n ** 60n + BigInt(i),
      x: partitionId === 'South' ? null : i / 2,
      day: new Date(Date.UTC(2024, 0, 1 + i)),
      name: (i % 2 ? 'Odd ' : 'even ') + i,
      tags: { i },
    })),
});

export const gated = definePartitionFunction({
  name: 'gated',
  retry: { initialInterval: 10 },
  async run(data, context) {
    const { hold = [], gate, failing = [] } = context.params as { hold?: string[]; gate?: string; failing?: string[] };
    console.log('in', context.partitionId);
    console.error('attempt', context.attempt);
    while (hold.includes(context.partitionId) && !existsSync(gate!)) {
      context.signal.throwIfAborted();
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    if (failing.includes(context.partitionId)) throw new RangeError('no good');
    await context.upload('note.txt', 'about ' + context.partitionId);
    await context.upload('raw.bin', new Uint8Array([1, 2, 3]));
    if (context.partitionId === context.params.tables) await tables(context);
    return { rows: data.rowCount };
  },
});
`;

let project: TestProject;
beforeAll(async () => {
  project = await makeProject(FUNCTIONS);
  await project.execute(
    "CREATE TABLE sales AS SELECT * FROM (VALUES ('East', 1), ('North', 2), ('North', 3), ('South', 4), ('West', 5)) t(region, amount)",
    "CREATE TABLE years AS SELECT DATE '2020-01-01' + INTERVAL 1 YEAR * range AS y, range % 2 = 0 AS even, range AS v FROM range(6)",
  );
  await project.startWorker();
});
afterAll(() => project.close());

const sales = { function: 'gated', source: { table: 'sales' }, partitionBy: ['region'] };
const start = (name: string, input: object = {}) =>
  project.partwise.start({ ...sales, ...input }, { runId: project.runId(name) });

describe('the page about a run', () => {
  it('shows the code around the place of a failure, and no other file', async () => {
    const run = await start('page-source', { params: { failing: ['West'] } });
    await run.wait();
    const opened = await Project.open({ projectDir: project.folder });
    const backend: Backend = {
      name: 'test',
      folder: project.folder,
      source: async () => 'test',
      read: (work) => work(project.partwise),
      excerpt: (digest, place) => opened.source(digest, place),
      project: null,
      change: null,
    };
    const served = await serveConsole(backend, { version: '0', port: 0, exactPort: false });
    const ask = async (path: string) => {
      const address = `http://127.0.0.1:${served.port}/api/v1/runs/${run.runId}${path}`;
      const response = await fetch(address, { headers: { authorization: `Bearer ${served.token}` } });
      return { status: response.status, body: (await response.json()) as unknown };
    };
    const source = (digest: string, file: string, number: number) =>
      ask(`/source?${new URLSearchParams({ digest, file, line: String(number) })}`);
    let groups: GroupInfo[] = [];
    // The first answers are from history alone.
    await until(async () => (groups = ((await ask('')).body as RunNow).groups).length > 0);
    const { functionDigest, place } = groups[0]!;
    const line = 1 + FUNCTIONS.split('\n').findIndex((text) => text.includes("RangeError('no good')"));
    expect(place).toEqual({ file: 'functions.ts', line });
    expect((await source(functionDigest!, place!.file, place!.line)).body).toMatchObject({
      excerpt: {
        file: join(project.folder, 'functions.ts'),
        from: line - 4,
        lines: { length: 9, 4: expect.stringContaining("throw new RangeError('no good')") },
        isCurrent: true,
      },
    });
    expect(await source(functionDigest!, '/etc/passwd', 1)).toEqual({ status: 200, body: { excerpt: null } });
    expect(await source('../../package', place!.file, 1)).toEqual({ status: 200, body: { excerpt: null } });
    expect(await ask('/source?line=1')).toMatchObject({
      status: 400,
      body: { error: { type: 'BadRequest' } },
    });
    await served.close();
  });
});

describe('a followed run', () => {
  it('reports its plan, each partition, its progress and its end, in this order, to every listener', async () => {
    const run = await start('events', { params: { failing: ['West'] } });
    const live = await collect(run);
    const later = await collect(project.partwise.getRun(run.runId));
    for (const events of [live, later]) {
      expect(events.findIndex(({ type }) => type === 'planned')).toBeLessThan(
        events.findIndex(({ type }) => type === 'partition'),
      );
      const ended = events.flatMap((event) =>
        event.type === 'partition' ? [[event.partition.id, event.partition.status]] : [],
      );
      expect(ended.sort()).toEqual([
        ['East', 'DONE'],
        ['North', 'DONE'],
        ['South', 'DONE'],
        ['West', 'FAILED'],
      ]);
      expect(events.at(-1)).toMatchObject({
        type: 'ended',
        state: { status: 'PARTIAL_FAILURE', live: false },
      });
    }
  });

  it('shows what is currently running, and is marked as live', async () => {
    const gate = join(project.folder, 'gate-live');
    const run = await start('live', { params: { hold: ['North'], gate } });
    const during = await stateOnce(run, (state) => state.counts.DONE === 3 && state.counts.RUNNING === 1);
    expect(during.live).toBe(true);
    expect(await run.partition('North').describe()).toMatchObject({
      status: 'RUNNING',
      attempts: 1,
      rows: 2,
      key: { region: 'North' },
    });
    expect(await run.progress()).toMatchObject({
      RUNNING: ['North'],
      DONE: ['East', 'South', 'West'],
      PENDING: [],
    });
    await project.write('gate-live', '');
    expect((await run.wait()).counts.DONE).toBe(4);
  });

  it('shows the unit, the column values and the worker of what is currently running', async () => {
    const gate = join(project.folder, 'gate-units');
    const run = await start('units', { params: { hold: ['North'], gate, failing: ['West'] } });
    await stateOnce(run, ({ counts }) => counts.RUNNING === 1 && counts.FAILED === 1);
    const [east, north, south, west] = (await run.units()).sort((a, b) => a.from - b.from);
    expect(east).toMatchObject({ from: 0, to: 1, label: 'East', status: 'ended', counts: { DONE: 1 } });
    expect(north).toMatchObject({ from: 1, to: 2, status: 'running', attempts: 1, endedAt: null });
    expect(north!.startedAt).not.toBeNull();
    expect(north!.worker).toBe(south!.worker);
    expect(west).toMatchObject({ status: 'ended', attempts: 3, counts: { FAILED: 1 }, error: null });
    const { status, attempts, durationMs, rows } = await run.columns();
    expect(Array.from(status, (each) => PARTITION_STATUSES[each])).toEqual([
      'DONE',
      'RUNNING',
      'DONE',
      'FAILED',
    ]);
    expect([Array.from(attempts), Array.from(rows)]).toEqual([
      [1, 1, 1, 3],
      [1, 2, 1, 1],
    ]);
    expect(durationMs[1]).toBeNaN();
    expect(await run.failures()).toMatchObject([
      {
        type: 'RangeError',
        pattern: 'RangeError: no good',
        count: 1,
        examples: [{ id: 'West', ordinal: 3 }],
      },
    ]);
    await project.write('gate-units', '');
    await run.wait();
    expect((await run.units()).map(({ status: now }) => now)).toEqual(['ended', 'ended', 'ended', 'ended']);
  });

  it('has neither columns nor failures before planning finishes', async () => {
    const run = await start('unplanned', { source: { table: 'sale' } });
    expect((await run.wait()).status).toBe('FAILURE');
    expect([(await run.columns()).status.length, await run.units(), await run.failures()]).toEqual([
      0,
      [],
      [],
    ]);
    await expect(run.compare(run)).rejects.toThrow(
      / has not been planned, so it has no partitions to compare/,
    );
  });

  it('counts the finished partitions of an open batch, and withholds their artifacts until they are recorded', async () => {
    const gate = join(project.folder, 'gate-batch');
    const run = await start('batch', { params: { hold: ['West'], gate }, options: { partitionsPerUnit: 4 } });
    const during = await stateOnce(run, ({ counts }) => counts.DONE === 3);
    expect(during).toMatchObject({ status: 'IN_PROGRESS', live: true, counts: { total: 4, RUNNING: 1 } });
    expect(await run.partition('East').describe()).toMatchObject({ status: 'DONE', artifacts: [] });
    await expect(run.partition('East').artifacts.get('note.txt')).rejects.toThrow('It has none.');
    await project.write('gate-batch', '');
    await run.wait();
    expect(await run.partition('East').artifacts.get('note.txt')).toBe('about East');
  });

  it('shows its log while running, and a follower sees it to the end', async () => {
    const gate = join(project.folder, 'gate-logs');
    const run = await start('logs', { params: { hold: ['North'], gate } });
    const seen: string[] = [];
    for await (const { partition, stream, text } of run.logs({ follow: true })) {
      seen.push(`${partition} ${stream} ${text}`);
      if (text === 'in North') await project.write('gate-logs', '');
    }
    expect(seen.sort()).toEqual(
      ['East', 'North', 'South', 'West'].flatMap((id) => [`${id} stderr attempt 1`, `${id} stdout in ${id}`]),
    );
    const north = await run.partition('North').logs();
    expect(north.map(({ text, attempt }) => [text, attempt])).toEqual([
      ['in North', 1],
      ['attempt 1', 1],
    ]);
  });

  it('waits no longer than the given time, and the run continues', async () => {
    const gate = join(project.folder, 'gate-wait');
    const run = await start('wait', { params: { hold: ['North'], gate } });
    await expect(run.wait({ timeoutMs: 1 })).rejects.toMatchObject({ name: 'WaitTimeout', runId: run.runId });
    const aborted = new AbortController();
    const waiting = run.wait({ signal: aborted.signal, onEvent: () => {} });
    aborted.abort(new Error('enough'));
    await expect(waiting).rejects.toThrow('enough');
    await project.write('gate-wait', '');
    expect((await run.wait()).status).toBe('SUCCESS');
  });

  it('shows its progress on standard error while a program waits, if it asks for that', async () => {
    const failing = ['North', 'South'];
    const run = await start('shown', { params: { failing }, options: { retry: { maximumAttempts: 1 } } });
    let shown = '';
    const restore = redirectNotes((text) => (shown += text));
    try {
      const reported: string[] = [];
      const state = await run.wait({ progress: true, onEvent: ({ type }) => reported.push(type) });
      expect(state.status).toBe('PARTIAL_FAILURE');
      expect(reported.filter((type) => type === 'partition')).toHaveLength(4);
    } finally {
      restore();
    }
    expect(shown).toContain('4 partitions, 5 rows\n');
    for (const region of failing)
      expect(shown).toMatch(new RegExp(`^✗ ${region}  RangeError: no good `, 'm'));
    expect(shown).not.toContain('East');
    expect(shown).toMatch(/^4 of 4 partitions: 2 DONE, 2 FAILED\n/m);
  });

  it('shows what it is blocked on: a commit that is retried while another program locks the warehouse file', async () => {
    const gate = join(project.folder, 'gate-locked');
    const run = await start('locked', { params: { hold: ['North'], gate }, output: { table: 'totals' } });
    await stateOnce(run, ({ counts }) => counts.DONE === 3 && counts.RUNNING === 1);
    const holder = await holdWarehouse(join(project.folder, 'w.duckdb'));
    const watch = startCli(project.folder, ['watch', run.runId]);
    await project.write('gate-locked', '');
    const waited: RunState[] = [];
    for await (const event of run.events()) {
      if (event.type !== 'progress' || event.state.waiting === null) continue;
      waited.push(event.state);
      await watch.prints('retrying the commit (attempt 2): WarehouseLocked: ');
      await end(holder);
    }
    expect(waited[0]).toMatchObject({
      status: 'IN_PROGRESS',
      live: true,
      error: null,
      waiting: { activity: 'commitRun', attempt: 2, error: { type: 'WarehouseLocked', stack: null } },
    });
    expect(waited[0]!.waiting!.error.message).toContain(`(process ${holder.pid})`);
    expect(await run.status()).toMatchObject({
      status: 'SUCCESS',
      waiting: null,
      commit: { target: 'totals', rows: 4 },
    });
    const { code, stderr } = await watch.finished;
    expect(code).toBe(0);
    expect(stderr.match(/retrying the commit \(attempt 2\)/g)).toHaveLength(1);
  });

  it('waits for a warehouse file that is locked at the start, says so, and can be cancelled', async () => {
    const holder = await holdWarehouse(join(project.folder, 'w.duckdb'));
    const waiting = await start('waits-for-lock', { source: { table: 'sales' }, partitionBy: ['region'] });
    const cancelled = await start('cancelled-at-lock', {
      source: { table: 'sales' },
      partitionBy: ['region'],
    });
    await stateOnce(waiting, (state) => state.waiting !== null);
    expect((await waiting.status()).waiting).toMatchObject({
      activity: 'openRun',
      error: { type: 'WarehouseLocked' },
    });
    await cancelled.cancel();
    expect((await cancelled.wait()).status).toBe('CANCELLED');
    await end(holder);
    expect((await waiting.wait()).status).toBe('SUCCESS');
  });

  it('reports only failed partitions, in batches too, to followers that ask for them', async () => {
    for (const partitionsPerUnit of [null, 3]) {
      const run = await start('failures', { params: { failing: ['North'] }, options: { partitionsPerUnit } });
      const reported: string[] = [];
      let ended: RunState | null = null;
      for await (const event of run.events({ partitions: 'failed' })) {
        if (event.type === 'partition') reported.push(`${event.partition.id} ${event.partition.status}`);
        if (event.type === 'ended') ended = event.state;
      }
      expect(reported).toEqual(['North FAILED']);
      expect(ended).toMatchObject({ counts: { DONE: 3, FAILED: 1 } });
    }
  });

  it('keeps what was recorded when it is cancelled, and the rest is CANCELLED', async () => {
    const run = await start('cancel', { params: { hold: ['North'], gate: join(project.folder, 'never') } });
    await stateOnce(run, ({ counts }) => counts.DONE === 3 && counts.RUNNING === 1);
    await run.cancel();
    expect(await run.wait()).toMatchObject({
      status: 'CANCELLED',
      counts: { DONE: 3, CANCELLED: 1, PENDING: 0, RUNNING: 0 },
    });
    await expect(run.cancel()).rejects.toMatchObject({ name: 'RunEnded' });
  });
});

describe('a finished run', () => {
  let run: RunHandle;
  beforeAll(async () => {
    run = await start('ended', { params: { failing: ['South'] } });
    await run.wait();
  });

  it('lists its partitions in key order, page by page, and by status', async () => {
    const first = await run.partitions({ limit: 3 });
    expect(first.partitions.map(({ id }) => id)).toEqual(['East', 'North', 'South']);
    const second = await run.partitions({ limit: 3, after: first.next! });
    expect([second.partitions.map(({ id }) => id), second.next]).toEqual([['West'], null]);
    const done = await run.partitions({ status: 'DONE', limit: 2 });
    expect([
      done.partitions.map(({ id }) => id),
      (await run.partitions({ status: 'DONE', after: done.next! })).partitions[0]!.id,
    ]).toEqual([['East', 'North'], 'West']);
    await expect(run.partitions({ after: 'North' })).rejects.toThrow('"North" is not a cursor');
  });

  it('returns keys in their own types', async () => {
    const typed = await start('typed', { source: { table: 'years' }, partitionBy: ['y', 'even'] });
    await typed.wait();
    const { partitions } = await typed.partitions({ limit: 1 });
    expect(partitions[0]).toMatchObject({
      id: '2020-01-01%2000%3A00%3A00/true',
      key: { y: new Date('2020-01-01'), even: true },
    });
  });

  it('returns artifacts as they were uploaded, and downloads them', async () => {
    const north = run.partition('North');
    expect((await north.artifacts.list()).map(({ name, bytes }) => [name, bytes])).toEqual([
      ['note.txt', 11],
      ['raw.bin', 3],
    ]);
    expect(await north.artifacts.get('note.txt')).toBe('about North');
    expect(Array.from(await north.artifacts.get<Uint8Array>('raw.bin'))).toEqual([1, 2, 3]);
    expect(await north.artifacts.get('raw.bin', { read: (bytes) => bytes.length })).toBe(3);
    const file = await north.artifacts.download('note.txt', join(project.folder, 'downloads'));
    expect(await readFile(file, 'utf8')).toBe('about North');
    await expect(north.artifacts.get('not.txt')).rejects.toThrow(
      'has no artifact "not.txt". Did you mean "note.txt"?',
    );
  });

  it('returns the rows by page, sorted and filtered, with statistics of their columns', async () => {
    const measured = await start('measured', { function: 'measured' });
    await measured.wait();
    const first = await measured.resultsPage({ limit: 2 });
    expect(first).toMatchObject({ offset: 0, total: 160 });
    expect(first.columns).toMatchObject([
      { name: 'region', type: 'VARCHAR' },
      { name: 'n', type: 'BIGINT' },
      { name: 'x', type: 'DOUBLE' },
      { name: 'day' },
      { name: 'name' },
      { name: 'tags' },
    ]);
    expect(first.rows[1]!.slice(0, 3)).toEqual(['East', '1152921504606846977', 0.5]);
    const regions = async (options: ResultsPageOptions) =>
      (await measured.resultsPage(options)).rows.map(([region, n]) => [region, n]);
    expect(
      await regions({ sort: [{ column: 'n', descending: true }, { column: 'region' }], offset: 3, limit: 2 }),
    ).toEqual([
      ['West', '1152921504606847015'],
      ['East', '1152921504606847014'],
    ]);
    const where: ResultFilter[] = [
      { column: 'n', op: '>', value: '1152921504606847013' },
      { column: 'name', op: 'contains', value: 'ODD' },
      { column: 'x', op: '!=', value: 3 },
    ];
    expect((await regions({ where })).map(([region]) => region)).toEqual(['East', 'North', 'South', 'West']);
    expect((await measured.resultsPage({ where: [{ column: 'x', op: 'isNull' }] })).total).toBe(40);
    const hostile = { column: 'region', op: '=', value: "' OR 1 = 1 --" } as const;
    expect((await measured.resultsPage({ where: [hostile] })).total).toBe(0);
    const [n, x, day, tags] = await measured.resultsColumns({ columns: ['n', 'x', 'day', 'tags'] });
    expect(n).toMatchObject({ count: 160, nulls: 0, min: '1152921504606846976', max: '1152921504606847015' });
    expect(n!.median).toBe('1152921504606846995');
    for (const { distinct, count } of [n!, x!, day!, tags!]) expect(distinct).toBeLessThanOrEqual(count);
    expect(x).toMatchObject({ count: 120, nulls: 40, min: 0, max: 19.5, median: 9.5 });
    const sum = (bins: readonly { count: number }[]) => bins.reduce((all, { count }) => all + count, 0);
    // Bins are of doubles, of which all these integers are the same one.
    expect([n, x, day].map((each) => [each!.histogram!.length, sum(each!.histogram!)])).toEqual([
      [1, 160],
      [30, 120],
      [30, 160],
    ]);
    expect(day!.histogram![0]!.from).toBe(Date.UTC(2024, 0, 1));
    expect(tags).toMatchObject({ count: 160, min: null, histogram: null });
    await expect(
      measured.resultsPage({
        where: [
          { column: 'nme', op: '=' },
          { column: 'n', op: '~' as '=', value: 1 },
        ],
      }),
    ).rejects.toThrow(
      /no column "nme"\. Did you mean "name"\?.*has no value; to find NULL, use "isNull"\. "op" is "~"; it takes =, /,
    );
    await expect(measured.resultsPage({ where: [{ column: 'n', op: '=', value: 'many' }] })).rejects.toThrow(
      "Could not convert string 'many' to INT64",
    );
  });

  it('returns the same rows, selected and sorted, as without a selection', async () => {
    const measured = await start('measured-selected', { function: 'measured' });
    await measured.wait();
    const all = await measured.results();
    const odd = all.filter(({ name }) => String(name).startsWith('Odd'));
    const selected = await measured.results({
      where: [{ column: 'name', op: 'contains', value: 'odd' }],
      offset: 1,
    });
    expect([odd.length, typeof odd[0]!['n'], odd[0]!['day']]).toEqual([80, 'bigint', expect.any(Date)]);
    expect(selected).toEqual(odd.slice(1));
    expect(selected.columns).toEqual(all.columns);
    const byNumber = odd.toSorted((a, b) => (b['n']! < a['n']! ? -1 : b['n']! > a['n']! ? 1 : 0));
    const sort = [{ column: 'n', descending: true }];
    expect(
      await measured.results({ where: [{ column: 'name', op: 'contains', value: 'odd' }], sort }),
    ).toEqual(byNumber);
    expect(await measured.results({ sort, limit: 3 })).toHaveLength(3);
    await expect(measured.results({ offset: -1 })).rejects.toThrow('"offset" is -1; it takes a whole number');
  });

  it('reads only the files of units that have ended since, and shows their rows among the others', async () => {
    const measured = await start('measured-live', { function: 'measured' });
    await measured.wait();
    const { reader } = measured as unknown as { reader: RunReader };
    const record = await reader.record();
    const { keyColumns } = record.plan!;
    const [east, north, south, west] = await reader.rowsFiles(record);
    const own = reader.stage(record)!;
    const read: string[] = [];
    const stage = {
      uri: own.uri,
      localFile: (ref: FileRef, folder: string) => {
        read.push(ref.path);
        return own.localFile(ref, folder);
      },
    } as unknown as Stage;
    /** Files that were read for the page, and its regions. */
    const page = async (files: (RowsFile | undefined)[]) => {
      read.length = 0;
      const rows = { stage, files: files.map((file) => file!), keyColumns };
      const found = await resultsPage(rows, { limit: 500 });
      return {
        read: [...read],
        regions: [...new Set(found.rows.map(([region]) => region))],
        total: found.total,
      };
    };
    const path = (each: RowsFile | undefined) => each!.file.path;
    expect(await page([east, west])).toMatchObject({ read: [east, west].map(path), total: 80 });
    expect(await page([east, north, west])).toEqual({
      read: [path(north)],
      regions: ['East', 'North', 'West'],
      total: 120,
    });
    expect(await page([east, north, west])).toMatchObject({ read: [], total: 120 });
    // No row of South has a value for x, so its file alone does not have the columns of the others.
    expect(await page([east, north, south, west])).toEqual({
      read: [south, east, north, south, west].map(path),
      regions: ['East', 'North', 'South', 'West'],
      total: 160,
    });
  });

  it('keeps the local table whose rows a larger one is to have, however many others there are', async () => {
    const measured = await start('measured-tables', { function: 'measured' });
    await measured.wait();
    const { reader } = measured as unknown as { reader: RunReader };
    const record = await reader.record();
    const { keyColumns } = record.plan!;
    const [east, north] = await reader.rowsFiles(record);
    const own = reader.stage(record)!;
    const localFile = (ref: FileRef, folder: string) => own.localFile(ref, folder);
    const total = async (name: string, files: (RowsFile | undefined)[]) => {
      const stage = { uri: `${own.uri}#${name}`, localFile } as unknown as Stage;
      return (await resultsPage({ stage, files: files.map((file) => file!), keyColumns }, {})).total;
    };
    expect(await total('this', [east])).toBe(40);
    // With it, as many as are kept.
    for (let other = 1; other <= 7; other++) await total(`${other}`, [north]);
    const mkdtemp = jest.spyOn(filePromises, 'mkdtemp');
    let makeOn: () => void = () => {};
    const held = new Promise<void>((resolve) => (makeOn = resolve));
    const folder = await filePromises.mkdtemp(join(tmpdir(), 'partwise-rows-'));
    mkdtemp.mockImplementationOnce((() => held.then(() => folder)) as never);
    const larger = total('this', [east, north]);
    await total('7', [north]);
    makeOn();
    expect(await larger).toBe(80);
    mkdtemp.mockRestore();
  });

  it('returns the beginning of artifacts, with what they are and whether they were checked', async () => {
    const tabled = await start('tables', { params: { tables: 'East' } });
    expect((await tabled.wait()).status).toBe('SUCCESS');
    const { artifacts } = tabled.partition('East');
    const kinds = await Promise.all(
      (await artifacts.list()).map(async ({ name, bytes }) => {
        const head = await artifacts.head(name, { bytes: 100 });
        expect([head.totalBytes, head.content.length, head.checked]).toEqual([
          bytes,
          Math.min(bytes, 100),
          bytes <= 100,
        ]);
        return [name, head.kind];
      }),
    );
    expect(Object.fromEntries(kinds)).toEqual({
      'note.txt': 'text',
      'raw.bin': 'text',
      'rows.csv': 'csv',
      'rows.parquet': 'parquet',
      'few.csv': 'csv',
      'picture.png': 'html',
      'picture.svg': 'svg',
      'dot.txt': 'png',
      'list.json': 'json',
    });
    // Values of CSV are the text of the file.
    for (const [name, x] of [
      ['rows.csv', String(Math.sin(199))],
      ['rows.parquet', Math.sin(199)],
    ] as const) {
      const preview = await artifacts.preview(name);
      expect(preview).toMatchObject({ more: true, checked: false });
      expect(preview.columns.map((column) => column.name)).toEqual(['n', 'text', 'x']);
      expect(preview.rows).toHaveLength(200);
      expect(preview.rows[199]).toEqual(['1152921504606847175', 'a "quoted"\nline 199', x]);
    }
    expect(await artifacts.preview('few.csv')).toMatchObject({
      rows: [['1', null]],
      more: false,
      checked: true,
    });
    await expect(artifacts.preview('dot.txt')).rejects.toThrow(
      'The artifact "dot.txt" cannot be shown as a table: it is png, not CSV or Parquet.',
    );
    await expect(artifacts.head('note.txt', { bytes: 0 })).rejects.toThrow('from 1 to 1048576');
  });

  it('returns the log of a partition by page, from its end, from a position and by search', async () => {
    const south = run.partition('South');
    const all = (await south.logs()).map(({ attempt, stream, text }) => [attempt, stream, text]);
    expect(all).toHaveLength(6);
    const end = await south.logPage({ limit: 2 });
    expect(end.lines.map(({ attempt, stream, text }) => [attempt, stream, text])).toEqual(all.slice(4));
    expect(end.lines.map(({ number }) => number)).toEqual([5, 6]);
    expect(end.atEnd).toBe(true);
    const before = await south.logPage({ limit: 3, before: end.previous! });
    expect(before.lines.map(({ number, text }) => [number, text])).toEqual([
      [2, all[1]![2]],
      [3, all[2]![2]],
      [4, all[3]![2]],
    ]);
    expect(before.atEnd).toBe(false);
    const after = await south.logPage({ after: before.next });
    expect(after.lines).toEqual(end.lines);
    const first = await south.logPage({ before: before.previous! });
    expect([first.lines.length, first.previous]).toEqual([1, null]);
    // A link to a line.
    const [linked] = (await south.logPage({ after: before.lines[1]!.position - 1, limit: 1 })).lines;
    expect(linked).toEqual(before.lines[1]);
    const found = await south.logPage({ after: -1, search: 'ATTEMPT 2' });
    expect(found.lines).toMatchObject([{ text: 'attempt 2', attempt: 2, stream: 'stderr' }]);
    expect(found.scannedBytes).toBe(found.totalBytes);
    const errors = await south.logPage({ stream: 'stderr', attempt: 3 });
    expect(errors.lines.map(({ text }) => text)).toEqual(['attempt 3']);
    expect((await south.logPage({ after: end.next })).lines).toEqual([]);
    await expect(south.logPage({ limit: 0, after: 1, before: 2 })).rejects.toThrow(
      '"limit" is 0; it takes a whole number from 1 to 2000. "after" and "before" are two directions',
    );
  });

  it('returns the log of a partition by page across a batch, its retries and both executions', async () => {
    const batch = await start('batch-log', {
      params: { failing: ['South'] },
      options: { partitionsPerUnit: 4, retry: { maximumAttempts: 2 } },
    });
    await batch.wait();
    const again = await batch.retry();
    await again.wait();
    const page = await again.partition('South').logPage();
    expect(page.lines.map(({ execution, attempt, text }) => [execution, attempt, text])).toEqual(
      expect.arrayContaining([
        [1, 1, 'in South'],
        [1, 2, 'attempt 2'],
        [2, 3, 'attempt 3'],
        [2, 4, 'attempt 4'],
      ]),
    );
    expect(page.lines.map(({ number }) => number)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    expect(page.lines.every(({ partition }) => partition === 'South')).toBe(true);
    expect((await again.partition('North').logPage({ execution: 1 })).lines).toHaveLength(2);
    expect((await again.partition('North').logPage({ execution: 2 })).lines).toEqual([]);
  });

  it('returns the rows of one partition and of all', async () => {
    expect(await run.partition('North').result()).toEqual([{ region: 'North', rows: 2 }]);
    expect(await run.partition('South').result()).toEqual([]);
    expect((await run.results()).map(({ region }) => region)).toEqual(['East', 'North', 'West']);
  });

  it('suggests the partition that was probably meant', async () => {
    await expect(run.partition('Nord').describe()).rejects.toThrow(
      `has no partition "Nord". Did you mean "North"?`,
    );
  });
});

describe('finding runs', () => {
  it('ignores a refused start of an id that a run holds', async () => {
    const run = await start('held');
    await run.wait();
    const startPlainly = async (...args: unknown[]) => {
      const handle = await project.client.workflow.start('partitionedRun', {
        workflowId: run.runId,
        taskQueue: project.taskQueue,
        args,
      });
      await expect(handle.result()).rejects.toThrow();
      return handle.firstExecutionRunId;
    };
    const refusals = [
      await startPlainly(sales),
      await startPlainly({ nonsense: true }),
      await startPlainly(),
    ];
    const { executions, status } = await project.partwise.getRun(run.runId).status();
    expect(status).toBe('SUCCESS');
    expect(refusals).not.toContain(executions[0]!.workflowRunId);
    await until(async () => {
      const lines = (await project.partwise.list({ limit: 100 })).runs.filter(
        ({ runId }) => runId === run.runId,
      );
      return lines.length === 1 && lines[0]!.status === 'SUCCESS' && lines[0]!.function === 'gated';
    });
  });

  it('lists runs by page and by filter, each run once however many executions it has', async () => {
    const startedFrom = new Date();
    const gate = join(project.folder, 'gate-listed');
    const failing = { params: { failing: ['West'] }, options: { toleratedFailures: 1 } };
    const bad = await start('listed-bad', failing);
    const retried = await start('listed-retried', failing);
    const schedule = project.runId('listed-nightly');
    const due = await project.partwise.start(sales, { runId: `${schedule}-2026-11-01T00:30:00Z` });
    const runs = [bad, retried, due, await start('listed-more')];
    await Promise.all(runs.map((run) => run.wait()));
    const { executions } = await (await retried.retry()).wait();
    runs.push(await start('listed-open', { params: { hold: ['North'], gate } }));
    const ids = runs.map(({ runId }) => runId).sort();
    const list = async (filter: ListOptions): Promise<string[]> => {
      const found: string[] = [];
      let after: string | undefined;
      do {
        const page = await project.partwise.list({ startedFrom, limit: 2, after, ...filter });
        expect(page.runs.length).toBeLessThanOrEqual(2);
        found.push(...page.runs.map(({ runId }) => runId));
        after = page.next ?? undefined;
      } while (after !== undefined);
      // Other test files start runs on this server, too.
      return found.filter((runId) => ids.includes(runId)).sort();
    };
    // The server's list lags behind.
    await until(async () => {
      const listed = await project.partwise.list({ startedFrom });
      const lines = listed.runs.filter(({ runId }) => runId === retried.runId);
      return lines.length === 1 && lines[0]!.startedAt > executions[0]!.endedAt!;
    });
    await until(async () => (await list({ status: 'IN_PROGRESS' })).length === 1);
    expect(await list({})).toEqual(ids);
    expect(await list({ function: 'gated' })).toEqual(ids);
    expect(await list({ schedule })).toEqual([due.runId]);
    expect(await list({ schedule: schedule.slice(0, -2) })).toEqual([]);
    expect(await list({ function: 'another' })).toEqual([]);
    expect(await list({ status: 'PARTIAL_FAILURE' })).toEqual([bad.runId, retried.runId].sort());
    expect(await list({ status: 'SUCCESS' })).toHaveLength(2);
    expect(await list({ status: 'CANCELLED' })).toEqual([]);
    expect(await list({ startedBefore: startedFrom, function: 'another' })).toEqual([]);
    expect(await list({ text: 'LISTED-' })).toEqual(ids);
    expect(await list({ text: 'isted-ba', status: 'PARTIAL_FAILURE' })).toEqual([bad.runId]);
    expect(await list({ text: 'another' })).toEqual([]);
    for (const after of ['no cursor', 'bm8gY3Vyc29y'])
      await expect(project.partwise.list({ after })).rejects.toThrow(`"${after}" is not a cursor`);
    await expect(project.partwise.list({ limit: 0 })).rejects.toThrow(
      '"limit" is 0; it takes a whole number, 1 or more',
    );
    await project.write('gate-listed', '');
    await runs.at(-1)!.wait();
  });

  it('lists how ended runs are without a request per run', async () => {
    const startedFrom = new Date();
    const failing = { params: { failing: ['West'] }, options: { retry: { maximumAttempts: 1 } } };
    const gate = join(project.folder, 'gate-counted');
    const open = { params: { hold: ['North'], gate }, options: { partitionsPerUnit: 1 } };
    const runs = await Promise.all([
      start('counted-good'),
      start('counted-bad', failing),
      start('counted-cancelled', open),
      start('counted-refused', { source: { table: 'sale' } }),
    ]);
    const [good, bad, cancelled] = runs;
    await until(async () => (await cancelled!.status()).counts.DONE === 3);
    await cancelled!.cancel();
    await Promise.all(runs.map((run) => run.wait()));
    const requests: string[] = [];
    const workflowService = new Proxy(project.client.workflowService, {
      get(service, name, receiver) {
        requests.push(String(name));
        return Reflect.get(service, name, receiver) as unknown;
      },
    });
    const watched = new Proxy(project.client, {
      get: (own, name, receiver) =>
        name === 'workflowService' ? workflowService : (Reflect.get(own, name, receiver) as unknown),
    });
    const page = await until(async () => {
      requests.length = 0;
      const found = await new RunList(watched).page({ text: 'counted-', startedFrom });
      const ended = found.runs.filter(({ status }) => status !== 'IN_PROGRESS');
      return ended.length === 3 && found.refused === 1 ? found : undefined;
    });
    expect(requests).toEqual(['listWorkflowExecutions', 'listWorkflowExecutions']);
    const listed = new Map(page.runs.map((run) => [run.runId, run]));
    const total = 4;
    expect(listed.get(good!.runId)).toMatchObject({ status: 'SUCCESS', rows: 5, error: null });
    expect(listed.get(good!.runId)!.counts).toMatchObject({ DONE: 4, total });
    expect(listed.get(bad!.runId)).toMatchObject({
      status: 'PARTIAL_FAILURE',
      counts: { DONE: 3, FAILED: 1, total },
      error: { type: 'PartialFailure', message: expect.stringMatching(/^1 of 4 partitions of .* failed/) },
    });
    expect(listed.get(cancelled!.runId)).toMatchObject({
      status: 'CANCELLED',
      counts: { DONE: 3, CANCELLED: 1, total },
      error: { type: 'Cancelled' },
    });
    for (const run of [good!, bad!, cancelled!]) {
      const { counts, rows } = await run.status();
      expect(listed.get(run.runId)).toMatchObject({ counts, rows });
    }
  });

  it('takes the end of a run from its history, whatever its memo says (I8)', async () => {
    const startedFrom = new Date();
    const end = { version: 1, status: 'SUCCESS', planned: true, counts: null, rows: 7, error: null };
    const memo = { partwiseEnd: end };
    const { client, taskQueue } = project;
    const ended = async (name: string, terminate: boolean): Promise<string> => {
      const workflowId = project.runId(name);
      const params = { hold: ['North'], gate: join(project.folder, 'gate-memo') };
      const args = [{ ...sales, params, options: { partitionsPerUnit: 1 } }];
      const handle = await client.workflow.start('partitionedRun', { workflowId, taskQueue, args, memo });
      await until(async () => (await project.partwise.getRun(workflowId).status()).counts.DONE === 3);
      if (terminate) await handle.terminate('no reason');
      else await handle.cancel();
      await project.partwise.getRun(workflowId).wait();
      return workflowId;
    };
    const [terminated, cancelled] = await Promise.all([ended('memo-killed', true), ended('memo-own', false)]);
    const listed = await until(async () => {
      const { runs } = await project.partwise.list({ text: 'memo-', startedFrom });
      return runs.length === 2 && runs.every(({ endedAt }) => endedAt !== null) ? runs : undefined;
    });
    const byId = new Map(listed.map((run) => [run.runId, run]));
    expect(byId.get(terminated)).toMatchObject({
      status: 'FAILURE',
      counts: null,
      rows: null,
      error: { type: 'Terminated', message: 'The run was terminated: no reason.' },
    });
    expect(byId.get(cancelled)).toMatchObject({ status: 'CANCELLED', rows: 5 });
  });

  it('shows why a worker refused a run, which started nothing (I9)', async () => {
    const run = await start('refused', { source: { table: 'sale' } });
    const state = await run.wait();
    expect(state).toMatchObject({ status: 'FAILURE', counts: { total: 0 }, error: { type: 'InvalidInput' } });
    expect(state.error!.message).toContain('Did you mean "sales"?');
    expect(wasRefused(state)).toBe(true);
    await expect(run.partition('North').describe()).rejects.toThrow('it ended before it was planned');
    const after = await start('after-refused');
    await after.wait();
    const startedFrom = new Date(state.startedAt);
    const listed = async (): Promise<string[]> =>
      (await project.partwise.list({ startedFrom, limit: 100 })).runs.map(({ runId }) => runId);
    await until(async () => (await listed()).includes(after.runId));
    expect(await listed()).not.toContain(run.runId);
  });

  it('is read from the server if its source was empty, although it was archived', async () => {
    const run = await start('empty', { where: 'false' });
    await run.wait();
    const state = await project.partwise.getRun(run.runId).status();
    expect(state).toMatchObject({ status: 'FAILURE', error: { type: 'SourceEmpty' }, archived: false });
  });

  it('reports all problems of an input before anything is started (I9)', async () => {
    const wrong = project.partwise.start({ ...sales, partitionBy: [], onExisting: 'replace' } as never, {
      runId: '..',
    });
    await expect(wrong).rejects.toMatchObject({ name: 'StartRefused', type: 'InvalidInput' });
    const { problems } = (await wrong.catch((error: unknown) => error)) as { problems: string[] };
    expect(problems.join('\n')).toMatch(/run id "\.\."[^]*"onExisting" is "replace"[^]*"partitionBy"/);
  });

  it('refuses a run id that is taken, whether its run is running or finished', async () => {
    const gate = join(project.folder, 'gate-taken');
    const runId = project.runId('taken and held');
    const input = { ...sales, params: { hold: ['North'], gate } };
    const run = await project.partwise.start(input, { runId });
    const refusal = { name: 'StartRefused', type: 'RunExists' };
    await expect(project.partwise.start(input, { runId })).rejects.toMatchObject(refusal);
    // Commands in messages can be copied, whatever the id.
    const commands = expect.stringMatching(`partwise watch '${runId}', .* partwise cancel '${runId}'`);
    await expect(run.retry()).rejects.toMatchObject({ ...refusal, message: commands });
    await project.write('gate-taken', '');
    await run.wait();
    const message = expect.stringContaining(`partwise status '${runId}' shows it`);
    await expect(project.partwise.start(input, { runId })).rejects.toMatchObject({ ...refusal, message });
  });

  it('suggests the run that was probably meant, and says what is not a run', async () => {
    await expect(project.partwise.getRun('no-such-run-anywhere').status()).rejects.toThrow(
      'There is no run "no-such-run-anywhere"',
    );
    await expect(project.partwise.getRun('').status()).rejects.toThrow('There is no run ""');
    await expect(project.partwise.schedules.describe('')).rejects.toThrow('There is no schedule ""');
    const workflowId = project.runId('other-type');
    await project.client.workflow.start('somethingElse', { workflowId, taskQueue: 'nobody', args: [] });
    await expect(project.partwise.getRun(workflowId).status()).rejects.toThrow(
      'is a workflow of type "somethingElse"',
    );
  });

  it('finds the real execution whatever characters the id contains', async () => {
    const runId = project.runId(`it's "a" b\\c %2F ü`);
    const run = await project.partwise.start(sales, { runId });
    await run.wait();
    const again = await project.client.workflow.start('partitionedRun', {
      workflowId: runId,
      taskQueue: project.taskQueue,
      args: [7],
    });
    await expect(again.result()).rejects.toThrow();
    await until(async () => (await project.partwise.getRun(runId).status()).status === 'SUCCESS');
  });

  it('lists the other runs if one is deleted during listing', async () => {
    const input = { ...sales, function: 'sql', sql: 'SELECT 1 AS one' };
    const [deleted, kept] = await Promise.all([
      project.partwise.start(input, { runId: project.runId('deleted') }),
      project.partwise.start(input, { runId: project.runId('kept') }),
    ]);
    await Promise.all([deleted.wait(), kept.wait()]);
    const { client } = project;
    const { namespace } = client.options;
    const workflowExecution = { workflowId: deleted.runId };
    let isDeleted = false;
    // The server's answer arrives after the run is gone.
    const workflowService = new Proxy(client.workflowService, {
      get(service, name, receiver) {
        if (name !== 'listWorkflowExecutions' || isDeleted)
          return Reflect.get(service, name, receiver) as unknown;
        return async (request: Parameters<typeof service.listWorkflowExecutions>[0]) => {
          const answer = await until(async () => {
            const found = await service.listWorkflowExecutions(request);
            // Other tests' runs on this server do not matter here.
            found.executions = found.executions.filter((each) =>
              [deleted.runId, kept.runId].includes(each.execution!.workflowId!),
            );
            return found.executions.length === 2 ? found : undefined;
          });
          isDeleted = true;
          // As of an earlier release, whose runs have their ends only in their histories.
          for (const each of answer.executions) each.memo = null;
          await service.deleteWorkflowExecution({ namespace, workflowExecution });
          await until(async () =>
            service.describeWorkflowExecution({ namespace, execution: workflowExecution }).then(
              () => undefined,
              () => true,
            ),
          );
          return answer;
        };
      },
    });
    const watched = new Proxy(client, {
      get: (own, name, receiver) =>
        name === 'workflowService' ? workflowService : (Reflect.get(own, name, receiver) as unknown),
    });
    const { runs } = await new RunList(watched).page({ limit: 1_000 });
    const listed = runs.map(({ runId }) => runId);
    expect(listed).toContain(kept.runId);
    expect(listed).not.toContain(deleted.runId);
  });

  it('lists runs next to workflows whose ids are not valid run ids, and which are no runs (I9)', async () => {
    // PostgreSQL cannot store NUL.
    const nul = process.env.CLUSTER_SERVER === undefined ? ['\0', "'\0"] : [];
    const ids = [...nul, '\t', '\n', '\u007f'].map((odd) => project.runId(`a${odd}b`));
    for (const workflowId of ids) {
      const odd = await project.client.workflow.start('partitionedRun', {
        workflowId,
        taskQueue: project.taskQueue,
        args: [sales],
      });
      await expect(odd.result()).rejects.toThrow();
    }
    const run = await project.partwise.start(sales, { runId: project.runId('next-to-odd') });
    await run.wait();
    const listed = await until(async () => {
      const runs = (await project.partwise.list({ limit: 100 })).runs.map(({ runId }) => runId);
      return runs.includes(run.runId) && runs;
    });
    for (const id of ids) expect(listed).not.toContain(id);
    for (const id of ids) {
      const state = await project.partwise.getRun(id).status();
      expect(state).toMatchObject({ status: 'FAILURE', error: { type: 'InvalidInput' } });
    }
  });
});

it('a name in a foreign history cannot escape its folder (I6)', async () => {
  const outside = await mkdtemp(join(tmpdir(), 'partwise-download-'));
  const folder = join(outside, 'inside');
  await expect(writeArtifact(Buffer.from('x'), '../escaped.txt', folder)).rejects.toThrow(
    'points outside the folder',
  );
  expect(existsSync(join(outside, 'escaped.txt'))).toBe(false);
  await rm(outside, { recursive: true });
});

describe('a server that goes away', () => {
  let server: RunningServer;
  let stranded: TestProject;
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'partwise-server-'));
    server = await startServer(await serverOptions(folder), null);
    await server.ready;
    stranded = await makeProject(FUNCTIONS, { server });
    await stranded.execute(
      "CREATE TABLE sales AS SELECT * FROM (VALUES ('East', 1), ('North', 2)) t(region, amount)",
    );
    await stranded.startWorker();
  });
  afterAll(async () => {
    await stranded.close();
    await server.end();
    await rm(folder, { recursive: true, force: true });
  });

  it('and comes back on the same port is waited for', async () => {
    const gate = join(stranded.folder, 'gate');
    const run = await stranded.partwise.start(
      { ...sales, params: { hold: ['North'], gate } },
      { runId: 'stranded' },
    );
    await stateOnce(run, ({ counts }) => counts.DONE === 1 && counts.RUNNING === 1);
    const seen: RunEvent[] = [];
    const waiting = run.wait({ onEvent: (event) => seen.push(event) });
    process.kill(server.pid!, 'SIGKILL');
    await server.ended;
    await stranded.write('gate', '');
    const port = Number(server.address.split(':')[1]);
    server = await startServer(await serverOptions(folder), port);
    await server.ready;
    expect(await waiting).toMatchObject({ status: 'SUCCESS', counts: { DONE: 2 } });
    const reported = seen.flatMap((event) => (event.type === 'partition' ? [event.partition.id] : []));
    expect(reported.sort()).toEqual(['East', 'North']);
  });
});

async function serverOptions(projectDir: string) {
  const binary = await findTemporalBinary({ projectDir, env: process.env });
  return { folder: stateFolder(projectDir), binary, namespace: 'default' };
}

async function collect(run: RunHandle): Promise<RunEvent[]> {
  const events: RunEvent[] = [];
  for await (const event of run.events()) events.push(event);
  return events;
}

/** The run's state as soon as `holds`. */
function stateOnce(run: RunHandle, holds: (state: RunState) => boolean): Promise<RunState> {
  return until(async () => {
    const state = await run.status();
    return holds(state) && state;
  });
}

it('an artifact that does not exist is refused with some of the names, however many there are', () => {
  const refs = Array.from({ length: 100_000 }, (_, i) => ({ name: `${i}.json` }));
  const found = () => findArtifact('North', refs as never, 'x');
  expect(found).toThrow(/ It has: 0\.json, 1\.json, .*, 19\.json, … \(100,000 in all\)\.$/);
});
