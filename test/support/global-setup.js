/**
 * One real Temporal server for the whole suite, or one cluster; each test has its own task queue.
 */
const { mkdtempSync, rmSync, writeFileSync } = require('node:fs');
const { tmpdir } = require('node:os');
const { join } = require('node:path');
const { endWithProcess } = require('./end-with-process');

module.exports = async () => {
  // Variables of `npm run test:snowflake`.
  const kept =
    process.env.SNOWFLAKE_TEST_CONNECTION === undefined
      ? /^PARTWISE_CACHE$/
      : /^(PARTWISE_CACHE|SNOWFLAKE_.*)$/;
  for (const name of Object.keys(process.env)) {
    // Never the developer's own server, profile or settings.
    if (/^(TEMPORAL|PARTWISE|SNOWFLAKE)_/.test(name) && !kept.test(name)) delete process.env[name];
  }
  const { server, address, namespace } = await (process.env.CLUSTER_SERVER ? cluster() : devServer());
  process.env.PARTWISE_TEST_ADDRESS = address;
  process.env.PARTWISE_TEST_NAMESPACE = namespace;
  globalThis.__partwiseSuite = server;
};

/** Of `npm run test:cluster`. */
async function cluster() {
  const { startCluster } = require('./cluster/cluster');
  const server = await startCluster();
  return { server, address: server.address, namespace: server.namespace };
}

async function devServer() {
  const { findTemporalBinary } = require('../../dist/temporal/binary/find-binary');
  const { startServer } = require('../../dist/temporal/host/server');
  const { stateFolder } = require('../../dist/temporal/state-folder');
  const projectDir = mkdtempSync(join(tmpdir(), 'partwise-suite-'));
  const binary = await findTemporalBinary({ projectDir, env: process.env });
  const namespace = 'default';
  const path = forgetfulServer(binary.path, projectDir);
  const server = await startServer(
    { folder: stateFolder(projectDir), binary: { ...binary, path }, namespace },
    null,
  );
  endWithProcess(server);
  await server.ready;
  const end = async () => {
    await server.end();
    rmSync(projectDir, { recursive: true, force: true });
  };
  return { server: { end }, address: server.address, namespace };
}

/**
 * A server whose executions can be deleted at once (`forget`): by default, it notes only every 30 seconds
 * what it has done with an execution that ended, and deletes none before that.
 */
function forgetfulServer(temporal, folder) {
  const path = join(folder, 'temporal');
  const setting = `--dynamic-config-value 'history.transferProcessorUpdateAckInterval="200ms"'`;
  const script = `#!/bin/sh\n[ "$1" = server ] && set -- "$@" ${setting}\nexec "${temporal}" "$@"\n`;
  writeFileSync(path, script, { mode: 0o755 });
  return path;
}
