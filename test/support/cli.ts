/** The CLI as a separate process, as users run it. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';

/** The built CLI. */
export const CLI = require.resolve('../../src/cli/main');

export interface Finished {
  code: number | null;
  stdout: string;
  stderr: string;
}

export interface RunningCli {
  readonly process: ChildProcess;
  /** Resolves with all of standard error once it contains this text. */
  prints(text: string): Promise<string>;
  readonly finished: Promise<Finished>;
}

/** `node`: the program that executes it. */
export function startCli(
  folder: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
  node = process.execPath,
): RunningCli {
  const child = spawn(node, [CLI, ...args], {
    cwd: folder,
    env: { ...process.env, NODE_OPTIONS: '', NO_COLOR: '1', COLUMNS: '100', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const output = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (text: string) => (output[name] += text));
  }
  const finished = once(child, 'close').then(([code]): Finished => ({
    code: code as number | null,
    ...output,
  }));
  return {
    process: child,
    finished,
    async prints(text) {
      while (!output.stderr.includes(text)) {
        const end = await Promise.race([once(child.stderr, 'data'), finished.then(() => null)]);
        if (end === null && !output.stderr.includes(text))
          throw new Error(`It exited without printing "${text}": ${output.stderr}`);
      }
      return output.stderr;
    },
  };
}

export function cli(folder: string, args: readonly string[], env?: NodeJS.ProcessEnv): Promise<Finished> {
  return startCli(folder, args, env).finished;
}
