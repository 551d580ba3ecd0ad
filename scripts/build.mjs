// Compiles src to dist, and bundles the workflow code once, so that a worker starts without webpack.
import { execFileSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build as esbuild } from 'esbuild';
import { digestOf, unlessStamped } from './stamp.mjs';
import { writeWheel } from './wheel.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
process.chdir(root);
const require = createRequire(import.meta.url);

const tsc = join(dirname(require.resolve('typescript/package.json')), 'bin', 'tsc');
execFileSync(process.execPath, [tsc, '-p', '.'], { stdio: 'inherit' });
chmodSync('dist/cli/main.js', 0o755);
// Output compiled from a deleted source would be published.
for (const file of readdirSync('dist', { recursive: true })) {
  const source = join('src', file.replace(/\.(js|js\.map|d\.ts)$/, '.ts'));
  if (source.endsWith('.ts') && file !== 'workflow-bundle.js' && !existsSync(source))
    rmSync(join('dist', file));
}
if (existsSync('src/cli/templates')) cpSync('src/cli/templates', 'dist/cli/templates', { recursive: true });

const workflowFiles = ['dist/workflows', 'dist/core', 'package-lock.json', 'scripts/build.mjs'];
await unlessStamped('dist/.workflow-stamp', digestOf(workflowFiles), async () => {
  const { bundleWorkflowCode, DefaultLogger } = require('@temporalio/worker');
  const { code } = await bundleWorkflowCode({
    workflowsPath: join(root, 'dist/workflows/index.js'),
    payloadConverterPath: join(root, 'dist/workflows/payload-converter.js'),
    failureConverterPath: join(root, 'dist/workflows/failure-converter.js'),
    workflowInterceptorModules: [join(root, 'dist/workflows/interceptors.js')],
    logger: new DefaultLogger('WARN'),
    // The bundle is published, so it must not contain paths of the machine that built it; the sources are in
    // their packages.
    webpackConfigHook: (config) => ({
      ...config,
      devtool: 'inline-nosources-source-map',
      output: {
        ...config.output,
        devtoolModuleFilenameTemplate: ({ absoluteResourcePath }) =>
          absoluteResourcePath.replace(root + sep, ''),
      },
    }),
  });
  writeFileSync('dist/workflow-bundle.js', code);
});
await esbuild({
  entryPoints: { app: 'src/console/page/main.tsx' },
  outdir: 'dist/console/page',
  bundle: true,
  minify: true,
  format: 'esm',
  target: 'es2022',
  jsx: 'automatic',
  jsxImportSource: 'preact',
  legalComments: 'linked',
  logLevel: 'warning',
});
cpSync('src/console/page/index.html', 'dist/console/page/index.html');
const { version } = JSON.parse(readFileSync('package.json', 'utf8'));
await writeWheel(version, 'dist/python');
// Distinguishes two builds of one version: a background host of another build is replaced.
writeFileSync(
  'dist/build.json',
  `${JSON.stringify({ version, digest: digestOf(['src', 'python']).slice(0, 16) })}\n`,
);
