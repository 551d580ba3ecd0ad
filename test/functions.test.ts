import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { KeptDatabase, openDatabase } from '../src/duckdb/database';
import { definePartitionFunction } from '../src/functions/define';
import { describeThrown } from '../src/functions/errors';
import { errorPattern } from '../src/core/failures/alike';
import { checkPin } from '../src/functions/file-pins';
import { UnitFiles } from '../src/functions/unit-files';
import { HELD_ROWS } from '../src/rows/partition-rows';
import { joinColumns, toObjects, toOutputRows } from '../src/rows/rows';
import { allRows, columnsOf, shapeOf } from '../src/rows/slices';
import { SnapshotRows } from '../src/functions/snapshot-rows';
import { loadKeys, readUnitIndex } from '../src/functions/unit-index';
import { createPartitionData } from '../src/functions/data';
import { SqlSession } from '../src/functions/sql-session';
import type { PartitionData } from '../src/functions/types';
import { Project } from '../src/index';
import { bundleFunctions, describeFunctions } from '../src/runners/functions-file';
import { RunnerPool } from '../src/runners/pool';
import { runPartitionFunction } from '../src/testing';
import { hasPython, PYTHON } from './support/python-server';
import { makeSnapshot, readRows, run } from './support/runner-unit';

let folder: string;
beforeAll(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'partwise-functions-')));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('definePartitionFunction', () => {
  test.each([
    [{ name: '', run: () => null }, '"name" is ""'],
    [{ name: 'sql', run: () => null }, 'built-in'],
    [{ name: 'x' }, '"run" of "x" is missing'],
    [{ name: 'x', run: async function* () {} }, '"run" of "x" is a generator. Return an array of rows'],
    [{ name: 'x', run: () => null, timeOut: 5 }, 'unknown setting "timeOut"'],
  ])('refuses %j', (options, message) => {
    expect(() => definePartitionFunction(options as never)).toThrow(message);
  });
});

describe('what a function returns', () => {
  const key = { region: 'North', year: 2024 };

  test('becomes rows whose columns keep the order of first appearance', () => {
    const output = toOutputRows([{ b: 1, a: null }, { a: 'x', c: 1.5 }, { b: 2.5 }], key);
    expect([...output.columns]).toEqual([
      ['b', 'DOUBLE'],
      ['a', 'VARCHAR'],
      ['c', 'DOUBLE'],
    ]);
    expect(toObjects(output)).toEqual([{ b: 1, a: null }, { a: 'x', c: 1.5 }, { b: 2.5 }]);
  });

  test('may be nothing, or objects of a custom class', () => {
    class Summary {
      n = 1;
    }
    expect(toOutputRows(undefined, key).rows).toEqual([]);
    expect(toOutputRows(null, key).rows).toEqual([]);
    expect(toObjects(toOutputRows(new Summary(), key))).toEqual([{ n: 1 }]);
  });

  test.each([
    ['a Map', new Map(), 'returned a Map. Return an object, an array of objects, or nothing.'],
    ['a number', 5, 'returned a number'],
    ['a generator', (function* () {})(), 'returned a Generator. Return an object, an array of objects'],
    ['an async generator', (async function* () {})(), 'returned an AsyncGenerator'],
    ['an array of numbers', [1], 'item 0 is a number'],
    ['a function in a cell', { a: () => 1 }, 'column "a" of row 0 is a function'],
    ['a Map in a cell', [{ a: 1 }, { a: new Map() }], 'column "a" of row 1 is a Map'],
    ['a Set deep inside', { a: { b: [new Set()] } }, 'at "b[0]"'],
    [
      'text and numbers in one column',
      [{ a: 1 }, { a: null }, { a: 'x' }],
      '"a" is a number in row 0 and text in row 2',
    ],
    ['columns that differ in case', { a: 1, A: 1 }, '"A", but there is also "a"'],
    [
      'another key',
      { Region: 'South' },
      'Region = "South", but this is the partition where region = "North"',
    ],
    ['a name of Partwise', { __partwise_ord: 1 }, 'reserved for Partwise'],
    ['an invalid Date', { d: new Date(NaN) }, 'invalid Date'],
  ])('is refused if it is %s', (_what, result, message) => {
    expect(() => toOutputRows(result, key)).toThrow(
      expect.objectContaining({ name: 'InvalidResult', nonRetryable: true }),
    );
    expect(() => toOutputRows(result, key)).toThrow(message);
  });

  test('may repeat the key, which is then dropped', () => {
    const { columns } = toOutputRows({ REGION: 'North', year: 2024n, n: 1 }, key);
    expect([...columns.keys()]).toEqual(['n']);
  });

  test('shares a file with other partitions only if the types are compatible', () => {
    const columns = (row: object) => toOutputRows(row, {}).columns;
    expect([...joinColumns(columns({ a: 1, b: null }), columns({ a: 1.5, c: 'x' }))!]).toEqual([
      ['a', 'DOUBLE'],
      ['b', null],
      ['c', 'VARCHAR'],
    ]);
    expect(joinColumns(columns({ a: 1 }), columns({ a: 'x' }))).toBeNull();
    expect(joinColumns(columns({ a: 1 }), columns({ A: 1 }))).toBeNull();
  });
});

describe('thrown errors', () => {
  class NotFoundError extends Error {}
  const withCode = (code: string) => Object.assign(new Error('socket'), { code });

  test.each([
    ['an Error', new Error('x'), true],
    ['a RangeError', new RangeError('x'), true],
    ['a ReferenceError', new ReferenceError('x'), false],
    ['a SyntaxError', new SyntaxError('x'), false],
    ['a TypeError', new TypeError('x is not a function'), false],
    ['a failed fetch', new TypeError('fetch failed'), true],
    ['a TypeError of the network', new TypeError('terminated', { cause: withCode('ECONNRESET') }), true],
    ['a TypeError of the program', new TypeError('bad', { cause: withCode('ERR_INVALID_ARG_TYPE') }), false],
    ['one that says so', Object.assign(new Error('x'), { nonRetryable: true }), false],
    ['one that the run lists', new NotFoundError('x'), false],
  ])('that are programming errors are never retried: %s', (_what, error, retryable) => {
    expect(describeThrown(error, ['NotFoundError']).retryable).toBe(retryable);
  });

  test('are recorded with their class, causes and requested delay', () => {
    const error = Object.assign(new NotFoundError('no rate', { cause: withCode('ECONNRESET') }), {
      nextRetryDelay: 5_000,
    });
    const thrown = describeThrown(error);
    expect(thrown.error).toMatchObject({
      type: 'NotFoundError',
      message: 'no rate (caused by Error: socket)',
    });
    expect(thrown.retryDelayMs).toBe(5_000);
  });

  test('are truncated to fit into history', () => {
    const { error } = describeThrown(new Error('€'.repeat(5_000)));
    expect(Buffer.byteLength(error.message)).toBeLessThanOrEqual(1024);
    expect(Buffer.byteLength(error.stack!)).toBeLessThanOrEqual(4096);
  });

  test.each([
    ['oops', 'a string: oops'],
    [{ code: 7 }, '{"code":7}'],
    [null, 'null'],
    [undefined, 'undefined (or a promise was rejected without a reason)'],
    [7n, '7n'],
    [new Map(), 'a Map'],
    ['x'.repeat(2_000), `a string: ${'x'.repeat(797)}…`],
  ])('that are not Errors get an explanation: %p', (thrown, shown) => {
    expect(describeThrown(thrown).error).toEqual({
      type: 'NonError',
      message: `The function threw ${shown}. It has no stack, so it is not known where. Throw an Error, and reject with one.`,
      stack: null,
    });
  });

  test('and are not alike if their strings differ', () => {
    const [a, b] = ['no rate', 'no such host'].map((thrown) =>
      errorPattern(describeThrown(thrown).error, null),
    );
    expect(a).not.toBe(b);
  });
});

describe('partwise/testing', () => {
  const call = async (
    run: (data: PartitionData, context: never) => unknown,
    rows: object[] = [{ amount: 1 }],
  ) =>
    runPartitionFunction(definePartitionFunction({ name: 'f', run: run as never }), {
      key: { region: 'North' },
      rows: rows as never,
    });

  test('calls a function on rows in memory, with SQL, artifacts, logs and heartbeats', async () => {
    const sales = definePartitionFunction<{ atLeast: number }>({
      name: 'sales',
      async run(data, context) {
        const [sum] =
          await data.sql`SELECT sum(amount) AS total FROM data WHERE amount >= ${context.params.atLeast}`;
        context.log('total', sum!.total);
        context.heartbeat({ done: 1 });
        await context.upload('sum.json', { total: sum!.total, big: 2n ** 60n });
        await context.upload('note.txt', 'fine');
        await context.upload('raw', 5, { write: (value) => `<${value}>` });
        const before = await context.download<{ total: number }>('last.json');
        return { ...sum, change: (sum!.total as number) - before.total };
      },
    });
    const outcome = await runPartitionFunction(sales, {
      key: { region: 'North' },
      rows: [{ amount: 10 }, { amount: 2.5 }, { amount: 1 }],
      params: { atLeast: 2 },
      artifacts: { 'last.json': { total: 12 } },
    });
    expect(outcome.result).toEqual({ total: 12.5, change: 0.5 });
    expect(outcome.rows).toEqual([{ region: 'North', total: 12.5, change: 0.5 }]);
    expect(outcome.logs).toEqual(['total 12.5']);
    expect(outcome.heartbeats).toEqual([{ done: 1 }]);
    expect([...outcome.uploads]).toEqual([
      ['sum.json', { total: 12.5, big: String(2n ** 60n) }],
      ['note.txt', 'fine'],
      ['raw', new Uint8Array(Buffer.from('<5>'))],
    ]);
  });

  test('rejects with the error that the function throws', async () => {
    const check = call(
      (_data, context: { expect: (ok: unknown, message: string) => void }) =>
        context.expect(false, 'There are gaps.') as never,
    );
    await expect(check).rejects.toMatchObject({
      name: 'ExpectationFailed',
      message: 'There are gaps.',
      nonRetryable: true,
    });
    await expect(check).rejects.toMatchObject({
      stack: expect.stringMatching(/^ExpectationFailed: There are gaps.\n\s+at .*functions\.test\.ts/),
    });
  });

  test('binds values, whatever they contain', async () => {
    const { result } = await call(async (data) => {
      const [row] =
        await data.sql`SELECT ${"'; DROP TABLE data; --"} AS text, ${new Date(86_400_000)} AS day, ${2n ** 70n} AS big,
        ${null} AS nothing, ${true} AS yes, ${[1, 2.5]} AS list, ${new Uint8Array([1, 2])} AS bytes, 1.5 IN (SELECT unnest(${[1.5]})) AS found`;
      return row;
    });
    expect(result).toEqual({
      text: "'; DROP TABLE data; --",
      day: new Date(86_400_000),
      big: 2n ** 70n,
      nothing: null,
      yes: true,
      list: [1, 2.5],
      bytes: new Uint8Array([1, 2]),
      found: true,
    });
  });

  test.each([
    [
      'an object as a value',
      (data: PartitionData) => data.sql`SELECT ${{}}`,
      '${…} number 1 of data.sql is an Object',
    ],
    ['a list of mixed types', (data: PartitionData) => data.sql`SELECT ${[1, 'x']}`, 'mixes types'],
    ['a plain string', (data: PartitionData) => data.sql('SELECT 1' as never), 'template tag'],
    ['an unknown column', (data: PartitionData) => data.sql`SELECT nope FROM data`, 'nope'],
    ['nothing', (data: PartitionData) => data.sql``, 'empty query'],
    ['parameters of its own', (data: PartitionData) => data.sql`SELECT $3`, 'a parameter that is not bound'],
  ])('data.sql refuses %s with an explanation', async (_what, run, message) => {
    await expect(call(run)).rejects.toThrow(message);
  });

  test.each(['', '.', '..', '../x', 'a/b', 'a\\b', 'a\0b', '..x', 'x'.repeat(201)])(
    'an artifact named %j is refused (I6)',
    async (name) => {
      const upload = call((_data, context: { upload: (name: string, value: unknown) => Promise<void> }) =>
        context.upload(name, 1),
      );
      await expect(upload).rejects.toMatchObject({ name: 'InvalidArtifact', nonRetryable: true });
    },
  );

  test('an artifact can be uploaded only once, and must be representable in JSON', async () => {
    type Context = { upload: (name: string, value: unknown) => Promise<void> };
    await expect(
      call(async (_data, context: Context) => {
        await context.upload('a.json', 1);
        await context.upload('a.json', 2);
      }),
    ).rejects.toThrow('"a.json" was uploaded twice');
    const circle: Record<string, unknown> = {};
    circle.inner = { circle };
    await expect(call((_data, context: Context) => context.upload('a.json', circle))).rejects.toThrow(
      'contains itself at "inner.circle"',
    );
  });

  describe('rows as an artifact', () => {
    type Context = { upload: (name: string, value: unknown) => Promise<void> };
    const kept = async (name: string, value: unknown) => {
      const { uploads } = await call((_data, context: Context) => context.upload(name, value));
      return uploads.get(name);
    };
    const rows = [
      { n: 1, text: 'a,"b"\n', at: new Date('2024-01-02T03:04:05.678Z'), ok: true, list: [1, 2] },
      { n: 2.5, text: null, at: null, ok: null, list: { x: 'ü' } },
    ];

    test('are Parquet if the name says so, with their types', async () => {
      expect(await kept('rows.parquet', rows)).toEqual(rows);
      expect(
        await kept('code.PARQUET', [{ code: '007', big: 2n ** 60n, raw: new Uint8Array([0, 255]) }]),
      ).toEqual([{ code: '007', big: 2n ** 60n, raw: new Uint8Array([0, 255]) }]);
      expect(await kept('none.parquet', [])).toEqual([]);
    });

    test('are CSV if the name says so, and lose what CSV cannot represent', async () => {
      expect(await kept('rows.csv', rows)).toEqual(
        rows.map((row) => ({ ...row, list: JSON.stringify(row.list) })),
      );
      expect(await kept('code.csv', { name: 'x', day: '2024-01-02' })).toEqual([
        { name: 'x', day: new Date('2024-01-02') },
      ]);
      expect(await kept('none.csv', [])).toEqual([]);
    });

    test.each([
      [[{ text: 'a;b' }, { text: 'c;d' }]],
      [[{ note: 'a|b' }, { note: 'c|d' }, { note: "e'f" }]],
      [[{ 'a|b': '1|2' }, { 'a|b': '3\t4' }]],
      [
        [
          { a: '', b: 1 },
          { a: null, b: 2 },
        ],
      ],
      [[{ long: 'x'.repeat(3_000_000) }, { long: '"' }]],
    ])('are read from CSV as they were written (%#)', async (awkward) => {
      expect(await kept('rows.csv', awkward)).toEqual(awkward);
    });

    test('may be made by the function itself', async () => {
      expect(await kept('rows.csv', 'a;b\n')).toBe('a;b\n');
      expect(await kept('rows.parquet', new Uint8Array([1]))).toEqual(new Uint8Array([1]));
    });

    test.each([
      [5, 'cannot be written from a number'],
      [undefined, 'cannot be written from undefined'],
      [[{ a: 1 }, null], 'cannot be written from null'],
      [[{ a: 1 }, { a: 'x' }], 'The column "a" is a number in row 0 and text in row 1'],
    ])('are refused with an explanation: %j', async (value, message) => {
      await expect(kept('rows.csv', value)).rejects.toMatchObject({
        name: 'InvalidArtifact',
        nonRetryable: true,
        message: expect.stringContaining(message),
      });
    });
  });

  test('an upload that is not awaited is still done', async () => {
    const { uploads } = await call(
      (_data, context: { upload: (name: string, value: unknown) => Promise<void> }) => {
        void context.upload('a.json', 1);
      },
    );
    expect(uploads.get('a.json')).toBe(1);
  });

  test('reads rows, columns and chunks of a file', async () => {
    const file = join(folder, 'sales.csv');
    writeFileSync(file, 'region,amount,day\nNorth,1,2024-01-02\nNorth,2.5,\n');
    const all = definePartitionFunction({
      name: 'all',
      async run(data) {
        const chunks: unknown[] = [];
        for await (const chunk of data) chunks.push(chunk);
        return {
          rows: await data.rows(),
          columns: await data.columns(),
          chunks,
          count: data.rowCount,
          schema: data.schema,
        };
      },
    });
    const { result } = await runPartitionFunction(all, { file });
    const rows = [
      { region: 'North', amount: 1, day: new Date('2024-01-02') },
      { region: 'North', amount: 2.5, day: null },
    ];
    expect(result).toEqual({
      rows,
      columns: { region: ['North', 'North'], amount: [1, 2.5], day: [new Date('2024-01-02'), null] },
      chunks: [rows],
      count: 2,
      schema: [
        { name: 'region', type: 'VARCHAR' },
        { name: 'amount', type: 'DOUBLE' },
        { name: 'day', type: 'DATE' },
      ],
    });
  });
});

test('times that a Date cannot represent come as strings, and such a key may be returned', async () => {
  const { result } = await runPartitionFunction(
    definePartitionFunction({
      name: 'f',
      run: async (data) => {
        const read =
          await data.sql`SELECT 'infinity'::DATE AS a, '-infinity'::TIMESTAMP AS b, '294000-01-01'::DATE AS c,
          'infinity'::TIMESTAMPTZ AS d, ['infinity'::DATE] AS e, '270000-01-01'::DATE AS f, '-infinity'::TIMESTAMP_NS AS g`;
        return read;
      },
    }),
    { rows: [{ x: 1 }], key: {} },
  );
  expect(result).toEqual([
    {
      a: 'infinity',
      b: '-infinity',
      c: '294000-01-01',
      d: 'infinity',
      e: ['infinity'],
      f: new Date('+270000-01-01T00:00:00.000Z'),
      g: '-infinity',
    },
  ]);
  expect(toOutputRows({ day: 'infinity', n: 1 }, { day: 'infinity' }).rows).toEqual([[1]]);
  expect(toOutputRows({ day: Infinity, n: NaN }, { day: Infinity, n: NaN }).rows).toEqual([[]]);
});

test('values come as JavaScript users expect them', async () => {
  const database = await DuckDBInstance.create(':memory:');
  const connection = await database.connect();
  const [row] = await allRows(
    await connection.run(`SELECT 1::TINYINT AS tiny, 9007199254740991 AS safe, 9007199254740993 AS large, (2::HUGEINT ** 100)::HUGEINT AS huge,
      1.25::DECIMAL(10,2) AS decimal, 1e300 AS double, DATE '1969-12-31' AS date, TIMESTAMP '1969-12-31 23:59:59.9995' AS ts,
      TIMESTAMPTZ '2024-01-01 02:00:00+02' AS tz, TIME '10:11:12.5' AS time, 'é' AS text, 'ab'::BLOB AS blob, [1, NULL] AS list,
      {'a': 1, 'b': [DATE '2024-01-01']} AS struct, MAP {'k': 9007199254740993} AS map, NULL AS nothing, true AS yes,
      '{"a": [1]}'::JSON AS json, 'x'::ENUM ('x', 'y') AS enum, '550e8400-e29b-41d4-a716-446655440000'::UUID AS uuid, INTERVAL 3 DAY AS interval`),
  );
  connection.closeSync();
  database.closeSync();
  expect(row).toEqual({
    tiny: 1,
    safe: 9007199254740991,
    large: 9007199254740993n,
    huge: 2n ** 100n,
    decimal: 1.25,
    double: 1e300,
    date: new Date('1969-12-31'),
    ts: new Date('1969-12-31T23:59:59.999Z'),
    tz: new Date('2024-01-01T00:00:00Z'),
    time: '10:11:12.5',
    text: 'é',
    blob: new Uint8Array([97, 98]),
    list: [1, null],
    struct: { a: 1, b: [new Date('2024-01-01')] },
    map: { k: 9007199254740993n },
    nothing: null,
    yes: true,
    json: { a: [1] },
    enum: 'x',
    uuid: '550e8400-e29b-41d4-a716-446655440000',
    interval: '3 days',
  });
});

test('columns of a query have the names of all types, also of JSON inside others', async () => {
  const database = await DuckDBInstance.create(':memory:');
  const connection = await database.connect();
  const result = await connection.run(
    `SELECT {'j': '1'::JSON, 'a b': [1]} AS s, ['1'::JSON] AS l, ['1']::JSON[1] AS a, MAP {'k': '1'::JSON} AS m, '1'::JSON AS j, {'d': 1.5} AS d`,
  );
  expect(columnsOf(shapeOf(result, 0)).map(({ type }) => type)).toEqual([
    'STRUCT("j" JSON, "a b" INTEGER[])',
    'JSON[]',
    'JSON[1]',
    'MAP(VARCHAR, JSON)',
    'JSON',
    'STRUCT("d" DECIMAL(2,1))',
  ]);
  connection.closeSync();
  database.closeSync();
});

describe('the rows of a unit', () => {
  const memory = () => ({ memoryBytes: 500_000_000, tempFolder: join(folder, 'temp') });

  async function withUnit(
    sizes: number[],
    ordinals: number[],
    work: (data: (ordinal: number) => PartitionData, session: SqlSession) => Promise<void>,
  ): Promise<void> {
    const unit = mkdtempSync(join(folder, 'unit-'));
    const maker = await DuckDBInstance.create(':memory:');
    const connection = await maker.connect();
    const from = sizes.map(
      (size, ord) =>
        `SELECT ${ord}::INTEGER AS __partwise_ord, r::INTEGER AS n, 'p${ord}' AS p FROM range(${size}) t(r)`,
    );
    await connection.run(`COPY (${from.join(' UNION ALL ')} ORDER BY 1, 2) TO '${unit}/snapshot.parquet'`);
    connection.closeSync();
    maker.closeSync();
    const database = await openDatabase(memory());
    const kept = new KeptDatabase();
    const session = new SqlSession(memory(), kept);
    const columns = [
      { name: 'n', type: 'INTEGER' },
      { name: 'p', type: 'VARCHAR' },
    ];
    const rows = new SnapshotRows(
      database,
      [`${unit}/snapshot.parquet`],
      columns,
      ordinals,
      (ordinal) => sizes[ordinal]!,
    );
    try {
      const partition = (ordinal: number) => rows.partition({ ordinal, rows: sizes[ordinal]! });
      await work((ordinal) => createPartitionData(partition(ordinal), session), session);
    } finally {
      rows.close();
      await session.close();
      kept.close();
      database.closeSync();
    }
  }

  test('are split where the partition changes, across chunks and back and forth', async () => {
    const sizes = [3, 5_000, 1, 2_048, 4_096, 2];
    await withUnit(sizes, [0, 1, 2, 3, 4, 5], async (data) => {
      for (const ordinal of [0, 1, 2, 3, 4, 5, 1, 4]) {
        const rows = await data(ordinal).rows<{ n: number; p: string }>();
        expect(rows.map(({ n }) => n)).toEqual(Array.from({ length: sizes[ordinal]! }, (_, i) => i));
        expect(new Set(rows.map(({ p }) => p))).toEqual(new Set([`p${ordinal}`]));
      }
    });
  });

  test('are those that the unit has, also if it has gaps', async () => {
    const index = join(folder, 'index.parquet');
    const database = await openDatabase(memory());
    const connection = await database.connect();
    await connection.run(
      `COPY (SELECT i::INTEGER AS ord, 'p' || i AS id, i AS rows, i AS key_0 FROM range(20) t(i)) TO '${index}'`,
    );
    const keys = [{ name: 'k', type: 'BIGINT' }];
    for (const ordinals of [[3, 4, 5], [2, 4, 7, 8], [9]]) {
      await loadKeys(connection, index, keys, ordinals);
      expect([...(await readUnitIndex(connection, keys)).keys()]).toEqual(ordinals);
    }
    connection.closeSync();
    database.closeSync();
  });

  test('have the text of their key row by row, however it repeats', async () => {
    const file = join(folder, 'repeats.parquet');
    const text =
      "[NULL, '', 'short', 'longer than twelve bytes', 'longer than twelve bytes!', 'Longer than twelve bytes']";
    const database = await openDatabase(memory());
    const connection = await database.connect();
    await connection.run('SELECT setseed(0.5)');
    await connection.run(
      `COPY (SELECT (i // 37)::INTEGER AS __partwise_ord, ${text}[1 + (random() * random() * 6)::INTEGER % 6] AS k, i::INTEGER AS n
               FROM range(10_000) t(i) ORDER BY i) TO '${file}'`,
    );
    const expected = (
      await connection.runAndReadAll(`SELECT k, n FROM '${file}' ORDER BY n`)
    ).getRowObjects();
    const ordinals = Array.from({ length: Math.ceil(10_000 / 37) }, (_, i) => i);
    const key = { name: 'k', type: 'VARCHAR' };
    const columns = [key, { name: 'n', type: 'INTEGER' }];
    const sizeOf = (ordinal: number): number => Math.min(37, 10_000 - ordinal * 37);
    const rows = new SnapshotRows(database, [file], columns, ordinals, sizeOf, undefined, [key]);
    const session = new SqlSession(memory(), new KeptDatabase());
    const found: unknown[] = [];
    for (const ordinal of ordinals) {
      const partition = rows.partition({ ordinal, rows: sizeOf(ordinal) });
      found.push(...(await createPartitionData(partition, session).rows()));
    }
    expect(found).toEqual(expected);
    rows.close();
    await session.close();
    connection.closeSync();
    database.closeSync();
  });

  test('may be read many times, and alongside SQL', async () => {
    await withUnit([10, 20, 30], [0, 2], async (data, session) => {
      for (const ordinal of [0, 2]) {
        const some = data(ordinal);
        const [rows, columns, [counted]] = await Promise.all([
          some.rows(),
          some.columns<{ n: number[] }>(),
          some.sql`SELECT count(*) AS n FROM data`,
        ]);
        expect([rows.length, columns.n.length, counted!.n]).toEqual([
          some.rowCount,
          some.rowCount,
          some.rowCount,
        ]);
        expect(await some.rows()).toEqual(rows);
        expect(Object.keys((await some.sql`SELECT * FROM data LIMIT 1`)[0]!)).toEqual(['n', 'p']);
        await session.endPartition();
      }
    });
  });

  test('of a partition too large for memory are streamed, and SQL reads them from the file', async () => {
    await withUnit([5, HELD_ROWS + 10, 5], [0, 1, 2], async (data, session) => {
      let seen = 0;
      for await (const chunk of data(1)) {
        expect(chunk.length).toBeLessThanOrEqual(2_048);
        seen += chunk.length;
        if (seen > 10_000) break;
      }
      const [counted] = await data(1).sql`SELECT count(*) AS n, max(n) AS most FROM data`;
      expect(counted).toEqual({ n: HELD_ROWS + 10, most: HELD_ROWS + 9 });
      await session.endPartition();
      expect(await data(2).rows()).toHaveLength(5);
    });
  });

  test('are refused if the snapshot does not match its index (I1)', async () => {
    const sizes = [3, 5];
    await withUnit(sizes, [0, 1], async (data) => {
      sizes[1] = 6;
      await expect(data(1).rows()).rejects.toThrow(
        'The snapshot has 5 rows for partition number 1, but its index says 6',
      );
    });
  });
});

test('a database keeps nothing of the files that it has read', async () => {
  const database = await openDatabase({ memoryBytes: 100_000_000, tempFolder: folder });
  const connection = await database.connect();
  const file = join(folder, 'read-once.parquet');
  await connection.run(`COPY (SELECT range AS i FROM range(1000)) TO '${file}'`);
  await connection.runAndReadAll(`SELECT * FROM '${file}'`);
  const kept = await connection.runAndReadAll(
    'SELECT count(*)::INTEGER AS n FROM duckdb_external_file_cache()',
  );
  expect(kept.getRowObjects()).toEqual([{ n: 0 }]);
  connection.closeSync();
  database.closeSync();
});

describe('a source file that changed after planning is refused (I1)', () => {
  const pin = (path: string) => {
    const bytes = readFileSync(path);
    return {
      path,
      bytes: bytes.length,
      modifiedMs: statSync(path).mtimeMs,
      sha256: createHash('sha256').update(bytes).digest('hex'),
    };
  };

  test('by its size, its content, or its absence (I1)', async () => {
    const path = join(folder, 'pinned.csv');
    writeFileSync(path, 'a\n1\n');
    const pinned = pin(path);
    await checkPin(pinned);
    writeFileSync(path, 'a\n2\n');
    await expect(checkPin(pinned)).rejects.toMatchObject({
      name: 'SourceChanged',
      nonRetryable: true,
      message: expect.stringContaining('its content differs'),
    });
    writeFileSync(path, 'a\n1\n2\n');
    await expect(checkPin(pinned)).rejects.toThrow('it had 4 bytes and now has 6');
    rmSync(path);
    await expect(checkPin(pinned)).rejects.toThrow('it is missing or unreadable');
  });

  test('even if it changes while the function reads it (I1)', async () => {
    const path = join(folder, 'moving.csv');
    writeFileSync(path, 'a\n1\n');
    const database = await openDatabase({ memoryBytes: 100_000_000, tempFolder: folder });
    const files = new UnitFiles(database, [{ name: 'a', type: 'BIGINT' }], [0], [pin(path)], () => 1);
    const rows = files.partition({ ordinal: 0 });
    await rows.held();
    await rows.assertUnchanged();
    writeFileSync(path, 'a\n7\n');
    await expect(rows.assertUnchanged()).rejects.toThrow('its content differs');
    database.closeSync();
  });
});

describe('bundleFunctions', () => {
  const write = (name: string, code: string): string => {
    const file = join(folder, 'project', name);
    mkdirSync(join(file, '..'), { recursive: true });
    writeFileSync(file, code);
    return file;
  };
  const out = () => join(folder, 'project/.partwise/functions');
  const define = "definePartitionFunction({ name: 'f', run: () => null })";

  test.each([
    ['f.ts', `import { definePartitionFunction } from 'partwise'; export const f: unknown = ${define};`],
    ['f.mts', `import { definePartitionFunction } from 'partwise'; export default ${define};`],
    ['f.js', `import { definePartitionFunction } from 'partwise'; export const all = [${define}];`],
    ['f.mjs', `import { definePartitionFunction } from 'partwise'; export const f = ${define};`],
    ['f.cjs', `const { definePartitionFunction } = require('partwise'); exports.f = ${define};`],
  ])('accepts %s, in a project where partwise is not installed', async (name, code) => {
    const { path } = await bundleFunctions(write(name, code), out());
    expect(await describeFunctions(path)).toMatchObject([{ name: 'f' }]);
  });

  test('gives the same digest for the same files, and another one after any edit', async () => {
    write('rate.ts', 'export const rate = 1;');
    const file = write('main.ts', `import { rate } from './rate'; export const f = rate;`);
    const first = await bundleFunctions(file, out());
    expect(await bundleFunctions(file, out())).toEqual(first);
    expect(createHash('sha256').update(readFileSync(first.path)).digest('hex')).toBe(first.digest);
    write('rate.ts', 'export const rate = 2;');
    expect((await bundleFunctions(file, out())).digest).not.toBe(first.digest);
  });

  test('resolves __dirname, import.meta.url and require as in the functions file', async () => {
    write('data.json', '{"answer": 42}');
    const file = write(
      'places.ts',
      `import { readFileSync } from 'node:fs';
       import { definePartitionFunction } from 'partwise';
       const name = JSON.parse(readFileSync(new URL('./data.json', import.meta.url), 'utf8')).answer;
       export const f = definePartitionFunction({ name: \`f\${name}.\${require('node:path').basename(__dirname)}\`, run: () => null });`,
    );
    const { path } = await bundleFunctions(file, out());
    expect(await describeFunctions(path)).toMatchObject([{ name: 'f42.project' }]);
  });

  test('lets a file declare its own __dirname and require', async () => {
    const file = write(
      'own.mjs',
      `import { createRequire } from 'node:module';
       import { dirname } from 'node:path';
       import { fileURLToPath } from 'node:url';
       import { definePartitionFunction } from 'partwise';
       const require = createRequire(import.meta.url);
       const __dirname = dirname(fileURLToPath(import.meta.url));
       export const f = definePartitionFunction({ name: require('node:path').basename(__dirname), run: () => null });`,
    );
    const { path } = await bundleFunctions(file, out());
    expect(await describeFunctions(path)).toMatchObject([{ name: 'project' }]);
  });

  test('says where a file does not build', async () => {
    const file = write('broken.ts', 'export const a = 1;\nexport const b = ;\n');
    await expect(bundleFunctions(file, out())).rejects.toMatchObject({
      name: 'FunctionsBuildError',
      nonRetryable: true,
      message: `${file}:2:18: Unexpected ";".`,
    });
    await expect(bundleFunctions(join(folder, 'nope.ts'), out())).rejects.toThrow(
      'There is no functions file',
    );
    await expect(bundleFunctions(write('f.rb', ''), out())).rejects.toThrow('unsupported extension');
  });
});

describe('the code around a place of a stack', () => {
  const write = (name: string, code: string): string => {
    const file = join(folder, 'edited', name);
    mkdirSync(join(file, '..'), { recursive: true });
    writeFileSync(file, code);
    return file;
  };
  const bundles = () => join(folder, 'edited/.partwise/functions');
  const open = () => Project.open({ projectDir: join(folder, 'edited') });

  test('is that of the run, whatever the file contains now, also of what the functions file imports', async () => {
    const rates = write('lib/ra tes#é.ts', '\uFEFF// rates\r\nexport const rate = 1;\r\n\r\n');
    const main = write('main.ts', `import { rate } from './lib/ra tes#é';\nexport const f = rate;\n`);
    const { digest } = await bundleFunctions(main, bundles());
    const project = await open();
    expect(await project.source(digest, { file: rates, line: 2 }, { lines: 1 })).toEqual({
      file: rates,
      from: 1,
      lines: ['// rates', 'export const rate = 1;', ''],
      line: 2,
      isCurrent: true,
    });
    expect(await project.source(digest, { file: 'main.ts', line: 2 })).toMatchObject({
      from: 1,
      lines: [expect.stringMatching(/^import/), 'export const f = rate;'],
      isCurrent: true,
    });
    write('lib/ra tes#é.ts', '// rates\n// of today\nexport const rate = 1;\n');
    const after = await project.source(digest, { file: rates, line: 2 }, { lines: 0 });
    expect(after).toMatchObject({ from: 2, lines: ['export const rate = 1;'], isCurrent: false });
    rmSync(rates);
    expect(await project.source(digest, { file: rates, line: 2 })).toMatchObject({ isCurrent: false });
    await expect(project.source(digest, { file: rates, line: 2 }, { lines: -1 })).rejects.toThrow(
      '"lines" is -1; it takes a whole number from 0 to 1000.',
    );
  });

  test('is read from nothing but bundles with their digest, whatever a history names', async () => {
    const long = `export const long = '${'x'.repeat(400)}';`;
    const outside = join(folder, 'outside.ts');
    writeFileSync(outside, 'export const secret = 1;\n');
    const file = write('names.ts', `${long}\nexport { secret } from '../outside';\n`);
    const { digest, path } = await bundleFunctions(file, bundles());
    const project = await open();
    const found = await project.source(digest, { file, line: 1 }, { lines: 0 });
    expect(found!.lines).toEqual([`${long.slice(0, 299)}…`]);
    expect(await project.source(digest, { file: outside, line: 1 })).toMatchObject({ isCurrent: null });
    const nowhere = [
      [digest, '/etc/passwd', 1],
      [digest, write('other.ts', 'export const a = 1;\n'), 1],
      [digest, file, 0],
      [digest, file, 3],
      [digest, '', 1],
      ['0'.repeat(64), file, 1],
      [`../functions/${digest}`, file, 1],
      [path, file, 1],
    ] as const;
    for (const [named, place, line] of nowhere)
      expect(await project.source(named, { file: place, line })).toBeNull();
    writeFileSync(path, readFileSync(path, 'utf8').replace('secret', 'public'));
    expect(await (await open()).source(digest, { file, line: 1 })).toBeNull();
  });

  (hasPython ? test : test.skip)('in Python is decoded as Python does', async () => {
    const helper = write('tools/helper.py', '# -*- coding: latin-1 -*-\nname = ""\n');
    writeFileSync(helper, Buffer.from('# -*- coding: latin-1 -*-\nname = "Köln"\n', 'latin1'));
    const entry = write(
      'functions.py',
      '\uFEFFfrom tools import helper\n\ndef f(data, context):\n    1 / 0\n',
    );
    const { digest } = await bundleFunctions(entry, bundles(), { python: PYTHON });
    const project = await open();
    expect(await project.source(digest, { file: entry, line: 4 }, { lines: 3 })).toEqual({
      file: entry,
      from: 1,
      lines: ['from tools import helper', '', 'def f(data, context):', '    1 / 0'],
      line: 4,
      isCurrent: true,
    });
    const named = await project.source(digest, { file: helper, line: 2 }, { lines: 0 });
    expect(named).toMatchObject({ lines: ['name = "Köln"'], isCurrent: true });
    for (const file of ['partwise.json', '/etc/passwd', join(folder, 'edited')])
      expect(await project.source(digest, { file, line: 1 })).toBeNull();
  });
});

describe('the sql function', () => {
  const query = async (sql: string) => {
    const pool = new RunnerPool({ size: 1 });
    const place = mkdtempSync(join(folder, 'sql-'));
    await makeSnapshot(place, 3, 10);
    try {
      return await run({
        pool,
        folder: place,
        bundle: null,
        name: 'sql',
        ordinals: [0, 1, 2],
        unit: { function: { name: 'sql', digest: 'sql', bundle: null, sql } },
      });
    } finally {
      await pool.close();
    }
  };

  test('keeps the types of its columns, the order of its rows and the key', async () => {
    const { ended, files } = await query(
      'SELECT region, day, sum(amount)::DECIMAL(12,2) AS total, sum(amount::INTEGER) AS whole, [amount] AS list FROM data WHERE amount > 8 GROUP BY ALL ORDER BY day DESC;',
    );
    expect(ended.map(({ outcome }) => [outcome.id, outcome.status, outcome.outputRows])).toEqual([
      ['k0', 'DONE', 2],
      ['k1', 'DONE', 2],
      ['k2', 'DONE', 2],
    ]);
    expect(ended[0]!.outcome.preview).toBe(
      '{"region":"k0","day":"2024-01-10T00:00:00.000Z","total":10,"whole":10,"list":[10]}',
    );
    const rows = await readRows(
      files,
      'region, day, total, whole, list, typeof(total) AS t, typeof(whole) AS w',
    );
    expect(rows.slice(2, 4)).toEqual([
      {
        region: 'k1',
        day: '2024-01-10',
        total: '10.00',
        whole: '10',
        list: [10],
        t: 'DECIMAL(12,2)',
        w: 'VARCHAR',
      },
      {
        region: 'k1',
        day: '2024-01-09',
        total: '9.00',
        whole: '9',
        list: [9],
        t: 'DECIMAL(12,2)',
        w: 'VARCHAR',
      },
    ]);
  });

  test.each([
    ['SELECT nope FROM data', 'BinderError', 'nope'],
    ['SELECT count(*) FORM data', 'ParserError', 'syntax error at or near "data"'],
    ['SELECT * FROM elsewhere', 'CatalogError', 'elsewhere'],
    ['SELECT * FROM data WHERE amount > $1', 'SyntaxError', 'has parameters'],
    ['DROP VIEW data', 'SyntaxError', 'takes one SELECT'],
    ['SELECT 1; SELECT 2', 'SyntaxError', 'takes one SELECT'],
    [
      "SELECT 'elsewhere' AS region",
      'InvalidResult',
      'region = elsewhere in the partition where region is k0',
    ],
  ])('fails without a retry on %s', async (sql, type, message) => {
    const { ended } = await query(sql);
    expect(ended[0]).toMatchObject({
      retryable: false,
      outcome: { status: 'FAILED', error: { type, stack: null } },
    });
    expect(ended[0]!.outcome.error!.message).toContain(message);
  });
});
