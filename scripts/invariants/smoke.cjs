// Runs four partitions in the project whose root is the working directory. A mutant that fails this proves
// nothing.
const { fork } = require('node:child_process');
const { once } = require('node:events');
const { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } = require('node:fs');
const { tmpdir } = require('node:os');
const { join } = require('node:path');

const root = process.cwd();

const FUNCTIONS = `
import { definePartitionFunction } from 'partwise';

export const counts = definePartitionFunction({
  name: 'counts',
  async run(data, context) {
    const [counted] = await data.sql\`SELECT count(*)::INTEGER AS n FROM data\`;
    await context.upload('counted.json', counted);
    return counted;
  },
});
`;

async function smoke(folder) {
  const { findTemporalBinary } = require(join(root, 'dist/temporal/binary/find-binary'));
  const { startServer } = require(join(root, 'dist/temporal/host/server'));
  const { stateFolder } = require(join(root, 'dist/temporal/state-folder'));
  const binary = await findTemporalBinary({ projectDir: folder, env: process.env });
  const server = await startServer({ folder: stateFolder(folder), binary, namespace: 'default' }, null);
  try {
    await server.ready;
    await runFour(folder, server.address);
  } finally {
    await server.end();
  }
}

async function runFour(folder, address) {
  const { Partwise } = require(join(root, 'dist'));
  mkdirSync(join(folder, 'node_modules'));
  symlinkSync(root, join(folder, 'node_modules', 'partwise'));
  writeFileSync(join(folder, 'functions.ts'), FUNCTIONS);
  writeFileSync(join(folder, 'sales.csv'), 'region,n\na,1\nb,2\nc,3\nd,4\nd,5\n');
  const temporal = { address, taskQueue: `smoke-${process.pid}` };
  writeFileSync(
    join(folder, 'partwise.config.json'),
    JSON.stringify({
      functions: './functions.ts',
      warehouse: 'duckdb:./w.duckdb',
      stage: './stage',
      temporal,
    }),
  );
  const worker = fork(join(root, 'test/support/worker-process.js'), [folder], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const died = once(worker, 'exit').then(() => {
    throw new Error('The worker exited before the run finished.');
  });
  died.catch(() => {});
  try {
    await Promise.race([once(worker, 'message'), died]);
    const partwise = await Partwise.connect({ projectDir: folder });
    const run = await partwise.start(
      {
        function: 'counts',
        source: { files: 'sales.csv' },
        partitionBy: ['region'],
        output: { table: 'counted' },
      },
      { runId: `smoke-${process.pid}` },
    );
    const { status, counts } = await Promise.race([run.wait({ timeoutMs: 60_000 }), died]);
    const rows = JSON.stringify((await run.results()).map(({ n }) => n));
    if (status !== 'SUCCESS' || counts.DONE !== 4 || rows !== '[1,1,1,2]')
      throw new Error(`The run is ${status}, with ${counts.DONE} of 4 DONE and the rows ${rows}.`);
    await partwise.close();
  } finally {
    worker.kill('SIGKILL');
  }
}

const folder = mkdtempSync(join(tmpdir(), 'partwise-smoke-'));
void smoke(folder)
  .then(
    () => 0,
    (error) => {
      console.error(error.message);
      return 1;
    },
  )
  .then((code) => {
    rmSync(folder, { recursive: true, force: true });
    process.exit(code);
  });
