/** Values keep their digits, types and order on their way out of DuckDB, of JSON and of functions. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { toRunInput } from '../src/cli/run-input';
import { csvOf, renderRows } from '../src/cli/render/rows';
import { cellText } from '../src/cli/render/value';
import { definePartitionFunction } from '../src';
import { toBind } from '../src/functions/bind';
import { createPartitionData } from '../src/functions/data';
import { SnapshotRows } from '../src/functions/snapshot-rows';
import { runPartitionFunction } from '../src/testing';
import { parseExactJson } from '../src/core/exact-json';
import { readLocalRows } from '../src/reader/partitions/results';
import { takeCell } from '../src/rows/cells';
import { allRows } from '../src/rows/slices';

let folder: string;
let database: DuckDBInstance;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'partwise-exact-'));
  database = await DuckDBInstance.create(':memory:');
});
afterAll(() => {
  database.closeSync();
  rmSync(folder, { recursive: true, force: true });
});

const paint = new Proxy({}, { get: () => (text: string) => text }) as never;

describe('numbers in JSON', () => {
  test.each<[string, unknown]>([
    ['9007199254740991', 9007199254740991],
    ['9007199254740993', 9007199254740993n],
    ['-12345678901234567890', -12345678901234567890n],
    ['{"id":9007199254740993,"n":[1,1.5,1e3,-0]}', { id: 9007199254740993n, n: [1, 1.5, 1000, -0] }],
    ['0.10000000000000001', 0.1],
    ['[1e400,-1e400]', ['1e400', '-1e400']],
    [
      '["n:9007199254740993","\\u006e:9007199254740993",9007199254740993]',
      ['n:9007199254740993', 'n:9007199254740993', 9007199254740993n],
    ],
    ['{"9007199254740993":"12345678901234567890"}', { '9007199254740993': '12345678901234567890' }],
    ['"\\"9007199254740993"', '"9007199254740993'],
  ])('keep their digits: %s', (text, value) => {
    expect(parseExactJson(text)).toEqual(value);
  });

  test('are refused where the text is not JSON', () => {
    expect(() => parseExactJson('9007199254740993x')).toThrow(/JSON/);
    expect(() => parseExactJson('09007199254740993')).toThrow(/JSON/);
  });

  test('are written as they were read', () => {
    const text = '{"id":9007199254740993,"list":[-12345678901234567890,1.5,"9007199254740993"]}';
    expect(takeCell(parseExactJson(text), 'c', 0)).toEqual({ type: 'JSON', cell: text });
  });

  test('are text in parameters of the command line if a number cannot hold them', () => {
    const { params } = toRunInput(
      'f',
      { param: ['id=12345678901234567890', 'n=42', 'o={"ids":[9007199254740993]}'] },
      { projectDir: '/p', cwd: '/p' },
    );
    expect(params).toEqual({ id: '12345678901234567890', n: 42, o: { ids: ['9007199254740993'] } });
  });
});

test('values that JSON lacks are refused or shown by name, never as null', () => {
  const where = 'Value 1 of query';
  expect(toBind({ id: 9007199254740993n, at: new Date(0) }, where)).toBe(
    '{"id":9007199254740993,"at":"1970-01-01T00:00:00.000Z"}',
  );
  expect(() => toBind({ a: [NaN] }, where)).toThrow('Value 1 of query contains NaN at "a[0]"');
  expect(() => toBind({ a: new Map() }, where)).toThrow('Value 1 of query contains a Map at "a"');
  expect(csvOf([{ list: [NaN, 1n, -Infinity] }])).toBe('list\n"[""NaN"",1,""-Infinity""]"\n');
});

describe('results', () => {
  const read = async (select: string) => {
    const file = join(folder, 'rows.parquet');
    const connection = await database.connect();
    await connection.run(
      `COPY (SELECT 0::INTEGER AS __partwise_ord, 0::BIGINT AS __partwise_row, ${select}) TO '${file}' (FORMAT parquet)`,
    );
    connection.closeSync();
    return readLocalRows([{ file, except: [] }], []);
  };

  test.each<[string, unknown]>([
    ['12345678901234567890.12::DECIMAL(38,2)', '12345678901234567890.12'],
    ['-0.12345678901234567890::DECIMAL(38,20)', '-0.12345678901234567890'],
    ['12.50::DECIMAL(10,2)', 12.5],
    ['0.00::DECIMAL(10,2)', 0],
    ['0.00001::DECIMAL(10,5)', 0.00001],
    ['12345678901234567890::DECIMAL(38,0)', 12345678901234567890n],
    ['[12345678901234567890.12::DECIMAL(38,2), 1]', ['12345678901234567890.12', 1]],
    [`'{"id":9007199254740993}'::JSON`, { id: 9007199254740993n }],
    ["TIMESTAMP '2024-01-01 10:20:30.5'", new Date('2024-01-01T10:20:30.500Z')],
    ["TIMESTAMP '2024-01-01 10:20:30.123456'", '2024-01-01T10:20:30.123456Z'],
    ["TIMESTAMP '1969-12-31 23:59:59.999999'", '1969-12-31T23:59:59.999999Z'],
    ["TIMESTAMPTZ '2024-01-01 10:20:30.0001+00'", '2024-01-01T10:20:30.0001Z'],
    ["TIMESTAMP_NS '2024-01-01 10:20:30.123456789'", '2024-01-01T10:20:30.123456789Z'],
    ["['[9007199254740993]'::JSON, NULL]", [[9007199254740993n], null]],
    [`{'j': '"x"'::JSON, 'd': DATE '2024-01-02'}`, { j: 'x', d: new Date('2024-01-02') }],
    [`MAP {'m': '{"n":1}'::JSON}`, { m: { n: 1 } }],
    ["{'d': DATE '2024-01-02'}", { d: new Date('2024-01-02') }],
  ])('keep all digits of %s', async (sql, value) => {
    expect((await read(`${sql} AS v`))[0]).toEqual({ v: value });
  });

  test('of functions are rounded to numbers and milliseconds, to calculate with', async () => {
    const connection = await database.connect();
    const sql = "SELECT 12345678901234567890.12 AS d, TIMESTAMP '2024-01-01 10:20:30.123456' AS t";
    expect(await allRows(await connection.run(sql))).toEqual([
      { d: Number('12345678901234567890.12'), t: new Date('2024-01-01T10:20:30.123Z') },
    ]);
  });

  test("have the query's columns in its order, which objects do not keep", async () => {
    const rows = await read(`'N' AS region, 1 AS "10", 2 AS "2"`);
    expect(rows.columns!.map(({ name, type }) => [name, type])).toEqual([
      ['region', 'VARCHAR'],
      ['10', 'INTEGER'],
      ['2', 'INTEGER'],
    ]);
    expect(csvOf(rows)).toBe('region,10,2\nN,1,2\n');
    expect(renderRows(rows, 1, 80, paint).split('\n')[0]).toMatch(/^region +10 +2$/);
  });

  test('have days without a time in CSV, and times at midnight with one', async () => {
    const rows = await read(`DATE '2024-01-02' AS day, TIMESTAMP '2024-01-02' AS time`);
    expect(csvOf(rows)).toBe('day,time\n2024-01-02,2024-01-02T00:00:00.000Z\n');
  });

  test('show years before 0 and after 9999 in full', () => {
    expect(cellText(new Date('-000043-03-15'))).toBe('-000043-03-15');
    expect(cellText(new Date('+012345-01-01'))).toBe('+012345-01-01');
  });
});

describe('rows of one partition', () => {
  test('keep their own text where keys are equal in other spellings', async () => {
    const file = join(folder, 'snapshot.parquet');
    const connection = await database.connect();
    await connection.run(
      `COPY (SELECT 0::INTEGER AS __partwise_ord, * FROM (VALUES ('North', '1 month'), ('NORTH', '30 days')) t(region, term))
       TO '${file}' (FORMAT parquet)`,
    );
    const columns = [
      { name: 'region', type: 'VARCHAR' },
      { name: 'term', type: 'INTERVAL' },
    ];
    const rows = new SnapshotRows(database, [file], columns, [0], () => 2);
    const key = { region: 'North', term: '1 month' };
    const data = createPartitionData(rows.partition({ ordinal: 0, rows: 2 }), {} as never);
    expect(await data.rows()).toEqual([key, { region: 'NORTH', term: '30 days' }]);
    expect(await data.columns()).toEqual({ region: ['North', 'NORTH'], term: ['1 month', '30 days'] });
    rows.close();
  });

  test('are all that a test of a function gets of a file', async () => {
    const file = join(folder, 'sales.csv');
    writeFileSync(file, 'region,zip,v\nNorth,1,1\nSouth,2,2\nNorth,1,3\n');
    const sums = definePartitionFunction({
      name: 'sums',
      run: async (data) => [
        ...(await data.sql`SELECT sum(v)::INTEGER AS total, count(*) AS n FROM data`),
        { total: data.rowCount, n: (await data.rows()).length },
      ],
    });
    const both = (rows: object[]) => rows.map((row) => ({ ...row, region: undefined, zip: undefined }));
    const ran = (key: object) => runPartitionFunction(sums, { file, key: key as never });
    const north = [
      { total: 4, n: 2 },
      { total: 2, n: 2 },
    ];
    expect(both((await ran({ region: 'North' })).rows)).toEqual(north);
    expect(both((await ran({ region: 'North', zip: '1' })).rows)).toEqual(north);
    expect((await ran({ zip: 2 })).rows).toEqual([
      { zip: 2, total: 2, n: 1 },
      { zip: 2, total: 1, n: 1 },
    ]);
    expect((await ran({ file: 'sales.csv' })).rows[0]).toMatchObject({ total: 6, n: 3 });
    await expect(ran({ regionn: 'North' })).rejects.toThrow(
      'has no column "regionn" of the key. Did you mean "region"?',
    );
    await expect(ran({ region: 'Nort' })).rejects.toThrow('has no rows with the key {"region":"Nort"}');
  });
});
