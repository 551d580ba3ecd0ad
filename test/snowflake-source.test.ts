/** What is specific to sources on Snowflake. */
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bundleFunctions } from '../src/runners/functions-file';
import { RunnerPool } from '../src/runners/pool';
import { hasPython, PYTHON } from './support/python-server';
import { readRows, run } from './support/runner-unit';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { fetchSnapshot } from '../src/warehouse/unit-snapshot';
import type { UnitPlan } from '../src/core/unit-plan';
import { partitionSql } from '../src/core/push-down';
import { restoreSql, typeInSnapshot, unloadSql } from '../src/warehouse/snowflake/column-types';
import { bindParameters } from '../src/warehouse/snowflake/parameters';
import { pinnedTable } from '../src/warehouse/snowflake/push-down';
import { restoreRows } from '../src/warehouse/snowflake/restore-rows';
import { listKeys } from '../src/warehouse/snowflake/partition-keys';
import { queryRows, withDatabase } from '../src/duckdb/database-file';
import { readIndex } from '../src/rows/partition-index';
import type { PinnedSource, SnapshotRequest } from '../src/warehouse/warehouse';
import { describeEmulator } from './support/snowflake';
import { onSnowflake, type SnowflakeWarehouse } from './support/warehouses';

describe('parameters', () => {
  const scheduled = { time: '2026-10-31T23:30:00.000Z', date: '2026-11-01' };

  it('are bound in code, and left alone in strings, names, comments and dollar quotes', () => {
    const text = `SELECT '$scheduled_date', 'it''s $scheduled_date', 'a\\'$scheduled_date', "$scheduled_date", $$ $scheduled_date $$, $1, $other
      FROM t -- $scheduled_date
      // $scheduled_time
      /* $scheduled_time */ WHERE day = $Scheduled_Date AND at < $scheduled_time`;
    const { sql, binds } = bindParameters(text, scheduled, 'The query');
    expect(sql).toBe(
      text
        .replace('$Scheduled_Date AND', 'TO_DATE(?) AND')
        .replace(/\$scheduled_time$/, 'TO_TIMESTAMP_NTZ(?)'),
    );
    expect(binds).toEqual(['2026-11-01', '2026-10-31 23:30:00.000']);
  });

  it('without a value in the run are named (I9)', () => {
    expect(() => bindParameters('SELECT $scheduled_date', null, 'The query')).toThrow(
      'The query uses $scheduled_date, but this run has no scheduled time',
    );
  });
});

describe('types', () => {
  it.each([
    ['fixed', 38, 0, 'DECIMAL(38,0)'],
    ['fixed', 18, 0, 'BIGINT'],
    ['fixed', 10, 2, 'DECIMAL(10,2)'],
    ['real', null, null, 'DOUBLE'],
    ['timestamp_ltz', 0, 9, 'TIMESTAMP WITH TIME ZONE'],
    ['object', null, null, 'JSON'],
    ['geography', null, null, null],
    ['vector', null, null, null],
  ])('%s(%s,%s) is %s in a snapshot', (type, precision, scale, expected) =>
    expect(typeInSnapshot({ type, precision, scale })).toBe(expected),
  );

  it('are restored from the transfer format, whether string or number', async () => {
    const forms: [type: string, form: string, value: string][] = [
      ['TIMESTAMP WITH TIME ZONE', "'2024-01-01 08:00:00.123456789'", '2024-01-01 08:00:00.123456+00'],
      ['TIMESTAMP', "'1950-01-01 10:00:00.500000000'", '1950-01-01 10:00:00.5'],
      ['TIME', "'23:59:59.999999999'", '23:59:59.999999'],
      ['BLOB', "'00FF61'", '\\x00\\xFFa'],
      ['JSON', `'{"a":1}'`, '{"a":1}'],
      ['DECIMAL(10,2)', '150::BIGINT', '150.00'],
      ['DECIMAL(10,2)', "'1.50'", '1.50'],
      ['BIGINT', '1::TINYINT', '1'],
      ['DOUBLE', "'inf'", 'inf'],
      ['BOOLEAN', "'true'", 'true'],
    ];
    for (const [type, form, value] of forms) {
      const [row] = await withDatabase(':memory:', 'read', (connection) =>
        queryRows<{ text: string }>(connection, `SELECT (${restoreSql(type, form)})::VARCHAR AS text`),
      );
      expect(row!.text).toBe(value);
    }
    expect(unloadSql('VARCHAR', 'data."X"')).toBe('data."X"');
  });
});

it('keys that differ only in what ids omit, such as nanoseconds, are refused (I6)', async () => {
  const keys = [{ name: 'at', type: 'TIMESTAMP', inSnowflake: 'AT' }];
  const rows = async function* () {
    yield [1, 2].map((nanosecond) => [
      `${nanosecond}`,
      '1',
      null,
      `2024-01-01 00:00:00.00000000${nanosecond}`,
    ]);
  };
  const listed = withDatabase(':memory:', 'read', (connection) =>
    listKeys(connection, { keys, shape: { columns: keys, keyColumns: keys } }, rows()),
  );
  await expect(listed).rejects.toThrow('Different values of the key have the same text');
});

it('unloaded files with other rows than the plan counted are refused (I1)', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'partwise-restore-'));
  const [file, target] = [join(folder, 'a.parquet'), join(folder, 'b.parquet')];
  await withDatabase(':memory:', 'read', (connection) =>
    connection.run(
      `COPY (SELECT 'x' AS C0, unnest([0, 0, 1]) AS PARTWISE_ORD) TO '${file}' (FORMAT parquet)`,
    ),
  );
  const { signal } = new AbortController();
  const columns = [{ name: 'region', type: 'VARCHAR' }];
  const restored = (rows: number) =>
    restoreRows({ files: [file], columns, rows, target, tempFolder: folder, signal });
  await expect(restored(4)).rejects.toThrow('have 3 rows, but the plan counted 4');
  await restored(3);
  await rm(folder, { recursive: true });
});

it('a table is read by statement while Snowflake still has it, and by time afterwards (I1)', () => {
  const at = Date.parse('2026-11-01T00:00:00Z');
  const rows = pinnedTable('"DB"."S"."T"', { queryId: '01b0-1', nanoseconds: '1793491200000000001' }, at);
  const pushDown = { ...rows, conditions: ['EQUAL_NULL(data."REGION", ?)'], binds: [] };
  const sql = (days: number) => partitionSql(pushDown, "it's", at + days * 86_400_000);
  expect(sql(12)).toEqual({
    from: `"DB"."S"."T" AT(STATEMENT => '01b0-1') AS data`,
    where: 'EQUAL_NULL(data."REGION", ?)',
    values: ["it's"],
  });
  expect(sql(14).from).toBe('"DB"."S"."T" AT(TIMESTAMP => TO_TIMESTAMP_LTZ(1793491200000000001, 9)) AS data');
});

describeEmulator('a source on Snowflake', () => {
  let folder: string;
  let warehouse: SnowflakeWarehouse;
  let units = 0;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'partwise-source-'));
    warehouse = await onSnowflake(folder);
    await warehouse.execute(
      'CREATE TABLE sales ("Region" VARCHAR, n NUMBER(38,0), doc VARIANT, raw BINARY, seen TIMESTAMP_TZ, here TIMESTAMP_LTZ)',
      `INSERT INTO sales SELECT 'a', 1, PARSE_JSON('{"x": [1, null, "ü"]}'), TO_BINARY('00FF', 'HEX'), '2024-01-01 10:00:00+02:00', '2024-01-01 10:00:00+00:00'`,
      `INSERT INTO sales SELECT 'a', 12345678901234567890123456789012345678, NULL, NULL, NULL, NULL`,
      `INSERT INTO sales SELECT NULL, -1, PARSE_JSON('null'), TO_BINARY('', 'HEX'), NULL, NULL`,
    );
  });
  afterAll(async () => {
    await warehouse.close();
    await rm(folder, { recursive: true, force: true });
  });
  const request = (change: Partial<SnapshotRequest> = {}): SnapshotRequest => ({
    source: { table: 'sales' },
    partitionBy: ['Region'],
    where: null,
    scheduled: null,
    only: null,
    maxPartitions: 100,
    scratch: folder,
    signal: new AbortController().signal,
    ...change,
  });
  const statements = async () => (await warehouse.snowflake.emulator!.history()).map(({ sql }) => sql);
  const onStage =
    (ranges: { from: number; to: number }[] | null) =>
    async ({ put, ...pinned }: PinnedSource) => {
      const stage = warehouse.stage();
      const { index, files: snapshot } = await put({ stage, folder: 's/', ranges });
      return { ...pinned, stage, index: await stage.localFile(index), snapshot };
    };
  type Made = Awaited<ReturnType<ReturnType<typeof onStage>>>;
  const rowsOf = async (
    { stage, snapshot, columns, index, pushDown }: Made,
    ordinals: number[],
    select = '* EXCLUDE (__partwise_ord)',
  ) => {
    const scratch = join(folder, `unit-${++units}`);
    await mkdir(scratch);
    const { signal } = new AbortController();
    const snapshotTime = 'then';
    const plan = { snapshot, columns, files: null, pushDown, warehouse: warehouse.uri, snapshotTime };
    const opened = warehouse.open();
    const places = { stage, warehouse: opened };
    const files = await fetchSnapshot(places, plan as unknown as UnitPlan, ordinals, scratch, signal);
    const access = opened.access({ ...plan, ordinals }, { timeoutMs: null, scratch, hasDuckDB: true })!;
    // Without a snapshot there are no files: a runner requests partitions one by one.
    for (const { ordinal, id, rows } of files.length > 0 ? [] : await readIndex(index, ordinals))
      files.push((await access.rows({ ordinal, partitionId: id, rows, attempt: 1 }, signal)).file);
    const list = files.map((file) => `'${file}'`).join(', ');
    return withDatabase(':memory:', 'read', (connection) =>
      queryRows<Record<string, unknown>>(
        connection,
        `SELECT ${select} FROM read_parquet([${list}]) WHERE __partwise_ord IN (${ordinals.join(', ')}) ORDER BY __partwise_ord, n DESC`,
      ),
    );
  };
  const everything = [
    {
      Region: 'a',
      n: '12345678901234567890123456789012345678',
      doc: null,
      raw: null,
      seen: null,
      here: null,
    },
    {
      Region: 'a',
      n: '1',
      doc: '{"x":[1,null,"ü"]}',
      raw: '\\x00\\xFF',
      seen: '2024-01-01 08:00:00+00',
      here: '2024-01-01 10:00:00+00',
    },
    { Region: null, n: '-1', doc: 'null', raw: '', seen: null, here: null },
  ];
  const texts = 'columns(* EXCLUDE (__partwise_ord))::VARCHAR';

  it('keeps VARIANT, BINARY, times with a zone and 38 digits in an unload', async () => {
    const made = await warehouse.open().snapshot(request(), onStage([{ from: 0, to: 1 }]));
    expect(made.snapshot[0]!.unloadedRows).toBe(3);
    expect(made.columns.map(({ type }) => type)).toEqual([
      'VARCHAR',
      'DECIMAL(38,0)',
      'JSON',
      'BLOB',
      'TIMESTAMP WITH TIME ZONE',
      'TIMESTAMP WITH TIME ZONE',
    ]);
    expect(await rowsOf(made, [0, 1], texts)).toEqual(everything);
  });

  it('is read through the driver, with the same rows, if the role may not unload', async () => {
    await warehouse.snowflake.emulator!.refuse({
      matching: '^COPY INTO',
      code: 3001,
      state: '42501',
      message: "Insufficient privileges to operate on stage 'SEAM'",
    });
    const made = await warehouse.open().snapshot(
      request(),
      onStage([
        { from: 0, to: 0 },
        { from: 1, to: 1 },
      ]),
    );
    expect(made.snapshot.map(({ unloadedRows, from, to }) => [unloadedRows, from, to])).toEqual([
      [undefined, 0, 0],
      [undefined, 1, 1],
    ]);
    expect(await rowsOf(made, [0], texts)).toEqual(everything.slice(0, 2));
    expect(await rowsOf(made, [1], texts)).toEqual(everything.slice(2));
  });

  it('without a snapshot gives the rows as of planning, by one bound query per partition (I1)', async () => {
    const made = await warehouse.open().snapshot(request({ where: 'n <> 5' }), onStage(null));
    expect(made.snapshot).toEqual([]);
    await warehouse.execute(
      `INSERT INTO sales ("Region", n) VALUES ('a', 2), ('b', 3)`,
      'UPDATE sales SET n = 0 WHERE n = 1',
    );
    const before = (await statements()).length;
    expect(await rowsOf(made, [0, 1], texts)).toEqual(everything);
    const queries = (await statements()).slice(before).filter((sql) => sql.startsWith('SELECT'));
    expect(queries).toHaveLength(2);
    expect(queries[0]).toContain('EQUAL_NULL(data."Region", ?)');
    expect(queries[0]).not.toContain("'a'");
    // Also when Snowflake no longer has the statement.
    const later = { ...made, pushDown: { ...made.pushDown!, from: made.pushDown!.later!.from } };
    expect(await rowsOf(later, [0, 1], texts)).toEqual(everything);
    await warehouse.execute(`DELETE FROM sales WHERE n IN (2, 3)`, 'UPDATE sales SET n = 1 WHERE n = 0');
  });

  it('answers queries of functions with files that keep every digit and type', async () => {
    const scratch = join(folder, `unit-${++units}`);
    await mkdir(scratch);
    const unit = { pushDown: null, columns: [], snapshotTime: 'then', files: null, ordinals: [] };
    const access = warehouse.open().access(unit, { timeoutMs: null, scratch, hasDuckDB: false })!;
    const { signal } = new AbortController();
    const ask = (sql: string, binds: string[] = []) =>
      access.queryFile({ sql, binds, partitionId: 'a', attempt: 1 }, signal);
    const { file, columns } = await ask(
      `SELECT *, n AS "Mixed", seen AS n FROM sales WHERE "Region" = ? ORDER BY n DESC -- the last line`,
      ['a'],
    );
    expect(columns.map(({ name, type }) => `${name} ${type}`)).toEqual([
      'Region VARCHAR',
      'n DECIMAL(38,0)',
      'doc JSON',
      'raw BLOB',
      'seen TIMESTAMP WITH TIME ZONE',
      'here TIMESTAMP WITH TIME ZONE',
      'Mixed DECIMAL(38,0)',
      'n:1 TIMESTAMP WITH TIME ZONE',
    ]);
    const rows = await withDatabase(':memory:', 'read', (connection) =>
      queryRows<Record<string, unknown>>(connection, `SELECT columns(*)::VARCHAR FROM '${file}'`),
    );
    expect(rows).toMatchObject(everything.slice(0, 2));
  });

  (hasPython ? it : it.skip)('is read by functions in Python, without a snapshot too', async () => {
    const bundle = await bundleFunctions(
      join(__dirname, 'support/python_values.py'),
      join(folder, 'functions'),
      {
        python: PYTHON,
      },
    );
    const pool = new RunnerPool({ size: 1, python: PYTHON, cwd: folder });
    const made = await warehouse.open().snapshot(request(), onStage(null));
    const scratch = join(folder, `unit-${++units}`);
    await mkdir(scratch);
    const { index, columns, keyColumns, pushDown } = made;
    const unit = { index, columns, keyColumns, pushDown, scratch, files: null, ordinals: [0, 1] };
    const accessed = { ...unit, snapshotTime: new Date().toISOString() };
    const options = { timeoutMs: null, scratch, hasDuckDB: false };
    const { ended, files } = await run({
      pool,
      folder,
      bundle,
      name: 'read_all',
      ordinals: unit.ordinals,
      unit: {
        ...accessed,
        snapshot: [],
        warehouse: warehouse.uri,
        params: { query: 'SELECT MAX(n) AS n, MAX(seen) AS seen FROM sales WHERE "Region" = ?' },
      },
      options: {
        access: warehouse.open().access(accessed, options),
        entryOf: async (ordinal) => ({ id: made.ids[ordinal]!, rows: made.rows[ordinal]! }),
      },
    });
    await pool.close();
    expect(ended.map(({ outcome }) => outcome.error)).toEqual([null, null]);
    const [read] = await readRows(files, 'n, rows, queried');
    expect(read).toMatchObject({ n: '2' });
    expect(read!.rows).toContain(
      "'n': Decimal('12345678901234567890123456789012345678'), 'doc': None, 'raw': None",
    );
    expect(read!.queried).toMatch(
      /Decimal\('12345678901234567890123456789012345678'\), 'seen': datetime\.datetime\(2024, 1, 1, 8, 0/,
    );
  });

  it('with a non-deterministic condition is refused, and a query with one is read once (I1)', async () => {
    await warehouse.execute(
      'CREATE TABLE numbers AS SELECT SEQ4() AS n, 1 AS k FROM TABLE(GENERATOR(ROWCOUNT => 10))',
      'CREATE TABLE chosen AS SELECT 1 AS n UNION ALL SELECT 2',
    );
    const where = 'n IN (SELECT n FROM chosen)';
    const choosing = async (source: PinnedSource) => {
      await warehouse.execute('INSERT INTO chosen SELECT MAX(n) + 1 FROM chosen');
      return onStage([{ from: 0, to: 0 }])(source);
    };
    const conditional = request({ source: { table: 'numbers' }, partitionBy: ['k'], where });
    await expect(warehouse.open().snapshot(conditional, choosing)).rejects.toThrow(
      'There are 3 rows of partition numbers 0 to 0 now, but there were 2 when the keys were counted. A condition that',
    );
    // Also if its rows are queried on demand.
    const later = await warehouse.open().snapshot(conditional, onStage(null));
    await warehouse.execute('INSERT INTO chosen SELECT MAX(n) + 1 FROM chosen');
    await expect(rowsOf(later, [0])).rejects.toThrow(
      'There are 4 rows of partition "1" now, but there were 3 when the keys were counted.',
    );
    // Also through the driver.
    await warehouse.snowflake.emulator!.refuse({
      matching: '^COPY INTO',
      code: 3001,
      state: '42501',
      message: 'no',
    });
    await expect(warehouse.open().snapshot(conditional, choosing)).rejects.toThrow('There are 5 rows');
    const source = { query: `SELECT * FROM numbers WHERE ${where}` };
    const { rows } = await warehouse.open().snapshot(request({ source, partitionBy: ['k'] }), choosing);
    expect(rows).toEqual([5]);
  });

  it('past the Time Travel retention stops, and says why (I1)', async () => {
    const made = await warehouse.open().snapshot(request(), onStage(null));
    await warehouse.execute(`INSERT INTO sales ("Region", n) VALUES ('new', 6)`);
    await warehouse.snowflake.emulator!.forget();
    await expect(rowsOf(made, [0])).rejects.toMatchObject({
      type: 'SnapshotExpired',
      message: expect.stringMatching(
        /^The table's rows as of then are no longer available.*000707.*Start a new run/s,
      ),
    });
    await warehouse.execute(`DELETE FROM sales WHERE n = 6`);
  });

  it('without history is copied, for as long as it is pinned', async () => {
    await warehouse.execute('CREATE OR REPLACE VIEW sales_view AS SELECT * FROM sales');
    const before = (await statements()).length;
    for (const source of [{ table: 'sales_view' }, { query: 'SELECT * FROM sales' }]) {
      const made = await warehouse.open().snapshot(request({ source }), onStage([{ from: 0, to: 1 }]));
      expect(made.pushDown!.pinned).toBe(false);
      expect(await rowsOf(made, [0, 1], texts)).toEqual(everything);
    }
    const copies = (await statements())
      .slice(before)
      .filter((sql) => sql.startsWith('CREATE OR REPLACE TEMPORARY TABLE PARTWISE_COPY'));
    expect(copies).toHaveLength(2);
  });

  it('whose key is binary or semi-structured is refused (I9)', async () => {
    for (const key of ['doc', 'raw'])
      await expect(warehouse.open().inspect(request({ partitionBy: [key] }))).rejects.toThrow(
        'is binary or semi-structured, so it cannot be a partition key',
      );
  });

  it('with a query or a condition that does more than it says is refused before any of it is sent (I9)', async () => {
    const before = (await statements()).length;
    const refused = warehouse
      .open()
      .inspect(
        request({ source: { query: 'SELECT 1 AS "Region"; DROP TABLE sales' }, where: "1 = 1) OR ('" }),
      );
    await expect(refused).rejects.toMatchObject({
      problems: [
        expect.stringMatching(/^Snowflake cannot read the query: .* but it contains a semicolon/),
        expect.stringMatching(/^"where" is .*, which is not one condition: /),
      ],
    });
    await expect(
      warehouse.open().inspect(request({ source: { query: 'DROP TABLE sales' } })),
    ).rejects.toThrow('it starts with "DROP"; only SELECT and WITH are allowed');
    expect((await statements()).slice(before)).toEqual([]);
  });

  it('is planned by the virtual warehouse that the run names', async () => {
    const { openWarehouse } = await import('../src/warehouse/index');
    const opened = openWarehouse(warehouse.uri, folder, { options: { loadingWarehouse: 'LOAD_WH' } });
    await opened.count(request({ where: 'n = -1 OR n = 1' }));
    const { warehouse: used } = (await warehouse.snowflake.emulator!.history()).at(-1)!;
    expect(used).toBe('LOAD_WH');
  });

  it('without a database and schema for temporary tables is refused (I9)', async () => {
    await warehouse.snowflake.emulator!.refuse({
      matching: '^CREATE OR REPLACE TEMPORARY',
      code: 90105,
      state: '22000',
      message: 'Cannot perform CREATE TABLE. This session does not have a current database.',
    });
    await expect(warehouse.open().snapshot(request(), onStage([{ from: 0, to: 1 }]))).rejects.toMatchObject({
      message: expect.stringMatching(/090105.*set database and schema in its section of connections.toml/s),
    });
  });
});
