/** The benchmarks: each compares two ways of the same work within one run, so that what else the machine does cancels out. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { spin } from './arithmetic';
import { floor } from './floor';
import { watchMemory, World } from './world';

/** Processes that run functions, on both sides. */
const PROCESSES = 2;

export interface Measured {
  ratio: number;
  /** What it is made of, for people: seconds and the like. */
  details: Record<string, number>;
}

export interface Case {
  name: string;
  work: string;
  /** What the ratio is of. */
  ratio: string;
  /** Reached when the ratio is at least, or at most, so much. */
  target: { atLeast: number } | { atMost: number };
  /** Repeated measurements share one world. */
  prepare(world: World): Promise<void>;
  measure(world: World): Promise<Measured>;
}

/** `customers` partitions of 20 rows, mixed. */
function events(customers: number): string {
  return `CREATE OR REPLACE TABLE events AS SELECT 'customer ' || ((i * 7919) % ${customers}) AS customer, i AS id,
    (hash(i) % 100000) / 100.0::DOUBLE AS amount, DATE '2024-01-01' + (hash(i, 1) % 365)::INTEGER AS day
    FROM range(${customers * 20}) t(i)`;
}

const byCustomer = { source: { table: 'events' }, partitionBy: ['customer'] };
const summaries = { ...byCustomer, function: 'summary', output: { table: 'summaries' } };

async function timed(work: () => Promise<unknown>): Promise<number> {
  const begin = performance.now();
  await work();
  return (performance.now() - begin) / 1000;
}

/** Seconds of the floor. */
async function timeFloor(
  world: World,
  keys: string[],
  from: string,
  fn: 'summarize' | 'summarizeFlights',
): Promise<number> {
  const folder = join(world.folder, 'floor');
  mkdirSync(folder, { recursive: true });
  const { warehouse } = world;
  const seconds = await timed(() =>
    floor({ warehouse, from, keys, output: 'floor_output', fn, folder, processes: PROCESSES }),
  );
  rmSync(folder, { recursive: true });
  return seconds;
}

/** Both must have computed the same; rows of a partition may have been added up in another order. */
async function assertSame(world: World, table: string): Promise<void> {
  const rounded = "SELECT COLUMNS(c -> c <> 'total'), round(total, 2) FROM";
  const [ours, theirs] = [table, 'floor_output'].map((name) =>
    table === 'summaries' ? `${rounded} ${name}` : `FROM ${name}`,
  );
  const [difference] = await world.query<{ n: bigint }>(
    `SELECT count(*) AS n FROM ((${ours} EXCEPT ${theirs}) UNION ALL (${theirs} EXCEPT ${ours}))`,
  );
  if (difference!.n > 0n)
    throw new Error(`${difference!.n} rows of "${table}" differ from those of the floor.`);
}

const tiny2k: Case = {
  name: 'tiny-2k',
  work: '2,000 partitions × 20 rows: count, sum, median in JavaScript',
  ratio: 'throughput of one activity per partition on the raw SDK, 48 lanes, same server',
  target: { atLeast: 8 },
  async prepare(world) {
    await world.execute(events(2_000));
    await world.startWorker();
    await world.warmUp();
  },
  async measure(world) {
    const raw = await timeRaw(world, 2_000);
    const { seconds } = await world.run({ ...byCustomer, function: 'summary' });
    return { ratio: raw / seconds, details: { raw, seconds } };
  },
};

/** Seconds of the hand-written workflow, from the call to the result, with its worker warm. */
async function timeRaw(world: World, partitions: number): Promise<number> {
  const worker = fork(
    join(__dirname, 'raw-worker.cjs'),
    [world.address, 'raw', world.warehouse, join(__dirname, 'raw-workflow.cjs')],
    { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] },
  );
  await once(worker, 'message');
  const run = (n: number): Promise<unknown> =>
    world.client.workflow.execute('everyPartition', {
      taskQueue: 'raw',
      workflowId: `raw-${process.hrtime.bigint()}`,
      args: [n],
    });
  await run(4);
  const seconds = await timed(() => run(partitions));
  const exited = once(worker, 'exit');
  worker.kill('SIGTERM');
  await exited;
  return seconds;
}

const tiny1m: Case = {
  name: 'tiny-1m',
  work: '1,000,000 partitions × 20 rows, the same function, into a table',
  ratio: 'time of the floor',
  target: { atMost: 2.5 },
  async prepare(world) {
    await world.execute(events(1_000_000));
    await world.startWorker();
    await world.warmUp();
  },
  async measure(world) {
    const floorSeconds = await timeFloor(world, ['customer'], 'events', 'summarize');
    const groupBy = await timed(() =>
      world.execute(
        'CREATE OR REPLACE TABLE by_sql AS SELECT customer, count(*) AS n, sum(amount) AS total, median(amount) AS median FROM events GROUP BY customer',
      ),
    );
    const memory = watchMemory(world.workerPid);
    const { seconds, runId } = await world.run({ ...summaries, options: { maxPartitions: 2_000_000 } });
    const gigabytes = memory() / 2 ** 30;
    const historyMegabytes = (await historyBytes(world, runId)) / 2 ** 20;
    await assertSame(world, 'summaries');
    return {
      ratio: seconds / floorSeconds,
      details: { floor: floorSeconds, groupBy, seconds, gigabytes, historyMegabytes },
    };
  },
};

async function historyBytes(world: World, runId: string): Promise<number> {
  const { raw } = await world.client.workflow.getHandle(runId).describe();
  return Number(
    (raw as { workflowExecutionInfo?: { historySizeBytes?: unknown } }).workflowExecutionInfo
      ?.historySizeBytes ?? 0,
  );
}

const FLIGHTS = join(__dirname, '../../../test/data/flights_2013.parquet');

const real: Case = {
  name: 'real',
  work: 'flights of 2013 by tailnum (4,044 partitions), by dest (105), by carrier and origin (35): a summary function',
  ratio: 'time of the floor, all three together',
  target: { atMost: 1.5 },
  async prepare(world) {
    await world.execute(`CREATE TABLE flights AS FROM '${FLIGHTS}'`);
    await world.startWorker();
    await world.warmUp();
  },
  async measure(world) {
    const details: Record<string, number> = {};
    let [ours, theirs] = [0, 0];
    for (const keys of [['tailnum'], ['dest'], ['carrier', 'origin']]) {
      const name = keys.join('+');
      const floorSeconds = await timeFloor(world, keys, 'flights', 'summarizeFlights');
      const { seconds } = await world.run({
        function: 'flights',
        source: { table: 'flights' },
        partitionBy: keys,
        output: { table: 'by_key' },
      });
      await assertSame(world, 'by_key');
      await world.execute('DROP TABLE by_key');
      details[`${name}_floor`] = floorSeconds;
      details[name] = seconds;
      ours += seconds;
      theirs += floorSeconds;
    }
    return { ratio: ours / theirs, details };
  },
};

const cpu: Case = {
  name: 'cpu',
  work: '200 partitions × 50 ms of CPU',
  ratio: 'speed of one process that calls the function 200 times',
  target: { atLeast: 1.8 },
  async prepare(world) {
    await world.startWorker();
    await world.warmUp();
  },
  async measure(world) {
    const source = { query: 'SELECT range AS k FROM range(200)' };
    const alone = await timed(async () => {
      for (let i = 0; i < 200; i++) spin(50);
    });
    const { seconds } = await world.run({ function: 'cpu', source, partitionBy: ['k'] });
    return { ratio: alone / seconds, details: { alone, seconds } };
  },
};

const pushdown: Case = {
  name: 'pushdown',
  work: '20 M rows, 1,000 partitions, sum by data.sql',
  ratio: 'time to write the sorted snapshot and read each partition once',
  target: { atMost: 2 },
  async prepare(world) {
    await world.execute(
      `CREATE TABLE amounts AS SELECT 'store ' || ((i * 7919) % 1000) AS store, i AS id, (hash(i) % 100000) / 100.0::DOUBLE AS amount,
         DATE '2024-01-01' + (hash(i, 1) % 365)::INTEGER AS day FROM range(20000000) t(i)`,
    );
    await world.startWorker();
    await world.warmUp();
  },
  async measure(world) {
    const folder = join(world.folder, 'sorted');
    mkdirSync(folder, { recursive: true });
    const least = await timed(() =>
      world.execute(
        `CREATE TEMP TABLE keys AS SELECT row_number() OVER (ORDER BY store) - 1 AS ord, store FROM (SELECT DISTINCT store FROM amounts)`,
        `COPY (SELECT keys.ord::INTEGER AS ord, amounts.* FROM amounts JOIN keys USING (store) ORDER BY ord) TO '${folder}/sorted.parquet'`,
        ...Array.from(
          { length: 1_000 },
          (_, i) => `SELECT sum(amount) FROM '${folder}/sorted.parquet' WHERE ord = ${i}`,
        ),
      ),
    );
    rmSync(folder, { recursive: true });
    const { seconds } = await world.run({
      function: 'pushdown',
      source: { table: 'amounts' },
      partitionBy: ['store'],
      output: { table: 'totals' },
    });
    return { ratio: seconds / least, details: { least, seconds } };
  },
};

const poison: Case = {
  name: 'poison',
  work: '10,000 partitions, one of twenty failing, then retried',
  ratio: 'time of a clean run',
  target: { atMost: 1.5 },
  async prepare(world) {
    await world.execute(events(10_000));
    await world.startWorker();
    await world.warmUp();
  },
  async measure(world) {
    const mended = join(world.folder, 'mended');
    const calls = join(world.folder, 'calls');
    rmSync(mended, { force: true });
    const input = { ...byCustomer, function: 'poison', options: { retry: { maximumAttempts: 1 } } };
    const clean = (await world.run({ ...input, params: { mended: '', calls: '' } })).seconds;
    const { runId, seconds } = await world.run(
      { ...input, params: { mended, calls: '' } },
      'PARTIAL_FAILURE',
    );
    writeFileSync(mended, '');
    writeFileSync(calls, '');
    const retry = await timed(async () => {
      const run = await world.partwise.restore(runId).retryFailed();
      const { status } = await run.wait();
      if (status !== 'SUCCESS') throw new Error(`The retry is ${status}.`);
    });
    return { ratio: (seconds + retry) / clean, details: { clean, failing: seconds, retry } };
  },
};

export const CASES: readonly Case[] = [tiny2k, tiny1m, real, cpu, pushdown, poison];
