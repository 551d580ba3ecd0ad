/** Temporary folders of processes, of which some are killed. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { until } from './support/until';

const MODULE = resolve(__dirname, '../dist/files/process-folder.js');

let tmp: string;
beforeAll(async () => {
  tmp = await mkdtemp(join(tmpdir(), 'partwise-tmp-'));
});
afterAll(() => rm(tmp, { recursive: true, force: true }));

/** A process that has such a folder, until its input ends. */
async function start() {
  const code = `console.log(require(${JSON.stringify(MODULE)}).processFolder('copies')); process.stdin.resume();`;
  const child = spawn(process.execPath, ['-e', code], {
    env: { ...process.env, TMPDIR: tmp },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const [printed] = (await once(child.stdout, 'data')) as [Buffer];
  const end = async (how: () => unknown) => {
    how();
    await once(child, 'exit');
  };
  return {
    folder: printed.toString().trim(),
    finish: () => end(() => child.stdin.end()),
    kill: () => end(() => child.kill('SIGKILL')),
  };
}

it('are removed when a process exits, and those of killed processes by the next one', async () => {
  const [living, killed] = await Promise.all([start(), start()]);
  await killed.kill();
  expect(existsSync(killed.folder)).toBe(true);
  const next = await start();
  await until(() => !existsSync(killed.folder));
  expect([living.folder, next.folder].map((folder) => existsSync(folder))).toEqual([true, true]);
  await Promise.all([living.finish(), next.finish()]);
  expect([living.folder, next.folder].map((folder) => existsSync(folder))).toEqual([false, false]);
});
