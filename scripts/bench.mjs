// `npm run bench -- tiny-2k`: see bench/RESULTS.md. The benchmarks are TypeScript and run against the build,
// so they measure what ships.
import { build } from 'esbuild';
import { spawnSync } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ensureChromium, findChromium } from './chromium.mjs';
import { findPostgres } from './find-postgres.mjs';
import { makePythonEnv, PYTHON } from './python-env.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const outdir = join(root, 'node_modules/.cache/bench');
await build({
  entryPoints: {
    main: join(root, 'bench/main.ts'),
    floor: join(root, 'bench/floor.ts'),
    'raw-worker': join(root, 'bench/raw/worker.ts'),
    'raw-workflow': join(root, 'bench/raw/workflow.ts'),
    'queue-worker': join(root, 'bench/queue/worker.ts'),
  },
  outdir,
  outExtension: { '.js': '.cjs' },
  bundle: true,
  platform: 'node',
  format: 'cjs',
  packages: 'external',
  sourcemap: 'inline',
  logLevel: 'warning',
  plugins: [
    {
      name: 'places',
      setup(bundle) {
        bundle.onResolve({ filter: /^(\.\.\/)+src\// }, ({ path }) => ({
          path: join(root, 'dist', path.replace(/^(\.\.\/)+src\//, '')),
          external: true,
        }));
        // A separate program, which starts itself again.
        bundle.onResolve({ filter: /^\.\.\/floor$/ }, () => ({ path: './floor.cjs', external: true }));
      },
    },
  ],
});
// Only one of them needs Python, and one a browser.
const withoutPython = await makePythonEnv();
const withoutBrowser = ensureChromium();
if (withoutBrowser !== null) console.error(`The console cannot be measured: ${withoutBrowser}.`);
const postgres = findPostgres();
const env = {
  ...process.env,
  ...(withoutPython === null && { BENCH_PYTHON: join(root, PYTHON) }),
  ...(withoutBrowser === null && { CHROMIUM: findChromium() }),
  ...(postgres !== null && { POSTGRES_PROGRAMS: postgres }),
};
const args = ['--enable-source-maps', join(outdir, 'main.cjs'), ...process.argv.slice(2)];
process.exit(spawnSync(process.execPath, args, { stdio: 'inherit', env }).status ?? 1);
