/** The worker processes of hand-written contestants. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

export interface Contestant {
  end(): Promise<void>;
}

/** Starts a bundled program of this folder, and waits until it says that it is ready. */
export async function startContestant(program: string, args: string[]): Promise<Contestant> {
  const child = fork(join(__dirname, program), args, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  const exited = once(child, 'exit').then(([code]) => code as number | null);
  const ended = exited.then((code) => {
    throw new Error(`${program} exited with ${code}.`);
  });
  await Promise.race([once(child, 'message'), ended]);
  ended.catch(() => undefined);
  return {
    async end() {
      child.kill('SIGTERM');
      await exited;
    },
  };
}
