/** SQL in an input is checked before any of it runs. */
import { tmpdir } from 'node:os';
import { describe, expect, it } from '@jest/globals';
import { conditionProblem, REFUSED_FUNCTIONS, selectProblem } from '../src/duckdb/input-sql';
import { openDatabase } from '../src/duckdb/database';
import { queryRows, withDatabase } from '../src/duckdb/database-file';
import { unclosedProblem } from '../src/warehouse/snowflake/input-sql';

const inDuckDb = <T>(check: (connection: Parameters<typeof selectProblem>[0]) => Promise<T>): Promise<T> =>
  withDatabase(':memory:', 'read', check);

describe('in DuckDB', () => {
  it.each([
    'SELECT 1',
    'SELECT 1;',
    'SELECT 1 -- a comment',
    'FROM sales',
    'VALUES (1), (2)',
    '(SELECT 1) UNION ALL (SELECT 2)',
    'WITH a AS (SELECT 1) SELECT * FROM a',
    'SELECT * FROM sales WHERE day = $scheduled_date',
    'SELECT \');\' AS "a;b", $$ ; ) $$ /* ; ) */',
    "PIVOT sales ON region IN ('North') USING sum(amount)",
    'DESCRIBE sales',
    'SELECT 1; -- the end',
    'SELECT 1 ; /* the end */ ;\n-- of it',
    "SELECT ';-- no end'; -- the end",
    "SELECT * FROM nowhere, read_csv('nothing.csv')",
    "SELECT ['x']::ENUM('x', 'y')[] AS v, MAP {'x': 1}::MAP(ENUM('x'), INTEGER) AS m, x::STRUCT(a ENUM('x')) AS s FROM t",
  ])('accepts a query that is a single SELECT: %s', async (query) => {
    expect(await inDuckDb((connection) => selectProblem(connection, query))).toBeNull();
  });

  it('accepts the same queries in the database of a runner', async () => {
    const database = await openDatabase({ memoryBytes: 100_000_000, tempFolder: tmpdir() });
    const connection = await database.connect();
    const query = "SELECT [v]::ENUM('x', 'y')[] AS list FROM data";
    expect(await selectProblem(connection, query)).toBeNull();
    expect(await selectProblem(connection, `${query}, query('SELECT 1')`)).toMatch('more than read rows');
    connection.closeSync();
    database.closeSync();
  });

  it.each([
    'amount > 0 AND region IN (SELECT region FROM stores)',
    'amount > 0 -- and no more (',
    "region = ') OR (1=1'",
    '(a, b) = (1, 2)',
    'day = $scheduled_date',
  ])('accepts a condition that is a single expression: %s', async (condition) => {
    expect(await inDuckDb((connection) => conditionProblem(connection, condition))).toBeNull();
  });

  // A new release of DuckDB may add a function that does more than read: check it, and add it to one of the
  // two lists.
  it('every table function is either known to be read-only or refused', async () => {
    const found = await inDuckDb((connection) =>
      queryRows<{ name: string }>(
        connection,
        `SELECT DISTINCT function_name AS name FROM duckdb_functions() WHERE function_type = 'table'
         AND NOT regexp_matches(function_name, '^(duckdb_|pragma_|parquet_|read_)') ORDER BY 1`,
      ),
    );
    const reads = (
      'check_peg_parser generate_series glob icu_calendar_names json_each json_tree pg_timezone_names query_table range repeat repeat_row ' +
      'seq_scan sniff_csv sql_auto_complete summary test_all_types test_vector_types unnest which_secret'
    ).split(' ');
    expect(found.map(({ name }) => name)).toEqual([...reads, ...REFUSED_FUNCTIONS].sort());
  });
});

describe('on Snowflake', () => {
  it.each([
    'SELECT 1',
    "SELECT ');' AS \"a;(b\", $$ ; ) ' $$ /* ; ) ' */ -- ; ) '\nFROM t",
    "a = 'it''s (' AND b = 'it\\'s (' AND c IN (1, (2))",
    'SELECT $1 FROM @DB.SCHEMA.STAGE/sales.csv',
    "SELECT $1 FROM '@DB.SCHEMA.STAGE/a--b'",
    "a = '\\' ) OR (a = '",
    '1=1 // a plain comment',
  ])('accepts SQL that stays within its parentheses: %s', (text) => expect(unclosedProblem(text)).toBeNull());

  it.each([
    ['1=1) OR (1=1', 'closes a parenthesis'],
    ['1=1) UNION SELECT (1', 'closes a parenthesis'],
    ['(1=1', 'does not close'],
    ['1=1; DROP TABLE t', 'semicolon'],
    ["a = 'x", 'is not closed'],
    ["a = '\\\\' ) OR (a = 'x'", 'closes a parenthesis'],
    ['a = "x', 'is not closed'],
    ['a = $$x', '$$ is not closed'],
    ['1=1 /* x', '/* is not closed'],
    ['/* /* */ */ 1=1', 'a comment inside a comment'],
    ['1=1 -- \r) OR (1=1', 'carriage return'],
    ['1=1 // ) OR (\n1=1', 'starts with //'],
    ['EXISTS (SELECT 1 FROM @s--)\n)', 'could be a comment'],
    ['EXISTS (SELECT 1 FROM @s//x\n)', 'could be a comment'],
  ])('refuses SQL that may not: %j', (text, words) => expect(unclosedProblem(text)).toContain(words));
});
