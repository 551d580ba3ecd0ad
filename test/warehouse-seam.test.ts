/** The contract of a warehouse, tested on every kind with stages of every kind. */
import { readFileSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it, test } from '@jest/globals';
import { fetchSnapshot } from '../src/warehouse/unit-snapshot';
import type { Check } from '../src/core/setup-check';
import type { OutputPlan } from '../src/core/plan';
import type { CommitTask } from '../src/core/tasks';
import type { SnapshotFile, UnitPlan } from '../src/core/unit-plan';
import type { Stage } from '../src/stage';
import { queryRows, withDatabase } from '../src/duckdb/database-file';
import type { CommitRows, PinnedSource, SnapshotRequest } from '../src/warehouse/warehouse';
import { LONG } from './support/long';
import { hasPython } from './support/python-server';
import { describeSnowflake } from './support/snowflake';
import { duckDb, onSnowflake, type TestWarehouse } from './support/warehouses';

type Kind = 'duckdb' | 'snowflake';

/** What a kind of warehouse does not support, and why; each entry is a test below. */
const NOT_SUPPORTED: Record<string, Partial<Record<Kind, string>>> = {
  'keeps the order of the table within a partition': { snowflake: 'tables have no order there' },
  'is not changed by writes while it is held (I1)': { duckdb: 'its file is locked meanwhile' },
};

let folder: string;
let files = 0;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'partwise-seam-'));
  await mkdir(join(folder, 'scratch'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe('DuckDB', () => {
  let warehouse: TestWarehouse;
  let elsewhere: TestWarehouse | null = null;
  beforeAll(async () => {
    warehouse = duckDb(folder);
    if (LONG && (hasPython || process.env.SNOWFLAKE_TEST_CONNECTION !== undefined))
      elsewhere = await onSnowflake(folder);
  });
  afterAll(() => elsewhere?.close());
  behavesAsWarehouse('duckdb', () => warehouse);
  describe('with a stage that is a folder', () =>
    makesSnapshots('duckdb', () => ({ warehouse, stage: warehouse.stage() })));
  const describeLong = LONG ? describeSnowflake : describe.skip;
  describeLong('with a stage on Snowflake', () =>
    makesSnapshots('duckdb', () => ({ warehouse, stage: elsewhere!.stage() })),
  );
});

describeSnowflake('Snowflake', () => {
  let warehouse: TestWarehouse;
  beforeAll(async () => {
    warehouse = await onSnowflake(folder);
  });
  afterAll(() => warehouse.close());
  behavesAsWarehouse('snowflake', () => warehouse);
  describe('with a stage of its own', () =>
    makesSnapshots('snowflake', () => ({ warehouse, stage: warehouse.stage() })));
  describe('with a stage that is a folder', () =>
    makesSnapshots('snowflake', () => ({ warehouse, stage: duckDb(join(folder, 'scratch')).stage() })));
});

test('Snowflake is named only in its own folders and in the lists of kinds', async () => {
  const src = join(__dirname, '..', 'src');
  const outside = (await readdir(src, { recursive: true })).filter(
    (path) => path.endsWith('.ts') && !/^((warehouse|stage)\/)?snowflake\//.test(path),
  );
  const naming = outside.filter((path) => /snowflake/i.test(readFileSync(join(src, path), 'utf8')));
  expect(naming.sort()).toEqual(['stage/kinds.ts', 'warehouse/kinds.ts']);
});

function tested(kind: Kind, title: string, body: () => Promise<void>): void {
  const why = NOT_SUPPORTED[title]?.[kind];
  if (why === undefined) it(title, body);
  else it.skip(`NOT SUPPORTED: ${title} (${why})`, () => {});
}

const requestOf = (change: Partial<SnapshotRequest>): SnapshotRequest => ({
  source: { table: 'sales' },
  partitionBy: ['region'],
  where: null,
  scheduled: null,
  only: null,
  maxPartitions: 100_000,
  scratch: join(folder, 'scratch'),
  signal: new AbortController().signal,
  ...change,
});

const problemsOf = async (work: Promise<unknown>): Promise<{ type: string; problems: string[] }> => {
  const error = await work.then(
    () => null,
    (reason: unknown) => reason as { type: string; problems: string[]; message: string },
  );
  if (error === null) throw new Error('It was not refused.');
  if (error.problems === undefined) throw new Error(`It was no refusal: ${error.message}`);
  return error;
};

const local = <T>(sql: string): Promise<T[]> =>
  withDatabase(':memory:', 'read', (connection) => queryRows<T>(connection, sql));

/** Before each test. */
const SALES = [
  'CREATE OR REPLACE TABLE sales (region VARCHAR, amount INTEGER)',
  "INSERT INTO sales VALUES ('b', 1), ('a', 2), (NULL, 3), ('b', 4), ('', 5)",
];

/** Snapshots: what is pinned, and where it is put. */
function makesSnapshots(kind: Kind, placeOf: () => { warehouse: TestWarehouse; stage: Stage }): void {
  const test = (title: string, body: () => Promise<void>): void => tested(kind, title, body);
  let warehouse: TestWarehouse;
  let stage: Stage;
  beforeEach(async () => {
    ({ warehouse, stage } = placeOf());
    await warehouse.execute(...SALES);
  });

  /** Rows of the partitions `from` to `to`, as a runner would read them. */
  const rowsOf = async (
    columns: UnitPlan['columns'],
    snapshot: SnapshotFile[],
    [from, to]: [number, number],
    select = '*',
  ) => {
    const scratch = join(folder, `unit-${++files}`);
    await mkdir(scratch);
    const ordinals = Array.from({ length: to - from + 1 }, (_, i) => from + i);
    const signal = new AbortController().signal;
    const read = await fetchSnapshot(
      { stage, warehouse: warehouse.open() },
      { snapshot, columns, files: null } as UnitPlan,
      ordinals,
      scratch,
      signal,
    );
    const list = read.map((file) => `'${file}'`).join(', ');
    return local<Record<string, unknown>>(
      `SELECT ${select} FROM read_parquet([${list}]) WHERE __partwise_ord BETWEEN ${from} AND ${to} ORDER BY __partwise_ord`,
    );
  };
  const put = async ({ put: putAll, ...pinned }: PinnedSource, cut = [[0, pinned.rows.length - 1]]) => {
    const ranges = cut.map(([from, to]) => ({ from: from!, to: to! }));
    const { index, files: snapshot } = await putAll({ stage, folder: `s${++files}/`, ranges });
    return { ...pinned, index: await stage.localFile(index), snapshot };
  };
  const snapshot = async (change: Partial<SnapshotRequest>, select?: string) => {
    const made = await warehouse.open().snapshot(requestOf(change), (pinned) => put(pinned));
    return { ...made, data: await rowsOf(made.columns, made.snapshot, [0, made.rows.length - 1], select) };
  };

  test('has every row once, under its partition, in key order', async () => {
    const { ids, rows, keyColumns, data, index } = await snapshot({});
    expect(ids).toEqual(['%_', 'a', 'b', '%-']);
    expect(rows).toEqual([1, 1, 2, 1]);
    expect(keyColumns).toEqual([{ name: 'region', type: 'VARCHAR' }]);
    expect(data.map((row) => [row.__partwise_ord, row.region, Number(row.amount)]).sort()).toEqual([
      [0, '', 5],
      [1, 'a', 2],
      [2, 'b', 1],
      [2, 'b', 4],
      [3, null, 3],
    ]);
    expect(
      await local(`SELECT ord, id, rows::INTEGER AS rows, key_0 FROM read_parquet('${index}') ORDER BY ord`),
    ).toEqual([
      { ord: 0, id: '%_', rows: 1, key_0: '' },
      { ord: 1, id: 'a', rows: 1, key_0: 'a' },
      { ord: 2, id: 'b', rows: 2, key_0: 'b' },
      { ord: 3, id: '%-', rows: 1, key_0: null },
    ]);
  });

  test('keeps the order of the table within a partition', async () => {
    const { data } = await snapshot({ source: { query: 'SELECT * FROM sales' }, where: "region = 'b'" });
    expect(data.map(({ amount }) => Number(amount))).toEqual([1, 4]);
  });

  test('gives a unit the rows of its own partitions, wherever units are split', async () => {
    const all = Array.from({ length: 40 }, (_, i) => `('k${String(i % 20).padStart(2, '0')}', ${i})`);
    await warehouse.execute(`INSERT INTO sales SELECT * FROM (VALUES ${all.join(', ')}) AS t`);
    const where = "region LIKE 'k%'";
    const cut = [
      [0, 0],
      [1, 9],
      [10, 19],
    ];
    const made = await warehouse.open().snapshot(requestOf({ where }), (pinned) => put(pinned, cut));
    for (const [from, to] of [
      [0, 0],
      [3, 12],
      [19, 19],
    ] as [number, number][]) {
      const data = await rowsOf(made.columns, made.snapshot, [from, to]);
      expect(data.map((row) => row.__partwise_ord)).toEqual(
        Array.from({ length: 2 * (to - from + 1) }, (_, i) => from + (i >> 1)),
      );
      expect(data.map(({ region }) => region)).toEqual(
        data.map((row) => made.ids[row.__partwise_ord as number]),
      );
    }
  });

  test('is not changed by writes while it is held (I1)', async () => {
    await warehouse.execute('CREATE OR REPLACE VIEW sales_view AS SELECT * FROM sales');
    for (const source of [{ table: 'sales' }, { query: 'SELECT * FROM sales' }, { table: 'sales_view' }]) {
      await warehouse.execute(...SALES);
      const made = await warehouse.open().snapshot(requestOf({ source }), async (pinned) => {
        await warehouse.execute(
          "INSERT INTO sales VALUES ('new', 6)",
          'UPDATE sales SET amount = 0',
          "DELETE FROM sales WHERE region = 'a'",
        );
        return put(pinned);
      });
      const data = await rowsOf(made.columns, made.snapshot, [0, 3]);
      expect(data.map(({ amount }) => Number(amount)).sort()).toEqual([1, 2, 3, 4, 5]);
    }
  });

  test('keeps every digit, and does not shift times (I1)', async () => {
    const query = `SELECT 'k' AS k, 12345678901234567890123456789012345678::DECIMAL(38,0) AS long, 9007199254740993::DECIMAL(18,0) AS big,
      -1.50::DECIMAL(10,2) AS price, DATE '1969-12-31' AS day, TIME '23:59:59.123456' AS clock, TIMESTAMP '1950-01-01 10:00:00.123456' AS moment,
      TIMESTAMP '9999-12-31 23:59:59' AS end_of_time, 'Infinity'::DOUBLE AS infinite, 'NaN'::DOUBLE AS nan, 1.5e300::DOUBLE AS huge,
      TRUE AS yes, 'NULL' AS word, NULL::VARCHAR AS nothing, 'ü/''"' || CHR(92) AS odd`;
    const texts = `columns(* EXCLUDE (__partwise_ord))::VARCHAR`;
    const { data } = await snapshot({ source: { query }, partitionBy: ['k'] }, texts);
    expect(data).toEqual([
      {
        k: 'k',
        long: '12345678901234567890123456789012345678',
        big: '9007199254740993',
        price: '-1.50',
        day: '1969-12-31',
        clock: '23:59:59.123456',
        moment: '1950-01-01 10:00:00.123456',
        end_of_time: '9999-12-31 23:59:59',
        infinite: 'inf',
        nan: 'nan',
        huge: '1.5e+300',
        yes: 'true',
        word: 'NULL',
        nothing: null,
        odd: 'ü/\'"\\',
      },
    ]);
  });

  test('distinguishes columns of the same name', async () => {
    const { columns, data } = await snapshot({
      source: { query: "SELECT 'k' AS region, 1 AS n, 2 AS n, 3 AS N" },
    });
    expect(columns.map(({ name }) => name.toLowerCase())).toEqual(['region', 'n', 'n_1', 'n_2']);
    expect(Object.values(data[0]!).map(String)).toEqual(['k', '1', '2', '3', '0']);
  });

  test('can be narrowed by a condition and by partition ids', async () => {
    expect((await snapshot({ where: 'amount > 2' })).ids).toEqual(['%_', 'b', '%-']);
    const picked = await snapshot({ only: ['%-', 'a'] });
    expect(picked.ids).toEqual(['a', '%-']);
    expect(picked.data.map((row) => [row.__partwise_ord, Number(row.amount)])).toEqual([
      [0, 2],
      [1, 3],
    ]);
    expect(await problemsOf(snapshot({ only: ['c'] }))).toMatchObject({
      problems: [expect.stringMatching(/^There is no partition "c" in the source./)],
    });
  });

  test('of a few partitions contains those and no others', async () => {
    const made = await warehouse
      .open()
      .sample({ ...requestOf({ maxPartitions: 1 }), only: ['b', '%-'] }, (pinned) => put(pinned));
    expect(made).toMatchObject({ ids: ['b', '%-'], rows: [2, 1] });
    const data = await rowsOf(made.columns, made.snapshot, [0, 1]);
    expect(data.map(({ amount }) => Number(amount)).sort()).toEqual([1, 3, 4]);
  });

  test('has fingerprints that are equal if the rows are, in any order', async () => {
    const fingerprints = async (rows: string) => {
      const query = `SELECT * FROM (VALUES ${rows}) AS t(k, a, b)`;
      return (await snapshot({ source: { query }, partitionBy: ['k'], fingerprints: true })).fingerprints!;
    };
    const [one, two] = await fingerprints("('x', 1, 'a'), ('x', 2, NULL), ('y', 1, 'a')");
    expect(one).not.toBe(two);
    expect((await fingerprints("('x', 2, NULL), ('y', 5, 'z'), ('x', 1, 'a')"))[0]).toBe(one);
    for (const other of [
      "('x', 1, 'a')",
      "('x', 1, 'a'), ('x', 2, '')",
      "('x', 1, 'a'), ('x', 2, NULL), ('x', 2, NULL)",
      "('x', 1, NULL), ('x', 2, 'a')",
    ])
      expect((await fingerprints(other))[0]).not.toBe(one);
    expect((await snapshot({})).fingerprints).toBeNull();
  });
}

/** Behaviour that does not depend on a stage: keys, refusals, commits. */
function behavesAsWarehouse(kind: Kind, warehouseOf: () => TestWarehouse): void {
  const test = (title: string, body: () => Promise<void>): void => tested(kind, title, body);
  let warehouse: TestWarehouse;
  beforeEach(async () => {
    warehouse = warehouseOf();
    await warehouse.execute(...SALES);
  });
  const count = (change: Partial<SnapshotRequest>) => warehouse.open().count(requestOf(change));

  test('passes its own checks', async () => {
    const checks: Check[] = [];
    for await (const check of warehouse.open().checks()) checks.push(check);
    expect(checks.length).toBeGreaterThan(0);
    expect(checks.filter(({ ok }) => !ok)).toEqual([]);
    expect((await warehouse.open().checkStage(warehouse.stage()))?.ok).not.toBe(false);
  });

  test('gives the same ids for the same keys, whatever their type (I6)', async () => {
    const keys = [
      "''",
      "' '",
      "'/'",
      "'..'",
      "'%'",
      "'a'",
      "'A'",
      "'\u00e9'",
      "'e\u0301'",
      `'${'x'.repeat(300)}'`,
      "'it''s'",
      'NULL',
    ];
    const texts = await count({
      source: { query: keys.map((key) => `SELECT ${key} AS region`).join(' UNION ALL ') },
    });
    expect([...texts.ids].sort()).toEqual(
      ['%_', '%20', '%2F', '..', '%25', 'a', 'A', '%C3%A9', 'e%CC%81', 'x'.repeat(300), "it's", '%-'].sort(),
    );
    await warehouse.execute(
      'CREATE OR REPLACE TABLE typed (day DATE, store INTEGER, price DECIMAL(10,2), ok BOOLEAN, moment TIMESTAMP)',
      "INSERT INTO typed VALUES ('2024-01-01', 1, 1.5, TRUE, '2024-01-01 10:00:00'), ('2024-01-01', NULL, 1.5, FALSE, '2024-01-01 10:00:00.5'), (NULL, -1, 0, NULL, NULL)",
    );
    const typed = await count({
      source: { table: 'typed' },
      partitionBy: ['day', 'store', 'price', 'ok', 'moment'],
    });
    expect([...typed.ids].sort()).toEqual([
      '%-/-1/0.00/%-/%-',
      '2024-01-01/%-/1.50/false/2024-01-01%2010%3A00%3A00.5',
      '2024-01-01/1/1.50/true/2024-01-01%2010%3A00%3A00',
    ]);
    const long = { query: 'SELECT 12345678901234567890123456789012345678::DECIMAL(38,0) AS region' };
    expect((await count({ source: long })).ids).toEqual(['12345678901234567890123456789012345678']);
  });

  test('counts the same partitions as a snapshot', async () => {
    expect(await count({ where: 'amount <> 2' })).toMatchObject({ ids: ['%_', 'b', '%-'], rows: [1, 2, 1] });
    expect(await count({ only: ['a'] })).toMatchObject({ ids: ['a'], rows: [1] });
  });

  test('finds columns regardless of case, and tables by their qualified name', async () => {
    const shape = await warehouse.open().inspect(requestOf({ partitionBy: ['REGION'] }));
    expect(shape.keyColumns).toEqual([{ name: 'region', type: 'VARCHAR' }]);
    await warehouse.execute(
      'CREATE OR REPLACE TABLE "Mixed Case" ("Key" VARCHAR)',
      'INSERT INTO "Mixed Case" VALUES (1)',
    );
    expect(await count({ source: { table: '"Mixed Case"' }, partitionBy: ['Key'] })).toMatchObject({
      keyColumns: [{ name: 'Key', type: 'VARCHAR' }],
      ids: ['1'],
    });
  });

  test('binds the scheduled time in a query and in a condition', async () => {
    // In Berlin it is already the first of November.
    const scheduled = { time: '2026-10-31T23:30:00.000Z', date: '2026-11-01' };
    await warehouse.execute(
      'CREATE OR REPLACE TABLE days (region VARCHAR, day DATE)',
      "INSERT INTO days VALUES ('a', '2026-10-31'), ('b', '2026-11-01'), ('c', '2026-11-02')",
    );
    const query = 'SELECT *, $scheduled_time AS moment FROM days WHERE day = $Scheduled_Date';
    const found = await count({ source: { query }, scheduled });
    expect(found.ids).toEqual(['b']);
    expect(found.columns.at(-1)).toEqual({ name: 'moment', type: 'TIMESTAMP' });
    const where = 'day < $scheduled_date';
    expect((await count({ source: { table: 'days' }, where, scheduled })).ids).toEqual(['a']);
    expect(await problemsOf(count({ source: { table: 'days' }, where }))).toEqual(
      expect.objectContaining({
        type: 'InvalidInput',
        problems: [expect.stringMatching(/uses \$scheduled_date, but this run has no scheduled time/)],
      }),
    );
  });

  test('refuses a table and columns that do not exist, with the nearest names (I9)', async () => {
    expect(await problemsOf(count({ source: { table: 'sale' } }))).toMatchObject({
      type: 'SourceMissing',
      problems: [expect.stringMatching(/^There is no table "sale" .*Did you mean "sales"\?/i)],
    });
    expect((await problemsOf(count({ partitionBy: ['regoin', 'nope'] }))).problems).toEqual([
      'There is no column "regoin" in the table "sales". Did you mean "region"? It has: "region", "amount".',
      'There is no column "nope" in the table "sales". It has: "region", "amount".',
    ]);
  });

  test('refuses what cannot be run (I9)', async () => {
    const none = { where: 'amount > 100' };
    expect(await problemsOf(count(none))).toMatchObject({ type: 'SourceEmpty' });
    expect(await count({ ...none, allowEmpty: true })).toMatchObject({ ids: [], rows: [] });
    const nothing = { query: 'SELECT NULL::VARCHAR AS region, 1 AS n' };
    expect((await problemsOf(count({ source: nothing }))).problems[0]).toMatch(
      '"region" is NULL in every row',
    );
    expect((await problemsOf(count({ maxPartitions: 3 }))).problems[0]).toMatch(
      'Partitioning by region makes 4 partitions, more than maxPartitions (3)',
    );
    const reserved = { query: 'SELECT 1 AS region, 2 AS __partwise_ord' };
    expect((await problemsOf(count({ source: reserved }))).problems[0]).toMatch(
      'a name that is reserved for Partwise',
    );
  });

  test('refuses SQL that the warehouse does not accept, in its words (I9)', async () => {
    expect((await problemsOf(count({ where: 'amuont > 5' }))).problems[0]).toMatch(
      /cannot read the table "sales" with the condition "amuont > 5".*amuont/is,
    );
    expect((await problemsOf(count({ source: { query: 'SELEC 1' } }))).problems[0]).toMatch(
      'cannot read the query',
    );
  });

  test('refuses a query and a condition that do more than they say, together, and runs neither (I9)', async () => {
    const two = { query: 'SELECT region, amount FROM sales; DROP TABLE sales' };
    const { problems } = await problemsOf(count({ source: two, where: '1 = 1) OR (1 = 1' }));
    expect(problems).toEqual([
      expect.stringMatching(/ cannot read the query: /),
      expect.stringMatching(/^"where" is "1 = 1\) OR \(1 = 1", which is not one condition: /),
    ]);
    expect((await problemsOf(count({ source: { query: 'DROP TABLE sales' } }))).problems).toHaveLength(1);
    expect((await count({})).ids).toHaveLength(4);
  });

  test('reports what prevents rows from being written into a table (I9)', async () => {
    await warehouse.execute('CREATE OR REPLACE VIEW all_sales AS SELECT * FROM sales');
    const problems = (table: string): Promise<string[]> =>
      warehouse.open().inspectOutput({ table, mode: 'replace', evolve: false });
    for (const table of ['totals', 'sales', '"My ""own"".table"']) expect(await problems(table)).toEqual([]);
    const misfits: [string, RegExp][] = [
      ['nowhere.totals', /^There is no schema/],
      ['information_schema.tables', /reserved for \w+: name another schema\.$/],
      ['all_sales', /is a view: name a table/],
    ];
    for (const [table, words] of misfits)
      expect(await problems(table)).toEqual([expect.stringMatching(words)]);
  });

  describe('a commit', () => commits(test, () => warehouse));
}

function commits(
  test: (title: string, body: () => Promise<void>) => void,
  warehouseOf: () => TestWarehouse,
): void {
  let warehouse: TestWarehouse;
  let rowsFile: string;
  let indexFile: string;
  let runs = 0;
  let runId: string;
  beforeEach(async () => {
    warehouse = warehouseOf();
    runId = `run-${++runs}`;
    await warehouse.execute('DROP TABLE IF EXISTS totals');
  });
  const makeRows = async (sql: string): Promise<void> => {
    rowsFile = join(folder, `rows-${Math.random()}.parquet`);
    indexFile = join(folder, `index-${Math.random()}.parquet`);
    await local(
      `COPY (SELECT row_number() OVER (ORDER BY region)::INTEGER - 1 AS __partwise_ord, 0::BIGINT AS __partwise_row, * FROM (${sql})) TO '${rowsFile}'
       (FORMAT parquet, KV_METADATA {partwise_columns: '["total"]'})`,
    );
    await local(
      `COPY (SELECT __partwise_ord AS ord, region AS id, 1 AS rows, region AS key_0 FROM read_parquet('${rowsFile}')) TO '${indexFile}' (FORMAT parquet)`,
    );
  };
  const commit = (
    output: OutputPlan,
    change: Partial<CommitTask> = {},
    notDone: number[] = [],
    more: Partial<CommitRows> = {},
  ) => {
    const task: CommitTask = {
      version: 1,
      runId,
      generation: 1,
      execution: 1,
      stage: 'file:///unused',
      stageToken: 'stage-1',
      warehouse: warehouse.uri,
      output,
      keyColumns: [{ name: 'region', type: 'VARCHAR' }],
      index: { path: '', bytes: 0, sha256: '' },
      ...change,
    };
    return warehouse.open().commit(task, {
      workflowRunId: `${task.runId}-${task.execution}`,
      lineage: 'first-1',
      index: indexFile,
      rows: [{ file: rowsFile, except: [] }],
      notDone,
      doneAfter: () => [],
      newestExecution: () => Promise.resolve(1),
      signal: new AbortController().signal,
      ...more,
    });
  };
  const table = (mode: 'replace' | 'partitions' | 'append', evolve = false): OutputPlan => ({
    table: 'totals',
    mode,
    evolve,
  });
  const rows = () => warehouse.select('SELECT region, total FROM totals ORDER BY region, total');

  test('writes rows once, even if its answer was lost and it is repeated (I10)', async () => {
    await makeRows("SELECT * FROM (VALUES ('N', 1), ('S', 2)) t(region, total)");
    const first = await commit(table('append'));
    expect(await commit(table('append'))).toEqual(first);
    expect(await rows()).toEqual([
      { region: 'N', total: 1 },
      { region: 'S', total: 2 },
    ]);
  });

  test('replaces all rows, or only those of its own DONE partitions, or none (I10)', async () => {
    await makeRows("SELECT * FROM (VALUES ('N', 1), ('S', 2), ('W', 3), (NULL, 4)) t(region, total)");
    await commit(table('replace'));
    await makeRows("SELECT * FROM (VALUES ('N', 10), ('S', 20), (NULL, 40)) t(region, total)");
    await commit(table('partitions'), { runId: `${runId}-2` }, [1]);
    expect(await rows()).toEqual([
      { region: 'N', total: 10 },
      { region: 'S', total: 2 },
      { region: 'S', total: 20 },
      { region: 'W', total: 3 },
      { region: null, total: 40 },
    ]);
    await commit(table('append'), { runId: `${runId}-3` });
    expect(await rows()).toHaveLength(8);
    await commit(table('replace'), { runId: `${runId}-4` });
    expect(await rows()).toHaveLength(3);
  });

  test('without any row leaves the columns of its table, and creates none (I10)', async () => {
    await makeRows("SELECT * FROM (VALUES ('N', 1), ('S', 2)) t(region, total)");
    await commit(table('replace'));
    const nothing = { rows: [] };
    await commit(table('partitions'), { runId: `${runId}-2` }, [1], nothing);
    expect(await rows()).toEqual([{ region: 'S', total: 2 }]);
    expect(await commit(table('replace'), { runId: `${runId}-3` }, [], nothing)).toMatchObject({ rows: 0 });
    expect(await rows()).toEqual([]);
    await warehouse.execute('DROP TABLE totals');
    expect(await commit(table('replace'), { runId: `${runId}-4` }, [], nothing)).toMatchObject({ rows: 0 });
    await expect(rows()).rejects.toThrow(/totals/i);
  });

  test('that fails half-way leaves the table unchanged (I10)', async () => {
    await warehouse.execute(
      'CREATE TABLE totals (region VARCHAR, total INTEGER NOT NULL)',
      "INSERT INTO totals VALUES ('old', 1)",
    );
    await makeRows("SELECT * FROM (VALUES ('N', 1), ('S', NULL)) t(region, total)");
    await expect(commit(table('replace'))).rejects.toThrow(/NULL/);
    expect(await rows()).toEqual([{ region: 'old', total: 1 }]);
  });

  test('concurrent with others of the same process loses no rows (I10)', async () => {
    await makeRows("SELECT * FROM (VALUES ('N', 1), ('S', 2)) t(region, total)");
    const names = ['t1', 't2', 't3', 't4'];
    await warehouse.execute(...names.map((name) => `DROP TABLE IF EXISTS ${name}`));
    await Promise.all(
      names.map((name) =>
        commit({ table: name, mode: 'replace', evolve: false }, { runId: `${runId}-${name}` }),
      ),
    );
    for (const name of names) expect(await warehouse.select(`SELECT * FROM ${name}`)).toHaveLength(2);
  });

  test('of a run with the same id on another stage is a different commit (I10)', async () => {
    await makeRows("SELECT 'N' AS region, 1 AS total");
    await commit(table('append'));
    await commit(table('append'), { stageToken: 'stage-2' });
    expect(await rows()).toHaveLength(2);
  });

  test('of a run whose id was freed by clean is made, whatever an earlier run with that id committed (I10)', async () => {
    const secondRun = (execution: number) => ({ workflowRunId: `second-${execution}`, lineage: 'second-1' });
    await makeRows("SELECT 'N' AS region, 1 AS total");
    await commit(table('replace'));
    await makeRows("SELECT 'N' AS region, 2 AS total");
    await commit(table('replace'), {}, [], secondRun(1));
    expect(await rows()).toEqual([{ region: 'N', total: 2 }]);
    // Also after more executions of the earlier run, and with rows that it had appended.
    const other = `${runId}-2`;
    await commit(table('append'), { runId: other });
    await commit(table('append'), { runId: other, execution: 3 });
    const first = await commit(table('append'), { runId: other }, [], secondRun(1));
    expect(first).toMatchObject({ rows: 1 });
    expect(await rows()).toHaveLength(3);
    expect(await commit(table('append'), { runId: other }, [], secondRun(1))).toEqual(first);
    expect(
      await warehouse.select(`SELECT * FROM partwise_commits WHERE run_id = '${other}' AND target <> ''`),
    ).toHaveLength(1);
  });

  test('appends once to each of several tables, in whatever order (I10)', async () => {
    await warehouse.execute('DROP TABLE IF EXISTS others');
    await makeRows("SELECT 'N' AS region, 1 AS total");
    const other: OutputPlan = { table: 'others', mode: 'append', evolve: false };
    await commit(table('append'));
    await commit(other, { execution: 2 });
    expect(await commit(table('append'), { execution: 3 })).toMatchObject({ rows: 0 });
    expect(await rows()).toHaveLength(1);
    await expect(commit(other, { execution: 1 })).rejects.toThrow('came too late');
  });

  test('of an older execution is refused after a newer one (I10)', async () => {
    await makeRows("SELECT 'N' AS region, 1 AS total");
    await commit(table('replace'), { execution: 2 });
    await expect(commit(table('replace'), { execution: 1 })).rejects.toThrow('came too late');
  });

  test('to a file by an older execution is refused once there is a newer one, and leaves the file (I10)', async () => {
    const file = join(folder, `output-${runId}-${Math.random()}.parquet`);
    const output: OutputPlan = { file, format: 'parquet' };
    await makeRows("SELECT 'N' AS region, 2 AS total");
    await commit(output, { execution: 2 }, [], { newestExecution: () => Promise.resolve(2) });
    const before = await readFile(file);
    await makeRows("SELECT 'N' AS region, 1 AS total");
    const late = commit(output, { execution: 1 }, [], { newestExecution: () => Promise.resolve(2) });
    await expect(late).rejects.toThrow('came too late');
    expect(await readFile(file)).toEqual(before);
    expect((await readdir(folder)).filter((name) => name.includes('.partial'))).toEqual([]);
  });

  test('of a later execution appends only what was DONE after the previous one (I10)', async () => {
    await makeRows("SELECT 'N' AS region, 1 AS total");
    await commit(table('append'));
    await makeRows("SELECT * FROM (VALUES ('N', 1), ('S', 2)) t(region, total)");
    const doneAfter = (execution: number): number[] => (execution === 1 ? [1] : [0, 1]);
    expect(await commit(table('append'), { execution: 2 }, [], { doneAfter })).toMatchObject({ rows: 1 });
    expect(await rows()).toHaveLength(2);
  });

  test('that is cancelled before its end leaves everything unchanged (I8)', async () => {
    await makeRows("SELECT 'N' AS region, 1 AS total");
    await commit(table('replace'));
    await makeRows("SELECT 'N' AS region, 2 AS total");
    const signal = AbortSignal.abort(new Error('cancelled'));
    const late = commit(table('replace'), { execution: 2 }, [], { signal });
    await expect(late).rejects.toThrow('cancelled');
    expect(await rows()).toMatchObject([{ total: 1 }]);
  });

  test('refuses columns that differ from the table, with the difference, unless evolution is requested', async () => {
    await warehouse.execute('CREATE TABLE totals (region VARCHAR, total INTEGER, note VARCHAR)');
    await makeRows("SELECT 'N' AS region, 1 AS total, 2 AS median");
    const { problems } = await problemsOf(commit(table('replace')));
    expect(problems.join('\n')).toMatch('The column "median" is new');
    expect(problems.join('\n')).toMatch(/The column "note" of "totals" is missing/i);
    expect(problems.at(-1)).toBe(
      '"totals" was not changed: allow new and missing columns with output.evolve (--evolve), name another table, or drop it.',
    );
    await commit(table('replace', true));
    expect(await warehouse.select('SELECT * FROM totals')).toEqual([
      { region: 'N', total: 1, note: null, median: 2 },
    ]);
    await warehouse.execute(
      'CREATE OR REPLACE TABLE totals (region VARCHAR, total BOOLEAN)',
      "INSERT INTO totals VALUES ('S', TRUE)",
    );
    const again = commit(table('append', true), { runId: `${runId}-2` });
    const other = (await problemsOf(again)).problems;
    expect(other[0]).toMatch(/The column "total" is .* and BOOLEAN in/);
    // Evolution is about names only.
    expect(other.at(-1)).toBe(
      `"totals" was not changed: return the table's types (cast the values, or declare the types with the function's "output"), name another table, or drop it.`,
    );
  });

  let nightly = 0;
  const nights = async (mode: 'replace' | 'partitions' | 'append', ...totals: string[]) => {
    for (const [night, total] of totals.entries()) {
      await makeRows(`SELECT 'night ${mode === 'partitions' ? night : ''}' AS region, ${total}`);
      await commit(table(mode), { runId: `night-${++nightly}` });
    }
    return (await warehouse.select('SELECT total FROM totals ORDER BY total')).map(({ total }) => total);
  };
  /** A function that returned no value has no such column in its file, only its name. */
  const NOTHING = 'NULL::VARCHAR AS total';

  test('of nights whose numbers are whole, then fractions, then missing, widens the column', async () => {
    expect(await nights('append', '3 AS total', '3.5::DOUBLE AS total', NOTHING, '4 AS total')).toEqual([
      3,
      3.5,
      4,
      null,
    ]);
  });

  test('of nights without values first takes the type of the first ones', async () => {
    expect(await nights('partitions', NOTHING, '3 AS total', '3.5::DOUBLE AS total')).toEqual([3, 3.5, null]);
  });

  test('that replaces the table takes the types of its rows', async () => {
    expect(await nights('replace', "'many' AS total", '3 AS total')).toEqual([3]);
    expect(await nights('replace', '3.5::DOUBLE AS total', NOTHING)).toEqual([null]);
    expect(await nights('replace', '3 AS total', "'many' AS total")).toEqual(['many']);
  });

  test('never rounds numbers that are there, or new ones', async () => {
    await nights('append', '9007199254740993 AS total');
    await makeRows("SELECT 'x' AS region, 1.5::DOUBLE AS total");
    const { problems } = await problemsOf(commit(table('append'), { runId: `${runId}-2` }));
    expect(problems[0]).toMatch(/The column "total" is (DOUBLE|FLOAT) in this run and/);
    await warehouse.execute('DROP TABLE totals');
    await nights('append', '1.5::DOUBLE AS total');
    await makeRows("SELECT 'x' AS region, 9007199254740993 AS total");
    const refused = await problemsOf(commit(table('append'), { runId: `${runId}-3` }));
    expect(refused.problems[0]).toMatch(/The column "total" is (BIGINT|NUMBER\(38,0\)) in this run and/);
  });

  test('of rows that nobody returned changes no column', async () => {
    await nights('append', '3 AS total');
    await makeRows("SELECT 'x' AS region WHERE false");
    await commit(table('append'), { runId: `${runId}-2` });
    expect(await rows()).toHaveLength(1);
  });

  test('creates a table with every type that rows can have', async () => {
    await makeRows(
      `SELECT 'N' AS region, 1::BIGINT AS total, 12345678901234567890123456789012345678::DECIMAL(38,0) AS long, 1.5::DOUBLE AS d, 'text' AS t,
        TRUE AS b, TIMESTAMP '2024-01-01 10:00:00.5' AS made_at, '{"a": [1, null]}'::JSON AS j, 'ab'::BLOB AS bytes, DATE '2024-01-02' AS day,
        TIME '10:00:00' AS clock, TIMESTAMPTZ '2024-01-01 10:00:00+02' AS moment, 5::HUGEINT AS huge, [1, 2] AS list`,
    );
    await commit(table('replace'));
    await commit(table('append'), { runId: `${runId}-2` });
    const [found] = await warehouse.select(
      `SELECT CAST(long AS VARCHAR) AS long, d, t, CAST(b AS VARCHAR) AS b, CAST(made_at AS VARCHAR) AS made_at, CAST(day AS VARCHAR) AS day, CAST(clock AS VARCHAR) AS clock,
        huge, COUNT(*) OVER () AS n FROM totals`,
    );
    expect(found).toMatchObject({
      long: '12345678901234567890123456789012345678',
      d: 1.5,
      t: 'text',
      b: 'true',
      made_at: expect.stringMatching(/^2024-01-01 10:00:00\.50*$/),
      day: '2024-01-02',
      clock: '10:00:00',
      huge: 5,
      n: 2,
    });
  });

  test('writes a file next to its destination and renames it', async () => {
    await makeRows("SELECT * FROM (VALUES ('N', 1), ('S', 2)) t(region, total)");
    const file = join(folder, 'made', `${runId}.csv`);
    expect(await commit({ file, format: 'csv' })).toMatchObject({ target: file, rows: 2 });
    expect(await local(`SELECT * FROM '${file}'`)).toHaveLength(2);
    const late = commit({ file, format: 'csv' }, {}, [], { newestExecution: () => Promise.resolve(2) });
    await expect(late).rejects.toThrow(`Execution 1 of run "${runId}" came too late`);
  });
}
