// A Python virtual environment for servers that tests run against. Made once, and again when its requirements
// change.
import { execFileSync, spawnSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { digestOf, unlessStamped } from './stamp.mjs';

const FOLDER = 'node_modules/.cache/partwise-python';
const REQUIREMENTS = 'test/support/python/requirements.txt';
const OLDEST = [3, 11];

/** Below the project's folder; tests look for it there. */
export const PYTHON = join(FOLDER, process.platform === 'win32' ? 'Scripts/python.exe' : 'bin/python');

/** Returns null, or why there is none: then what needs it is not tested. */
export async function makePythonEnv() {
  const python = ['python3', 'python3.11', 'python3.12', 'python3.13', 'python'].find(isNewEnough);
  if (python === undefined) return `there is no Python ${OLDEST.join('.')} or newer`;
  try {
    await unlessStamped(join(FOLDER, '.stamp'), digestOf([REQUIREMENTS]), () => {
      console.error('Installing Python packages for the tests…');
      rmSync(FOLDER, { recursive: true, force: true });
      run(python, ['-m', 'venv', FOLDER]);
      run(PYTHON, ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '-r', REQUIREMENTS]);
    });
    return null;
  } catch (error) {
    return `its packages could not be installed (${error.message})`;
  }
}

function isNewEnough(command) {
  const { stdout, status } = spawnSync(command, ['-c', 'import sys; print(*sys.version_info[:2])'], {
    encoding: 'utf8',
  });
  if (status !== 0) return false;
  const [major, minor] = stdout.trim().split(' ').map(Number);
  return major === OLDEST[0] && minor >= OLDEST[1];
}

function run(command, args) {
  execFileSync(command, args, { stdio: ['ignore', 2, 2] });
}
