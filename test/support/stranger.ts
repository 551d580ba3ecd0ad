/** Another user of the machine, with Temporal's own CLI and the port of the owner's embedded server. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, copyFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe } from '@jest/globals';
import { findTemporalBinary } from '../../src/temporal';
import type { Ran } from './shell';

/** `nobody`, on most systems. */
const UID = 65_534;

const cannot =
  process.platform !== 'linux'
    ? 'this is not Linux'
    : process.getuid?.() === 0
      ? null
      : 'only root can start a process of another user, and this is not root';
if (cannot !== null) console.warn(`Not tested: what another user of this machine can do, since ${cannot}.`);

/** Tests that act as another user of the machine. */
export const describeStranger: typeof describe.skip = cannot === null ? describe : describe.skip;

export interface Stranger {
  /** Runs a program as that user. */
  run(program: string, ...args: string[]): Promise<Ran>;
  /** Runs `temporal COMMAND --NAME VALUE …` against the server. */
  temporal(command: string, args?: Record<string, string>): Promise<Ran>;
  /** Their folder, which everyone may read. */
  readonly folder: string;
  leave(): Promise<void>;
}

export async function makeStranger(address: string): Promise<Stranger> {
  // The owner's copy may be where no one else can read.
  const folder = await mkdtemp(join(tmpdir(), 'partwise-stranger-'));
  const { path } = await findTemporalBinary({ projectDir: folder, env: process.env });
  await copyFile(path, join(folder, 'temporal'));
  await chmod(join(folder, 'temporal'), 0o755);
  await chmod(folder, 0o777);
  const run = async (program: string, ...args: string[]): Promise<Ran> => {
    const child = spawn(program, args, {
      cwd: folder,
      uid: UID,
      gid: UID,
      env: { PATH: process.env.PATH, HOME: folder },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const output = { stdout: '', stderr: '' };
    for (const name of ['stdout', 'stderr'] as const)
      child[name].setEncoding('utf8').on('data', (text: string) => (output[name] += text));
    const [code] = (await once(child, 'close')) as [number | null];
    return { code, ...output };
  };
  return {
    folder,
    run,
    temporal: (command, args = {}) => {
      const flags = Object.entries({ ...args, address }).flatMap(([name, value]) => [`--${name}`, value]);
      return run(join(folder, 'temporal'), ...command.split(' '), ...flags);
    },
    leave: () => rm(folder, { recursive: true, force: true }),
  };
}
