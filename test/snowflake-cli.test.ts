/** The commands of the example, run in a shell against the emulator. */
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { closeSessions } from '../src/snowflake/index';
import { cli, startCli, type RunningCli } from './support/cli';
import { startFaultProxy, type FaultProxy } from './support/fault-proxy';
import { itLong } from './support/long';
import { REPOSITORY } from './support/project';
import { run } from './support/shell';
import { describeEmulator, startSnowflake, type TestSnowflake } from './support/snowflake';

const EXAMPLE = join(REPOSITORY, 'examples/snowflake-regional-sales');

describeEmulator('the example on Snowflake', () => {
  let snowflake: TestSnowflake;
  let proxy: FaultProxy;
  let folder: string;
  let worker: RunningCli;
  let expected: unknown[][];
  const env = () => ({
    TEMPORAL_ADDRESS: process.env.PARTWISE_TEST_ADDRESS,
    PARTWISE_TASK_QUEUE: `snowflake-${process.pid}`,
  });
  const partwise = (...args: string[]) => cli(folder, args, env());

  beforeAll(async () => {
    proxy = await startFaultProxy();
    snowflake = await startSnowflake({
      as: { name: 'analytics', database: 'ANALYTICS', schema: 'PUBLIC' },
      through: proxy.through,
    });
    await snowflake.executeFile(join(EXAMPLE, 'setup.sql'));
    const { rows } = await snowflake.query(
      'SELECT region, SUM(amount), COUNT(*) FROM sales_data GROUP BY region ORDER BY region',
    );
    expected = rows.map(([region, ...numbers]) => [region, ...numbers.map(Number)]);
    folder = await mkdtemp(join(tmpdir(), 'partwise-example-'));
    await cp(EXAMPLE, folder, { recursive: true });
    await mkdir(join(folder, 'node_modules'));
    await symlink(REPOSITORY, join(folder, 'node_modules', 'partwise'));
  });
  afterAll(async () => {
    worker.process.kill('SIGTERM');
    await worker.finished;
    await snowflake.close();
    await proxy.close();
    await rm(folder, { recursive: true, force: true });
  });
  const startWorker = async () => {
    worker = startCli(folder, ['worker'], env());
    await worker.prints('Executing runs from');
  };
  /** Groups of the output table. */
  const inTable = async (name: string) => {
    const { rows } = await snowflake.query(
      `SELECT region, total_sales, record_count FROM ${name} ORDER BY region`,
    );
    return rows.map(([region, ...numbers]) => [region, ...numbers.map(Number)]);
  };
  const RUN = ['run', 'salesByRegion', '--from', 'sales_data', '--by', 'region'];

  it('is killed midway, continues on another worker, and is read by another process', async () => {
    await startWorker();
    proxy.next({ kind: 'hold', statement: /^PUT .*sales_summary/ });
    const command = startCli(
      folder,
      [...RUN, '--run-id', 'regional-2024', '--output', 'sales_summary'],
      env(),
    );
    const release = await proxy.held();
    worker.process.kill('SIGKILL');
    await worker.finished;
    release();
    await startWorker();
    expect(await command.finished).toMatchObject({ code: 0, stdout: expect.stringContaining('4 DONE') });
    expect(await inTable('sales_summary')).toEqual(expected);

    const { stdout } = await partwise('artifacts', 'get', 'regional-2024', 'North', 'sales_summary.json');
    const [, total, count] = expected.find(([region]) => region === 'North')!;
    expect(JSON.parse(stdout)).toMatchObject({ region: 'North', total_sales: total, record_count: count });
    const readBack = await run(process.execPath, ['read-back.mjs', 'regional-2024'], folder, {
      ...process.env,
      ...env(),
    });
    expect(readBack.stdout).toContain(
      `total ${expected.reduce((sum, [, amount]) => sum + Number(amount), 0)}`,
    );
    const { rows } = await snowflake.query('LIST @ANALYTICS.PUBLIC.PARTWISE/regional-sales/regional-2024/');
    expect(rows.length).toBeGreaterThan(0);
  });

  itLong('is retried after a failure on the same rows, and replaces its rows in the table', async () => {
    const good = await readFile(join(folder, 'functions.ts'), 'utf8');
    await writeFile(
      join(folder, 'functions.ts'),
      good.replace(
        'const result =',
        "if (context.partitionId === 'East') throw new TypeError('not yet');\n    const result =",
      ),
    );
    worker.process.kill('SIGTERM');
    await worker.finished;
    await startWorker();
    const first = await partwise(...RUN, '--run-id', 'fixed', '--output', 'fixed');
    expect(first).toMatchObject({ code: 1, stdout: expect.stringContaining('3 DONE, 1 FAILED') });
    await writeFile(join(folder, 'functions.ts'), good);
    worker.process.kill('SIGTERM');
    await worker.finished;
    await startWorker();
    await snowflake.execute("INSERT INTO sales_data SELECT 'East', 1, 1000000, CURRENT_DATE()");
    const second = await partwise('retry', 'fixed');
    expect(second).toMatchObject({ code: 0, stdout: expect.stringContaining('4 DONE') });
    await snowflake.execute('DELETE FROM sales_data WHERE amount = 1000000');
    expect(await inTable('fixed')).toEqual(expected);
  });

  it('sums in Snowflake itself, and no source row leaves it', async () => {
    const named = 'run salesInSnowflake --from sales_data --by region --snapshot none --run-id pushed-down';
    const { code, stdout } = await partwise(...named.split(' '));
    expect({ code, stdout }).toMatchObject({ code: 0, stdout: expect.stringContaining('4 DONE') });
    const history = await snowflake.emulator!.history();
    const queries = history.filter(
      ({ sql, tag }) => tag.includes('pushed-down') && /^SELECT .*sum/.test(sql),
    );
    expect(queries).toHaveLength(4);
    expect(history.filter(({ sql, tag }) => tag.includes('pushed-down') && /\bC0\b/.test(sql))).toEqual([]);
  });

  it('can be planned, tried, debugged and cleaned up, and leaves no session behind', async () => {
    worker.process.kill('SIGTERM');
    await worker.finished;
    await closeSessions();
    // Those of the killed worker.
    const left = await snowflake.emulator!.sessions();
    // A plan of a function reads the time of its last run, but not for longer than a few seconds: then that
    // session is left to the service. A plan of a query has no time to read.
    const query = ['plan', '--sql', 'SELECT 1 AS one', '--from', 'sales_data', '--by', 'region'];
    for (const [args, shown] of [
      [query, '4 partitions, 200 rows'],
      [[...RUN, '--try', '1'], '1 of 1 partition tried: 1 DONE'],
      [['debug', 'regional-2024', 'North'], 'Same outcome as the run recorded'],
      [['results', 'regional-2024', '--json'], 'total_sales'],
      [['clean', '--yes'], 'leftovers'],
      // The server also has runs of other tests.
      [['list', '--limit', '5000'], 'regional-2024'],
    ] as const) {
      const { code, stdout, stderr } = await partwise(...args);
      expect({ args, code, stdout, stderr }).toMatchObject({
        code: 0,
        stdout: expect.stringContaining(shown),
      });
    }
    expect(await snowflake.emulator!.sessions()).toBe(left);
  });

  describe('doctor', () => {
    const refusing = async (matching: string, code: number, message: string) => {
      await snowflake.emulator!.refuse({ matching, code, state: code === 3001 ? '42501' : '02000', message });
      const { code: exit, stdout } = await partwise('doctor');
      return { exit, stdout };
    };

    it('shows the user of the connection, and that everything is allowed', async () => {
      const { code, stdout } = await partwise('doctor');
      expect(code).toBe(0);
      expect(stdout).toMatch(
        /✓ connection analytics: user TESTER, role TESTER, virtual warehouse WH, schema ANALYTICS.PUBLIC\n✓ compute.*\n✓ schema.*\n✓ stage.*\n✓ unload/,
      );
    });

    it.each([
      ['TABLE\\(GENERATOR', 606, 'No active warehouse selected', /✗ compute .*Name a virtual warehouse/],
      [
        'CREATE TRANSIENT',
        3001,
        "Insufficient privileges to operate on schema 'PUBLIC'",
        /✗ schema .*GRANT USAGE, CREATE TABLE ON SCHEMA ANALYTICS\.PUBLIC TO ROLE TESTER;/,
      ],
      [
        '^PUT',
        3001,
        "Insufficient privileges to operate on stage 'PARTWISE'",
        /✗ stage .*CREATE STAGE ANALYTICS\.PUBLIC\.PARTWISE.*READ and WRITE/,
      ],
    ])('names the missing grant (%s)', async (matching, code, message, expectedLine) => {
      const { exit, stdout } = await refusing(matching, code, message);
      expect(exit).toBe(2);
      expect(stdout.replaceAll(/\n +/g, ' ')).toMatch(expectedLine);
      expect(stdout).toContain(message);
    });

    it('reports that a role may not unload, which no run requires', async () => {
      const { exit, stdout } = await refusing(
        '^COPY INTO',
        3001,
        "Insufficient privileges to operate on stage 'PARTWISE'",
      );
      expect({ exit, stdout }).toMatchObject({
        exit: 0,
        stdout: expect.stringMatching(/✓ unload .*may not unload/),
      });
    });

    it('reports what a connection lacks, and stops at one that cannot log in', async () => {
      const { stdout, code } = await cli(folder, ['doctor'], {
        ...env(),
        PARTWISE_WAREHOUSE: 'snowflake:analytic',
      });
      expect(code).toBe(2);
      expect(stdout).toMatch(/✗ connection .*Did you mean "analytics"\?/);
      expect(stdout).not.toContain('compute');
    });
  });
});
