/** The Temporal SDK's own download of the CLI, which selects the release that matches the SDK. */
import { spawn } from 'node:child_process';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { FetchBinary } from './cache';

/** If a firewall drops the request, no file appears. */
const FIRST_BYTE_MS = 20_000;
const WHOLE_MS = 10 * 60_000;

/** Runs in a separate process: the SDK's native code keeps its process alive and cannot be aborted. */
export const fetchFromSdk: FetchBinary = async ({ folder, env, signal }) => {
  const child = spawn(process.execPath, [join(__dirname, 'download-main.js'), folder], {
    env,
    signal,
    stdio: ['ignore', 'ignore', 'pipe'],
    timeout: WHOLE_MS,
    killSignal: 'SIGKILL',
  });
  let output = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (output = (output + text).slice(-4096)));
  const stalled = setTimeout(() => {
    void readdir(folder).then((files) => {
      if (files.length > 0) return;
      output += `\nnothing arrived within ${FIRST_BYTE_MS / 1000} seconds`;
      child.kill('SIGKILL');
    });
  }, FIRST_BYTE_MS);
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  }).finally(() => clearTimeout(stalled));
  const [file] = await readdir(folder);
  if (code === 0 && file !== undefined) return join(folder, file);
  // The last cause in the chain; the others repeat a long URL.
  const reason = output.trim().split('\n').at(-1)?.split('): ').at(-1);
  throw new Error(reason || `it exited with code ${code}`);
};
