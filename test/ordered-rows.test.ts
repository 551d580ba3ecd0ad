import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { inLittleMemory } from '../src/warehouse/duckdb/little-memory';
import { DuckDbWarehouse } from '../src/warehouse/duckdb/duckdb-warehouse';
import { queryRows, withDatabase } from '../src/duckdb/database-file';
import { openStage, type Stage } from '../src/stage';
import type { Source } from '../src/index';

/** More than are sorted without a check. */
const ROWS = 210_000;

let folder: string;
let path: string;
let puts = 0;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'partwise-ordered-'));
  path = join(folder, 'w.duckdb');
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const execute = (...statements: string[]): Promise<void> =>
  withDatabase(path, 'write', async (connection) => {
    for (const statement of statements) await connection.run(statement);
  });

/** Pins a source, cut into `ranges` ranges, and returns the files of its rows. */
async function pin(
  source: Source,
  partitionBy: string[],
  {
    only = null,
    setup = [],
    isLocal = true,
  }: { only?: string[] | null; setup?: string[]; isLocal?: boolean } = {},
): Promise<string[]> {
  const scratch = join(folder, `scratch-${++puts}`);
  await mkdir(scratch);
  const stage = openStage(pathToFileURL(join(folder, `stage-${puts}`)).href);
  const request = {
    source,
    partitionBy,
    where: null,
    scheduled: null,
    only,
    maxPartitions: ROWS,
    scratch,
    signal: new AbortController().signal,
  };
  return new DuckDbWarehouse(`duckdb:${path}`, folder, null, setup).snapshot(
    request,
    async ({ rows, put }) => {
      const each = Math.ceil(rows.length / 9);
      const { files } = await put({
        stage: isLocal ? stage : ({ isLocal, put: stage.put.bind(stage) } as unknown as Stage),
        folder: '',
        ranges: Array.from({ length: Math.ceil(rows.length / each) }, (_, i) => ({
          from: i * each,
          to: Math.min((i + 1) * each, rows.length) - 1,
        })),
      });
      return Promise.all(files.map((file) => stage.localFile(file)));
    },
  );
}

/** Expects the same rows in the same order, to the bit. */
async function expectSame(a: readonly string[], b: readonly string[]): Promise<void> {
  const rows = (files: readonly string[]): string =>
    `(SELECT row_number() OVER () AS n, t::VARCHAR AS text FROM read_parquet([${files.map((file) => `'${file}'`).join()}]) t)`;
  const [found] = await withDatabase(':memory:', 'read', (connection) =>
    queryRows<{ same: number; all: number }>(
      connection,
      `SELECT count(*)::INTEGER AS all, count(*) FILTER (a.text = b.text)::INTEGER AS same
         FROM ${rows(a)} a FULL JOIN ${rows(b)} b USING (n)`,
    ),
  );
  expect(found!.same).toBe(found!.all);
}

/** Random rows. `k` is a number below 1,000, often a small one. */
const LOOSE = `(SELECT i, (random() * random() * 1000)::BIGINT AS k, i % 3 AS other, 'row ' || i AS text FROM range(${ROWS}) t(i))`;
const make = (key: string, order: string): Promise<void> =>
  execute(
    'SELECT setseed(0.5)',
    `CREATE TABLE data AS SELECT ${key}, * FROM ${LOOSE}`,
    `CREATE TABLE placed AS SELECT * FROM data ORDER BY ${order}`,
  );

/** Keys that are hard to compare, and the order in which they are numbered. */
const KEYS: Record<string, string> = {
  'text and NULL': "CASE WHEN k % 97 = 0 THEN NULL WHEN k % 53 = 0 THEN '' ELSE 'key ' || k END AS key",
  'numbers, some of them none':
    "CASE k % 40 WHEN 0 THEN NULL WHEN 1 THEN 'nan'::DOUBLE WHEN 2 THEN 'inf'::DOUBLE ELSE k - 500 END AS key",
  lists: '[k % 7, NULL, k] AS key',
  structs: "{'a': k % 5, 'b': CASE WHEN k % 11 = 0 THEN NULL ELSE k END} AS key",
  'text with a collation': "('K' || k) COLLATE NOCASE AS key",
  'two keys, the second one NULL': "CASE WHEN k < 300 THEN 'a' END AS key",
};

describe('a table in key order is copied as it is, with the rows that a sort would give, in that order (I1):', () => {
  it.each(Object.entries(KEYS))('%s', async (_, key) => {
    await make(key, 'key NULLS LAST, i % 2, hash(i)');
    const copied = await pin({ table: 'placed' }, ['key']);
    const sorted = await pin({ query: 'FROM placed' }, ['key']);
    expect(copied.length).toBeGreaterThan(1);
    expect(sorted).toHaveLength(1);
    await expectSame(copied, sorted);
  });

  it('several columns, and rows that were deleted', async () => {
    await make('k % 90 AS a, k % 7 AS b', 'a NULLS LAST, b NULLS LAST, hash(i)');
    await execute('DELETE FROM placed WHERE hash(i) % 50 = 0');
    const copied = await pin({ table: 'placed' }, ['a', 'b']);
    expect(copied.length).toBeGreaterThan(1);
    await expectSame(copied, await pin({ query: 'FROM placed' }, ['a', 'b']));
  });

  it('on a stage without partial reads, with a file for each range', async () => {
    await make('k % 90 AS key', 'key, hash(i)');
    const sorted = await pin({ query: 'FROM placed' }, ['key']);
    for (const source of [{ table: 'placed' }, { query: 'FROM placed' }]) {
      const files = await pin(source, ['key'], { isLocal: false });
      expect(files).toHaveLength(9);
      await expectSame(files, sorted);
    }
  });
});

it('work for which little memory is not enough is done again without a limit', async () => {
  const limits: (string | undefined)[] = [];
  const sort = (memory: string | undefined): Promise<unknown[]> => {
    limits.push(memory);
    const numbered = 'SELECT i, row_number() OVER (ORDER BY hash(i)) AS n FROM range(300_000) t(i)';
    const sum = `SELECT sum(i * n)::VARCHAR AS sum FROM (${numbered})`;
    return withDatabase(':memory:', 'read', (connection) => queryRows(connection, sum), { memory });
  };
  const expected = await sort(undefined);
  expect(await inLittleMemory(sort, '1MB')).toEqual(expected);
  expect(limits).toEqual([undefined, '1MB', undefined]);
});

describe('a table in another order is sorted (I1):', () => {
  it.each([
    ['one row of the last partition is the first', 'i = 77 DESC, key NULLS LAST'],
    ['keys are together, but not in order', 'hash(key)'],
    ['NULL comes first', 'key NULLS FIRST'],
  ])('%s', async (_, order) => {
    const first = "CASE WHEN i = 77 THEN 'z' WHEN k % 97 = 0 THEN NULL ELSE 'key ' || k END AS key";
    await make(first, order);
    const files = await pin({ table: 'placed' }, ['key']);
    expect(files).toHaveLength(1);
    await expectSame(files, await pin({ query: 'FROM placed' }, ['key']));
  });

  it('one row of 2,100 partitions is too late', async () => {
    await make('i // 100 AS key', 'CASE i WHEN 150000 THEN 160000 ELSE i END');
    const files = await pin({ table: 'placed' }, ['key']);
    expect(files).toHaveLength(1);
    await expectSame(files, await pin({ query: 'FROM placed' }, ['key']));
  });

  it('and so is one of which only some partitions are run', async () => {
    await make("CASE WHEN i % 50 = 0 THEN 'b' WHEN i % 2 = 0 THEN 'a' ELSE 'c' END AS key", 'key');
    const only = ['a', 'c'];
    const files = await pin({ table: 'placed' }, ['key'], { only });
    await expectSame(files, await pin({ query: 'FROM placed' }, ['key'], { only }));
  });

  it('and so is one whose name means another table to a connection without the setup', async () => {
    await make("'key ' || k AS key", 'key');
    await execute('CREATE SCHEMA other', 'CREATE TABLE other.placed AS FROM placed ORDER BY key, i DESC');
    const files = await pin({ table: 'placed' }, ['key'], { setup: ["SET schema = 'other'"] });
    await expectSame(files, await pin({ query: 'FROM other.placed' }, ['key']));
  });
});
