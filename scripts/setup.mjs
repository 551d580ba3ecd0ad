// Prepares a fresh clone: installs dependencies, then builds. Fast if nothing has changed. Uses only Node's
// own modules.
import { execFileSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { digestOf, unlessStamped } from './stamp.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
process.chdir(root);

const [major, minor] = process.versions.node.split('.').map(Number);
if (major < 20 || (major === 20 && minor < 3)) {
  console.error(
    `Partwise needs Node 20.3 or newer, but this is ${process.version}. Install a newer version from nodejs.org.`,
  );
  process.exit(2);
}

await unlessStamped('node_modules/.partwise-setup', digestOf(['package-lock.json']), () => {
  console.error('Installing dependencies…');
  // Not `npm ci`: it refuses a lock file that was created where the registry does not serve the binaries of
  // other platforms. npm is a .cmd file on Windows; npm_execpath is npm's own script, set when npm runs this.
  const npm = process.env.npm_execpath;
  const [command, args] = npm ? [process.execPath, [npm]] : ['npm', []];
  execFileSync(command, [...args, 'install', '--no-save', '--no-audit', '--no-fund', '--loglevel=error'], {
    stdio: ['ignore', 2, 2],
  });
});

await unlessStamped(
  'dist/.build-stamp',
  digestOf(['src', 'python', 'tsconfig.json', 'package-lock.json', 'scripts/build.mjs', 'scripts/wheel.mjs']),
  () => {
    console.error('Building…');
    rmSync('dist/.build-stamp', { force: true });
    execFileSync(process.execPath, ['scripts/build.mjs'], { stdio: ['ignore', 2, 2] });
  },
);
