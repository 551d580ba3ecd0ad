// `npm run test:cluster`: the behaviour of runs on a Temporal cluster, see docs/testing.md.
// `-- shards mtls`: only files with such names.
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { clusterPrograms } from './cluster-programs.mjs';

/** Files of the suite that need only a server; docs/testing.md names the reasons for the others. */
const OF_THE_SUITE = [
  'archive',
  'clean',
  'completed-by-hand',
  'control',
  'deployed-worker',
  'encryption',
  'failure-policy',
  'joining',
  'large-run',
  'models',
  'outlived',
  'reading-runs',
  'refused',
  'retry',
  'reuse',
  'run',
  'schedules',
  'shards',
  'skew',
  'survives',
  'unit-attempts',
  'whole-run',
  'workers',
];

const { env, missing } = await clusterPrograms();
if (missing !== undefined) {
  console.log(`NOT TESTED: a Temporal cluster, because ${missing}.`);
  process.exit(process.env.CI ? 1 : 0);
}
const parts = process.argv.slice(2);
const files = [
  ...OF_THE_SUITE.map((name) => join('test', `${name}.test.ts`)),
  ...readdirSync('test/cluster')
    .filter((name) => name.endsWith('.test.ts'))
    .map((name) => join('test/cluster', name)),
].filter((file) => parts.length === 0 || parts.some((part) => file.includes(part)));
if (files.length === 0) {
  console.error(`No file of the cluster's has a name with ${parts.join(' or ')}.`);
  process.exit(2);
}
const { status } = spawnSync(process.execPath, ['scripts/test.mjs', ...files], {
  stdio: 'inherit',
  env: { ...process.env, ...env },
});
process.exit(status ?? 1);
