/**
 * What happens to a run when networks, the service, sessions and workers fail. The driver is the real one; a
 * proxy between it and the emulator breaks connections. Results are always compared with a plain GROUP BY.
 */
import { join } from 'node:path';
import { readFileSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, expect, it } from '@jest/globals';
import type { ChildProcess } from 'node:child_process';
import type { RunHandle } from '../src/index';
import { openStage, type Stage } from '../src/stage';
import { startFaultProxy, type FaultProxy } from './support/fault-proxy';
import { changed } from './support/files';
import { itLong } from './support/long';
import { gone } from './support/processes';
import { makeProject, type TestProject } from './support/project';
import { describeEmulator, startSnowflake, type TestSnowflake } from './support/snowflake';

const FUNCTIONS = `
import { appendFileSync, existsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { definePartitionFunction } from 'partwise';

export const total = definePartitionFunction({
  name: 'total',
  async run(data, context) {
    const { calls, gate } = context.params;
    if (calls !== undefined) appendFileSync(calls, context.partitionId + '\\n');
    if (gate !== undefined) while (!existsSync(gate + context.partitionId)) await sleep(20);
    const [{ n, total }] = await data.sql\`SELECT count(*) AS n, sum(amount) AS total FROM data\`;
    await context.upload('total.json', { total });
    return { n, total };
  },
});
`;

describeEmulator('on Snowflake, a run', () => {
  let snowflake: TestSnowflake;
  let proxy: FaultProxy;
  let project: TestProject;
  let worker: ChildProcess;
  let stage: Stage;
  let expected: unknown[];
  const faults: (() => void)[] = [];
  let runs = 0;

  beforeAll(async () => {
    proxy = await startFaultProxy();
    snowflake = await startSnowflake({
      // Longer statements are first answered with "in progress".
      env: { EMULATOR_ANSWER_S: '0.3' },
      through: proxy.through,
    });
    await snowflake.execute(
      'CREATE STAGE runs',
      `CREATE TABLE sales AS SELECT SEQ4() % 7 AS region, (SEQ4() * 7 % 100)::NUMBER(10,2) AS amount FROM TABLE(GENERATOR(ROWCOUNT => 500))`,
    );
    const { rows } = await snowflake.query(
      'SELECT region, COUNT(*), SUM(amount) FROM sales GROUP BY region ORDER BY region',
    );
    expected = rows.map((row) => row.map(Number));
    const uri = `@${snowflake.schema}.RUNS/p`;
    project = await makeProject(FUNCTIONS, {
      config: { warehouse: `snowflake:${snowflake.connection}`, stage: uri },
    });
    stage = openStage(`snowflake://${snowflake.connection}/${uri}/`);
    worker = await project.startWorker();
  });
  afterEach(() => {
    for (const end of faults.splice(0)) end();
  });
  afterAll(async () => {
    await project.close();
    await snowflake.close();
    await proxy.close();
  });
  const fault = (next: Parameters<FaultProxy['next']>[0]) => faults.push(proxy.next(next));

  const start = (params: Record<string, string> = {}) => {
    const name = `faults-${++runs}`;
    return project.partwise.start(
      {
        function: 'total',
        source: { table: 'sales' },
        partitionBy: ['region'],
        params,
        // Rows written twice would appear twice.
        output: { table: `totals_${runs}`, mode: 'append' },
        options: { partitionsPerUnit: 2, heartbeatTimeout: '3s', retry: { initialInterval: 10 } },
      },
      { runId: project.runId(name) },
    );
  };
  /** Its rows, wherever they are, equal the GROUP BY, and each partition has its artifact. */
  const isRight = async (run: RunHandle) => {
    const { status, error } = await run.wait();
    expect({ status, error }).toEqual({ status: 'SUCCESS', error: null });
    const { rows } = await snowflake.query(`SELECT region, n, total FROM totals_${runs} ORDER BY region`);
    expect(rows.map((row) => row.map(Number))).toEqual(expected);
    const results = (await run.results()).map(({ region, n, total }) => [region, n, total] as number[]);
    expect(results.sort(([a], [b]) => a! - b!)).toEqual(expected);
    const { partitions } = await run.partitions();
    for (const { id, artifacts } of partitions) {
      expect(artifacts.map(({ name }) => name)).toEqual(['total.json']);
      expect(await run.partition(id).artifacts.get('total.json')).toEqual({
        total: (expected as number[][]).find(([region]) => String(region) === id)![2],
      });
    }
    // None of its temporary tables is left in the schema.
    const left = await snowflake.query("SHOW TERSE TABLES LIKE 'PARTWISE_LOAD_%'");
    expect(left.rows).toEqual([]);
  };
  const met = (kind: string) => proxy.met.filter((one) => one.kind === kind).length;

  it('survives broken connections and a busy service, at statements of every kind', async () => {
    const statements = [
      'SELECT',
      'CREATE',
      'COPY',
      'LIST',
      'PUT',
      'GET',
      'INSERT',
      'BEGIN',
      'DELETE',
      'COMMIT',
      'DROP',
    ];
    const kinds = ['reset', '503', 'lost'] as const;
    for (const [i, what] of statements.entries())
      fault({ kind: kinds[i % kinds.length]!, statement: new RegExp(`^${what}`) });
    const before = proxy.met.length;
    await isRight(await start());
    expect(proxy.met.length - before).toBe(statements.length);
  });

  itLong('is correct if answers never arrive', async () => {
    const statements = [
      /^COPY INTO '@/,
      /^GET .*\/rows\//,
      /^PUT .*pack-1/,
      /^PUT .*seg-/,
      /^COPY INTO PARTWISE_LOAD/,
      /^COMMIT/,
    ];
    // As often as the driver retries it.
    for (const statement of statements) fault({ kind: 'lost', statement, times: 4 });
    const before = met('lost');
    await isRight(await start());
    expect(met('lost') - before).toBe(4 * statements.length);
  });

  it('waits for a slow answer', async () => {
    fault({ kind: 'hold', statement: /^COPY INTO '@/ });
    const run = await start();
    const release = await proxy.held();
    expect((await run.status()).rows).toBeNull();
    release();
    await isRight(run);
  });

  it('continues if all sessions end midway, however they end', async () => {
    const [calls, gate] = [join(project.folder, 'calls'), join(project.folder, 'gate-')];
    await project.write('calls', '');
    const run = await start({ calls, gate });
    const started = () => readFileSync(calls, 'utf8').split('\n').slice(0, -1);
    const release = new Set<string>();
    const next = async () => {
      await changed(calls, () => started().some((id) => !release.has(id)));
      const id = started().find((one) => !release.has(one))!;
      release.add(id);
      return () => project.write(`gate-${id}`, '');
    };
    for (const how of ['session', 'master', 'gone', 'vanished'] as const) {
      const goOn = await next();
      await snowflake.emulator!.expire(how);
      await goOn();
    }
    while (release.size < expected.length) await (await next())();
    await isRight(run);
  });

  /** Kills the worker once a statement is on its way to Snowflake, and starts another. */
  const killAt = async (statement: RegExp, kind: 'hold' | 'lost') => {
    fault({ kind, statement, times: kind === 'hold' ? 1 : 100 });
    const run = await start();
    if (kind === 'hold') {
      const release = await proxy.held();
      worker.kill('SIGKILL');
      await gone(worker.pid!);
      release();
    } else {
      await snowflake.emulator!.until(
        (one) => statement.test(one.sql) && one.tag.includes(run.runId) && one.status === 'SUCCESS',
      );
      worker.kill('SIGKILL');
      await gone(worker.pid!);
    }
    for (const end of faults.splice(0)) end();
    worker = await project.startWorker();
    return run;
  };

  itLong('is planned again by another worker if the first was killed after its unload', async () => {
    const run = await killAt(/^LIST .*\/rows\//, 'hold');
    await isRight(run);
    const folders = (await stage.list(`${run.runId}/g1/`)).flatMap(
      ({ path }) => /plan-[^/]+\/rows\/b=0/.exec(path) ?? [],
    );
    // The files of the first attempt exist, unused.
    expect(new Set(folders).size).toBe(2);
  });

  itLong('has no partition twice if its worker was killed between an artifact and the outcome', async () => {
    await isRight(await killAt(/^PUT .*seg-/, 'hold'));
  });

  itLong('has no row twice if its worker was killed once an outcome was written', async () => {
    await isRight(await killAt(/^PUT .*seg-/, 'lost'));
  });

  it('has no row twice if its worker was killed once its transaction had committed', async () => {
    await isRight(await killAt(/^COMMIT/, 'lost'));
  });
});
