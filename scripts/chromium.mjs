// The browser that tests and pictures of the console use: Debian's Chromium, or the one that is there.
import { execFileSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome'];

/** Path of the program: `CHROMIUM` of the environment, else the first one on PATH; null if there is none. */
export function findChromium(env = process.env) {
  if (env.CHROMIUM) return env.CHROMIUM;
  const folders = (env.PATH ?? '').split(delimiter);
  const paths = NAMES.flatMap((name) => folders.map((folder) => join(folder, name)));
  return paths.find(isProgram) ?? null;
}

/** Installs Chromium if it is missing and this may. Returns null, or the reason why there is none. */
export function ensureChromium() {
  if (findChromium() !== null) return null;
  if (process.getuid?.() !== 0)
    return `none of ${NAMES.join(', ')} is installed, and only root may install it`;
  try {
    console.error('Installing Chromium for the tests…');
    const options = {
      stdio: ['ignore', 'ignore', 2],
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    };
    execFileSync('apt-get', ['-qq', 'update'], options);
    execFileSync('apt-get', ['-qq', 'install', '-y', '--no-install-recommends', 'chromium'], options);
  } catch (error) {
    return `Chromium could not be installed (${error.message})`;
  }
  return findChromium() === null ? 'apt-get installed no Chromium' : null;
}

function isProgram(path) {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
