// A Python virtual environment for the servers that tests run against. Created once, and again when its
// requirements change.
import { execFileSync, spawnSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { digestOf, unlessStamped } from './stamp.mjs';

const FOLDER = 'node_modules/.cache/partwise-python';
const REQUIREMENTS = 'test/support/python/requirements.txt';
const OLDEST = [3, 11];

/** In the repository, where tests look for it. */
export const PYTHON = join(FOLDER, process.platform === 'win32' ? 'Scripts/python.exe' : 'bin/python');

/** Returns null, or the reason why there is no environment: tests that need it are then skipped. */
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
