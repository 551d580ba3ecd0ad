/** Statements that are run for many partitions at once give each the answer that it gets alone. */
import { mkdirSync, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import type { Column } from '../src/core/plan';
import { type DatabaseOptions, KeptDatabase, openDatabase } from '../src/duckdb/database';
import { Chunks } from '../src/functions/ahead/chunks';
import type { LoadAhead } from '../src/functions/ahead/rows-ahead';
import { TableAnswers } from '../src/functions/ahead/table-answers';
import { SnapshotRows } from '../src/functions/snapshot-rows';
import { SqlFunction } from '../src/functions/sql-function';
import { SqlSession } from '../src/functions/sql-session';
import { KEYS_TABLE } from '../src/rows/output-file';
import type { FunctionBundle } from '../src/runners/language';
import { OutputCapture } from '../src/runners/node/output-capture';
import { UnitDatabases } from '../src/runners/node/unit-databases';
import { UnitLoop } from '../src/runners/node/unit-loop';
import { RunnerPool } from '../src/runners/pool';
import type { RunnerUnit } from '../src/runners/protocol';
import { bundleFixture, makeSnapshot, readRows, run, unitOf } from './support/runner-unit';
import { Random } from './chaos/random';
import { RandomQueries, SHAPES } from './support/random-queries';
import { type RandomTable, randomTable } from './support/random-tables';

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
    private readonly reader: DuckDBConnection,
    readonly close: () => Promise<void>,
  ) {}

  static async of(table: RandomTable): Promise<Unit> {
    const snapshot = join(folder, 'snapshot.parquet');
    const maker = await DuckDBInstance.create(':memory:', { threads: '1' });
    const connection = await maker.connect();
    const stored = table.columns
      .filter(({ type }) => type === 'HUGEINT' || type === 'INTERVAL')
      .map(({ name }) => `${name}::VARCHAR AS ${name}`);
    const replace = stored.length === 0 ? '' : ` REPLACE (${stored.join(', ')})`;
    await connection.run(`COPY (SELECT *${replace} FROM (${table.sql})) TO '${snapshot}'`);
    const database = await openDatabase(options);
    const kept = new KeptDatabase();
    const session = new SqlSession(options, kept);
    const ordinals = [...table.sizes.keys()];
    const rows = new SnapshotRows(database, [snapshot], table.columns, ordinals, (at) => table.sizes[at]!);
    return new Unit(table, rows, session, kept, connection, async () => {
      connection.closeSync();
      maker.closeSync();
      rows.close();
      await session.close();
      kept.close();
      database.closeSync();
    });
  }

  /** What partitions return: the columns or the error of each, and the files with their rows. */
  async answers(sql: string, isAhead: boolean): Promise<{ answers: string[]; ahead: number[] }> {
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
    const served: number[] = [];
    for (const [ordinal, rows] of this.table.sizes.entries()) {
      try {
        if (query.wantsAhead(ordinal)) await query.lookAhead(ordinal);
        if (isAhead && ahead.rowsOf(ordinal) !== null) served.push(ordinal);
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
    return { answers, ahead: served };
  }

  /** The same with `data.sql`: what each partition gets in JavaScript. */
  async queried(sql: string, isAhead: boolean): Promise<{ answers: string[]; ahead: number[] }> {
    const session = new SqlSession(options, this.kept);
    const served: number[] = [];
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
        if (view.mock.calls.length === 0) served.push(ordinal);
        answers.push(`${JSON.stringify(columns)} ${inspect(found, { depth: null, maxArrayLength: null })}`);
      } catch (error) {
        answers.push(`${(error as Error).name}: ${(error as Error).message}`);
      }
      await session.endPartition();
    }
    await session.close();
    return { answers, ahead: served };
  }

  private async written(query: SqlFunction): Promise<string> {
    const file = join(folder, 'rows.parquet');
    const { refused } = await query.write(file, (work) => work());
    // As text, which has every bit.
    const read = async (sql: string) => (await this.reader.runAndReadAll(`${sql} '${file}'`)).getRowsJson();
    const types = await read('DESCRIBE FROM');
    const values = JSON.stringify(await read('SELECT COLUMNS(*)::VARCHAR FROM'));
    return `${JSON.stringify([[...refused], types])} ${values}`;
  }
}

test(
  'random queries give each partition the answer that it gets alone, to the type and the bit',
  async () => {
    const counts = new Map(SHAPES.map((shape) => [shape, { asked: 0, ahead: 0, answers: 0 }]));
    const differences: string[] = [];
    for (let [seed, asked] = [SEED, 0]; asked < QUERIES; seed++) {
      const random = new Random(seed);
      const queries = new RandomQueries(random);
      const unit = await Unit.of(randomTable(random, PARTITIONS));
      for (let i = 0; i < QUERIES_A_TABLE && asked < QUERIES; i++, asked++) {
        const { shape, sql } = queries.query();
        const way = i % 2 === 0 ? 'answers' : 'queried';
        const alone = await unit[way](sql, false);
        const together = await unit[way](sql, true);
        const count = counts.get(shape)!;
        count.asked++;
        if (together.ahead.length > 0) count.ahead++;
        count.answers += together.ahead.length;
        const at = alone.answers.findIndex((answer, ordinal) => answer !== together.answers[ordinal]);
        if (at >= 0)
          differences.push(
            `seed ${seed}: ${sql}\n${alone.answers[at]!.slice(0, 300)}\n${together.answers[at]?.slice(0, 300)}`,
          );
      }
      await unit.close();
    }
    const lines = [...counts].map(
      ([shape, { asked, ahead, answers }]) =>
        `${shape}: ${asked} queries, ${ahead} of them for many partitions at once (${answers} answers)`,
    );
    console.log([...lines, `${differences.length} differences`].join('\n'));
    expect(differences).toEqual([]);
    for (const [shape, { asked, ahead }] of counts)
      if (shape !== 'others') expect({ shape, isAhead: ahead > asked / 8 }).toEqual({ shape, isAhead: true });
  },
  QUERIES * 1_000,
);

describe('an answer for a partition among others', () => {
  const values = [
    "('a', 1, 1.5), ('b', 2, 0.5), ('c', 3, 2.5), ('a', 4, 3.5)",
    "('b', 5, 1.5), ('a', 2, -1.5), ('c', 3, 7.5)",
    // The first two rows are tied in f and those of "b" in i.
    "('b', 1, 1.5), ('a', 2, 1.5), ('b', 1, 0.5), ('c', 3, 0.25)",
    "('b', 1, '-0.0'::DOUBLE), ('a', 2, 1.5), (NULL, 3, NULL)",
    '(NULL, NULL, NULL)',
  ];
  const table: RandomTable = {
    columns: [
      { name: 'k', type: 'VARCHAR' },
      { name: 's', type: 'VARCHAR' },
      { name: 'i', type: 'INTEGER' },
      { name: 'f', type: 'DOUBLE' },
    ],
    sizes: [4, 3, 4, 3, 1],
    sql: values
      .map(
        (rows, ord) =>
          `SELECT 'k${ord}' AS k, s, i::INTEGER AS i, f::DOUBLE AS f, ${ord}::INTEGER AS __partwise_ord FROM (VALUES ${rows}) t(s, i, f)`,
      )
      .join(' UNION ALL '),
  };

  test.each([
    ['has its groups', 'SELECT s, sum(f) AS total FROM data GROUP BY s ORDER BY s', [1, 2, 3, 4]],
    ['is its own if groups are tied', 'SELECT s, count(*) AS n FROM data GROUP BY s ORDER BY n', [4]],
    [
      'is its own if groups are tied where it ends',
      'SELECT s, max(f) AS f FROM data GROUP BY s ORDER BY f LIMIT 2',
      [1, 4],
    ],
    [
      'has groups before others that are tied',
      'SELECT s, max(f) AS f FROM data GROUP BY s ORDER BY f LIMIT 1',
      [1, 2, 4],
    ],
    [
      'is its own if it has a zero where it ends',
      'SELECT f, count(*) AS n FROM data GROUP BY f ORDER BY f LIMIT 2',
      [1, 2, 4],
    ],
    ['sorts zeros', 'SELECT f, count(*) AS n FROM data GROUP BY f ORDER BY f', [1, 2, 3, 4]],
    ['has its rows', 'SELECT * FROM data', [1, 2, 3, 4]],
    ['has its first rows', 'SELECT i * 2 AS i, s FROM data LIMIT 2 OFFSET 1', [1, 2, 3]],
    ['sorts its rows', 'SELECT s, f FROM data ORDER BY f', [1, 3, 4]],
    ['is its own if rows are tied where it ends', 'SELECT s FROM data ORDER BY f LIMIT 3', [1, 4]],
    ['is its own if its first rows have a zero', 'SELECT f FROM data ORDER BY f LIMIT 2', [1, 2, 4]],
    [
      'has values of windows',
      'SELECT s, row_number() OVER (PARTITION BY s ORDER BY f DESC) AS n, sum(i) OVER (ORDER BY f) AS i FROM data ORDER BY s, f',
      [1, 2, 3, 4],
    ],
    ['has ranks', 'SELECT s, rank() OVER (ORDER BY i) AS place FROM data ORDER BY f', [1, 3, 4]],
    [
      'is its own if rows are tied in a window',
      'SELECT f, lag(f) OVER (ORDER BY i) AS l FROM data ORDER BY s, f',
      [1, 3, 4],
    ],
    ['is its own if it is empty', 'SELECT i FROM data WHERE i > 3 GROUP BY i ORDER BY i', [1]],
  ])('%s: %s', async (_what, sql, ahead) => {
    const unit = await Unit.of(table);
    const alone = await unit.answers(sql, false);
    const together = await unit.answers(sql, true);
    expect(together).toEqual({ answers: alone.answers, ahead });
    // After two partitions that have asked the same.
    const queried = await unit.queried(sql, true);
    expect(queried).toEqual({
      answers: (await unit.queried(sql, false)).answers,
      ahead: ahead.filter((ordinal) => ordinal > 1),
    });
    await unit.close();
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

  test('of the function sql asks for the others after its first partition', async () => {
    const ask = jest.spyOn(TableAnswers.prototype, 'ask');
    const link = {
      begin: () => undefined,
      end: () => undefined,
      send: () => undefined,
      ask: async () => null,
    };
    const asked = async (isBatch: boolean) => {
      ask.mockClear();
      const scratch = mkdtempSync(join(folder, 'scratch-'));
      const unit = unitOf({ folder: project, bundle: null, name: 'sql', ordinals }, scratch);
      const sql = { ...unit.function, sql: 'SELECT sum(amount) AS total FROM data' };
      const output = new OutputCapture(() => undefined);
      const databases = new UnitDatabases();
      const loop = new UnitLoop({ ...unit, isBatch, function: sql }, link, output, databases);
      expect(await loop.run()).toEqual({ left: [], reusable: true });
      databases.close();
      return ask.mock.calls.map(([ordinal]) => ordinal);
    };
    expect(await asked(true)).toEqual([1]);
    expect(await asked(false)).toEqual([]);
    ask.mockRestore();
  });

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
