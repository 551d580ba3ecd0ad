/** Statements that are run for many partitions at once give each the answer that it gets alone. */
import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import type { Column } from '../src/core/plan';
import { type DatabaseOptions, KeptDatabase, openDatabase } from '../src/duckdb/database';
import { Chunks } from '../src/functions/ahead/chunks';
import { groupedStatement } from '../src/functions/ahead/grouped-statement';
import type { LoadAhead } from '../src/functions/ahead/rows-ahead';
import { TableAnswers } from '../src/functions/ahead/table-answers';
import { SnapshotRows } from '../src/functions/snapshot-rows';
import { SqlFunction } from '../src/functions/sql-function';
import { SqlSession } from '../src/functions/sql-session';
import { KEYS_TABLE } from '../src/rows/output-file';
import type { FunctionBundle } from '../src/runners/language';
import { RunnerPool } from '../src/runners/pool';
import type { RunnerUnit } from '../src/runners/protocol';
import { bundleFixture, makeSnapshot, readRows, run } from './support/runner-unit';
import { RandomQueries, type RandomTable } from './support/random-queries';

/** `npm run test:sql` asks more. */
const QUERIES = Number(process.env.SQL_QUERIES ?? 60);
const SEED = Number(process.env.SQL_SEED ?? 1);
const QUERIES_A_TABLE = 20;
const PARTITIONS = 8;
const KEYS = [{ name: 'k', type: 'VARCHAR' }];

let folder: string;
let options: DatabaseOptions;
beforeAll(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'partwise-sql-ahead-')));
  options = { memoryBytes: 500_000_000, tempFolder: join(folder, 'temp') };
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The partitions of a table, and queries over each of them. */
class Unit {
  private constructor(
    private readonly table: RandomTable,
    private readonly rows: SnapshotRows,
    private readonly session: SqlSession,
    private readonly kept: KeptDatabase,
    readonly close: () => Promise<void>,
  ) {}

  static async of(table: RandomTable): Promise<Unit> {
    const snapshot = join(folder, 'snapshot.parquet');
    const maker = await DuckDBInstance.create(':memory:', { threads: '1' });
    const connection = await maker.connect();
    const stored = table.columns
      .filter(({ type }) => type === 'HUGEINT' || type === 'INTERVAL')
      .map(({ name }) => `${name}::VARCHAR AS ${name}`);
    await connection.run(
      `COPY (SELECT * REPLACE (${stored.join(', ')}) FROM (${table.sql})) TO '${snapshot}'`,
    );
    connection.closeSync();
    maker.closeSync();
    const database = await openDatabase(options);
    const kept = new KeptDatabase();
    const session = new SqlSession(options, kept);
    const ordinals = [...table.sizes.keys()];
    const rows = new SnapshotRows(database, [snapshot], table.columns, ordinals, (at) => table.sizes[at]!);
    return new Unit(table, rows, session, kept, async () => {
      rows.close();
      await session.close();
      kept.close();
      database.closeSync();
    });
  }

  /** What partitions return: the columns or the error of each, and the bytes of the files with their rows. */
  async answers(sql: string, isAhead: boolean): Promise<{ answers: string[]; ahead: number }> {
    const load = this.rows.ahead.bind(this.rows);
    const ahead = new TableAnswers(sql, this.table.columns, KEYS, this.session, load);
    const keys = `CREATE OR REPLACE TEMP TABLE ${KEYS_TABLE} AS SELECT ord::INTEGER AS ord, 'k' || ord AS key_0 FROM range(${PARTITIONS}) t(ord)`;
    const query = new SqlFunction(
      sql,
      KEYS,
      this.session,
      async (connection) => void (await connection.run(keys)),
      isAhead ? ahead : null,
    );
    const answers: string[] = [];
    let count = 0;
    for (const [ordinal, rows] of this.table.sizes.entries()) {
      try {
        if (query.wantsAhead(ordinal)) await query.lookAhead(ordinal);
        if (isAhead && ahead.has(ordinal)) count++;
        const result = await query.run(ordinal, this.rows.partition({ ordinal, rows }));
        answers.push(`${result.rows} rows: ${JSON.stringify(result.columns)}`);
        if (!(await query.keep(ordinal, result))) {
          answers.push(await this.written(query));
          await query.keep(ordinal, result);
        }
      } catch (error) {
        answers.push(`${(error as Error).name}: ${(error as Error).message}`);
      }
      await this.session.endPartition();
    }
    if (query.rows > 0) answers.push(await this.written(query));
    return { answers, ahead: count };
  }

  /** The same with `data.sql`: what each partition gets in JavaScript. */
  async queried(sql: string, isAhead: boolean): Promise<{ answers: string[]; ahead: number }> {
    const session = new SqlSession(options, this.kept);
    let count = 0;
    const load: LoadAhead = (connection, ordinal) => this.rows.ahead(connection, ordinal);
    if (isAhead) session.prepareAhead(this.table.columns, load);
    const answers: string[] = [];
    for (const [ordinal, size] of this.table.sizes.entries()) {
      if (session.wantsAhead(ordinal)) await session.lookAhead(ordinal);
      const rows = this.rows.partition({ ordinal, rows: size });
      session.beginPartition(ordinal, rows);
      const view = jest.spyOn(rows, 'view');
      try {
        let columns: readonly Column[] = [];
        const found = await session.query(rows, [sql], [], (seen) => (columns = seen));
        if (view.mock.calls.length === 0) count++;
        answers.push(`${JSON.stringify(columns)} ${inspect(found, { depth: null, maxArrayLength: null })}`);
      } catch (error) {
        answers.push(`${(error as Error).name}: ${(error as Error).message}`);
      }
      await session.endPartition();
    }
    await session.close();
    return { answers, ahead: count };
  }

  private async written(query: SqlFunction): Promise<string> {
    const file = join(folder, 'rows.parquet');
    const { refused } = await query.write(file);
    return `${JSON.stringify([...refused])} ${readFileSync(file).toString('base64')}`;
  }
}

test(
  'random queries give each partition the answer that it gets alone, to the type and the bit',
  async () => {
    let [asked, ahead, partitions] = [0, 0, 0];
    const differences: string[] = [];
    for (let seed = SEED; asked < QUERIES; seed++) {
      const random = new RandomQueries(seed);
      const unit = await Unit.of(random.table(PARTITIONS));
      for (let i = 0; i < QUERIES_A_TABLE && asked < QUERIES; i++, asked++) {
        const sql = random.query();
        const way = i % 2 === 0 ? 'answers' : 'queried';
        const alone = await unit[way](sql, false);
        const together = await unit[way](sql, true);
        if (together.ahead > 0) ahead++;
        partitions += together.ahead;
        const at = alone.answers.findIndex((answer, ordinal) => answer !== together.answers[ordinal]);
        if (at >= 0)
          differences.push(
            `seed ${seed}: ${sql}\n${alone.answers[at]!.slice(0, 300)}\n${together.answers[at]?.slice(0, 300)}`,
          );
      }
      await unit.close();
    }
    console.log(
      `${asked} queries, ${ahead} of them for many partitions at once (${partitions} answers), ${differences.length} differences`,
    );
    expect(differences).toEqual([]);
    expect(ahead).toBeGreaterThan(asked / 3);
  },
  QUERIES * 1_000,
);

describe('a statement is run for many partitions at once', () => {
  const columns = ['i INTEGER', 'f DOUBLE', 'd DECIMAL(9,2)', 's VARCHAR', 'day DATE', 'o BOOLEAN'].map(
    (each) => {
      const [name, type] = each.split(' ') as [string, string];
      return { name, type };
    },
  );

  let database: DuckDBInstance;
  let connection: DuckDBConnection;
  beforeAll(async () => {
    database = await openDatabase(options);
    connection = await database.connect();
    const declared = columns.map(({ name, type }) => `${name} ${type}`).join(', ');
    await connection.run(`CREATE TEMP TABLE data (${declared})`);
  });
  afterAll(() => {
    connection.closeSync();
    database.closeSync();
  });
  const grouped = (sql: string) => groupedStatement(connection, sql, columns);

  test.each([
    'SELECT count(*) AS orders, sum(f) AS total FROM data',
    'SELECT median(f), round(avg(d), 1) AS mean FROM DATA AS d WHERE s LIKE $1 AND i > 0 HAVING count(*) > 1;',
    "SELECT sum(CASE WHEN o THEN 1 ELSE 0 END) / count(*) AS share, max(date_trunc('month', day)) FROM data",
    "SELECT string_agg(data.s, ', ') FILTER (WHERE data.o), list(f), sum(f * 0.1 - i), stddev(f), 7 FROM data",
    'SELECT count(DISTINCT s) AS n, any_value(s) AS "The s", quantile_cont(f, [0.25, 0.75]) FROM data',
  ])('if that gives each its own answer: %s', async (sql) => {
    expect((await grouped(sql))?.many).toMatch(
      /, __partwise_ord FROM __partwise_ahead AS .* GROUP BY __partwise_ord/,
    );
  });

  test.each([
    ['it returns rows', 'SELECT i FROM data'],
    ['it has no aggregate', 'SELECT 1 AS one FROM data'],
    ['it has groups', 'SELECT i, count(*) FROM data GROUP BY i'],
    ['it has grouping sets', 'SELECT count(*) FROM data GROUP BY GROUPING SETS ((), ())'],
    ['it groups by everything', 'SELECT i, count(*) FROM data GROUP BY ALL'],
    ['it has a limit', 'SELECT count(*) FROM data LIMIT 0'],
    ['it returns distinct rows', 'SELECT DISTINCT count(*) FROM data'],
    ['it samples', 'SELECT count(*) FROM data USING SAMPLE 50%'],
    ['it samples the table', 'SELECT count(*) FROM data TABLESAMPLE 50%'],
    ['it has a window', 'SELECT sum(count(*)) OVER () FROM data'],
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

describe('a batch', () => {
  const ordinals = Array.from({ length: 30 }, (_, i) => i);
  let project: string;
  let pool: RunnerPool;
  let bundle: FunctionBundle;
  beforeAll(async () => {
    project = join(folder, 'project');
    mkdirSync(project);
    await makeSnapshot(project, ordinals.length, 5);
    bundle = await bundleFixture(project, 'sql-functions.ts');
    pool = new RunnerPool({ size: 1 });
  });
  afterAll(() => pool.close());

  /** Outcomes and rows of a unit. */
  async function ended(name: string, sql: string | null, unit: Partial<RunnerUnit>) {
    const { ended: all, files } = await run({
      pool,
      folder: project,
      bundle: sql === null ? bundle : null,
      name,
      ordinals,
      unit: { ...(sql !== null && { function: { name, digest: name, bundle: null, sql } }), ...unit },
    });
    const outcomes = all
      .map(({ outcome: { ordinal, status, outputRows, error } }) => ({
        ordinal,
        status,
        outputRows,
        error: error === null ? null : `${error.type}: ${error.message}`,
      }))
      .sort((a, b) => a.ordinal - b.ordinal);
    return { outcomes, rows: files.length === 0 ? [] : await readRows(files) };
  }

  test.each([
    ['some rows of each partition', 'SELECT count(*) AS n, sum(amount) AS total FROM data WHERE amount < 3'],
    [
      'no rows of most partitions',
      "SELECT count(*) AS n, sum(amount) AS total FROM data WHERE region IN ('k3', 'k9')",
    ],
    ['no partitions but some', "SELECT sum(amount) AS total FROM data HAVING max(region) IN ('k3', 'k9')"],
    ['the key', 'SELECT max(region) AS region, count(*) AS n FROM data'],
    [
      'another key in one partition',
      "SELECT replace(max(region), 'k7', 'k8') AS region, count(*) AS n FROM data",
    ],
    [
      'an error in one partition',
      "SELECT count(*) AS n, max(replace(region, 'k7', 'seven')[2:]::INTEGER) AS k FROM data",
    ],
    ['an error in all partitions', 'SELECT max(region::INTEGER) AS n FROM data'],
    ['a column without values', 'SELECT NULL AS nothing, count(*) AS n FROM data'],
  ])('of the function sql returns what its partitions return alone: %s', async (_what, sql) => {
    const batch = await ended('sql', sql, { isBatch: true });
    expect(batch).toEqual(await ended('sql', sql, { isBatch: false }));
    expect(batch.outcomes).toHaveLength(ordinals.length);
  });

  test.each(['same', 'varied', 'changing', 'looking', 'failing'])(
    'whose function queries its rows returns what its partitions return alone: %s',
    async (name) => {
      const batch = await ended(name, null, { isBatch: true });
      expect(batch).toEqual(await ended(name, null, { isBatch: false }));
      expect(batch.outcomes).toHaveLength(ordinals.length);
    },
  );

  test('asks what its first partitions have asked for the others, unless a runner has died in it', async () => {
    const connections = async (unit: Partial<RunnerUnit>) => {
      const { rows } = await ended('connections', null, unit);
      return rows.map((row) => row.connections);
    };
    const alone = ordinals.map(() => 1);
    expect(await connections({ isBatch: true })).toEqual([1, 1, ...alone.slice(2).map(() => 2)]);
    expect(await connections({ isBatch: false })).toEqual(alone);
    const afterDeath = await connections({ isBatch: true, params: { dies: 'k5' } });
    expect(afterDeath.slice(5)).toEqual(alone.slice(5));
  });
});

describe('partitions that are asked together', () => {
  const many = Array.from({ length: 3_000 }, (_, i) => i);
  const connection = (interrupt: () => void) => ({ interrupt }) as unknown as DuckDBConnection;
  const nothing = connection(() => undefined);

  test('are at most a thousand, and fewer while one of them fails', async () => {
    const chunks = new Chunks();
    const sizes: number[] = [];
    const answering = async (chunk: readonly number[]) => {
      sizes.push(chunk.length);
      if (chunk.includes(15)) throw new Error('The partition 15 fails.');
      return chunk.length;
    };
    expect(await chunks.ask(nothing, many, answering)).toEqual({ chunk: many.slice(0, 10), answer: 10 });
    expect(await chunks.ask(nothing, many.slice(10), answering)).toEqual({
      chunk: many.slice(10, 20),
      answer: null,
    });
    expect((await chunks.ask(nothing, many.slice(20), answering)).answer).toBe(10);
    expect((await chunks.ask(nothing, many.slice(30), answering)).answer).toBe(100);
    expect((await chunks.ask(nothing, many.slice(130), answering)).answer).toBe(1_000);
    expect(sizes).toEqual([1_000, 100, 10, 100, 10, 10, 100, 1_000]);
    expect(chunks.areFutile).toBe(false);
  });

  test('are given up if even a few take too long', async () => {
    const chunks = new Chunks();
    let interrupt = (): void => undefined;
    const forever = () =>
      new Promise<never>((_, reject) => (interrupt = () => reject(new Error('interrupted'))));
    const { chunk, answer } = await chunks.ask(
      connection(() => interrupt()),
      many,
      forever,
    );
    expect([chunk.length, answer, chunks.areFutile]).toEqual([10, null, true]);
  });
});
