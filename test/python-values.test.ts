/** Values keep their digits, types and names on their way into Python functions and out of them. */
import { execFile } from 'node:child_process';
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { queryRows, withDatabase } from '../src/duckdb/database-file';
import { identifier } from '../src/duckdb/quote';
import { combinedRows } from '../src/rows/combined-rows';
import { openStage } from '../src/stage';
import { openWarehouse } from '../src/warehouse';
import { REPOSITORY } from './support/project';
import { hasPython, PYTHON } from './support/python-server';
import { makeFolder } from './support/runner-unit';
import { VALUE_TYPES } from './support/value-types';

let folder: string;
beforeAll(() => {
  folder = makeFolder();
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Runs a file of Python's unittest; a failure shows its whole output. */
async function unittest(name: string, env: NodeJS.ProcessEnv = {}): Promise<void> {
  const python = process.env.PARTWISE_TEST_PYTHON ?? PYTHON;
  const args = ['-W', 'error::FutureWarning', join(REPOSITORY, 'test/python', name)];
  const PYTHONPATH = join(REPOSITORY, 'python');
  await promisify(execFile)(python, args, { env: { ...process.env, PYTHONPATH, ...env } }).catch(
    (error: { stdout: string; stderr: string }) => {
      throw new Error(`${error.stdout}\n${error.stderr}`);
    },
  );
}

/**
 * Four partitions: `a` and `d` have each type's ordinary values, `b` NULL too, `c` NULL only, and `hard` the
 * other values. Each column is named by its position.
 */
async function pinTypes(): Promise<void> {
  const file = join(folder, 'w.duckdb');
  const rows: [key: string, value: (sql: string[]) => string | undefined][] = [
    ['a', ([first]) => first],
    ['a', ([, second]) => second],
    ['b', ([first]) => first],
    ['b', () => 'NULL'],
    ['c', () => 'NULL'],
    ['d', ([, second]) => second],
  ];
  const most = Math.max(...VALUE_TYPES.map(({ sql }) => sql.length));
  for (let i = 2; i < most; i++) rows.push(['hard', (sql) => sql[i]]);
  await withDatabase(file, 'write', async (connection) => {
    const columns = VALUE_TYPES.map(({ type }, i) => `c${i} ${type}`);
    await connection.run(`CREATE TABLE types (k VARCHAR, ${columns.join(', ')})`);
    for (const [key, value] of rows) {
      const values = VALUE_TYPES.map(({ sql, type }) => `CAST(${value(sql) ?? 'NULL'} AS ${type})`);
      await connection.run(`INSERT INTO types VALUES ('${key}', ${values.join(', ')})`);
    }
  });
  const expected = rows.map(([key, value]) => [
    key,
    ...VALUE_TYPES.map(({ python, sql }) => (value(sql) === 'NULL' ? 'None' : (value(python) ?? 'None'))),
  ]);
  await pin(file, 'types', ['k'], { expected, pandas: VALUE_TYPES.map(({ pandas }) => pandas ?? null) });
}

/** Keys of types that are hard to keep, in columns whose names are those of the index, or odd. */
async function pinKeys(): Promise<void> {
  const file = join(folder, 'w.duckdb');
  const keys = {
    ord: 'HUGEINT',
    rows: 'UUID',
    id: 'DATE',
    key_0: 'DECIMAL(38,2)',
    __proto__x: 'BOOLEAN',
    'q"u o,te': 'INTERVAL',
  };
  const names = Object.keys(keys).map(
    (name) => `"${(name === '__proto__x' ? '__proto__' : name).replaceAll('"', '""')}"`,
  );
  await withDatabase(file, 'write', async (connection) => {
    await connection.run(
      `CREATE TABLE keys (${Object.values(keys)
        .map((type, i) => `${names[i]} ${type}`)
        .join(', ')}, "v.x" STRUCT(ord INTEGER))`,
    );
    await connection.run(`INSERT INTO keys VALUES
      (170141183460469231731687303715884105727, '12345678-1234-5678-1234-567812345678', 'infinity', 1.10, true, INTERVAL '1 month', {'ord': 1}),
      (NULL, NULL, NULL, NULL, NULL, NULL, {'ord': 2}),
      (1, '12345678-1234-5678-1234-567812345678', '2024-01-01', -0.01, false, INTERVAL '1 day', NULL)`);
  });
  await pin(file, 'keys', ['ord', 'rows', 'id', 'key_0', '__proto__', 'q"u o,te'], {});
}

/** Writes a table's snapshot to a folder, with what the test in Python needs to know of it. */
async function pin(file: string, table: string, partitionBy: string[], facts: object): Promise<void> {
  const stage = openStage(pathToFileURL(join(folder, table)).href);
  const request = {
    source: { table },
    partitionBy,
    where: null,
    scheduled: null,
    only: null,
    maxPartitions: 100_000,
    scratch: folder,
    signal: new AbortController().signal,
  };
  await openWarehouse(`duckdb:${file}`, folder).snapshot(request, async (pinned) => {
    const ranges = [{ from: 0, to: pinned.rows.length - 1 }];
    const { index, files } = await pinned.put({ stage, folder: '', ranges });
    const described = {
      keyColumns: pinned.keyColumns,
      columns: pinned.columns,
      ids: pinned.ids,
      index: await stage.localFile(index),
      snapshot: await Promise.all(files.map((each) => stage.localFile(each))),
      ...facts,
    };
    writeFileSync(join(folder, `${table}.json`), JSON.stringify(described));
  });
}

/** Type and text of the values of each column of a file of rows, as commits and `results` read them. */
function readCombined(file: string): Promise<Record<string, [string | null, unknown[]]>> {
  const keys = [{ name: 'k', type: 'VARCHAR' }];
  return withDatabase(':memory:', 'read', async (connection) => {
    const { columns, sql } = await combinedRows(connection, keys, [{ file, except: [] }]);
    const texts = columns.map(({ name }, i) => `${identifier(name)}::VARCHAR AS c${i}`).join(', ');
    const rows = await queryRows<Record<string, unknown>>(connection, `SELECT ${texts} FROM (${sql})`);
    const entries = columns.map(
      ({ name, type }, i) => [name, [type, rows.map((row) => row[`c${i}`])]] as const,
    );
    return Object.fromEntries(entries.slice(keys.length)) as Record<string, [string, unknown[]]>;
  });
}

(hasPython ? describe : describe.skip)('values in Python', () => {
  test('of every type are those of the snapshot, whatever is in neighbouring partitions', async () => {
    await pinTypes();
    await pinKeys();
    await unittest('test_values.py', { PARTWISE_VALUES: folder });
  });

  test('of every type are stored as they were returned, and read so by DuckDB (I5)', async () => {
    await unittest('test_results.py', { PARTWISE_VALUES: folder });
    const names = readdirSync(folder).filter((name) => name.endsWith('.rows.json'));
    expect(names.length).toBeGreaterThan(8);
    for (const name of names) {
      const expected = JSON.parse(readFileSync(join(folder, name), 'utf8')) as Record<
        string,
        [string | null, unknown[]]
      >;
      const file = join(folder, name.replace('.json', '.parquet'));
      const found = await readCombined(file);
      for (const [column, [type, values]] of Object.entries(expected)) {
        if (type === null) found[column]![0] = null;
        expect([name, column, found[column]]).toEqual([name, column, [type, values]]);
      }
      expect(Object.keys(found)).toEqual(Object.keys(expected));
    }
  });
});

(hasPython ? describe : describe.skip)('the Python package', () => {
  test('calls functions in tests as a run does', () => unittest('test_testing.py'));

  test('of frames and functions that programs send to runs are kept', () => unittest('test_client.py'));

  test('defines partition models, and stores them', () => unittest('test_models.py'));
});
