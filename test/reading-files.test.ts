/** How files become rows: their columns, the types of what is only text, and which files are read at all. */
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { queryRows, withDatabase } from '../src/duckdb/database-file';
import { KeptDatabase, openDatabase } from '../src/duckdb/database';
import { fileTable } from '../src/functions/file-rows';
import { sqlProblem } from '../src/functions/sql-check';
import { refuseWideDecimals } from '../src/duckdb/wide-decimals';
import { SqlSession } from '../src/functions/sql-session';
import { withWarehouse } from '../src/functions/warehouse-connection';
import { memoryRows } from '../src/rows/memory-rows';
import { openStage } from '../src/stage';
import { openWarehouse } from '../src/warehouse';
import type { Source } from '../src/core/input';
import type { PartitionsRequest } from '../src/warehouse/warehouse';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'partwise-files-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function write(files: Record<string, string | Uint8Array>): Promise<void> {
  for (const [name, content] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), content);
  }
}

/** Writes Parquet files, each from a SELECT. */
async function writeParquet(files: Record<string, string>): Promise<void> {
  await withDatabase(':memory:', 'read', async (connection) => {
    for (const [name, select] of Object.entries(files))
      await connection.run(`COPY (${select}) TO '${join(folder, name)}' (FORMAT parquet)`);
  });
}

const warehouse = () => openWarehouse(`duckdb:${join(folder, 'w.duckdb')}`, folder);
const request = (source: Source, by: string[]): PartitionsRequest => ({
  source,
  partitionBy: by,
  where: null,
  scheduled: null,
  only: null,
  maxPartitions: 100_000,
  signal: new AbortController().signal,
});

/** What a run gets from the files: the columns as `name TYPE`, and the rows as text. */
async function readAs(
  source: Source,
  by: string[],
): Promise<{ columns: string[]; rows: Record<string, string | null>[] }> {
  const scratch = await mkdtemp(join(folder, 'scratch-'));
  return warehouse().snapshot({ ...request(source, by), scratch }, async (pinned) => {
    const stage = openStage(pathToFileURL(await mkdtemp(join(folder, 'stage-'))).href);
    const { files } = await pinned.put({
      stage,
      folder: '',
      ranges: [{ from: 0, to: pinned.rows.length - 1 }],
    });
    const names = pinned.columns.map(({ name }) => `"${name}"::VARCHAR AS "${name}"`).join(', ');
    const file = await stage.localFile(files[0]!);
    const rows = await withDatabase(':memory:', 'read', (connection) =>
      queryRows<Record<string, string | null>>(connection, `SELECT ${names} FROM '${file}'`),
    );
    return { columns: pinned.columns.map(({ name, type }) => `${name} ${type}`), rows };
  });
}

const problemsOf = async (work: Promise<unknown>): Promise<string[]> => {
  const error = await work.then(
    () => null,
    (reason: unknown) => reason as { problems: string[] },
  );
  if (error === null) throw new Error('It was not refused.');
  return error.problems;
};

describe('files that differ', () => {
  it('have the columns of all of them, with a type that holds the values of all', async () => {
    await writeParquet({
      'a.parquet': "SELECT 'N' AS region, 1::INTEGER AS v",
      'b.parquet': "SELECT 'S' AS region, 1.5::DOUBLE AS v, 'late' AS extra",
    });
    expect(await readAs({ files: '*.parquet' }, ['region'])).toEqual({
      columns: ['region VARCHAR', 'v DOUBLE', 'extra VARCHAR'],
      rows: [
        { region: 'N', v: '1.0', extra: null },
        { region: 'S', v: '1.5', extra: 'late' },
      ],
    });
    await write({
      'a.csv': 'region,v\nN,1\n',
      'b.csv': 'v,region,extra\n1.5,S,late\n',
      'c.csv': 'region,v\nW,x\n',
    });
    expect(await readAs({ files: '[ab].csv' }, ['region'])).toEqual({
      columns: ['region VARCHAR', 'v DOUBLE', 'extra VARCHAR'],
      rows: [
        { region: 'N', v: '1.0', extra: null },
        { region: 'S', v: '1.5', extra: 'late' },
      ],
    });
    expect((await readAs({ files: '[ac].csv' }, ['region'])).rows).toEqual([
      { region: 'N', v: '1' },
      { region: 'W', v: 'x' },
    ]);
  });

  it('keep text as it is in one file if another makes the column text', async () => {
    await write({ 'a.csv': 'k,d\nT,01/02/2024\n', 'b.csv': 'k,d\nx,never\n' });
    expect(await readAs({ files: '*.csv' }, ['k'])).toEqual({
      columns: ['k VARCHAR', 'd VARCHAR'],
      rows: [
        { k: 'T', d: '01/02/2024' },
        { k: 'x', d: 'never' },
      ],
    });
  });

  it.each([
    ['true', '1'],
    ['true', '1.5'],
    ['1', '2024-01-02'],
    ['12345678901234567890', '2024-01-02 10:00:00'],
    ['1.5', '10:00:00'],
    ['10:00:00', '13/02/2024'],
    ['13/02/2024', '2024-01-02 10:00:00'],
    ['13/02/2024', '2024-01-02 10:00:00+02'],
    ['true', '2024-01-02 10:00:00+02'],
  ])('are text if no guessed type holds the values of all: %s and %s', async (one, other) => {
    for (const [first, second] of [
      [one, other],
      [other, one],
    ]) {
      await write({ 'a.csv': `k,v,n\nA,${first},1\n`, 'b.csv': `k,v,n\nB,${second},2\n` });
      expect(await readAs({ files: '?.csv' }, ['k'])).toEqual({
        columns: ['k VARCHAR', 'v VARCHAR', 'n BIGINT'],
        rows: [
          { k: 'A', v: first, n: '1' },
          { k: 'B', v: second, n: '2' },
        ],
      });
    }
  });

  it('are refused if one type cannot hold the values of all', async () => {
    await writeParquet({
      'a.parquet': "SELECT 'a' AS k, 9007199254740993::BIGINT AS n",
      'b.parquet': "SELECT 'b' AS k, 0.5::DOUBLE AS n",
    });
    expect(await problemsOf(readAs({ files: '*.parquet' }, ['k']))).toEqual([
      `The column "n" is DOUBLE in some files and BIGINT in others, such as "${join(folder, 'a.parquet')}", and DOUBLE does not hold 9007199254740993. ` +
        'Write the files with one type, or cast the column in a query.',
    ]);
    await writeParquet({
      'case-a.parquet': "SELECT 'a' AS k, 9007199254740993::BIGINT AS N",
      'case-b.parquet': "SELECT 'b' AS k, 0.5::DOUBLE AS n",
      'list-a.parquet': "SELECT 'a' AS k, {'n': [9007199254740993::BIGINT]} AS s",
      'list-b.parquet': "SELECT 'b' AS k, {'n': [0.5::DOUBLE]} AS s",
    });
    expect((await problemsOf(readAs({ files: 'case-*.parquet' }, ['k'])))[0]).toMatch(
      /^The column "N" is DOUBLE in some files and BIGINT in others, .* DOUBLE does not hold 9007199254740993\. /,
    );
    expect((await problemsOf(readAs({ files: 'list-*.parquet' }, ['k'])))[0]).toMatch(
      "does not hold {'n': [9007199254740993]}",
    );
    await write({ 'a.csv': 'k\n1\n', 'c.json': '{"k":1}' });
    expect((await problemsOf(readAs({ files: '[ac].[cj]s*' }, ['k'])))[0]).toMatch('have different formats');
  });

  it('are refused if Parquet types cannot be converted, or would change values', async () => {
    await writeParquet({
      'a.parquet': "SELECT 'a' AS k, true AS v, [true] AS l, 1 AS ok, NULL::INTEGER AS none, {'a': 1} AS s",
      'b.parquet': "SELECT 'b' AS k, 5 AS v, [1] AS l, 2.5 AS ok, DATE '2024-01-01' AS none, {'b': 1} AS s",
      'c.parquet': "SELECT 'c' AS k, 'x'::BLOB AS v",
    });
    const at = (name: string): string => `"${join(folder, name)}"`;
    const advice = 'Write the files with one type, or cast the column in a query.';
    expect(await problemsOf(warehouse().inspect(request({ files: '*.parquet' }, ['k'])))).toEqual([
      `The column "v" has types that no type holds: BOOLEAN in ${at('a.parquet')}, INTEGER in ${at('b.parquet')}, BLOB in ${at('c.parquet')}. ${advice}`,
      `The column "l" has types that no type holds: BOOLEAN[] in ${at('a.parquet')}, INTEGER[] in ${at('b.parquet')}. ${advice}`,
    ]);
    await writeParquet({
      'd.parquet': "SELECT 'd' AS k, 'yes' AS v, ['x'] AS l",
    });
    const columns = ['k VARCHAR', 'v VARCHAR', 'l VARCHAR[]', 'ok DECIMAL(11,1)', 'none DATE'];
    expect((await readAs({ files: '[abd].parquet' }, ['k'])).columns.slice(0, 5)).toEqual(columns);
  });

  it('without rows or without anything add nothing', async () => {
    await write({
      'a.csv': 'k,v\n1,2\n',
      'b.csv': 'k,v\n',
      'c.csv': '',
      'd.csv': '\uFEFF \n',
      'e.csv': 'k',
    });
    expect(await readAs({ files: '*.csv' }, ['k'])).toEqual({
      columns: ['k BIGINT', 'v BIGINT'],
      rows: [{ k: '1', v: '2' }],
    });
    expect((await problemsOf(readAs({ files: '[cd].csv' }, ['k'])))[0]).toMatch(
      'is empty: it has neither columns nor rows',
    );
  });
});

describe('a type that is guessed from text', () => {
  it.each([
    [
      'numbers with more digits than they keep',
      ['9007199254740993', '9007199254740992', '12345678901234567890'],
    ],
    ['another way to write a number', ['1e5', '100000']],
    ['leading zeros', ['007', '7']],
    ['a plus', ['+7', '7']],
    ['a letter for a truth', ['F', 'T']],
    ['trailing zeros', ['1.50', '1.5']],
    ['words for numbers', ['Nan', 'Inf']],
    ['a date in another order', ['01/02/2024', '13/02/2024']],
    ['a time with a zone', ['2024-01-01T00:00:00Z', '2024-01-01 00:00:00']],
    ['nanoseconds', ['10:00:00.123456789', '10:00:00.123456788']],
  ])('never joins or renames keys: %s', async (_, keys) => {
    await write({
      'k.csv': `k,v\n${keys.map((key, i) => `${key},${i}\n`).join('')}`,
      'k.json': keys.map((key, i) => `${JSON.stringify({ k: key, v: i })}\n`).join(''),
    });
    for (const files of ['k.csv', 'k.json']) {
      const { rows } = await readAs({ files }, ['K']);
      expect(rows.map(({ k }) => k).sort()).toEqual([...keys].sort());
    }
  });

  it('is kept for keys that read as in the file', async () => {
    await write({ 'k.csv': 'a,b,c\n1,2024-01-31,true\n-7,,false\n' });
    expect((await readAs({ files: 'k.csv' }, ['a', 'b', 'c'])).columns).toEqual([
      'a BIGINT',
      'b DATE',
      'c BOOLEAN',
    ]);
  });

  it.each([
    ['whole numbers', ['12345678901234567890', '9007199254740993'], 'DECIMAL(38,0)'],
    ['a whole number among fractions', ['9007199254740993', '1.5'], 'DECIMAL(38,1)'],
    ['fractions', ['0.1234567890123456789', '12.5'], 'DECIMAL(38,19)'],
    ['more than 38 digits', ['1234567890123456789012345678901234567890.5'], 'VARCHAR'],
    ['answers', ['F', 'T'], 'VARCHAR'],
    ['names', ['Nan', 'Inf'], 'VARCHAR'],
    ['nanoseconds', ['2024-01-01 00:00:00.123456789'], 'VARCHAR'],
    ['what a DOUBLE is too small for', ['1e400', '1'], 'VARCHAR'],
    ['days or months that come first', ['01/02/2024', '03/02/2024'], 'VARCHAR'],
    ['days that come first', ['01/02/2024', '13/02/2024'], 'DATE'],
    ['what a DOUBLE prints', ['0.30000000000000004', '1e-7', '-1.5E+300', 'nan'], 'DOUBLE'],
    ['fractions with zeros at the end', ['1.5000000000000000000'], 'DOUBLE'],
    ['microseconds', ['2024-01-01 00:00:00.123456000'], 'TIMESTAMP'],
    ['times of day', ['10:00:00', '11:00:01'], 'TIME'],
    ['truths', ['true', 'FALSE'], 'BOOLEAN'],
  ])('loses no digit or letter of a value: %s', async (_, values, type) => {
    await write({ 'v.csv': `k,v\n${values.map((value, i) => `${i},${value}\n`).join('')}` });
    const { columns, rows } = await readAs({ files: 'v.csv' }, ['k']);
    expect(columns[1]).toBe(`v ${type}`);
    if (type === 'VARCHAR') expect(rows.map(({ v }) => v)).toEqual(values);
    if (type.startsWith('DECIMAL'))
      expect(rows.map(({ v }) => v!.replace(/\.?0+$/, ''))).toEqual(
        values.map((text) => text.replace(/0+$/, '')),
      );
  });

  it('loses no digit of whole numbers in JSON, however deep', async () => {
    await write({
      'v.json':
        '{"k":1,"n":18446744073709551616,"mixed":9007199254740993,"deep":{"list":[9007199254740993,1.5]},"fine":[1.5,2]}\n' +
        '{"k":2,"n":1,"mixed":0.5,"deep":{"list":[]},"fine":[3]}\n',
    });
    expect(await readAs({ files: 'v.json' }, ['k'])).toEqual({
      columns: ['k BIGINT', 'n DECIMAL(38,0)', 'mixed JSON', 'deep JSON', 'fine DOUBLE[]'],
      rows: [
        {
          k: '1',
          n: '18446744073709551616',
          mixed: '9007199254740993',
          deep: '{"list":[9007199254740993,1.5]}',
          fine: '[1.5, 2.0]',
        },
        { k: '2', n: '1', mixed: '0.5', deep: '{"list":[]}', fine: '[3.0]' },
      ],
    });
  });

  it('is kept where files put the day and the month in a different order', async () => {
    await write({ 'days/a.csv': 'k,d\n1,02/13/2024\n', 'days/b.csv': 'k,d\n2,01/02/2024\n' });
    const { rows } = await readAs({ files: 'days/*.csv' }, ['k']);
    expect(rows.map(({ d }) => d)).toEqual(['02/13/2024', '01/02/2024']);
  });

  it('refuses fields of JSON that cannot be columns, which DuckDB would read as NULL', async () => {
    await write({
      'case.json': '[{"k":1,"V":1},{"k":2,"v":2}]',
      'empty.json': '[{"k":1,"":2}]',
      'fine.json': '[{"k":1,"v":1,"v_1":2,"C1":3}]',
    });
    await expect(readAs({ files: 'case.json' }, ['k'])).rejects.toThrow('The field "v" in "');
    await expect(readAs({ files: 'empty.json' }, ['k'])).rejects.toThrow('The field "" in "');
    expect((await readAs({ files: 'fine.json' }, ['k'])).rows).toEqual([
      { k: '1', v: '1', v_1: '2', C1: '3' },
    ]);
  });

  it('refuses fields within objects that differ only in case, with a query that reads them', async () => {
    await write({
      'in.json': '{"k":1,"s":{"a":1,"A":2}}\n',
      'two.json': '{"k":1,"s":{"a":1}}\n{"k":2,"s":{"A":1}}',
    });
    for (const files of ['in.json', 'two.json']) {
      const [problem] = await problemsOf(readAs({ files }, ['k']));
      expect(problem).toMatch(
        `The field "A" of an object in "${join(folder, files)}" differs from another only in`,
      );
      const query = /query:(.*)\.$/.exec(problem!)![1]!;
      expect((await readAs({ query }, ['k'])).columns).toEqual(['k JSON', 's JSON']);
    }
  });

  it('does not give up on JSON records with many or rare fields', async () => {
    const wide = Object.fromEntries(Array.from({ length: 250 }, (_, i) => [`t${i}`, 'x']));
    const keyed = Object.fromEntries(
      Array.from({ length: 300 }, (_, i) => [`id${i}`, i === 7 ? 9007199254740993n : BigInt(i)]),
    );
    const text = (value: object): string =>
      JSON.stringify(value, (_, part: unknown) => (typeof part === 'bigint' ? `#${part}#` : part)).replace(
        /"#(\d+)#"/g,
        '$1',
      );
    await write({
      'wide.json': Array.from({ length: 50 }, (_, i) => text({ k: i % 2, ...wide })).join('\n'),
      'keyed.json': text({ k: 1, counts: keyed }),
    });
    const { columns } = await readAs({ files: 'wide.json' }, ['k']);
    expect(columns).toHaveLength(251);
    expect((await readAs({ files: 'keyed.json' }, ['k'])).rows[0]!.counts).toContain('9007199254740993');
  });

  it('can be given, and is shown by a plan', async () => {
    await write({ 'k.csv': 'sku,v,w\n1e5,1,00501\n100000,2,90210\n' });
    const source = { files: 'k.csv', types: { SKU: 'double', v: 'decimal(9,2)' } };
    const shape = await warehouse().inspect(request(source, ['sku']));
    expect(shape.columns).toEqual([
      { name: 'sku', type: 'DOUBLE' },
      { name: 'v', type: 'DECIMAL(9,2)' },
      { name: 'w', type: 'VARCHAR' },
    ]);
    expect(shape.guesses).toEqual({ given: ['sku', 'v'], changed: [] });
    expect((await readAs(source, ['sku'])).rows.map(({ sku, v }) => [sku, v])).toEqual([
      ['100000.0', '1.00'],
      ['100000.0', '2.00'],
    ]);
    const guessed = await warehouse().inspect(request({ files: 'k.csv' }, ['sku']));
    expect(guessed.guesses).toEqual({
      given: [],
      changed: [{ name: 'sku', detected: 'DOUBLE', reason: 'keys would not read as in the file' }],
    });
    const wrong = { files: 'k.csv', types: { skv: 'BIGINT', v: 'INT), (SELECT 1', w: 'NUMBR' } };
    expect(await problemsOf(warehouse().inspect(request(wrong, ['sku'])))).toEqual([
      '"source.types" names the column "skv", which the files do not have. Did you mean "sku"?',
      expect.stringContaining('the type "INT), (SELECT 1", which is not a type of DuckDB'),
      expect.stringContaining('the type "NUMBR", which is not a type of DuckDB'),
    ]);
  });
});

it('a type that is given is refused if it does not hold every value', async () => {
  await write({ 'a.csv': 'k,v,w\n1,2024-01-02 10:00:00+02,2\n', 'b.csv': 'k,v,w\n1,never,x\n' });
  const types = { v: 'TIMESTAMPTZ', w: 'INTEGER' };
  expect((await readAs({ files: 'a.csv', types }, ['k'])).rows).toEqual([
    { k: '1', v: '2024-01-02 08:00:00+00', w: '2' },
  ]);
  for (const [files, others] of [
    ['b.csv', ''],
    ['[ab].csv', ' and the other files'],
  ] as const) {
    const first = join(folder, files === 'b.csv' ? files : 'a.csv');
    expect(await problemsOf(warehouse().inspect(request({ files, types }, ['k'])))).toEqual([
      `"source.types" gives "v" the type TIMESTAMP WITH TIME ZONE, which does not hold every value of "${first}"${others}: give it another, such as VARCHAR.`,
      `"source.types" gives "w" the type INTEGER, which does not hold every value of "${first}"${others}: give it another, such as VARCHAR.`,
    ]);
  }
});

describe('files that cannot be read as they are', () => {
  it('are refused if a DECIMAL has more digits than DuckDB reads', async () => {
    await write({ 'wide.parquet': Buffer.from(WIDE_DECIMAL, 'base64') });
    expect(await problemsOf(readAs({ files: 'wide.parquet' }, ['k']))).toEqual([
      `The column "amount" of "${join(folder, 'wide.parquet')}" is a DECIMAL with 50 digits, which DuckDB reads wrong: it has up to 38. ` +
        'Write the file with fewer digits, or with the column as text.',
    ]);
  });

  it('are refused in queries, views and conditions that use such a DECIMAL, and in no others', async () => {
    await write({ 'wide.parquet': Buffer.from(WIDE_DECIMAL, 'base64'), 'v.csv': 'v\n1\n' });
    await writeParquet({
      'a.parquet': "SELECT 'x' AS k, 1.5::DOUBLE AS amount",
      'in.parquet': "SELECT 'x' AS k, {'amount': 1} AS s",
    });
    const wide = `'${join(folder, 'wide.parquet')}'`;
    await withDatabase(join(folder, 'w.duckdb'), 'write', async (connection) => {
      await connection.run(`CREATE VIEW all_columns AS SELECT * FROM ${wide}`);
      await connection.run(`CREATE VIEW others AS SELECT k FROM ${wide}`);
      await connection.run(`CREATE MACRO ten() AS 10`);
      await connection.run(`CREATE MACRO wide() AS TABLE SELECT * FROM ${wide}`);
    });
    const refused: PartitionsRequest[] = [
      ...[
        `SELECT * FROM ${wide}`,
        `SELECT k FROM ${wide} WHERE "AMOUNT" > 3`,
        `SELECT a AS k, b FROM ${wide} AS t(a, b)`,
        `SELECT a AS k FROM ${wide} t(a, b) WHERE b > 0`,
        `SELECT k, (SELECT max(amount) FROM ${wide}) AS most FROM '${join(folder, 'a.parquet')}'`,
        'FROM wide()',
        "SELECT k FROM query_table('all_columns') ORDER BY amount",
      ].map((query) => request({ query }, ['k'])),
      request({ table: 'all_columns' }, ['k']),
      { ...request({ files: 'v.csv' }, ['v']), where: `v < (SELECT max(amount) FROM ${wide})` },
      // Planning opens the first file only, the others are known once it has been read.
      request({ query: `FROM read_parquet(['${join(folder, 'a.parquet')}', ${wide}])` }, ['k']),
    ];
    const problem =
      `The column "amount" of "${join(folder, 'wide.parquet')}" is a DECIMAL with 50 digits, which DuckDB reads wrong: it has up to 38. ` +
      'Write the file with fewer digits, or with the column as text, or use a query that does not name it.';
    const scratch = await mkdtemp(join(folder, 'scratch-'));
    const read = (wanted: PartitionsRequest) =>
      warehouse().snapshot({ ...wanted, scratch }, (pinned) => Promise.resolve(pinned.rows.length));
    for (const each of refused) expect(await problemsOf(read(each))).toEqual([problem]);
    expect(await problemsOf(warehouse().count(refused.at(-1)!))).toEqual([problem]);
    expect(await read(request({ query: `SELECT k FROM ${wide}` }, ['k']))).toBe(1);
    expect(await read(request({ table: 'others' }, ['k']))).toBe(1);
    expect(await sqlProblem(`SELECT max(amount) AS m FROM ${wide}`, [], null)).toBe(
      `"sql" cannot be run: ${problem}`,
    );
    expect(await sqlProblem(`SELECT k FROM ${wide}`, [], null)).toBeNull();
    // Queries of functions, which are not known beforehand.
    await withWarehouse(warehouse().uri, { partition: null }, async ({ query }) => {
      expect(await query('FROM others')).toEqual([{ k: 'a' }]);
      await expect(query('FROM all_columns')).rejects.toThrow(problem);
    });
    const kept = new KeptDatabase();
    const options = { memoryBytes: 2 ** 28, tempFolder: folder };
    const session = new SqlSession(options, kept);
    const rows = await memoryRows(await kept.open(options), { columns: new Map(), rows: [] });
    expect(await session.query(rows, [`SELECT k FROM ${wide}`], [])).toEqual([{ k: 'a' }]);
    await expect(session.query(rows, [`SELECT amount FROM ${wide}`], [])).rejects.toThrow(problem);
    await expect(session.query(rows, [`SELECT 1; FROM ${wide}`], [])).rejects.toThrow(problem);
    // Files of queries that do not name them.
    for (const sql of [
      `CREATE VIEW v AS FROM ${wide}`,
      `PREPARE p AS FROM ${wide}`,
      'CREATE TABLE t (k VARCHAR, n DOUBLE)',
    ])
      await session.query(rows, [sql], []);
    for (const sql of ['FROM v', 'EXECUTE p', `COPY t FROM ${wide}`])
      await expect(session.query(rows, [sql], [])).rejects.toThrow(problem);
    expect(await session.query(rows, ['SELECT k FROM v'], [])).toEqual([{ k: 'a' }]);
    // A query that ends in the middle of another one.
    const connection = await session.connected();
    await expect(
      kept.rememberingFiles(connection, async () => {
        await session.query(rows, [`SELECT k FROM '${join(folder, 'a.parquet')}'`], []);
        await connection.run(`FROM ${wide}`);
        await refuseWideDecimals(connection, { sql: `FROM ${wide}` });
      }),
    ).rejects.toThrow(problem);
    await session.close();
    kept.close();
  });

  it('are refused with the line that has another number of fields', async () => {
    const ragged = 'region,v\nNorth,1\nSouth,2,3\nWest,3\n';
    await write({ 'a.csv': ragged, 'b.csv.gz': gzipSync(ragged), 'good.csv': 'region,v\nEast,1\n' });
    for (const files of ['a.csv', '*.csv', 'b.csv.gz']) {
      expect((await problemsOf(readAs({ files }, ['region'])))[0]).toMatch(
        /cannot be split into columns: line 1 has 2 fields, and line 3 has 3\. .*query:SELECT \* FROM read_csv/,
      );
    }
  });

  it('are refused if they break off or are damaged, of which DuckDB would read the beginning', async () => {
    const rows = Array.from({ length: 20_000 }, (_, i) => `k${i % 7},${Math.sin(i)}\n`).join('');
    const zipped = gzipSync(`k,v\n${rows}`);
    await write({
      'whole.csv.gz': zipped,
      'parts.csv.gz': Buffer.concat([gzipSync('k,v\n'), gzipSync(rows)]),
      'empty.csv.gz': '',
      'cut.csv.gz': zipped.subarray(0, 3_000),
      'cut.json.gz': gzipSync('{"k":1}\n{"k":2}\n').subarray(0, 20),
      'crc.csv.gz': Buffer.concat([zipped.subarray(0, -8), Buffer.alloc(8)]),
      'more.csv.gz': Buffer.concat([zipped, Buffer.alloc(9)]),
    });
    await withDatabase(':memory:', 'read', (connection) =>
      connection.run(
        `COPY (SELECT * FROM '${join(folder, 'whole.csv.gz')}') TO '${join(folder, 'w.csv.zst')}'`,
      ),
    );
    const zstd = await readFile(join(folder, 'w.csv.zst'));
    await write({ 'two.csv.zst': Buffer.concat([zstd, zstd]), 'cut.csv.zst': zstd.subarray(0, 3_000) });
    const { rows: counts } = await warehouse().count(request({ files: '[wpe]*.csv.gz' }, ['k']));
    expect(counts.reduce((a, b) => a + b)).toBe(40_000);
    await warehouse().inspect(request({ files: '[tw]*.csv.zst' }, ['k']));
    for (const [files, problem] of [
      ['cut.csv.gz', 'breaks off before its end: copy or write it again.'],
      ['cut.json.gz', 'breaks off before its end: copy or write it again.'],
      ['cut.csv.zst', 'breaks off before its end: copy or write it again.'],
      ['crc.csv.gz', 'is damaged (incorrect data check): copy or write it again.'],
      ['more.csv.gz', 'is damaged (bytes follow its end): copy or write it again.'],
    ] as const) {
      const expected = [`The file "${join(folder, files)}" ${problem}`];
      expect(await problemsOf(warehouse().inspect(request({ files }, ['k'])))).toEqual(expected);
      const partitions = warehouse().count(request({ files: '.', pattern: files }, []));
      expect(await problemsOf(partitions)).toEqual(expected);
    }
  });

  it('are refused if they are not what their names say', async () => {
    await write({
      'a.csv.gz': 'k\n1\n',
      'a.csv.zst': gzipSync('k\n1\n'),
      'a.csv': gzipSync('k\n1\n'),
      'list.json': '\uFEFF[{"k":1}]',
      'list.json.gz': gzipSync('\uFEFF [{"k":1}]'),
      'lines.json': '\uFEFF{"k":1}\n{"k":2}\n',
    });
    const problem = async (files: string): Promise<string> =>
      (await problemsOf(readAs({ files }, ['k'])))[0]!.replace(`"${join(folder, files)}"`, 'F');
    expect(await problem('a.csv.gz')).toBe(
      'The file F is not compressed with gzip, as its name says: rename it, or compress it.',
    );
    expect(await problem('a.csv.zst')).toMatch('is not compressed with zstd, as its name says');
    expect(await problem('a.csv')).toBe(
      'The file F is compressed with gzip, which its name does not say: rename it to end with ".gz".',
    );
    for (const files of ['list.json', 'list.json.gz'])
      expect(await problem(files)).toMatch(/^The file F begins with a byte order mark.*format = 'array'/);
    expect((await readAs({ files: 'lines.json' }, ['k'])).rows).toEqual([{ k: '1' }, { k: '2' }]);
  });

  it('are refused with the way to read them', async () => {
    await write({ 'a.xlsx': 'x', 'l.csv': Buffer.from('name,v\nK\xF6ln,1\n', 'latin1') });
    await write({ 'long.csv': `k,t\na,${'x'.repeat(3_000_000)}\n` });
    const [long] = await problemsOf(readAs({ files: 'long.csv' }, ['k']));
    expect(long).toMatch("read_csv('long.csv', max_line_size = 100000000)");
    expect(long!.length).toBeLessThan(2_000);
    await mkdir(join(folder, 'months'));
    await write({ 'months/jan.csv': 'k\n1\n' });
    expect((await problemsOf(readAs({ files: 'a.xlsx' }, ['k'])))[0]).toMatch(/unsupported.*read_xlsx/);
    expect((await problemsOf(readAs({ files: 'l.csv' }, ['name'])))[0]).toMatch("encoding = 'latin-1'");
    expect((await problemsOf(readAs({ files: 'months' }, ['k'])))[0]).toMatch(
      '"months" is a folder: to read its files as one table, name them, such as "months/*.csv"',
    );
    expect((await problemsOf(readAs({ table: 'months' }, ['k'])))[0]).toMatch('There is a folder "months"');
    expect((await problemsOf(readAs({ table: 'l' }, ['k'])))[0]).toMatch('Did you mean the file "l.csv"?');
    expect((await problemsOf(readAs({ table: '../' }, ['k'])))[0]).not.toMatch('There is a folder');
  });
});

describe('paths', () => {
  it('of files that are there are not patterns', async () => {
    await write({ 'a[1].csv': 'v\n1\n', 'a1.csv': 'v\n100\n', 'b*?.csv': 'v\n2\n', 'bxy.csv': 'v\n200\n' });
    expect((await readAs({ files: 'a[1].csv' }, ['v'])).rows).toEqual([{ v: '1' }]);
    expect((await readAs({ files: 'b*?.csv' }, ['v'])).rows).toEqual([{ v: '2' }]);
    expect((await readAs({ files: 'a[0-9].csv' }, ['v'])).rows).toEqual([{ v: '100' }]);
    const { ids, rows } = await warehouse().count(request({ files: '.', pattern: '*.csv' }, []));
    expect(ids.map(decodeURIComponent)).toEqual(['a1.csv', 'a[1].csv', 'b*?.csv', 'bxy.csv']);
    expect(rows).toEqual([1, 1, 1, 1]);
  });

  it('of folders are not patterns either', async () => {
    const outer = folder;
    folder = join(outer, 'p[1]');
    try {
      await write({ 'in/a.csv': 'v\n1\n' });
      expect((await readAs({ files: 'in/*.csv' }, ['v'])).rows).toEqual([{ v: '1' }]);
      expect((await warehouse().count(request({ files: 'in' }, []))).ids).toEqual(['a.csv']);
    } finally {
      folder = outer;
    }
  });

  it('that a wildcard matches leave out hidden files and those that other tools write beside data', async () => {
    await write({
      'in/a.csv': 'v\n1\n',
      'in/.h.csv': 'v\n2\n',
      'in/_tmp/x.csv': 'v\n3\n',
      'in/.git/x.csv': 'v\n4\n',
      'in/sub/_x.csv': 'v\n5\n',
      'in/sub/deep/b.csv': 'v\n6\n',
      'in/_day=1/c.csv': 'v\n7\n',
      '.out/d.csv': 'v\n8\n',
    });
    for (const [files, values] of [
      ['in/**/*.csv', ['1', '6', '7']],
      ['in/*.csv', ['1']],
      ['in/*/*.csv', ['7']],
      ['in/_tmp/*.csv', ['3']],
      ['in/.*.csv', ['2']],
      ['in/[_.]*/*.csv', ['3', '4', '7']],
      ['in/**/_*.csv', ['5']],
      ['./.out/*.csv', ['8']],
      [join(folder, './/.out/**/*.csv'), ['8']],
      ['in/.h.csv', ['2']],
    ] as const)
      expect([files, (await readAs({ files }, ['v'])).rows.map(({ v }) => v)]).toEqual([files, values]);
    expect((await problemsOf(readAs({ files: 'in/sub/*.csv' }, ['v'])))[0]).toMatch(/^There is no file/);
  });

  it('with values in folders give columns that read as the folders do', async () => {
    await write({
      'zip=1e5/a.csv': 'v\n1\n',
      'zip=100000/a.csv': 'v\n2\n',
      'day=2024-01-31/a.csv': 'v\n2\n',
    });
    expect((await readAs({ files: 'zip=*/a.csv' }, ['zip'])).rows).toEqual([
      { v: '2', zip: '100000' },
      { v: '1', zip: '1e5' },
    ]);
    expect((await readAs({ files: 'day=*/a.csv' }, ['day'])).columns).toEqual(['v BIGINT', 'day DATE']);
  });
});

describe('files as partitions', () => {
  const partitions = (source: Source) => warehouse().count(request(source, []));

  it('have one type per column, with or without rows', async () => {
    await write({
      'zip/ca.csv': 'zip,n\n90210,1\n',
      'zip/ny.csv': 'zip\n00501\n',
      'zip/head.csv': 'zip\n',
      'zip/none.csv': '',
    });
    const { ids, rows, columns } = await partitions({ files: 'zip' });
    expect(ids).toEqual(['ca.csv', 'head.csv', 'none.csv', 'ny.csv']);
    expect(rows).toEqual([1, 0, 0, 1]);
    expect(columns).toEqual([
      { name: 'zip', type: 'VARCHAR' },
      { name: 'n', type: 'BIGINT' },
    ]);
    const database = await openDatabase({ memoryBytes: 100_000_000, tempFolder: folder });
    const connection = await database.connect();
    const read = async (name: string): Promise<unknown> => {
      const table = await fileTable(database, join(folder, 'zip', name), { rowCount: 1, columns });
      const select = await table.view(connection);
      const found = await connection.runAndReadAll(`SELECT *, typeof(zip), typeof(n) FROM (${select})`);
      return found.getRows();
    };
    expect(await read('ca.csv')).toEqual([['90210', 1n, 'VARCHAR', 'BIGINT']]);
    expect(await read('ny.csv')).toEqual([['00501', null, 'VARCHAR', 'BIGINT']]);
    expect(await read('head.csv')).toEqual([]);
    expect(await read('none.csv')).toEqual([]);
    connection.closeSync();
    database.closeSync();
  });

  it('leave out hidden files and those that other tools write beside data, unless they are asked for', async () => {
    await write({
      'in/a.csv': 'v\n1\n',
      'in/_SUCCESS': '',
      'in/.hidden.csv': 'v\n1\n',
      'in/_temporary/b.csv': 'v\n1\n',
    });
    expect((await partitions({ files: 'in' })).ids).toEqual(['a.csv']);
    expect((await partitions({ files: 'in', pattern: '_temporary/*' })).ids).toEqual(['_temporary%2Fb.csv']);
    expect((await partitions({ files: 'in/_temporary' })).ids).toEqual(['b.csv']);
  });
});

/** A Parquet file with a DECIMAL(50,0), as pyarrow writes it; DuckDB cannot write one. */
const WIDE_DECIMAL =
  'UEFSMRUEFQoVCkwVAhUAEgAAAQAAAGEVABUSFRIsFQIVEBUGFQYcAAAAAgAAAAIBAQIAFQQVKhUqTBUCFQASAAAIcn9jaar4PKFQ' +
  'JnR6+Mfxls4/CtIVABUSFRIsFQIVEBUGFQYcAAAAAgAAAAIBAQIAFQQZPDUAGAZzY2hlbWEVBAAVDCUCGAFrJQBMHAAAABUOFSoV' +
  'AhgGYW1vdW50JQoVABVkLFwVABVkAAAAFgIZHBksJgAcFQwZNQAGEBkYAWsVABYCFl4WXiYuJggpLBUEFQAVAgAVABUQFQIAPBYC' +
  'GQYZJgACAAAAJgAcFQ4ZNQAGEBkYBmFtb3VudBUAFgIWfhZ+JqwBJmYpLBUEFQAVAgAVABUQFQIAPCkGGSYAAgAAABbcARYCJggW' +
  '3AEAKCBwYXJxdWV0LWNwcC1hcnJvdyB2ZXJzaW9uIDI2LjAuMRksHAAAHAAAAOgAAABQQVIx';
