/** What a page is told of a run that is read again and again. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect, it } from '@jest/globals';
import { consoleApp, type Guard } from '../src/console/app';
import type { Backend } from '../src/console/index';
import { RunsInProgress } from '../src/console/runs-in-progress';
import { WatchedRuns } from '../src/console/watched-runs';
import { decodeCells, STATUS_BITS } from '../src/console/wire/cells';
import type { RunNow, TableAnswer, TableRow } from '../src/console/wire/types';
import {
  PARTITION_STATUSES,
  type PartitionColumns,
  type Partwise,
  type RunHandle,
  type RunListing,
} from '../src/index';
import { until } from './support/until';

/** Readings, in each of which two partitions end. One question is asked about each of three kinds. */
const READINGS = 180;
const TOTAL = 2 * READINGS;
const DONE = PARTITION_STATUSES.indexOf('DONE');
const GUARD: Guard = { admits: { token: 't' }, hosts: ['x'], origins: ['http://x'], basePath: '/' };
const HEADERS = {
  host: 'x',
  origin: 'http://x',
  authorization: 'Bearer t',
  'content-type': 'application/json',
};

const turns = async (n: number): Promise<void> => {
  for (let i = 0; i < n; i++) await Promise.resolve();
};

/** The console of a run in progress, which ends two partitions with each `readOn`. */
function followed() {
  const columns: PartitionColumns = {
    from: 0,
    to: TOTAL,
    status: new Uint8Array(TOTAL).fill(PARTITION_STATUSES.indexOf('PENDING')),
    attempts: new Int32Array(TOTAL),
    rows: new Float64Array(TOTAL),
    returnedRows: new Int32Array(TOTAL),
    startedAt: new Float64Array(TOTAL),
    durationMs: new Float64Array(TOTAL).fill(Number.NaN),
    execution: new Int32Array(TOTAL),
    reused: new Uint8Array(TOTAL),
    unit: new Int32Array(TOTAL).fill(-1),
  };
  const stateOf = (done: number) => ({
    status: 'IN_PROGRESS',
    endedAt: null,
    executions: [],
    counts: { DONE: done, PENDING: TOTAL - done, total: TOTAL },
  });
  const control = { readOn: () => {}, beforeIds: () => Promise.resolve(), searches: 0 };
  const run = {
    async *snapshots() {
      for (let done = 2; done <= TOTAL; done += 2) {
        const whole = async () => {
          // As the library does: the same arrays, written while files are read.
          for (const ordinal of [done - 2, done - 1]) {
            columns.status[ordinal] = DONE;
            await turns(20);
          }
          return { columns, failures: [], changed: [[done - 2, done]] };
        };
        const ids = async (ordinals: Int32Array) => {
          await control.beforeIds();
          return Array.from(ordinals, String);
        };
        const search = async () => {
          control.searches++;
          return Int32Array.of(0, 1);
        };
        yield { state: stateOf(done), units: () => [], whole, ids, search };
        await new Promise<void>((resolve) => (control.readOn = resolve));
      }
    },
  } as unknown as RunHandle;
  const reader = { getRun: () => run } as unknown as Partwise;
  const backend: Backend = {
    name: '',
    folder: null,
    source: () => Promise.resolve(''),
    read: (work) => work(reader),
    excerpt: null,
    project: null,
    change: null,
  };
  const watched = new WatchedRuns(backend);
  const app = consoleApp(backend, watched, '0', GUARD);
  const ask = (path: string, body?: object): Response | Promise<Response> =>
    app.request(`/api/v1/runs/r${path}`, {
      headers: HEADERS,
      ...(body !== undefined && { method: 'POST', body: JSON.stringify(body) }),
    });
  return { control, ask, watched };
}

const SORT = { column: 'key', descending: false };
const QUERY = { filter: {}, sort: SORT, offset: 0, limit: 1 };

it('has one number of DONE partitions for each version, at whatever moment of a reading it is asked', async () => {
  const { control, ask, watched } = followed();
  type Answer = readonly [version: number, done: number];
  const kinds: readonly (() => Promise<Answer>)[] = [
    async () => {
      const { version, state } = (await (await ask('')).json()) as RunNow;
      return [version, state.counts.DONE];
    },
    async () => {
      const { version, counts } = (await (await ask('/table', QUERY)).json()) as TableAnswer;
      return [version, counts[DONE]!];
    },
    async () => {
      const response = await ask('/cells?planes=status&since=0');
      const { header, bytes } = decodeCells(new Uint8Array(await response.arrayBuffer()));
      return [header.version, bytes[0]!.filter((byte) => (byte & STATUS_BITS) === DONE).length];
    },
  ];
  try {
    const [first, done] = await kinds[1]!();
    const wrong: Answer[] = [];
    for (let i = 1; i < READINGS; i++) {
      control.readOn();
      await turns(Math.floor(i / kinds.length));
      const [version, counted] = await kinds[i % kinds.length]!();
      if (version > 0 && counted !== done + 2 * (version - first)) wrong.push([version - first, counted]);
      await nextTurn();
    }
    expect([(await kinds[1]!())[0] - first, wrong]).toEqual([READINGS - 1, []]);
  } finally {
    watched.close();
  }
});

it('writes a file of the moment at which it was asked for, however long that takes', async () => {
  const { control, ask, watched } = followed();
  try {
    const { version } = (await (await ask('/table', QUERY)).json()) as TableAnswer;
    let writeOn: () => void = () => {};
    const written = new Promise<void>((begun) => {
      control.beforeIds = () => {
        begun();
        return new Promise((resolve) => (writeOn = resolve));
      };
    });
    const response = await ask('/download', { filter: {}, sort: SORT, format: 'json' });
    const text = response.text();
    await written;
    control.readOn();
    await until(async () => ((await (await ask('')).json()) as RunNow).version > version);
    writeOn();
    const rows = JSON.parse(await text) as TableRow[];
    expect([rows.length, rows.filter(({ status }) => status === 'DONE').length]).toEqual([TOTAL, 2]);
  } finally {
    watched.close();
  }
});

it('selects the rows of a table once, for its pages, positions in it and files of it', async () => {
  const { control, ask, watched } = followed();
  try {
    const question = { filter: { text: 'a' }, sort: SORT };
    const answers = [
      await ask('/table', { ...question, offset: 0, limit: 1 }),
      await ask('/position', { ...question, to: { by: 'failure', from: -1, step: 1 } }),
      await ask('/download', { ...question, format: 'json' }),
    ];
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
    expect([await answers[2]!.json(), control.searches]).toMatchObject([[{ ordinal: 0 }, { ordinal: 1 }], 1]);
  } finally {
    watched.close();
  }
});

it('counts the first 8 runs in progress of a list, each read once for all lists, without waiting for late ones', async () => {
  const read: string[] = [];
  const handles: string[] = [];
  const getRun = (runId: string) => {
    handles.push(runId);
    const status = () => {
      read.push(runId);
      if (runId === 'late') return new Promise(() => {});
      return runId === 'gone'
        ? Promise.reject(new Error('It has no history.'))
        : Promise.resolve({ counts: { DONE: 3, total: 4 }, rows: 9 });
    };
    return { status };
  };
  const reader = { getRun } as unknown as Partwise;
  const inProgress = new RunsInProgress({ read: (work) => work(reader) } as Backend);
  const listed = (runId: string, status = 'IN_PROGRESS') =>
    ({ runId, status, counts: null, rows: null, archived: false }) as RunListing;
  const running = ['late', 'gone', 'a', 'b', 'c', 'd', 'e', 'f', 'g'];
  const runs = [listed('ended', 'SUCCESS'), ...running.map((runId) => listed(runId))];

  const [first] = await Promise.all([inProgress.counted(runs), inProgress.counted(runs)]);

  expect(first.filter(({ rows }) => rows === 9).map(({ runId }) => runId)).toEqual(running.slice(2, 8));
  expect(first.map(({ runId }) => runId)).toEqual(['ended', ...running]);
  expect(read).toEqual(running.slice(0, 8));
  await inProgress.counted([listed('a')]);
  expect(read).toHaveLength(8);
  expect(handles).toHaveLength(8);
});
