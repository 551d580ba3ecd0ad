/** Values keep their digits, types and names on their way into Python functions and out of them. */
import { execFile } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { withDatabase } from '../src/duckdb/database-file';
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
afterAll(() => { if (process.env.KEEP) return console.log('KEPT ' + folder); rmSync(folder, { recursive: true, force: true }); });

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
  const expected = rows.map(([key, value]) => [key, ...VALUE_TYPES.map(({ python, sql }) => value(sql) === 'NULL' ? 'None' : value(python) ?? 'None')]);
  await pin(file, 'types', ['k'], { expected, pandas: VALUE_TYPES.map(({ pandas }) => pandas ?? null) });
}

/** Keys of types that are hard to keep, in columns whose names are those of the index, or odd. */
async function pinKeys(): Promise<void> {
  const file = join(folder, 'w.duckdb');
  const keys = { ord: 'HUGEINT', rows: 'UUID', id: 'DATE', key_0: 'DECIMAL(38,2)', __proto__x: 'BOOLEAN', 'q"u o,te': 'INTERVAL' };
  const names = Object.keys(keys).map((name) => `"${(name === '__proto__x' ? '__proto__' : name).replaceAll('"', '""')}"`);
  await withDatabase(file, 'write', async (connection) => {
    await connection.run(
      `CREATE TABLE keys (${Object.values(keys).map((type, i) => `${names[i]} ${type}`).join(', ')}, "v.x" STRUCT(ord INTEGER))`,
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

(hasPython ? describe : describe.skip)('values in Python', () => {
  test('of every type are those of the snapshot, whatever is in neighbouring partitions', async () => {
    await pinTypes();
    await pinKeys();
    await unittest('test_values.py', { PARTWISE_VALUES: folder });
    expect.hasAssertions;
  });
});
