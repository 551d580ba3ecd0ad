/** What functions in Python get through their worker: rows of files, and the warehouse's answers. */
import { cpSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Source } from '../src/core/input';
import { queryRows, withDatabase } from '../src/duckdb/database-file';
import { bundleFunctions } from '../src/runners/functions-file';
import type { FunctionBundle } from '../src/runners/language';
import { RunnerPool } from '../src/runners/pool';
import { openStage } from '../src/stage';
import { openWarehouse } from '../src/warehouse';
import { hasPython, PYTHON } from './support/python-server';
import { makeFolder, readRows, run, type Ran, type RunRequest } from './support/runner-unit';

let place: string;
let pool: RunnerPool;
let bundle: FunctionBundle;
let units = 0;

interface Planned {
  ids: string[];
  start(params?: Record<string, unknown>, options?: RunRequest['options']): Promise<Ran>;
}

/** Pins a source as planning does. */
async function plan(name: string, source: Source): Promise<Planned> {
  const uri = `duckdb:${join(place, 'w.duckdb')}`;
  const scratch = join(place, `unit-${++units}`);
  mkdirSync(scratch);
  const warehouse = openWarehouse(uri, place);
  const stage = openStage(pathToFileURL(join(scratch, 'stage')).href);
  const isFiles = 'files' in source;
  const request = {
    source,
    partitionBy: isFiles ? [] : ['k'],
    where: null,
    scheduled: null,
    only: null,
    maxPartitions: 100,
    scratch,
    signal: new AbortController().signal,
  };
  const pinned = await warehouse.snapshot(request, async ({ put, ...found }) => {
    const ranges = isFiles ? null : [{ from: 0, to: found.rows.length - 1 }];
    const made = await put({ stage, folder: '', ranges });
    const snapshot = await Promise.all(made.files.map((file) => stage.localFile(file)));
    return { ...found, index: await stage.localFile(made.index), snapshot };
  });
  const { ids, rows, columns, keyColumns, files, pushDown, index, snapshot } = pinned;
  const ordinals = ids.map((_, i) => i);
  const snapshotTime = new Date(0).toISOString();
  const unit = { columns, keyColumns, files, pushDown, index, snapshot, scratch, snapshotTime };
  return {
    ids,
    start: (params = {}, options = {}) =>
      run({
        pool,
        folder: place,
        bundle,
        name,
        ordinals,
        maximumLosses: 1,
        unit: { ...unit, params, warehouse: uri },
        options: {
          access: warehouse.access({ ...unit, ordinals }, { timeoutMs: null, scratch, hasDuckDB: false }),
          entryOf: async (ordinal) => ({ id: ids[ordinal]!, rows: rows[ordinal]! }),
          ...options,
        },
      }),
  };
}

(hasPython ? describe : describe.skip)('functions in Python', () => {
  beforeAll(async () => {
    place = makeFolder();
    cpSync(join(__dirname, 'support/python_values.py'), join(place, 'python_values.py'));
    bundle = await bundleFunctions(join(place, 'python_values.py'), join(place, 'functions'), {
      python: PYTHON,
    });
    pool = new RunnerPool({ size: 1, python: PYTHON, cwd: place });
    await withDatabase(join(place, 'w.duckdb'), 'write', async (connection) => {
      await connection.run('CREATE TABLE sales (k VARCHAR, amount DECIMAL(12,2), day DATE, big HUGEINT)');
      await connection.run(
        `INSERT INTO sales VALUES ('a', 1.10, '2024-01-02', 170141183460469231731687303715884105727), ('b', 0.20, '2024-01-03', 1)`,
      );
    });
  });
  afterAll(async () => {
    await pool.close();
    rmSync(place, { recursive: true, force: true });
  });

  test('see files that are partitions as planning read them: one type per column, and empty files', async () => {
    const folder = join(place, 'csv');
    mkdirSync(folder);
    writeFileSync(join(folder, 'a.csv'), 'id,amount,flag\n007,1.10,F\n9007199254740993,2,F\n');
    writeFileSync(join(folder, 'b.csv.gz'), gzipSync('id,amount,flag\n1,2.5,\n'));
    writeFileSync(join(folder, 'c.csv'), 'id,amount,flag\n');
    writeFileSync(join(folder, 'd.csv'), '');
    const { ids, start } = await plan('read_all', { files: folder });
    expect(ids).toEqual(['a.csv', 'b.csv.gz', 'c.csv', 'd.csv']);
    const { summary, files } = await start();
    expect(summary).toEqual(ids.map((id) => `${id}: DONE`));
    const read = await readRows(files, 'file, n, types, rows, dtypes');
    const types = 'id:VARCHAR amount:DOUBLE flag:VARCHAR';
    expect(read).toMatchObject([
      { n: '2', types },
      { n: '1', types },
      { n: '0', types, rows: '[]' },
      { n: '0', types, rows: '[]' },
    ]);
    expect(read[0]!.rows).toContain("'id': '9007199254740993'");
  });

  test.each([
    ['json', "TO '%' (FORMAT json)"],
    ['parquet', "TO '%' (FORMAT parquet)"],
  ])('see %s files with their types', async (ending, copy) => {
    const folder = join(place, ending);
    mkdirSync(folder);
    await withDatabase(':memory:', 'read', async (connection) => {
      const rows = `SELECT 9007199254740993 AS id, 'x' AS s, [1, NULL] AS l, {a: 1} AS st, DATE '2024-01-02' AS day`;
      await connection.run(`COPY (${rows}) ${copy.replace('%', join(folder, `a.${ending}`))}`);
    });
    const { summary, files } = await (await plan('read_all', { files: folder })).start();
    expect(summary).toEqual([`a.${ending}: DONE`]);
    const [read] = await readRows(files, 'rows');
    expect(read!.rows).toBe(
      "[{'id': 9007199254740993, 's': 'x', 'l': [1, None], 'st': {'a': 1}, 'day': datetime.date(2024, 1, 2)}]",
    );
  });

  test('fail if their file was changed after planning, even if they handle the error (I1)', async () => {
    const folder = join(place, 'changed');
    mkdirSync(folder);
    for (const name of ['a', 'b']) writeFileSync(join(folder, `${name}.csv`), 'x\n1\n');
    const { start } = await plan('read_all', { files: folder });
    writeFileSync(join(folder, 'a.csv'), 'x\n2\n');
    const { summary, ended } = await start({ swallow: true });
    expect(summary).toEqual(['a.csv: FAILED SourceChanged', 'b.csv: DONE']);
    expect(ended.find(({ outcome }) => outcome.id === 'a.csv')).toMatchObject({ retryable: false });
  });

  test('query a DuckDB warehouse with exact values, and through a session as in DPF', async () => {
    const ran = await (await plan('query', { table: 'sales' })).start();
    expect(ran.ended.map(({ outcome }) => outcome.error)).toEqual([null, null]);
    expect(await readRows(ran.files, 'rows, key')).toEqual([
      { rows: '2', key: 'a' },
      { rows: '2', key: 'a' },
    ]);
    const used = await (await plan('session', { table: 'sales' })).start();
    expect(used.ended.map(({ outcome }) => outcome.error)).toEqual([null, null]);
    expect(await readRows(used.files, 'n, total::VARCHAR AS total, "all"')).toEqual([
      { n: '1', total: '1.10', all: '2' },
      { n: '1', total: '0.20', all: '2' },
    ]);
  });

  test('may only query: no files, extensions or settings of the worker (I11)', async () => {
    const sql = {
      file: "SELECT * FROM read_text('/proc/self/environ')",
      write: 'CREATE TABLE x (a INTEGER)',
      copy: "COPY (SELECT 1) TO '/tmp/x'",
      load: 'LOAD httpfs',
      two: 'SELECT 1; SELECT 2',
      hidden: "FROM query('SELECT 1')",
      end: 'SELECT 1; -- no more',
      wrap: 'SELECT 1) TO x; DROP TABLE sales; SELECT * FROM (SELECT 1',
      missing: 'SELECT nothing FROM sales',
      many: 'SELECT * FROM range(100001)',
    };
    const { files, summary } = await (await plan('refused', { table: 'sales' })).start({ sql });
    expect(summary).toEqual(['a: DONE', 'b: DONE']);
    const [found] = await readRows(files);
    expect(found).not.toHaveProperty('end');
    expect(found).toMatchObject({
      file: expect.stringMatching(/^NotAQuery: context\.query reads what is in the warehouse only/),
      write: expect.stringMatching(
        /^NotAQuery: context\.query takes a query of what is in the warehouse\. It must be one SELECT statement that does not change data/,
      ),
      copy: expect.stringMatching(/^NotAQuery: /),
      load: expect.stringMatching(/^NotAQuery: /),
      two: expect.stringMatching(/^NotAQuery: .* It must be one SELECT statement, but there are 2\./),
      hidden: expect.stringMatching(/^NotAQuery: .*more than read rows/),
      wrap: expect.stringMatching(/Error: /),
      missing: expect.stringMatching(/^BinderError: .*nothing/),
      many: expect.stringMatching(/^TooManyRows: The query returns more than 100,000 rows\./),
      attribute: expect.stringContaining(
        'The session in context.with_session has no create_dataframe: it has sql(',
      ),
      method: expect.stringContaining(
        'The query of a session in context.with_session has no filter: it has collect()',
      ),
    });
    await withDatabase(join(place, 'w.duckdb'), 'read', async (connection) => {
      expect(await queryRows(connection, 'SELECT count(*)::INTEGER AS n FROM sales')).toEqual([{ n: 2 }]);
    });
  });

  test('end with their timeout while they query, and so does the query (I12)', async () => {
    const { start } = await plan('slow_query', { table: 'sales' });
    const { summary } = await start({}, { timeoutMs: 500 });
    expect(summary).toEqual(['a: INTERNAL_ERROR Timeout', 'b: INTERNAL_ERROR Timeout']);
    // The file is free again.
    expect((await (await plan('query', { table: 'sales' })).start()).summary).toEqual(['a: DONE', 'b: DONE']);
  });

  test('read a large partition in batches without holding all of it', async () => {
    await withDatabase(join(place, 'w.duckdb'), 'write', async (connection) => {
      await connection.run(
        "CREATE TABLE large AS SELECT 'a' AS k, r::DOUBLE AS amount, 'row ' || r AS t FROM range(3_000_000) t(r)",
      );
    });
    const { files } = await (await plan('stream', { table: 'large' })).start();
    const [found] = await readRows(files, 'n, total, mb');
    expect(found).toMatchObject({ n: '3000000', total: 4499998500000 });
    // All of it has 70 MB in Arrow.
    expect(Number(found!.mb)).toBeLessThan(60);
  });
});
