// `npm run chaos -- --seed 7`: see docs/testing.md. The suite is TypeScript and runs against the build, so it
// tests what ships.
import { buildSync } from 'esbuild';
import Module, { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { clusterPrograms } from './cluster-programs.mjs';
import { s3Server } from './s3-server.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const folder = join(root, 'test/chaos');
// Before the suite is loaded, which reads these variables.
const args = process.argv.slice(2);
if (args.includes('--cluster')) find('a Temporal cluster', await clusterPrograms());
if (args.includes('--s3')) find('a real S3 server', await s3Server());
else delete process.env.VERSITYGW_BIN;
const { outputFiles } = buildSync({
  entryPoints: [join(folder, 'main.ts')],
  bundle: true,
  platform: 'node',
  format: 'cjs',
  packages: 'external',
  external: ['../../src/*', '../src/*'],
  sourcemap: 'inline',
  sourcesContent: false,
  outfile: join(folder, 'main.cjs'),
  write: false,
});
process.setSourceMapsEnabled(true);
const main = new Module(join(folder, 'main.cjs'));
main.filename = join(folder, 'main.cjs');
main.paths = Module._nodeModulePaths(folder);
const require = createRequire(main.filename);
// Imports name paths in `src`; the modules are loaded from `dist`.
main.require = (name) => require(name.replace(/^(\.\.\/)+src\//, '../../dist/'));
main._compile(outputFiles[0].text, main.filename);
await main.exports.main(args);

/** Puts the programs into the environment, or ends: a machine without Go is no failure of the code. */
function find(what, { env, missing }) {
  if (missing !== undefined) {
    console.log(`NOT TESTED: ${what}, because ${missing}.`);
    process.exit(process.env.CI ? 1 : 0);
  }
  Object.assign(process.env, env);
}
