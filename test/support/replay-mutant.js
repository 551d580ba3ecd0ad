/**
 * Replays histories with modified workflow code: `node replay-mutant.js FILE FROM TO HISTORY…` replaces FROM
 * by TO in one file of a copy of the built workflow code, bundles it, and prints the reports as JSON.
 */
const { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } = require('node:fs');
const { join } = require('node:path');
const { bundleWorkflowCode, DefaultLogger, Runtime } = require('@temporalio/worker');
const { readHistory, replayRuns } = require('../../dist/worker');

const DIST = join(__dirname, '../../dist');

async function main([file, from, to, ...files]) {
  Runtime.install({
    logger: new DefaultLogger('ERROR'),
    telemetryOptions: { logging: { filter: 'OFF', forward: {} } },
  });
  // Inside the repository: bundling resolves packages from there.
  const folder = mkdtempSync(join(DIST, '.mutant-'));
  try {
    for (const part of ['workflows', 'core'])
      cpSync(join(DIST, part), join(folder, part), { recursive: true });
    const source = readFileSync(join(folder, file), 'utf8');
    if (!source.includes(from)) throw new Error(`${file} does not have: ${from}`);
    writeFileSync(join(folder, file), source.replace(from, to));
    const { code } = await bundleWorkflowCode({
      workflowsPath: join(folder, 'workflows/index.js'),
      payloadConverterPath: join(folder, 'workflows/payload-converter.js'),
      workflowInterceptorModules: [join(folder, 'workflows/interceptors.js')],
      logger: new DefaultLogger('ERROR'),
    });
    const bundle = join(folder, 'bundle.js');
    writeFileSync(bundle, code);
    const reports = [];
    const histories = await Promise.all(files.map(readHistory));
    for await (const report of replayRuns(histories, { bundle })) reports.push(report);
    console.log(JSON.stringify(reports));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

main(process.argv.slice(2)).catch((error) => {
  console.error(error);
  process.exit(1);
});
