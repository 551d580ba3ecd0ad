import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { openStage } from '../src/stage';
import type { Source } from '../src/index';
import type { Confinement } from '../src/duckdb/confinement';
import { DuckDbSetup } from '../src/duckdb/setup';
import { openWarehouse } from '../src/warehouse';
import { queryRows, withDatabase } from '../src/duckdb/database-file';
import type { PinnedSource, SnapshotRequest } from '../src/warehouse/warehouse';
import { holdWarehouse } from './support/hold-warehouse';

let folder: string;
let path: string;
let stages = 0;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'partwise-warehouse-'));
  await mkdir(join(folder, 'out'));
  path = join(folder, 'w.duckdb');
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const execute = (...statements: string[]): Promise<void> =>
  withDatabase(path, 'write', async (connection) => {
    for (const statement of statements) await connection.run(statement);
  });
const select = <T>(sql: string): Promise<T[]> =>
  withDatabase(':memory:', 'read', (connection) => queryRows<T>(connection, sql));

const warehouse = () => openWarehouse(`duckdb:${path}`, folder);
const snapshot = (request: Partial<SnapshotRequest>) =>
  warehouse().snapshot(
    {
      source: { table: 'sales' },
      partitionBy: ['region'],
      where: null,
      scheduled: null,
      only: null,
      maxPartitions: 100_000,
      scratch: join(folder, 'out'),
      signal: new AbortController().signal,
      ...request,
    },
    onStage,
  );
/** Puts the pinned files on their own stage, and returns their paths. */
async function onStage({ put, ...pinned }: PinnedSource) {
  const stage = openStage(pathToFileURL(join(folder, `stage-${++stages}`)).href);
  const { index, files: data } = await put({
    stage,
    folder: '',
    ranges: [{ from: 0, to: pinned.rows.length - 1 }],
  });
  return {
    ...pinned,
    index: await stage.localFile(index),
    data: await Promise.all(data.map((file) => stage.localFile(file))),
  };
}
const problemsOf = async (work: Promise<unknown>): Promise<{ type: string; problems: string[] }> => {
  const error = await work.then(
    () => null,
    (reason: unknown) => reason as { type: string; problems: string[] },
  );
  if (error === null) throw new Error('It was not refused.');
  return error;
};

describe('duckdb.setup of the configuration', () => {
  const KEY = "open sesame, it's me";
  const setup = ["ATTACH '${PW_TEST_OTHER}' AS other (ENCRYPTION_KEY '${PW_TEST_KEY}', READ_ONLY)"];
  const prepared = (statements = setup, confinement: Confinement | null = null) =>
    openWarehouse(`duckdb:${path}`, folder, { confinement, project: { duckdb: { setup: statements } } });
  const read = (source: Source, warehouseOf = prepared()) => {
    const request = { source, partitionBy: ['region'], where: null, scheduled: null };
    const { signal } = new AbortController();
    return warehouseOf.count({ ...request, only: null, maxPartitions: 9, signal });
  };
  beforeEach(async () => {
    process.env.PW_TEST_OTHER = join(folder, 'other.duckdb');
    process.env.PW_TEST_KEY = KEY;
    const attach =
      "SET force_mbedtls_unsafe = 'true'; ATTACH '${PW_TEST_OTHER}' AS other (ENCRYPTION_KEY '${PW_TEST_KEY}')";
    await withDatabase(
      ':memory:',
      'write',
      async (connection) => {
        await connection.run("CREATE TABLE other.sales AS SELECT 'N' AS region, 1 AS amount");
      },
      { setup: new DuckDbSetup([attach], process.env) },
    );
  });
  afterEach(() => {
    delete process.env.PW_TEST_OTHER;
    delete process.env.PW_TEST_KEY;
  });

  it('makes its databases readable, as tables and in queries, with or without a warehouse file', async () => {
    expect(await read({ table: 'other.sales' })).toMatchObject({ ids: ['N'] });
    await execute("CREATE TABLE sales AS SELECT 'S' AS region");
    const query = 'SELECT region FROM sales UNION ALL SELECT region FROM other.main.sales';
    expect(await read({ query })).toMatchObject({ ids: ['N', 'S'] });
    const request = { source: { query }, partitionBy: ['region'], where: null, scheduled: null };
    const { signal } = new AbortController();
    const scratch = join(folder, 'out');
    const all = { ...request, only: null, maxPartitions: 9, signal, scratch };
    // Functions do not get what the worker attaches, so no SQL of the rows either.
    expect(await prepared().snapshot(all, onStage)).toMatchObject({ rows: [1, 1], pushDown: null });
  });

  it('keeps what it takes from the environment out of every message (I11)', async () => {
    const messages = [
      await problemsOf(read({ query: `SELECT error('no ' || '${KEY.replace("'", "''")}') AS region` })),
      await problemsOf(read({ table: 'other.nothing' })),
      await problemsOf(read({ table: 'x' }, prepared([`SELECT '\${PW_TEST_KEY}'::INTEGER`]))),
      await problemsOf(
        read({ table: 'x' }, prepared(["ATTACH 'password=hunter2 host=db' AS x (READ_ONLY)"])),
      ),
      await problemsOf(read({ table: 'x' }, prepared([...setup, 'LOAD "${PW_TEST_OTHER}']))),
    ].map(({ problems }) => problems.join());
    for (const message of messages) {
      expect(message).not.toMatch(/sesame|hunter2/);
      expect(message).not.toContain(folder + '/other');
    }
    expect(messages[0]).toContain('no ${PW_TEST_KEY}');
    expect(messages[2]).toMatch(/^Statement 1 of duckdb.setup in the configuration failed: /);
    process.env.PW_TEST_KEY = 'another';
    expect((await problemsOf(read({ table: 'other.sales' }))).problems[0]).toMatch(/Wrong encryption key/);
    delete process.env.PW_TEST_KEY;
    expect((await problemsOf(read({ table: 'other.sales' }))).problems[0]).toMatch(
      /^Statement 1 .* uses the environment variable PW_TEST_KEY, which is not set/,
    );
  });

  it('serves confined SQL too, which may not look at the setup itself', async () => {
    const confined = prepared(setup, { directories: [], paths: [], extensions: [] });
    expect(await read({ table: 'other.sales' }, confined)).toMatchObject({ ids: ['N'] });
    for (const from of [
      'duckdb_databases()',
      'duckdb_databases',
      'pg_catalog.pg_settings',
      "query_table('sales')",
    ]) {
      const query = `SELECT 'x' AS region FROM ${from}`;
      expect((await problemsOf(read({ query }, confined))).problems[0]).toMatch(/its SQL may not use it/);
    }
    const query = "SELECT current_setting('s3_secret_access_key') AS region";
    expect((await problemsOf(read({ query }, confined))).problems[0]).toMatch(/^DuckDB .*current_setting/);
    const attached = { query: "SELECT 'x' AS region FROM 'other.csv'" };
    expect((await problemsOf(read(attached, confined))).problems[0]).toMatch(/outside the files/);
    await writeFile(join(folder, 'zipped.csv'), gzipSync('region'));
    const zipped = { files: join(folder, 'zipped.csv') };
    expect((await problemsOf(read(zipped, confined))).problems[0]).toMatch(/outside the files/);
  });
});

describe('fingerprints', () => {
  const fingerprintOf = async (rows: string): Promise<string> => {
    const query = `SELECT 1 AS k, * FROM (${rows})`;
    const pinned = await snapshot({ source: { query }, partitionBy: ['k'], fingerprints: true });
    const [found] = await select<{ fingerprint: string }>(`SELECT fingerprint FROM '${pinned.index}'`);
    return found!.fingerprint;
  };

  it('are equal for equal rows in any order', async () => {
    const rows = "SELECT range AS n, 'text ' || range % 7 AS t, range / 3 AS d FROM range(5000)";
    const one = await fingerprintOf(`${rows} ORDER BY n`);
    expect(one).toMatch(/^v1:duckdb-v[\d.]+:5000:\d+:\d+$/);
    expect(await fingerprintOf(`${rows} ORDER BY hash(n)`)).toBe(one);
  });

  it.each([
    ['another number of equal rows', 'VALUES (1), (1), (2)', 'VALUES (1), (2), (2)'],
    ['a row and its double', 'VALUES (1), (1)', 'VALUES (2), (2)'],
    ['values that changed columns', "SELECT 'a' AS a, 'b' AS b", "SELECT 'b' AS a, 'a' AS b"],
    ['values that changed rows', 'VALUES (1, 2), (3, 4)', 'VALUES (1, 4), (3, 2)'],
    ['a border that moved', "SELECT 'ab' AS a, 'c' AS b", "SELECT 'a' AS a, 'bc' AS b"],
    ['NULL and an empty text', 'SELECT NULL::VARCHAR AS a', "SELECT '' AS a"],
    ['NULL and its name', 'SELECT NULL::VARCHAR AS a', "SELECT 'NULL' AS a"],
    ['NULL that changed columns', "SELECT NULL AS a, 'x' AS b", "SELECT 'x' AS a, NULL AS b"],
    ['the sign of zero', 'SELECT 0.0::DOUBLE AS a', 'SELECT -0.0::DOUBLE AS a'],
    ['a list and its text', "SELECT ['a', 'b'] AS a", "SELECT ['a, b'] AS a"],
    ['a struct of NULL and none', "SELECT {'x': NULL::INTEGER} AS a", 'SELECT NULL::STRUCT(x INTEGER) AS a'],
  ])('tell apart %s', async (_, before, after) => {
    expect(await fingerprintOf(before)).not.toBe(await fingerprintOf(after));
  });

  it('are left out unless requested', async () => {
    const { index } = await snapshot({ source: { query: 'SELECT 1 AS k' }, partitionBy: ['k'] });
    expect(await select(`SELECT name FROM parquet_schema('${index}') WHERE name = 'fingerprint'`)).toEqual(
      [],
    );
  });
});

it('a sample contains the rows of the picked partitions and of no others, including NULL', async () => {
  await execute(
    "CREATE TABLE sales AS SELECT * FROM (VALUES ('b', 1), ('a', 2), (NULL, 3), ('b', 4), ('it''s', 5)) t(region, amount)",
  );
  const sample = (...only: string[]) =>
    warehouse().sample(
      {
        source: { table: 'sales' },
        partitionBy: ['region'],
        where: 'amount > 1',
        scheduled: null,
        only,
        maxPartitions: 1,
        scratch: join(folder, 'out'),
        signal: new AbortController().signal,
      },
      onStage,
    );
  expect(await sample('%-')).toMatchObject({ ids: ['%-'], rows: [1] });
  const picked = await sample("it's", 'b');
  expect(picked).toMatchObject({ ids: ['b', "it's"], rows: [1, 1] });
  expect(await select(`SELECT region, amount FROM read_parquet('${picked.data[0]}')`)).toEqual([
    { region: 'b', amount: 4 },
    { region: "it's", amount: 5 },
  ]);
});

describe('a snapshot', () => {
  it('is taken from one read: keys, counts and rows agree even for a query that returns other rows each time (I1)', async () => {
    const query = 'SELECT (random() * 50)::INTEGER AS k, random() AS x FROM range(20000)';
    const pinned = await snapshot({ source: { query }, partitionBy: ['k'] });
    const counted = await select<{ ord: number; n: number }>(
      `SELECT __partwise_ord AS ord, count(*)::DOUBLE AS n FROM read_parquet('${pinned.data[0]}') GROUP BY 1 ORDER BY 1`,
    );
    expect(counted.map(({ n }) => n)).toEqual(pinned.rows);
    expect(pinned.rows.reduce((sum, n) => sum + n, 0)).toBe(20_000);
  });

  it('keeps every digit of keys and values that Parquet would change (I1)', async () => {
    const huge = '170141183460469231731687303715884105727';
    await execute(
      `CREATE TABLE wide AS SELECT INTERVAL '-1.123456 seconds' AS k, ${huge}::HUGEINT AS v, ['a']::ENUM('a')[] AS e`,
    );
    const pinned = await snapshot({ source: { table: 'wide' }, partitionBy: ['k'] });
    expect(pinned.ids).toEqual(['-00%3A00%3A01.123456']);
    expect(pinned.columns).toEqual([
      { name: 'k', type: 'INTERVAL' },
      { name: 'v', type: 'HUGEINT' },
      { name: 'e', type: 'VARCHAR[]' },
    ]);
    expect(
      await select(`SELECT k::INTERVAL::VARCHAR AS k, v FROM read_parquet('${pinned.data[0]}')`),
    ).toEqual([{ k: '-00:00:01.123456', v: huge }]);
  });

  it('refuses keys that are equal and written differently, of which one would be left out (I6, I9)', async () => {
    await execute(
      `CREATE TABLE spelled AS SELECT * FROM (VALUES
         ('North' COLLATE NOCASE, INTERVAL '1 month', 'e' COLLATE NOACCENT, 1),
         ('north', INTERVAL '30 days', 'é', 2), ('South', INTERVAL '1 day', 'o', 3)) AS t(region, span, letter, v)`,
    );
    const refused = (column: string, [a, b, way]: readonly string[]) =>
      `The column "${column}" has values that DuckDB takes for equal, but that are written differently: "${a}" and "${b}". ` +
      `A partition has one key, so give them one spelling, or keep them apart, in a query: SELECT * REPLACE (${way} AS "${column}") FROM ….`;
    for (const [column, ...words] of [
      ['region', 'North', 'north', 'lower("region")'],
      ['span', '1 month', '30 days', '"span"::VARCHAR'],
      ['letter', 'e', 'é', 'decode(encode("letter"))'],
    ] as const) {
      const source = { table: 'spelled' };
      await expect(snapshot({ source, partitionBy: [column] })).rejects.toThrow(refused(column, words));
      const query = `SELECT * REPLACE (${words[2]} AS "${column}") FROM spelled`;
      expect((await snapshot({ source: { query }, partitionBy: [column] })).ids).toHaveLength(
        column === 'region' ? 2 : 3,
      );
      // Each partition has one of them.
      expect((await snapshot({ source, partitionBy: [column, 'v'] })).ids).toHaveLength(3);
    }
  });

  it('refuses a UNION by name, before anything runs (I9)', async () => {
    const query = 'SELECT 1 AS k, [union_value(num := 5)] AS u';
    await expect(snapshot({ source: { query }, partitionBy: ['k'] })).rejects.toThrow(
      'The column "u" of the query contains a UNION, which Parquet cannot store: leave it out or convert it in a query.',
    );
  });

  it('distinguishes keys of any type, including composite ones and NULLs (I6)', async () => {
    await execute(
      `CREATE TABLE sales AS SELECT * FROM (VALUES (DATE '2024-01-01', 1, 1.50::DECIMAL(10,2)), (DATE '2024-01-01', NULL, 1.50), (NULL, 1, 2.25),
        (DATE '2024-01-02', 1, 1.50)) t(day, store, price)`,
    );
    const pinned = await snapshot({ partitionBy: ['day', 'store', 'price'] });
    expect(pinned.ids).toEqual(['2024-01-01/1/1.50', '2024-01-01/%-/1.50', '2024-01-02/1/1.50', '%-/1/2.25']);
    expect(pinned.keyColumns).toEqual([
      { name: 'day', type: 'DATE' },
      { name: 'store', type: 'INTEGER' },
      { name: 'price', type: 'DECIMAL(10,2)' },
    ]);
  });

  it('and fingerprints keep columns that are named like those of the index (I1)', async () => {
    await execute(
      "CREATE TABLE sales AS SELECT 'N' AS region, 7 AS ord, 'x' AS id, 3 AS rows, 'k' AS key_0, 2::HUGEINT AS fingerprint",
    );
    const { data } = await snapshot({ fingerprints: true });
    expect(await select(`SELECT * EXCLUDE (__partwise_ord) FROM '${data[0]}'`)).toEqual([
      { region: 'N', ord: 7, id: 'x', rows: 3, key_0: 'k', fingerprint: '2' },
    ]);
  });

  it('reads CSV, Parquet and JSON files as one table, with wildcards', async () => {
    await writeFile(join(folder, 'a.csv'), 'region,amount\nNorth,1\nSouth,2\n');
    await writeFile(join(folder, 'b.csv'), 'region,amount\nNorth,3\n');
    await writeFile(join(folder, 'c.json'), '[{"region":"East","amount":4}]');
    expect((await snapshot({ source: { files: '*.csv' } })).ids).toEqual(['North', 'South']);
    expect((await snapshot({ source: { files: 'c.json' } })).ids).toEqual(['East']);
  });

  it('treats each file as a partition, pinned by its digest, if there is no key', async () => {
    await mkdir(join(folder, 'in', 'deep'), { recursive: true });
    await writeFile(join(folder, 'in', 'north.csv'), 'amount\n1\n2\n');
    await writeFile(join(folder, 'in', 'deep', 'south.csv'), 'amount\n3\n');
    await writeFile(join(folder, 'in', 'notes.txt'), 'none');
    const pinned = await snapshot({ source: { files: 'in', pattern: '**/*.csv' }, partitionBy: [] });
    expect(pinned.ids).toEqual(['deep%2Fsouth.csv', 'north.csv']);
    expect(pinned.rows).toEqual([1, 2]);
    expect(pinned.files![1]).toMatchObject({ path: join(folder, 'in', 'north.csv'), bytes: 11 });
    expect(pinned.data).toEqual([]);
  });
});

describe('the scheduled time of a run', () => {
  // In Berlin it is already the first of November.
  const scheduled = { time: '2026-10-31T23:30:00.000Z', date: '2026-11-01' };
  beforeEach(() =>
    execute(
      "CREATE TABLE sales AS SELECT * FROM (VALUES ('a', DATE '2026-10-31', 1), ('a', DATE '2026-11-01', 2), ('b', DATE '2026-11-01', 3), ('c', DATE '2026-10-30', 4)) t(region, day, amount)",
    ),
  );

  it('is bound in a query, with the types DATE and TIMESTAMP', async () => {
    const query =
      'SELECT *, $scheduled_date AS the_date, $scheduled_time AS the_time FROM sales WHERE day = $Scheduled_Date';
    const { data, columns } = await snapshot({ source: { query }, scheduled });
    expect(columns.slice(-2)).toEqual([
      { name: 'the_date', type: 'DATE' },
      { name: 'the_time', type: 'TIMESTAMP' },
    ]);
    const rows = await select(
      `SELECT region, amount, the_date::VARCHAR AS the_date, the_time::VARCHAR AS the_time FROM read_parquet('${data[0]}') ORDER BY amount`,
    );
    expect(rows).toEqual([
      { region: 'a', amount: 2, the_date: '2026-11-01', the_time: '2026-10-31 23:30:00' },
      { region: 'b', amount: 3, the_date: '2026-11-01', the_time: '2026-10-31 23:30:00' },
    ]);
  });

  it('is bound in a condition, in calculations and in file names', async () => {
    const where = 'day >= $scheduled_date - 1 AND day < $scheduled_time + INTERVAL 1 DAY';
    expect(await snapshot({ where, scheduled })).toMatchObject({ ids: ['a', 'b'], rows: [2, 1] });
    await writeFile(join(folder, 'sales-2026-11-01.csv'), 'region,amount\nz,1\n');
    const query = `SELECT * FROM read_csv('${folder}/sales-' || $scheduled_date || '.csv')`;
    expect((await snapshot({ source: { query }, scheduled })).ids).toEqual(['z']);
  });

  it('is bound when partitions are only counted', async () => {
    const signal = new AbortController().signal;
    const query = 'SELECT * FROM sales WHERE day = $scheduled_date';
    const request = {
      partitionBy: ['region'],
      where: null,
      scheduled,
      only: null,
      maxPartitions: 10,
      signal,
    };
    expect(await warehouse().count({ source: { query }, ...request })).toMatchObject({ ids: ['a', 'b'] });
  });

  it('is not bound in strings, comments and dollar quotes', async () => {
    const query =
      "SELECT '$scheduled_date' AS region, $$ $scheduled_time $$ AS t FROM sales -- $scheduled_date";
    expect((await snapshot({ source: { query } })).ids).toEqual(['%24scheduled_date']);
  });

  it('that a run does not have, and unknown parameters, are refused with an explanation (I9)', async () => {
    const query = 'SELECT *, $scheduled_time AS t, $currency AS c FROM sales WHERE day = $scheduled_date';
    expect(await problemsOf(snapshot({ source: { query } }))).toMatchObject({
      type: 'InvalidInput',
      problems: [
        'The query uses $currency, which has no value. It can use $scheduled_time and $scheduled_date.',
        'The query uses $scheduled_time and $scheduled_date, but this run has no scheduled time: set one with --scheduled-time ("scheduledTime"), such as 2026-11-01, or start the run from a schedule.',
      ],
    });
    expect(
      await problemsOf(snapshot({ source: { query: 'SELECT *, $constructor AS c FROM sales' } })),
    ).toMatchObject({
      problems: [expect.stringMatching(/^The query uses \$constructor, which has no value/)],
    });
    expect((await problemsOf(snapshot({ where: 'day = $scheduled_date' }))).problems[0]).toMatch(
      /^The condition "day = \$scheduled_date" uses \$scheduled_date, but this run has no scheduled time/,
    );
  });
});

describe('a source that cannot be run is refused with an explanation (I9)', () => {
  beforeEach(() =>
    execute("CREATE TABLE sales AS SELECT 'N' AS region, NULL::VARCHAR AS store, 1 AS amount"),
  );

  it('for a table that does not exist, with the nearest name', async () => {
    expect(await problemsOf(snapshot({ source: { table: 'sale' } }))).toMatchObject({
      type: 'SourceMissing',
      problems: ['There is no table "sale" in the warehouse. Did you mean "sales"? Tables there: "sales".'],
    });
  });

  it('for columns that do not exist, all together', async () => {
    expect((await problemsOf(snapshot({ partitionBy: ['regoin', 'nope'] }))).problems).toEqual([
      'There is no column "regoin" in the table "sales". Did you mean "region"? It has: "region", "store", "amount".',
      'There is no column "nope" in the table "sales". It has: "region", "store", "amount".',
    ]);
  });

  it('for a file that does not exist, a folder without matches and an unknown extension', async () => {
    expect((await problemsOf(snapshot({ source: { files: 'no.csv' } }))).problems[0]).toMatch(
      'There is no file "no.csv"',
    );
    expect(await problemsOf(snapshot({ source: { files: 'no' }, partitionBy: [] }))).toMatchObject({
      type: 'SourceMissing',
      problems: [`There is no file or folder "no" (looked for ${join(folder, 'no')}).`],
    });
    expect((await problemsOf(snapshot({ source: { files: 'out' }, partitionBy: [] }))).problems[0]).toMatch(
      'No file in "out"',
    );
    expect((await problemsOf(snapshot({ source: { files: 'w.duckdb' } }))).problems[0]).toMatch(
      'has an unsupported extension',
    );
  });

  it('for one file without a key, naming its columns, and for an empty one', async () => {
    await writeFile(join(folder, 'one.csv'), 'region,amount\nN,1\n');
    await writeFile(join(folder, 'empty.csv'), '');
    const one = { files: 'one.csv' };
    expect((await problemsOf(snapshot({ source: one, partitionBy: [] }))).problems).toEqual([
      '"one.csv" is one file: name the columns to partition it by ("partitionBy", --by). It has: "region", "amount".',
    ]);
    const picked = { ...one, pattern: '*.csv' };
    expect((await problemsOf(snapshot({ source: picked, partitionBy: [] }))).problems[0]).toMatch(
      '"one.csv" is a file, but the pattern "*.csv" selects files below a folder',
    );
    expect(await problemsOf(snapshot({ source: { files: 'empty.csv' } }))).toMatchObject({
      type: 'SourceEmpty',
      problems: ['The file "empty.csv" is empty: it has neither columns nor rows.'],
    });
  });

  it('for a warehouse whose folder does not exist, whatever the source, without creating it', async () => {
    const nowhere = openWarehouse('duckdb:./nowhere/w.duckdb', folder);
    const request = { source: { query: 'SELECT 1 AS k' }, partitionBy: ['k'], where: null, scheduled: null };
    expect((await problemsOf(nowhere.inspect(request))).problems[0]).toMatch(
      `There is no folder "${join(folder, 'nowhere')}" for the warehouse file`,
    );
  });

  it('for a warehouse file that does not exist', async () => {
    await rm(path);
    expect((await problemsOf(snapshot({}))).problems[0]).toMatch(`There is no warehouse file "${path}"`);
  });

  it('for a key that is NULL everywhere, no rows, and far too many partitions', async () => {
    expect((await problemsOf(snapshot({ partitionBy: ['store'] }))).problems[0]).toMatch(
      'The column "store" is NULL in every row',
    );
    expect(await problemsOf(snapshot({ where: 'amount > 5' }))).toMatchObject({ type: 'SourceEmpty' });
    const query = 'SELECT range AS region FROM range(1001)';
    expect((await problemsOf(snapshot({ source: { query }, maxPartitions: 1_000 }))).problems[0]).toMatch(
      'Partitioning by region makes 1,001 partitions, more than maxPartitions (1,000)',
    );
  });

  it('for SQL that DuckDB does not accept, in its words', async () => {
    expect((await problemsOf(snapshot({ where: 'amuont > 5' }))).problems[0]).toMatch(
      /DuckDB cannot read the table "sales" with the condition "amuont > 5".*amuont/s,
    );
    expect((await problemsOf(snapshot({ source: { query: 'SELEC 1' } }))).problems[0]).toMatch(
      'DuckDB cannot read the query',
    );
  });
});

describe('a warehouse file that another program has open', () => {
  it('is waited for', async () => {
    await execute("CREATE TABLE sales AS SELECT 'N' AS region");
    const holder = await holdWarehouse(path);
    const pinned = snapshot({});
    holder.send('let go');
    expect((await pinned).ids).toEqual(['N']);
    holder.kill();
  });

  it('and keeps open ends the attempt with an error that names the program', async () => {
    await execute("CREATE TABLE sales AS SELECT 'N' AS region");
    const holder = await holdWarehouse(path);
    await expect(snapshot({})).rejects.toMatchObject({
      name: 'WarehouseLocked',
      message: expect.stringMatching(
        new RegExp(`"${path}" is locked by .*node.* \\(process ${holder.pid}\\): close it there`),
      ),
    });
    holder.kill();
  });
});
