import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { bundleFunctions } from '../src/runners/functions-file';
import type { FunctionBundle } from '../src/runners/language';
import { definePartitionFunction } from '../src';
import { outputProblems } from '../src/functions/output-check';
import { sqlProblem } from '../src/functions/sql-check';
import { readLocalRows } from '../src/reader/partitions/results';
import { mergeRows } from '../src/rows/combined-rows';
import { decodeArtifact } from '../src/functions/artifact-codec';
import { describeThrown } from '../src/functions/errors';
import { writeOrRefuse } from '../src/rows/written-alone';
import { Segments } from '../src/runners/node/segments';
import { RunnerPool } from '../src/runners/pool';
import { runPartitionFunction } from '../src/testing';
import { makeFolder, makeSnapshot, readRows, run, type Ran, type RunRequest } from './support/runner-unit';
import * as functions from './support/returning-functions';

const ALL = [0, 1, 2, 3, 4, 5, 6, 7];
const OTHERS = ['k0', 'k1', 'k2', 'k4', 'k5', 'k6', 'k7'];
let folder: string;
let bundle: FunctionBundle;
let pool: RunnerPool;

beforeAll(async () => {
  folder = makeFolder();
  await makeSnapshot(folder, ALL.length, 10);
  bundle = await bundleFunctions(
    join(__dirname, 'support/returning-functions.ts'),
    join(folder, 'functions'),
  );
  pool = new RunnerPool({ size: 1 });
});
afterAll(async () => {
  await pool.close();
  rmSync(folder, { recursive: true, force: true });
});

const runUnit = (name: string, request: Partial<RunRequest> = {}) =>
  run({ pool, folder, bundle, ordinals: ALL, name, ...request });
/** Partition k3 behaves as `kind` says. */
const runKind = (name: string, kind: string, unit: RunRequest['unit'] = {}) =>
  runUnit(name, { unit: { params: { kind }, ...unit } });
const runSql = (sql: string, unit: RunRequest['unit'] = {}) =>
  runUnit('sql', {
    bundle: null,
    unit: { function: { name: 'sql', digest: 'sql', bundle: null, sql }, ...unit },
  });

/** Status and error by ordinal: outcomes of a batch have no ids. */
function endsOf({ ended }: Ran): Map<number, Ran['ended'][number]> {
  expect(ended).toHaveLength(ALL.length);
  return new Map(ended.map((each) => [each.outcome.ordinal, each]));
}
function expectOnlyK3Fails(ran: Ran, type: string, message: string | RegExp): void {
  const ends = endsOf(ran);
  const failed = ends.get(3)!;
  for (const [ordinal, { outcome }] of ends)
    expect([ordinal, outcome.status, outcome.error]).toEqual(
      ordinal === 3 ? [3, 'FAILED', failed.outcome.error] : [ordinal, 'DONE', null],
    );
  expect(failed.outcome).toMatchObject({ id: 'k3', rows: 10, attempts: 1, outputRows: 0, error: { type } });
  expect(failed.outcome.error!.message).toEqual(
    typeof message === 'string' ? expect.stringContaining(message) : expect.stringMatching(message),
  );
}

/** All rows as results show them, without the key, and their types. */
async function mergedRows(files: readonly string[]) {
  const rows = await readLocalRows(
    files.map((file) => ({ file, except: [] })),
    [{ name: 'region', type: 'VARCHAR' }],
  );
  const types = Object.fromEntries(rows.columns!.slice(1).map(({ name, type }) => [name, type]));
  return { types, rows: rows.map(({ region: _region, ...row }) => row) };
}

const UNITS = [
  ['a unit of single partitions', false],
  ['a batch', true],
] as const;

describe('columns keep the types', () => {
  test('that a call has read, if they hold what it returns under the same names', async () => {
    const { files, ended } = await runUnit('returnsRead', { unit: { isBatch: true } });
    expect(endsOf({ ended } as Ran).get(3)!.outcome).toMatchObject({ status: 'DONE', error: null });
    const whole = await mergedRows(files);
    expect(whole.types).toEqual({
      day: 'DATE',
      price: 'DOUBLE',
      ratio: 'DOUBLE',
      small: 'SMALLINT',
      clock: 'TIME',
      list: 'INTEGER[]',
      structs: `STRUCT("at" DATE, "it's" DECIMAL(4,1))[]`,
      dates: 'MAP(DATE, VARCHAR)',
      moment: 'TIMESTAMP WITH TIME ZONE',
      json: 'JSON',
    });
    expect(whole.rows[0]).toEqual({
      day: new Date('2024-01-02'),
      price: 2.5,
      ratio: 3,
      small: 7,
      clock: '10:00:00',
      list: [1, null],
      structs: [{ at: new Date('2024-01-02'), "it's": 1.5 }],
      dates: { '2024-01-02': 'x' },
      moment: new Date('2024-01-02T03:04:05Z'),
      json: { a: [1] },
    });
    expect(whole.rows[3]).toMatchObject({ price: 2.505, day: new Date('2024-01-02') });
  });

  test('and the digits of times beyond milliseconds, unless a Date was changed I5', async () => {
    const ran = await runUnit('returnsTimes', { unit: { isBatch: true } });
    expectOnlyK3Fails(
      ran,
      'InvalidResult',
      'The column "other" of row 0 has nanoseconds, which TIMESTAMP does not hold. Use new Date(+value), which has milliseconds',
    );
    const { types, rows } = await mergedRows(ran.files);
    const at = '2024-01-02T03:04:05.123456Z';
    const row = {
      at,
      early: '1969-12-31T23:59:59.999999Z',
      zoned: at,
      precise: '2024-01-02T03:04:05.123456789Z',
      list: [at, null],
      struct: { at: '2024-01-02T03:04:05.000001Z' },
      never: 'infinity',
      late: '290000-01-02 03:04:05.5',
      before: '280000-01-02 (BC) 03:04:05',
      other: at,
      changed: new Date('2024-01-02T03:04:05.123Z'),
      json: { at, precise: ['2024-01-02T03:04:05.123456789Z'] },
      n: 1,
      m: 1,
    };
    expect(rows[0]).toEqual(row);
    expect(rows[2]).toEqual({ ...row, early: new Date('1970-01-01T00:00:00Z') });
    expect(types).toEqual({
      ...Object.fromEntries(
        ['at', 'early', 'never', 'late', 'before', 'other', 'changed'].map((name) => [name, 'TIMESTAMP']),
      ),
      zoned: 'TIMESTAMP WITH TIME ZONE',
      precise: 'TIMESTAMP_NS',
      list: 'TIMESTAMP[]',
      struct: 'STRUCT("at" TIMESTAMP)',
      json: 'JSON',
      n: 'BIGINT',
      m: 'BIGINT',
    });
  });

  test('that the function declares, also of columns without any value', async () => {
    const { files } = await runUnit('declares');
    const { types, rows } = await mergedRows(files);
    expect(types).toEqual({
      day: 'DATE',
      total: 'DECIMAL(12,2)',
      tags: 'VARCHAR[]',
      nothing: 'STRUCT(a INTEGER)',
    });
    const [row] = rows;
    expect(row).toEqual({ day: new Date('2024-01-02'), total: 0.3, tags: ['a', "b's"], nothing: null });
  });

  test.each([
    ['text', 'The column "day" of row 0 is "yesterday", which is not a value of DATE'],
    [
      'time',
      'The column "day" of row 0 is a Date ("2024-01-02T10:00:00.000Z"), which is not a value of DATE',
    ],
    ['fraction', 'The column "total" of row 0 is 0.123, which is not a value of DECIMAL(12,2)'],
    ['digits', 'The column "total" of row 0 is 12345678901.5, which is not a value of DECIMAL(12,2)'],
    ['item', 'The column "tags" of row 0 is an Array (["a",1]), which is not a value of VARCHAR[]'],
    ['field', 'The column "nothing" of row 0 is an Object ({"a":1,"b":2}), which is not a value of STRUCT'],
    ['other', `Row 0 has a column "comment" that the function's "output" does not declare`],
  ])(
    'that the function declares: a partition that returns another %s fails alone I5',
    async (kind, message) => {
      expectOnlyK3Fails(await runKind('declares', kind), 'InvalidResult', message);
    },
  );

  test('that the function declares, in a test of it', async () => {
    const { rows } = await runPartitionFunction(functions.declares, { rows: [], key: { region: 'k1' } });
    expect(rows).toEqual([
      { region: 'k1', day: new Date('2024-01-02'), total: 0.3, tags: ['a', "b's"], nothing: null },
    ]);
    const call = { rows: [], key: { region: 'k3' }, params: { kind: 'text' } };
    await expect(runPartitionFunction(functions.declares, call)).rejects.toThrow('is not a value of DATE');
  });

  test('that the function declares, which are checked before anything runs', async () => {
    const output = { a: 'INTEGER', b: 'dte', c: 'UNION(x INTEGER)', d: 'MAP(VARCHAR, DATE[])' };
    expect(await outputProblems('f', output)).toEqual([
      'In the function "f": "output" declares "b" as "dte", which is not a type of DuckDB, such as "DATE", "DECIMAL(12,2)" or "VARCHAR[]".',
      'In the function "f": "output" declares "c" as UNION(x INTEGER), which functions cannot return. Declare another type, such as "VARCHAR" or "JSON".',
    ]);
    const define = (given: unknown) => () =>
      definePartitionFunction({ name: 'f', run() {}, output: given } as never);
    expect(define('DATE')).toThrow('"output" of "f" is not an object of columns and types');
    expect(define({ a: 'DATE', A: 'DATE' })).toThrow('two columns "A" that differ only in case');
    expect(define({ __partwise_x: 'DATE' })).toThrow('reserved for Partwise');
    expect(define({ a: 1 })).toThrow('has no type for "a"');
  });
});

describe('values that a call returns or receives are copied', () => {
  test.each(UNITS)(
    'in the rows and artifacts of %s, although the next call reuses the same objects I5',
    async (_, isBatch) => {
      const uploaded = new Map<string, Buffer>();
      const heartbeats: unknown[] = [];
      const { ended, files } = await runUnit('reuses', {
        unit: { isBatch, params: { list: [] } },
        handlers: {
          onUpload: async ({ name, file, partitionId }) => {
            uploaded.set(`${partitionId}/${name}`, readFileSync(file));
            return { path: '', bytes: 0, sha256: '0'.repeat(64) };
          },
          onHeartbeat: (_ordinal, progress) => void heartbeats.push(progress),
        },
      });
      const rows = await readRows(
        files,
        'region, k, hex(buffer) AS b, hex(view) AS v, object, epoch(day) AS d, seen',
      );
      expect(rows).toEqual(
        ALL.map((k) => ({
          region: `k${k}`,
          k: `${k}`,
          b: `0000000${k}`,
          v: `0${k}0${k}`,
          object: JSON.stringify({ list: [k], k }),
          d: k,
          seen: '1',
        })),
      );
      expect(heartbeats[0]).toMatchObject({ k: 0 });
      for (const { outcome } of ended) {
        const k = outcome.ordinal;
        const content = (name: string): Buffer => {
          if (!isBatch) return uploaded.get(`k${k}/${name}`)!;
          const { path, offset, bytes } = outcome.artifacts.find((each) => each.name === name)!;
          return readFileSync(path).subarray(offset!, offset! + bytes);
        };
        expect([...content('bytes.bin')]).toEqual([0, 0, 0, k]);
        expect([...content('own.bin')]).toEqual([0, 0, 0, k]);
        expect(JSON.parse(content('value.json').toString())).toEqual({ k, list: [k] });
        expect(content('rows.csv').toString()).toBe(`k,list\n${k},[${k}]\n`);
      }
    },
  );

  test('in a result that a timer later changes to something that cannot be written I5', async () => {
    const { files, ended } = await runUnit('changesLater');
    expect(ended.map(({ outcome }) => outcome.status)).toEqual(ALL.map(() => 'DONE'));
    expect(await readRows(files, '"inner"')).toEqual(ALL.map((k) => ({ inner: `{"k":${k}}` })));
  });

  test('in the rows that a call is given, whatever it does with them I5', async () => {
    const { files } = await runUnit('changesRows');
    expect(await readRows(files, 'region, "isSame"')).toEqual(
      ALL.map((k) => ({ region: `k${k}`, isSame: true })),
    );
  });

  test('in a test of a function', async () => {
    const params = { list: [] };
    const key = { region: 'k5' };
    const call = { rows: [{ amount: 1 }], key, params };
    const { rows, uploads, heartbeats } = await runPartitionFunction(functions.reuses as never, call);
    await runPartitionFunction(functions.reuses as never, { ...call, key: { region: 'k6' } });
    expect(rows).toEqual([
      {
        region: 'k5',
        k: 5,
        buffer: new Uint8Array([0, 0, 0, 5]),
        view: new Uint8Array([5, 5]),
        object: { k: 5, list: [5] },
        day: new Date(5_000),
        seen: 1,
      },
    ]);
    expect(heartbeats).toEqual([{ k: 5, list: [5] }]);
    expect(uploads.get('bytes.bin')).toEqual(new Uint8Array([0, 0, 0, 5]));
    expect(uploads.get('rows.csv')).toEqual([{ k: 5, list: '[5]' }]);
    expect([params, key]).toEqual([{ list: [] }, { region: 'k5' }]);
  });
});

describe('a result that cannot be stored fails its own partition', () => {
  describe.each(UNITS)('of %s:', (_, isBatch) => {
    test.each([
      [
        'a lone surrogate in text',
        'The column "text" of row 0 contains a lone surrogate (half of a character',
      ],
      ['a lone surrogate deep inside', 'The column "top" of row 0 contains a lone surrogate at "excerpt[0]"'],
      ['a lone surrogate in a name', 'The column "top" of row 0 has a name with a lone surrogate'],
      ['a column named by a lone surrogate', String.raw`a lone surrogate in its name, "\ud83d"`],
      ['a column named with a NUL', String.raw`a NUL in its name, "a\u0000b"`],
      [
        'NaN',
        'The column "top" of row 0 contains NaN at "mean", which JSON cannot represent. Use null, or a string.',
      ],
      ['Infinity', 'contains -Infinity at "[0]"'],
      ['an invalid Date deep inside', 'contains an invalid Date at "[0]"'],
      ['deep nesting', /is nested too deeply at "(\[0\]){33}\[…": more than 1,000 levels\. Store it/],
      [
        'another key than its own, after the context was changed',
        'Row 0 has region = "other", but this is the partition where region = "k3"',
      ],
    ])('%s I5', async (kind, message) => {
      expectOnlyK3Fails(await runKind('returns', kind, { isBatch }), 'InvalidResult', message);
    });

    test('something that no check foresees, found during writing I5', async () => {
      const kind = 'a text that its exact column cannot hold';
      const ran = await runKind('returns', kind, { isBatch });
      expectOnlyK3Fails(
        ran,
        'InvalidResult',
        'The returned rows cannot be stored: Conversion error: invalid date',
      );
      expect(endsOf(ran).get(3)!.retryable).toBe(false);
      expect(await readRows(ran.files, 'region, n')).toEqual(
        OTHERS.map((region) => ({ region, n: region.slice(1) })),
      );
    });
  });

  test('without leaving a file if no partition has rows that can be written I5', async () => {
    const kind = 'a text that its exact column cannot hold';
    const ran = await runUnit('returns', { ordinals: [3], unit: { params: { kind } } });
    expect([ran.summary, ran.files]).toEqual([['k3: FAILED InvalidResult'], []]);
  });

  test.each([
    ['union_value(num := 5)', 'The column "v" is a UNION, which Parquet cannot store. Cast it in the query'],
    ['[union_value(num := 5)]', 'The column "v" contains a UNION, which Parquet cannot store.'],
  ])('and so does each whose query returns a type that no file can store: %s', async (value, message) => {
    expect(
      await sqlProblem(`SELECT ${value} AS v FROM data`, [{ name: 'n', type: 'INTEGER' }], null),
    ).toContain(message);
    const ran = await runSql(`SELECT ${value} AS v`);
    expect(ran.ended.map(({ outcome }) => outcome.error?.message)).toEqual(
      ALL.map(() => expect.stringContaining(message)),
    );
  });

  test('also if its rows cannot be kept until they are written (I5)', async () => {
    const sent: unknown[] = [];
    const unit = { isBatch: true, nonRetryableErrorTypes: [], scratch: folder };
    const link = { send: (message: unknown) => sent.push(message) };
    const segments = new Segments(
      unit as never,
      link as never,
      { rows: 0, canAlwaysKeep: false } as never,
      new Map(),
    );
    const record = (ordinal: number, keep: () => Promise<boolean>): Promise<void> => {
      const partition = { ordinal, id: `k${ordinal}`, rows: 1, key: {} };
      const host = { artifacts: () => [] } as never;
      const call = { partition, attempt: 1, startedAt: 0, durationMs: 0, host };
      return segments.recordSuccess(call, { rows: 0, preview: null, keep });
    };
    await record(0, () => Promise.resolve(true));
    await record(1, () => Promise.reject(new Error('Out of memory')));
    await segments.handOver();
    expect(sent).toMatchObject([
      {
        done: { ordinals: new Int32Array([0]) },
        outcomes: [{ outcome: { ordinal: 1, status: 'FAILED', error: { message: 'Out of memory' } } }],
      },
    ]);
  });

  test('does not blame a partition for a full disk, and writes halves otherwise', async () => {
    const tried: (readonly number[])[] = [];
    const write = (guilty: readonly number[]) => async (some: readonly number[]) => {
      tried.push(some);
      if (some.some((ordinal) => guilty.includes(ordinal))) throw new Error('Conversion Error: no date');
    };
    expect([...(await writeOrRefuse(ALL, write([1, 6]))).refused.keys()]).toEqual([1, 6]);
    expect(tried.at(-1)).toEqual([0, 2, 3, 4, 5, 7]);
    expect(await writeOrRefuse([1, 2], write([1, 2]))).toMatchObject({ isWritten: false });
    const full = new Error('IO Error: Could not write file "x": No space left on device');
    await expect(writeOrRefuse(ALL, () => Promise.reject(full))).rejects.toBe(full);
  });

  test('does not replace all rows by a part when a write fails whose halves succeed I3', async () => {
    let file: readonly number[] = [];
    const failing = (message: string) => async (some: readonly number[]) => {
      if (some.length === ALL.length) throw new Error(message);
      file = some;
    };
    const memory = 'Out of Memory Error: failed to allocate data of size 40 MiB';
    await expect(writeOrRefuse(ALL, failing(memory))).rejects.toThrow(memory);
    await expect(writeOrRefuse(ALL, failing('INTERRUPT Error: Interrupted!'))).rejects.toThrow('INTERRUPT');
    let isFirst = true;
    const written = await writeOrRefuse(ALL, async (some) => {
      if (isFirst && some.length === ALL.length) {
        isFirst = false;
        throw new Error(memory);
      }
      file = some;
    });
    expect({ ...written, file }).toEqual({ refused: new Map(), isWritten: true, file: ALL });
  });

  const WIDE = [
    ['HUGEINT[]', '[170141183460469231731687303715884105727::HUGEINT]', [2n ** 127n - 1n]],
    ['HUGEINT', '(-170141183460469231731687303715884105727)::HUGEINT', 1n - 2n ** 127n],
    ['STRUCT(HUGEINT HUGEINT)', "{'HUGEINT': 9007199254740993::HUGEINT}", { HUGEINT: 9007199254740993n }],
    ['INTERVAL', "INTERVAL '-5 minutes'", '-00:05:00'],
    ['INTERVAL', "INTERVAL '1.123456 seconds'", '00:00:01.123456'],
    ['INTERVAL', 'to_hours(1500)', '1500:00:00'],
    ['STRUCT(i INTERVAL)[]', "[{'i': INTERVAL '1 month -2 days'}]", [{ i: '1 month -2 days' }]],
    ['TIME WITH TIME ZONE', "'10:00:00+05:30'::TIMETZ", '10:00:00+05:30'],
    ['INTEGER[2]', '[1, 2]::INTEGER[2]', [1, 2]],
    ['TIMESTAMP_S', "TIMESTAMP_S '2024-01-02 03:04:05'", new Date('2024-01-02T03:04:05Z')],
    ['BIT', "'0101'::BIT", '0101'],
  ] as const;

  test('and types that Parquet lacks are stored as they are, by the sql function', async () => {
    const selected = WIDE.map(([, value], i) => `${value} AS c${i}`).join(', ');
    const { files } = await runSql(`SELECT ${selected} FROM data LIMIT 1`);
    const { types, rows } = await mergedRows(files);
    expect(Object.values(types).map((type) => type.replaceAll('"', ''))).toEqual(WIDE.map(([type]) => type));
    expect(rows[0]).toEqual(Object.fromEntries(WIDE.map(([, , value], i) => [`c${i}`, value])));
  });

  test('and by functions that return them, also after files are merged', async () => {
    const { files } = await runUnit('returnsWide', { unit: { isBatch: true } });
    const whole = join(folder, 'merged.parquet');
    const parts = [...files, ...files].map((file) => ({ file, except: [] }));
    expect(await mergeRows([{ name: 'region', type: 'VARCHAR' }], parts, whole)).toBe(true);
    const { types, rows } = await mergedRows([whole]);
    expect(types).toEqual({ wide: 'HUGEINT', ago: 'INTERVAL' });
    expect(rows[0]).toEqual({ wide: 2n ** 127n - 1n, ago: '-00:05:00' });
  });

  test('and shows a row with a custom inspect method by its columns I5', async () => {
    const { ended } = await runKind('returns', 'a row that shows itself as something else');
    expect(ended[3]!.outcome.error?.message ?? '').toContain('column "toJSON" of row 0 is a function');
  });
});

describe('errors that cannot be described', () => {
  const kinds = [
    ['message', 'Error', 'Error without a message'],
    ['name', 'Error', 'broken'],
    ['stack', 'Error', 'broken'],
    ['cause', 'Error', 'broken'],
    ['constructor', 'Error', 'broken'],
    ['nonRetryable', 'Error', 'broken'],
    ['nextRetryDelay', 'Error', 'broken'],
    ['a Proxy', 'NonError', 'The function threw an Object'],
    ['a revoked Proxy', 'NonError', 'The function threw an Object'],
    ['a symbol', 'NonError', 'The function threw a symbol'],
    ['an AggregateError', 'AggregateError', 'many (3 errors: an Object; an Object; )'],
    ['a message that is no text', 'Error', 'Error without a message'],
    ['a giant message', 'Error', /^x+…$/],
  ] as const;

  test.each(kinds)(
    'affect only their partition, and one call each: a broken %s I5',
    async (kind, type, message) => {
      const ran = await runKind('throws', kind, { isBatch: true });
      expectOnlyK3Fails(ran, type, message);
      expect(endsOf(ran).get(3)).toMatchObject({ retryable: true, retryDelayMs: null });
    },
  );

  test('affect only their partition if stack traces cannot be created I5', async () => {
    expectOnlyK3Fails(await runUnit('breaksStacks', { pool: await ownPool() }), 'Error', 'without a trace');
  });

  const pools: RunnerPool[] = [];
  const ownPool = async (): Promise<RunnerPool> => {
    pools.push(new RunnerPool({ size: 1 }));
    return pools[0]!;
  };
  afterAll(() => Promise.all(pools.map((each) => each.close())));

  test('are recognised as errors of another realm, or as not errors, without reading their properties', () => {
    const { proxy, revoke } = Proxy.revocable(() => 1, {});
    revoke();
    for (const thrown of [proxy, Object.create(null), { message: 'x' }, 5n, undefined])
      expect(describeThrown(thrown).error.type).toBe('NonError');
  });
});

describe('uploads and progress that cannot be stored', () => {
  test.each([
    ['text', 'InvalidArtifact', 'The artifact "a.txt" contains a lone surrogate'],
    ['written text', 'InvalidArtifact', 'The artifact "a.txt" contains a lone surrogate'],
    [
      'rows',
      'InvalidArtifact',
      'The artifact "a.csv" cannot be written: The column "text" of row 0 contains a lone',
    ],
    ['a name', 'InvalidArtifact', String.raw`The artifact name "\ud83d.txt" contains a lone surrogate`],
    ['a long name', 'InvalidArtifact', 'has 202 bytes in UTF-8; at most 200 are allowed'],
    [
      'a lone surrogate deep inside',
      'NotJson',
      'The artifact "a.json" contains a lone surrogate at "top.excerpt[0]"',
    ],
    ['NaN', 'NotJson', 'The artifact "a.json" contains NaN at "top.mean"'],
    ['deep nesting', 'NotJson', 'The artifact "a.json" is nested too deeply'],
  ])('are refused once, with an explanation: %s', async (kind, type, message) => {
    const ran = await runKind('uploads', kind);
    expectOnlyK3Fails(ran, type, message);
    expect(endsOf(ran).get(3)!.retryable).toBe(false);
  });

  test.each([
    ['NaN', 'The progress contains NaN at "top.mean"'],
    ['deep nesting', 'The progress is nested too deeply'],
    ['a lone surrogate in text', 'The progress contains a lone surrogate at "text"'],
  ])('are refused as progress too: %s', async (kind, message) => {
    expectOnlyK3Fails(await runKind('beats', kind), 'NotJson', message);
  });
});

describe('columns named like properties that every object has', () => {
  const names = Object.getOwnPropertyNames(Object.prototype);
  const cells = names.map((name, i) => (i % 2 === 0 ? `v-${name}` : i));
  let place: string;

  beforeAll(async () => {
    place = mkdtempSync(join(folder, 'names-'));
    await makeSnapshot(place, 2, 2);
    const database = await DuckDBInstance.create(':memory:');
    const connection = await database.connect();
    const columns = names.map((name, i) => `${i % 2 === 0 ? `'v-${name}'` : i} AS "${name}"`).join(', ');
    await connection.run(
      `COPY (SELECT region, ${columns}, __partwise_ord FROM '${place}/snapshot.parquet') TO '${place}/named.parquet'`,
    );
    connection.closeSync();
    database.closeSync();
  });

  const unit = (): RunRequest['unit'] => ({
    snapshot: [join(place, 'named.parquet')],
    columns: [
      { name: 'region', type: 'VARCHAR' },
      ...names.map((name, i) => ({ name, type: i % 2 === 0 ? 'VARCHAR' : 'INTEGER' })),
    ],
    params: JSON.parse('{"__proto__": 1, "constructor": 2}') as Record<string, unknown>,
  });
  const selected = names.map((name) => `"${name}"`).join(', ');
  const expected = Object.fromEntries(names.map((name, i) => [name, cells[i]]));
  const asRead = Object.fromEntries(names.map((name, i) => [name, i % 2 === 0 ? cells[i] : `${i}`]));

  test('hold their values however rows are read, returned or uploaded', async () => {
    const uploaded = new Map<string, Buffer>();
    const { ended, files } = await runUnit('repeats', {
      folder: place,
      ordinals: [0, 1],
      unit: unit(),
      handlers: {
        onUpload: async ({ name, file, partitionId }) => {
          uploaded.set(`${partitionId}/${name}`, readFileSync(file));
          return { path: '', bytes: 0, sha256: '0'.repeat(64) };
        },
      },
    });
    expect(ended.map(({ outcome }) => outcome.error)).toEqual([null, null]);
    expect(await readEntries(files, selected)).toEqual(
      Array.from({ length: 4 }, () => Object.entries(asRead)),
    );
    const json = (name: string): unknown => JSON.parse(uploaded.get(name)!.toString());
    const entries = [['region', 'k0'], ...Object.entries(expected)];
    const seen = json('k0/seen.json') as { shown: unknown[]; columns: [string, unknown[]][] };
    expect(seen.shown).toEqual(Array.from({ length: 3 }, () => [entries, entries]));
    expect(seen.columns).toEqual(entries.map(([name, value]) => [name, [value, value]]));
    const rows = (json('k0/rows.json') as object[]).map((row) => Object.entries(row));
    expect(rows).toEqual([entries, entries]);
    const parquet = (await decodeArtifact(uploaded.get('k0/rows.parquet')!, 'parquet')) as object[];
    expect(parquet.map((row) => Object.entries(row))).toEqual([entries, entries]);
    expect(Object.entries(json('k0/params.json') as object)).toEqual([
      ['__proto__', 1],
      ['constructor', 2],
    ]);
  });

  test('pass through the sql function', async () => {
    const ran = await runUnit('sql', {
      bundle: null,
      folder: place,
      ordinals: [0, 1],
      unit: {
        ...unit(),
        function: { name: 'sql', digest: 'sql', bundle: null, sql: 'SELECT * FROM data LIMIT 1' },
      },
    });
    expect(ran.summary).toEqual(['k0: DONE', 'k1: DONE']);
    expect(JSON.parse(ran.ended[0]!.outcome.preview!)).toEqual(
      JSON.parse(JSON.stringify({ region: 'k0', ...expected })),
    );
    expect(await readEntries(ran.files, selected)).toHaveLength(2);
  });

  async function readEntries(files: string[], select: string): Promise<unknown[]> {
    const { readLocalRows } = await import('../src/reader/partitions/results');
    const rows = await readLocalRows(files.map((file) => ({ file, except: [] })) as never, [
      { name: 'region', type: 'VARCHAR' },
    ]);
    expect(select).not.toBe('');
    return rows.map((row) => {
      const { region: _, ...rest } = row;
      return Object.entries(rest).map(([name, value]) => [
        name,
        typeof value === 'number' ? `${value}` : value,
      ]);
    });
  }
});
