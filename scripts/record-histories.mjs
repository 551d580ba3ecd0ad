// Records the history of every shape of a run, from real runs on a real server, for
// test/replay.test.ts:
//   node scripts/record-histories.mjs          all shapes, into test/histories/<version>
//   node scripts/record-histories.mjs NAME …   only these
// Histories of a published release are never recorded again: the histories of its runs in flight cannot be
// changed afterwards.
import { mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import os from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const require = createRequire(import.meta.url);
// The recordings are committed, and must not reveal anything about the machine.
os.hostname = () => 'recorder';
const folder = '/tmp/partwise-recorder';
const { Connection, Client } = require('@temporalio/client');
const { DefaultLogger, Runtime } = require('@temporalio/worker');
const { eventsToJson } = require('../dist/reader/histories/history-json.js');
const { shardArchiveNames } = require('../dist/reader/archive/content.js');
const { Partwise } = require('../dist/index.js');
const { findTemporalBinary } = require('../dist/temporal/binary/find-binary.js');
const { startServer } = require('../dist/temporal/host/server.js');
const { stateFolder } = require('../dist/temporal/state-folder.js');
const { withDatabase } = require('../dist/duckdb/database-file.js');
const { startWorker } = require('../dist/worker.js');

const FUNCTIONS = `
import { existsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { definePartitionFunction, definePartitionModel } from 'partwise';

/**
 * Partitions in params.fails throw until the file params.fixed exists; those in params.wait wait for the file
 * params.gate.
 */
export const totals = definePartitionFunction({
  name: 'totals',
  async run(data, context) {
    const { fails = [], fixed, wait = [], gate } = context.params;
    const id = context.partitionId;
    if (wait === true || wait.includes(id)) while (!existsSync(gate)) await sleep(20, undefined, { signal: context.signal });
    if ((fails === true || fails.includes(id)) && !existsSync(fixed)) throw new RangeError('cannot add up ' + id);
    const [{ total }] = await data.sql\`SELECT sum(amount) AS total FROM data\`;
    await context.upload('total.json', { total });
    return { total };
  },
});

export const mean = definePartitionModel({
  name: 'mean',
  async train(data) {
    const [{ mean }] = await data.sql\`SELECT avg(amount) AS mean FROM data\`;
    return { mean };
  },
  predict: (model, data) => Array.from({ length: data.rowCount }, () => model.mean),
});
`;

const SALES = { function: 'totals', source: { table: 'sales' }, partitionBy: ['region'] };
const ONCE = { retry: { maximumAttempts: 1 } };

/** 60 partitions in two shards. */
const WIDE = {
  function: 'totals',
  source: { table: 'wide' },
  partitionBy: ['k'],
  options: { ...ONCE, maxConcurrency: 60 },
};

/** Each starts a run and waits for its end. */
const SHAPES = {
  async small(at) {
    await at.ended(await at.start({ ...SALES, output: { table: 'small_out' } }));
  },
  async retriedAttempts(at) {
    const run = await at.start({
      ...SALES,
      params: { fails: ['b'] },
      options: { retry: { initialInterval: '1s' } },
    });
    await at.until(run, async () => (await run.partitions()).partitions.some((each) => each.attempts > 1));
    at.fix();
    await at.ended(run);
  },
  async batches(at) {
    const source = { table: 'many' };
    const options = { partitionsPerUnit: 10, retry: { maximumAttempts: 2, initialInterval: '1s' } };
    await at.ended(
      await at.start({ ...SALES, source, partitionBy: ['k'], params: { fails: ['3', '17'] }, options }),
    );
  },
  async joined(at) {
    const source = { query: 'SELECT range AS k, range AS amount FROM range(200)' };
    await at.ended(await at.start({ ...SALES, source, partitionBy: ['k'] }));
  },
  async models(at) {
    const only = ['a', 'b'];
    await at.ended(await at.start({ ...SALES, function: 'mean.train', only, output: { model: 'mean' } }));
    const model = { name: 'mean', onMissing: 'skip' };
    await at.ended(await at.start({ ...SALES, function: 'mean.predict', model }, 'predict'));
  },
  async retried(at) {
    const run = await at.start({
      ...SALES,
      params: { fails: ['b', 'c'] },
      options: ONCE,
      output: { table: 'retried_out' },
    });
    await at.ended(run);
    at.fix();
    await at.ended(await run.retry());
  },
  async retriedByCause(at) {
    const input = { ...SALES, params: { fails: ['b', 'c'] }, options: ONCE };
    const run = await at.start(input);
    await at.ended(run);
    // "b" fails again.
    await at.ended(await run.retry({ ordinals: '1' }));
    at.fix();
    await at.ended(await run.retry({ failedWith: 'RangeError' }));
  },
  async earlierErrors(at) {
    const source = { table: 'many' };
    const options = { partitionsPerUnit: 10, retry: { maximumAttempts: 4, initialInterval: '1s' } };
    const run = await at.start({
      ...SALES,
      source,
      partitionBy: ['k'],
      params: { fails: ['3', '17'] },
      options,
    });
    await at.done(run, 28);
    await at.until(run, async () => (await run.status()).retries.partitions === 2);
    at.fix();
    await at.ended(run);
  },
  async cancelled(at) {
    const run = await at.start({ ...SALES, params: { wait: ['d'] }, output: { table: 'cancelled_out' } });
    await at.done(run, 3);
    await run.cancel();
    await at.ended(run);
  },
  async paused(at) {
    const run = await at.start({ ...SALES, params: { wait: true }, options: { maxConcurrency: 1 } });
    await at.running(run);
    await run.pause();
    at.open();
    await at.done(run, 1);
    await run.set({ maxConcurrency: 2, toleratedFailures: 1 });
    await run.unpause();
    await at.ended(run);
  },
  async skipped(at) {
    const run = await at.start({ ...SALES, params: { wait: ['a', 'd'] }, options: { maxConcurrency: 2 } });
    await at.done(run, 2);
    await run.skip(['a']);
    at.open();
    await at.ended(run);
  },
  async skippedByOrdinals(at) {
    const run = await at.start({ ...WIDE, params: { wait: ['3'] } });
    await at.running(run);
    await run.pause();
    await run.skip({ ordinals: '3' });
    await run.unpause();
    await at.ended(run);
  },
  async failFast(at) {
    const options = { ...ONCE, failFast: true, maxConcurrency: 1 };
    await at.ended(await at.start({ ...SALES, params: { fails: ['a'] }, options }));
  },
  async failedAlike(at) {
    const source = { table: 'many' };
    await at.ended(
      await at.start({ ...SALES, source, partitionBy: ['k'], params: { fails: true }, options: ONCE }),
    );
  },
  async tooMany(at) {
    await at.ended(await at.start({ ...SALES, params: { fails: ['b'] }, options: ONCE }));
  },
  async tolerated(at) {
    await at.ended(
      await at.start({ ...SALES, params: { fails: ['b'] }, options: { ...ONCE, toleratedFailures: '50%' } }),
    );
  },
  async runTimeout(at) {
    await at.ended(await at.start({ ...SALES, params: { wait: ['d'] }, options: { runTimeout: '4s' } }));
  },
  async scheduled(at) {
    const { schedules } = at.partwise;
    await schedules.create('nightly', {
      input: SALES,
      cron: '0 3 * * *',
      timeZone: 'Europe/Berlin',
      paused: true,
    });
    const [{ runId }] = await schedules.backfill('nightly', { from: '2024-05-01', to: '2024-05-01' });
    await at.ended(at.partwise.getRun(runId));
    await schedules.delete('nightly');
  },
  async overwritten(at) {
    const input = { ...SALES, output: { table: 'overwritten_out' } };
    const run = await at.start(input);
    await at.ended(run);
    await at.ended(await at.partwise.start({ ...input, onExisting: 'overwrite' }, { runId: run.runId }));
  },
  async reused(at) {
    const input = { ...SALES, series: 'daily', onUnchanged: 'reuse' };
    await at.ended(await at.start(input));
    await at.execute("INSERT INTO sales VALUES ('b', 1000)");
    await at.ended(await at.start(input, 'again'));
  },
  async commitFailed(at) {
    await at.execute('CREATE TABLE taken (something INTEGER)', 'INSERT INTO taken VALUES (1)');
    await at.ended(await at.start({ ...SALES, output: { table: 'taken', mode: 'append' } }));
  },
  async sharded(at) {
    const run = await at.start({ ...WIDE, params: { fails: ['7', '55'] }, output: { table: 'sharded_out' } });
    await at.ended(run);
    at.fix();
    await at.ended(await run.retry());
  },
  async shardedControl(at) {
    const run = await at.start({ ...WIDE, params: { wait: ['3'], fails: ['9'] } });
    await at.done(run, 58);
    await run.pause();
    await run.set({ maxConcurrency: 96, toleratedFailures: 1 });
    await run.skip(['3']);
    at.open();
    await run.unpause();
    await at.ended(run);
  },
  async shardedCancelled(at) {
    const run = await at.start({ ...WIDE, params: { wait: ['3'] } });
    await at.done(run, 59);
    await run.cancel();
    await at.ended(run);
  },
  async shardedFailFast(at) {
    const options = { ...WIDE.options, failFast: true };
    await at.ended(await at.start({ ...WIDE, params: { wait: ['3'], fails: ['50'] }, options }));
  },
  async refused(at) {
    await at.ended(await at.start({ ...SALES, source: { table: 'nothing' } }));
  },
};

async function main(wanted) {
  const unknown = wanted.filter((name) => !(name in SHAPES));
  if (unknown.length > 0)
    throw new Error(`Unknown shape ${unknown.join(', ')}. Shapes are ${Object.keys(SHAPES).join(', ')}.`);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(join(folder, 'node_modules'), { recursive: true });
  symlinkSync(root, join(folder, 'node_modules', 'partwise'));
  writeFileSync(join(folder, 'functions.ts'), FUNCTIONS);
  writeFileSync(
    join(folder, 'partwise.config.json'),
    JSON.stringify({ functions: './functions.ts', warehouse: 'duckdb:./w.duckdb' }),
  );
  const execute = (...statements) =>
    withDatabase(join(folder, 'w.duckdb'), 'write', async (duckdb) => {
      for (const statement of statements) await duckdb.run(statement);
    });
  await execute(
    "CREATE TABLE sales AS SELECT ['a', 'b', 'c', 'd'][1 + range % 4] AS region, range AS amount FROM range(40)",
    'CREATE TABLE many AS SELECT range % 30 AS k, range AS amount FROM range(60)',
    'CREATE TABLE wide AS SELECT range AS k, range AS amount FROM range(60)',
  );
  // Some runs fail on purpose.
  Runtime.install({ logger: new DefaultLogger('ERROR'), shutdownSignals: [] });
  const binary = await findTemporalBinary({ projectDir: folder, env: process.env });
  const server = await startServer({ folder: stateFolder(folder), binary, namespace: 'default' }, null);
  await server.ready;
  const { address } = server;
  const taskQueue = 'recorder';
  const worker = await startWorker({
    projectDir: folder,
    server: { connectionOptions: { address }, namespace: 'default', taskQueue },
  });
  const connection = await Connection.connect({ address });
  const partwise = Partwise.fromClient(new Client({ connection, namespace: 'default' }), { taskQueue });
  try {
    const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
    const into = join(root, 'test/histories', version);
    mkdirSync(into, { recursive: true });
    for (const name of wanted.length > 0 ? wanted : Object.keys(SHAPES)) {
      const runs = await record(name, partwise, execute);
      await write(into, name, runs, partwise);
    }
  } finally {
    worker.shutdown();
    await worker.ended;
    await connection.close();
    await server.end();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Returns the run ids of the shape. */
async function record(name, partwise, execute) {
  const runs = [];
  const gate = join(folder, `${name}.gate`);
  const fixed = join(folder, `${name}.fixed`);
  const at = {
    partwise,
    execute,
    open: () => writeFileSync(gate, ''),
    fix: () => writeFileSync(fixed, ''),
    async start(input, suffix = '') {
      const runId = suffix === '' ? name : `${name}-${suffix}`;
      const run = await partwise.start({ ...input, params: { ...input.params, gate, fixed } }, { runId });
      runs.push(runId);
      return run;
    },
    async until(run, condition) {
      for (;;) {
        if (await condition()) return;
        const { endedAt } = await run.status();
        if (endedAt !== null) throw new Error(`${name} ended before it reached the expected state.`);
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    },
    done: (run, n) => at.until(run, async () => (await run.status()).counts.DONE >= n),
    running: (run) => at.until(run, async () => (await run.status()).counts.RUNNING > 0),
    async ended(run) {
      const { status, error } = await run.wait({ timeoutMs: 120_000 });
      console.log(`${name}: ${status}${error === null ? '' : ` (${error.type})`}`);
      if (!runs.includes(run.runId)) runs.push(run.runId);
    },
  };
  await SHAPES[name](at);
  return runs;
}

/**
 * Writes one file per execution with its history, as archived, and the state that readers derive from it;
 * next to it, the histories of its shards.
 */
async function write(into, name, runs, partwise) {
  let n = 0;
  let place;
  for await (const { runId, shard, workflowRunId, events } of partwise.histories({ runs })) {
    if (shard === null) {
      const {
        asOf: _,
        archived: __,
        ...state
      } = await partwise.getRun(runId).execution(workflowRunId).status();
      const { generation, execution } = state.executions.at(-1);
      place = { generation: generation ?? 1, execution: execution ?? 1 };
      const file = n === 0 ? name : `${name}-${n + 1}`;
      n++;
      archive(`${file}.json.gz`, null);
      writeFileSync(join(into, `${file}.state.json`), `${JSON.stringify(state, null, 2)}\n`);
    } else {
      const ref = { number: shard, execution: { runId: workflowRunId } };
      archive(shardArchiveNames(place.execution, ref)[1], shard);
    }
    function archive(file, shard) {
      const head = {
        version: 1,
        runId,
        workflowRunId,
        ...place,
        ...(shard !== null && { shard }),
        closing: null,
      };
      const json = JSON.stringify({ ...head, history: { events: eventsToJson(events) } });
      writeFileSync(join(into, file), gzipSync(json, { level: 9 }));
    }
  }
}

await main(process.argv.slice(2));
