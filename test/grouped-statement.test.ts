/** Which statements are run for many partitions at once. */
import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { openDatabase } from '../src/duckdb/database';
import { groupedStatement } from '../src/functions/ahead/grouped-statement';

describe('a statement is run for many partitions at once', () => {
  const columns = ['i INTEGER', 'f DOUBLE', 'd DECIMAL(9,2)', 's VARCHAR', 'day DATE', 'o BOOLEAN'].map(
    (each) => {
      const [name, type] = each.split(' ') as [string, string];
      return { name, type };
    },
  );

  let database: DuckDBInstance;
  let connection: DuckDBConnection;
  let folder: string;
  beforeAll(async () => {
    folder = realpathSync(mkdtempSync(join(tmpdir(), 'partwise-grouped-')));
    database = await openDatabase({ memoryBytes: 500_000_000, tempFolder: folder });
    connection = await database.connect();
    const declared = columns.map(({ name, type }) => `${name} ${type}`).join(', ');
    await connection.run(`CREATE TEMP TABLE data (${declared})`);
  });
  afterAll(() => {
    connection.closeSync();
    database.closeSync();
    rmSync(folder, { recursive: true, force: true });
  });
  const grouped = (sql: string) => groupedStatement(connection, sql, columns);

  test.each([
    'SELECT count(*) AS orders, sum(f) AS total FROM data',
    'SELECT median(f), round(avg(d), 1) AS mean FROM DATA AS d WHERE s LIKE $1 AND i > 0 HAVING count(*) > 1;',
    "SELECT sum(CASE WHEN o THEN 1 ELSE 0 END) / count(*) AS share, max(date_trunc('month', day)) FROM data",
    "SELECT string_agg(data.s, ', ') FILTER (WHERE data.o), list(f), sum(f * 0.1 - i), stddev(f), 7 FROM data",
    'SELECT count(DISTINCT s) AS n, any_value(s) AS "The s", quantile_cont(f, [0.25, 0.75]) FROM data',
    'SELECT s, sum(f) FROM data GROUP BY s ORDER BY s',
    'SELECT o, i % 3 AS m, count(*) AS n FROM data GROUP BY o, m HAVING count(*) > 1 ORDER BY n DESC, 1, m LIMIT 3',
    'SELECT upper(s) AS s, count(*) FROM data AS d GROUP BY 1 ORDER BY count(*) DESC, s NULLS FIRST OFFSET 1',
  ])('if that gives each its own answer: %s', async (sql) => {
    expect((await grouped(sql))?.many).toMatch(
      /, __partwise_ord FROM __partwise_ahead AS .* GROUP BY \(?__partwise_ord/,
    );
  });

  test.each([
    ['SELECT upper(s) AS s, 7 FROM data WHERE i > 0 LIMIT 3', '7, __partwise_ord FROM __partwise_ahead'],
    ['SELECT * EXCLUDE (F, d), f FROM data', 'SELECT i, s, "day", o, f, __partwise_ord FROM'],
    ['SELECT d.* FROM data AS d ORDER BY day DESC, 1', 'ORDER BY __partwise_ord, "day" DESC, i'],
    [
      'SELECT i - lag(i) OVER (PARTITION BY s ORDER BY f) AS step FROM data ORDER BY s, f',
      '(i - lag(i) OVER (PARTITION BY __partwise_ord, s ORDER BY f))',
    ],
    [
      'SELECT o, rank() OVER (ORDER BY sum(d) DESC) AS place FROM data GROUP BY o ORDER BY o',
      'rank() OVER (PARTITION BY __partwise_ord ORDER BY sum(d) DESC)',
    ],
    ['SELECT s FROM data ORDER BY f LIMIT 2', 'AS "data" ORDER BY __partwise_ord, f'],
  ])('if that gives each its own rows: %s', async (sql, part) => {
    expect((await grouped(sql))?.many).toContain(part);
  });

  test.each([
    ['a value is volatile', 'SELECT i, random() FROM data'],
    ['it unnests', 'SELECT unnest([i, 1]) FROM data'],
    ['it reads the row number of each row', 'SELECT rowid FROM data'],
    ['its columns are of another table', 'SELECT x.* FROM data'],
    ['it replaces columns', 'SELECT * REPLACE (i + 1 AS i) FROM data'],
    ['it renames one of all columns', 'SELECT * RENAME (i AS j) FROM data'],
    ['it calculates with columns', 'SELECT COLUMNS(*) FROM data'],
    ['its limit counts as many as there are', 'SELECT i FROM data LIMIT (SELECT 1)'],
    ['its groups have no order', 'SELECT i, count(*) FROM data GROUP BY i'],
    ['its limit has no order', 'SELECT i, count(*) FROM data GROUP BY i LIMIT 1'],
    ['its limit is calculated', 'SELECT i, count(*) FROM data GROUP BY i ORDER BY i LIMIT 1 + 1'],
    ['its limit is a percentage', 'SELECT i, count(*) FROM data GROUP BY i ORDER BY i LIMIT 10%'],
    ['two columns have the name', 'SELECT i AS a, count(*) AS a FROM data GROUP BY i ORDER BY a, i'],
    ['an order calculates with a name', 'SELECT i AS f, count(*) FROM data GROUP BY i ORDER BY abs(f)'],
    ['it orders by all', 'SELECT i, count(*) FROM data GROUP BY i ORDER BY ALL'],
    ['its order is volatile', 'SELECT i, count(*) FROM data GROUP BY i ORDER BY random()'],
    ['its order is a constant', 'SELECT i, count(*) FROM data GROUP BY i ORDER BY $1'],
    ['its order is a selected number', 'SELECT i, 1 AS one FROM data ORDER BY one, i'],
    ['its order collates', 'SELECT s, count(*) FROM data GROUP BY s ORDER BY s COLLATE nocase'],
    ['it groups by something volatile', 'SELECT count(*) FROM data GROUP BY random() ORDER BY 1'],
    ['it has cubes', 'SELECT i, count(*) FROM data GROUP BY CUBE (i) ORDER BY i'],
    ['it has grouping sets', 'SELECT count(*) FROM data GROUP BY GROUPING SETS ((), ())'],
    ['it groups by everything', 'SELECT i, count(*) FROM data GROUP BY ALL ORDER BY i'],
    ['it has a limit', 'SELECT count(*) FROM data LIMIT 0'],
    ['it returns distinct rows', 'SELECT DISTINCT count(*) FROM data'],
    ['it samples', 'SELECT count(*) FROM data USING SAMPLE 50%'],
    ['it samples the table', 'SELECT count(*) FROM data TABLESAMPLE 50%'],
    ['it has a window over its one row', 'SELECT sum(count(*)) OVER () FROM data'],
    ['windows leave the order of its rows open', 'SELECT i, rank() OVER (ORDER BY i) FROM data'],
    [
      'windows have rows that a limit leaves out',
      'SELECT i, lag(i) OVER (ORDER BY i) FROM data ORDER BY s LIMIT 2',
    ],
    ['a place has no order', 'SELECT row_number() OVER (PARTITION BY s) FROM data ORDER BY s'],
    ['a window adds up numbers that may be rounded', 'SELECT sum(f) OVER (ORDER BY i) FROM data ORDER BY i'],
    ['a window adds up numbers that may overflow', 'SELECT sum(i::HUGEINT) OVER () FROM data ORDER BY i'],
    ['a window calls an unknown function', 'SELECT list(i) OVER (ORDER BY i) FROM data ORDER BY i'],
    ['a window has distinct values', 'SELECT count(DISTINCT i) OVER () FROM data ORDER BY i'],
    [
      'a window leaves out rows',
      'SELECT count(*) OVER (ORDER BY i ROWS 1 PRECEDING EXCLUDE CURRENT ROW) FROM data ORDER BY i',
    ],
    [
      'a frame is a range of values',
      'SELECT count(*) OVER (ORDER BY i RANGE 1 PRECEDING) FROM data ORDER BY i',
    ],
    ['a frame is calculated', 'SELECT count(*) OVER (ORDER BY i ROWS i PRECEDING) FROM data ORDER BY i'],
    ['a window is volatile', 'SELECT count(random()) OVER () FROM data ORDER BY i'],
    ['its order is that of a window', 'SELECT i FROM data ORDER BY row_number() OVER (ORDER BY i)'],
    ['it qualifies', 'SELECT count(*) FROM data QUALIFY row_number() OVER () = 1'],
    ['it joins', 'SELECT count(*) FROM data a JOIN data b USING (i)'],
    ['it reads something else', 'SELECT count(*) FROM other'],
    ['it reads another schema', 'SELECT count(*) FROM main.data'],
    ['it reads another catalog', 'SELECT count(*) FROM memory.main.data'],
    ['it renames columns', 'SELECT count(f) FROM data AS t(a, b, c, d, e, f)'],
    ['it has a subquery', 'SELECT count(*) FROM data WHERE i > (SELECT avg(i) FROM data)'],
    ['it has a query in FROM', 'SELECT count(*) FROM (SELECT * FROM data) AS data'],
    ['it has a CTE', 'WITH data AS (SELECT 1 AS i) SELECT count(i) FROM data'],
    ['it is a union', 'SELECT count(*) FROM data UNION ALL SELECT 1'],
    ['it is two statements', 'SELECT count(*) FROM data; SELECT count(*) FROM data'],
    ['it is not a query', 'CREATE TABLE x AS SELECT count(*) FROM data'],
    ['it calls a volatile function', 'SELECT sum(i) FROM data WHERE random() < 0.5'],
    ['it calls a function of the time', 'SELECT count(*), now() FROM data'],
    ['it calls an unknown aggregate', 'SELECT count(*), approx_quantile(f, 0.5) FROM data'],
    ['it calls a function of another schema', 'SELECT count(*), memory.main.abs(sum(i)) FROM data'],
    ['an aggregate has an order', 'SELECT list(i ORDER BY o) FROM data'],
    ['an aggregate adds up distinct values', 'SELECT sum(DISTINCT f) FROM data'],
    ['an aggregate has a volatile filter', 'SELECT count(*) FILTER (WHERE random() < 0.5) FROM data'],
    ['an aggregate returns a heap', 'SELECT max(i, 2) FROM data'],
    ['an aggregate returns the arguments of a heap', 'SELECT arg_max(i, f, 2) FROM data'],
    ['a sum may get a constant vector', 'SELECT sum(CASE WHEN o THEN 0.1::DOUBLE ELSE 0.2 END) FROM data'],
    ['a sum gets a constant', 'SELECT avg(0.1::DOUBLE) FROM data'],
    ['a product may get a constant vector', 'SELECT product(coalesce(i, 3)) FROM data'],
    ['it names the ordinal', 'SELECT count(__partwise_ord) FROM data'],
    ['it names a column like the ordinal', 'SELECT count(*) AS __partwise_ord FROM data'],
    ['it reads the row number of the table', 'SELECT max(rowid) FROM data'],
    ['it reads the whole row', 'SELECT max(data) FROM data'],
    ['it reads all columns', 'SELECT max(COLUMNS(*)) FROM data'],
    ['it collates', 'SELECT max(s COLLATE nocase) FROM data'],
    ['it has a lambda', 'SELECT list_transform(list(i), lambda x: x + 1) FROM data'],
    ['JavaScript would round a number in it', 'SELECT count(*) FROM data WHERE i < 9007199254740993'],
  ])('but not if %s: %s', async (_why, sql) => {
    expect(await grouped(sql)).toBeNull();
  });
});
