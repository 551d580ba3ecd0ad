/** `context.withConnection`: queries of a function in the warehouse itself. */
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { EmulatedStatement } from './support/emulator';
import { holdWarehouse } from './support/hold-warehouse';
import { end, makeProject, type TestProject } from './support/project';
import { describeEmulator, describeSnowflake, startSnowflake, type TestSnowflake } from './support/snowflake';
import { until } from './support/until';

const FUNCTIONS = `
import { existsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { definePartitionFunction } from 'partwise';

const sum = ({ query, partition }) =>
  query(\`SELECT count(*) AS n, sum(amount) AS total FROM \${partition.from} WHERE \${partition.where}\`, partition.values);

export const pushedDown = definePartitionFunction({
  name: 'pushedDown',
  run: (data, context) => context.withConnection(async (warehouse) => {
    const [{ n, total }] = await sum(warehouse);
    return { n, total };
  }),
});

export const overwriting = definePartitionFunction({
  name: 'overwriting',
  run: (data, context) => context.withConnection(async (warehouse) => {
    await warehouse.query('DELETE FROM history WHERE amount > ?', [0]);
    const [{ n, total }] = await sum(warehouse);
    return { n, total, left: (await warehouse.query('SELECT * FROM history')).length };
  }),
});

export const asks = definePartitionFunction({
  name: 'asks',
  retry: { maximumAttempts: 3, initialInterval: 10 },
  run: (data, context) => context.withConnection(async ({ query }) => {
    const rows = await query(context.params.sql, context.params.values ?? []);
    await context.upload('rows.json', rows);
    await context.upload('types.json', Object.values(rows[0] ?? {}).map((v) => v?.constructor?.name ?? null));
  }),
});

export const binds = definePartitionFunction({
  name: 'binds',
  run: (data, context) => context.withConnection(async ({ query }) => {
    const [row] = await query(
      \`SELECT ?::VARCHAR AS a, ?::NUMBER(38,0) AS b, ?::FLOAT AS c, ?::BOOLEAN AS d, ?::TIMESTAMP_NTZ AS e, TO_BINARY(?, 'HEX') AS f, PARSE_JSON(?) AS g, ?::VARCHAR AS h\`,
      ["it's", 12345678901234567890n, 0.1, true, new Date('2024-05-06T07:08:09.123Z'), new Uint8Array([0, 255]), { k: [1] }, null],
    );
    await context.upload('row.json', { ...row, b: String(row.b), f: [...row.f] });
  }),
});

export const leaves = definePartitionFunction({
  name: 'leaves',
  retry: { maximumAttempts: 1 },
  async run(data, context) {
    const { until } = context.params;
    // The other partition is only slow.
    if (context.partitionId === '1')
      void context.withConnection(({ query }) => query('CALL SYSTEM$WAIT(60)')).catch(() => {});
    while (!existsSync(until + context.partitionId)) await sleep(20);
  },
});

export const patient = definePartitionFunction({
  name: 'patient',
  retry: { maximumAttempts: 1 },
  async run(data, context) {
    while (!existsSync(context.params.gate)) await sleep(20);
    return context.withConnection(async ({ query }) => (await query('SELECT count(*) AS n FROM sales'))[0]);
  },
});

export const keeps = definePartitionFunction({
  name: 'keeps',
  async run(data, context) {
    let kept;
    await context.withConnection((warehouse) => void (kept = warehouse));
    await kept.query('SELECT 1');
  },
});

export const secrets = definePartitionFunction({
  name: 'secrets',
  async run(data, context) {
    const names = Object.keys(process.env).filter((name) => /snowflake|passphrase/i.test(name));
    await context.upload('names.json', names);
  },
});
`;

const SALES = [
  'CREATE TABLE sales (region VARCHAR, day DATE, amount DECIMAL(10,2))',
  `INSERT INTO sales VALUES ('N', '2024-01-01', 1.5), ('N', '2024-01-01', 2), ('N', NULL, 3), (NULL, '2024-01-02', 4), ('S', '2024-01-02', -5)`,
];

let runs = 0;
async function start(
  project: TestProject,
  name: string,
  change: Partial<Parameters<TestProject['partwise']['start']>[0]> = {},
) {
  const run = await project.partwise.start(
    { function: name, source: { table: 'sales' }, partitionBy: ['region', 'day'], ...change },
    { runId: project.runId(`with-connection-${++runs}`) },
  );
  return run;
}
const partitionsOf = async (...of: Parameters<typeof start>) => {
  const run = await start(...of);
  await run.wait();
  const { partitions } = await run.partitions();
  return { run, partitions };
};

/** The common behaviour on every warehouse. */
function pushesDown(project: () => TestProject): void {
  it("finds a partition's own rows, with NULL in its key and the run's condition", async () => {
    const { run } = await partitionsOf(project(), 'pushedDown', { where: 'amount > 0' });
    expect(await run.results()).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ region: 'N', n: 2, total: 3.5 }),
        expect.objectContaining({ region: 'N', day: null, n: 1, total: 3 }),
        expect.objectContaining({ region: null, n: 1, total: 4 }),
      ]),
    );
  });

  it('finds the rows of queries too', async () => {
    const { run } = await partitionsOf(project(), 'pushedDown', {
      source: { query: 'SELECT upper(region) AS r, amount AS amount FROM sales WHERE amount <> 3' },
      partitionBy: ['r'],
    });
    expect(await run.results()).toEqual(
      expect.arrayContaining([
        { r: 'N', n: 2, total: 3.5 },
        { r: null, n: 1, total: 4 },
        { r: 'S', n: 1, total: -5 },
      ]),
    );
  });
}

describe('a function on DuckDB', () => {
  let project: TestProject;
  beforeAll(async () => {
    project = await makeProject(FUNCTIONS);
    await project.execute(...SALES);
    await project.startWorker();
  });
  afterAll(() => project.close());
  pushesDown(() => project);

  it('waits for a file that another program has locked, at no attempt', async () => {
    const gate = join(project.folder, 'gate');
    const change = { source: { query: "SELECT 'N' AS region" }, partitionBy: ['region'], params: { gate } };
    const run = await start(project, 'patient', change);
    await until(async () => (await run.status()).counts.RUNNING === 1);
    const holder = await holdWarehouse(join(project.folder, 'w.duckdb'));
    await project.write('gate', '');
    const [line] = await until(async () => {
      const logs = await run.partition('N').logs();
      return logs.length > 0 && logs;
    });
    expect(line!.text).toMatch(/w\.duckdb" is locked by .*: waiting until it is closed there\.$/);
    await end(holder);
    expect((await run.wait()).status).toBe('SUCCESS');
    expect(await run.partition('N').describe()).toMatchObject({ status: 'DONE', attempts: 1 });
  });
});

describeSnowflake('a function on Snowflake', () => {
  let snowflake: TestSnowflake;
  let project: TestProject;
  beforeAll(async () => {
    snowflake = await startSnowflake();
    await snowflake.execute('CREATE STAGE runs', ...SALES, 'CREATE TABLE one AS SELECT 1 AS k');
    project = await makeProject(FUNCTIONS, {
      config: { warehouse: `snowflake:${snowflake.connection}`, stage: `@${snowflake.schema}.RUNS/p` },
    });
    await project.startWorker({ PRIVATE_KEY_PASSPHRASE: 'not a secret' });
  });
  afterAll(async () => {
    await project.close();
    await snowflake.close();
  });
  const onOne = { source: { table: 'one' }, partitionBy: ['k'] };

  pushesDown(() => project);

  it('finds its rows as of planning', async () => {
    await snowflake.execute(
      'CREATE TABLE history (region VARCHAR, amount FLOAT)',
      "INSERT INTO history VALUES ('N', 1), ('N', 2), ('N', -4)",
    );
    const { run } = await partitionsOf(project, 'overwriting', {
      source: { table: 'history' },
      partitionBy: ['region'],
    });
    expect(await run.results()).toEqual([{ region: 'N', n: 3, total: -1, left: 1 }]);
  });

  it('binds values of every type, and gets values in the same form as from data', async () => {
    const { run } = await partitionsOf(project, 'binds', onOne);
    expect(await run.partition('1').artifacts.get('row.json')).toEqual({
      a: "it's",
      b: '12345678901234567890',
      c: 0.1,
      d: true,
      e: '2024-05-06T07:08:09.123Z',
      f: [0, 255],
      g: { k: [1] },
      h: null,
    });
  });

  it('distinguishes repeated column names', async () => {
    const sql = 'SELECT 1 AS a, 2 AS a, \'x\' AS "Mixed"';
    const { run } = await partitionsOf(project, 'asks', { ...onOne, params: { sql } });
    expect(await run.partition('1').artifacts.get('rows.json')).toEqual([{ a: 1, 'a:1': 2, Mixed: 'x' }]);
  });

  it('fails immediately if Snowflake refuses a query, with its code, state and id (I9)', async () => {
    const { partitions } = await partitionsOf(project, 'asks', {
      ...onOne,
      params: { sql: 'SELECT * FROM nowhere' },
    });
    expect(partitions[0]).toMatchObject({
      status: 'FAILED',
      attempts: 1,
      error: {
        type: 'SnowflakeError',
        message: expect.stringMatching(/\(002003, SQL state \S+, query \S+\)/),
      },
    });
  });

  it('fails immediately if a query returns more rows than a process should hold', async () => {
    const sql =
      'SELECT a.x FROM (SELECT 1 AS x FROM TABLE(GENERATOR(ROWCOUNT => 400))) a, TABLE(GENERATOR(ROWCOUNT => 251))';
    const { partitions } = await partitionsOf(project, 'asks', { ...onOne, params: { sql } });
    expect(partitions[0]).toMatchObject({
      status: 'FAILED',
      attempts: 1,
      error: { type: 'TooManyRows', message: expect.stringContaining('more than 100,000 rows') },
    });
  });

  it('cannot query on a closed connection', async () => {
    const { partitions } = await partitionsOf(project, 'keeps', onOne);
    expect(partitions[0]!.error!.message).toContain('withConnection has ended, and its connection with it');
  });

  it('has no credentials, and no names of any (I11)', async () => {
    const { run } = await partitionsOf(project, 'secrets', onOne);
    expect(await run.partition('1').artifacts.get('names.json')).toEqual([]);
  });

  describeEmulator('leaves nothing running', () => {
    const waits =
      ({ runId }: { runId: string }, status: EmulatedStatement['status']) =>
      (one: EmulatedStatement) =>
        one.sql.includes('SYSTEM$WAIT') && one.tag.includes(runId) && one.status === status;

    it('when the partition has ended (I12)', async () => {
      const until = join(project.folder, 'go-');
      const run = await start(project, 'leaves', {
        source: { query: 'SELECT 1 AS k UNION ALL SELECT 2' },
        partitionBy: ['k'],
        params: { until },
        options: { partitionsPerUnit: 2 },
      });
      await snowflake.emulator!.until(waits(run, 'RUNNING'));
      await project.write('go-1', '');
      // While its unit continues.
      const wait = await snowflake.emulator!.until(waits(run, 'FAILED'));
      await project.write('go-2', '');
      expect(await run.wait()).toMatchObject({ status: 'SUCCESS' });
      expect(JSON.parse(wait.tag)).toMatchObject({
        app: 'partwise',
        run: run.runId,
        step: 'unit',
        partition: '1',
        attempt: 1,
      });
    });

    it('when the partition has taken too long', async () => {
      const { run, partitions } = await partitionsOf(project, 'leaves', {
        ...onOne,
        params: { until: join(project.folder, 'never') },
        options: { timeout: '3s' },
      });
      expect(partitions[0]).toMatchObject({ status: 'INTERNAL_ERROR', error: { type: 'Timeout' } });
      expect(await snowflake.emulator!.until(waits(run, 'FAILED'))).toMatchObject({ timeout: 3 });
    });
  });
});
