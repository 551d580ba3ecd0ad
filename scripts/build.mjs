// Compiles src to dist, and bundles the workflow code once, so that a worker starts without webpack.
import { execFileSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { digestOf, unlessStamped } from './stamp.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
process.chdir(root);
const require = createRequire(import.meta.url);

const tsc = join(dirname(require.resolve('typescript/package.json')), 'bin', 'tsc');
execFileSync(process.execPath, [tsc, '-p', '.'], { stdio: 'inherit' });
chmodSync('dist/cli/main.js', 0o755);
if (existsSync('src/cli/templates')) cpSync('src/cli/templates', 'dist/cli/templates', { recursive: true });

const workflowFiles = ['dist/workflows', 'dist/run'];
await unlessStamped('dist/.workflow-stamp', digestOf([...workflowFiles, 'package-lock.json']), async () => {
  const { bundleWorkflowCode, DefaultLogger } = require('@temporalio/worker');
  const { code } = await bundleWorkflowCode({
    workflowsPath: join(root, 'dist/workflows/index.js'),
    payloadConverterPath: join(root, 'dist/workflows/payload-converter.js'),
    logger: new DefaultLogger('WARN'),
  });
  writeFileSync('dist/workflow-bundle.js', code);
});
// What tells two builds of one version apart: a background host of another build is replaced.
writeFileSync(
  'dist/build.json',
  `${JSON.stringify({ version: JSON.parse(readFileSync('package.json', 'utf8')).version, digest: digestOf(['src']).slice(0, 16) })}\n`,
);
