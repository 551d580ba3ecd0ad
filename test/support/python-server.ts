/** A server written in Python, as a separate process that ends with this one. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { REPOSITORY } from './project';

export const PYTHON = join(
  REPOSITORY,
  'node_modules/.cache/partwise-python',
  process.platform === 'win32' ? 'Scripts/python.exe' : 'bin/python',
);

/** Whether one can be started here: `scripts/python-env.mjs` installs what it needs. */
export const hasPython = existsSync(PYTHON);

export interface PythonServer {
  /** `http://127.0.0.1:PORT` */
  readonly url: string;
  end(): Promise<void>;
}

/**
 * `module`: a folder next to this file. Its first line of output is its port; it exits when its standard
 * input closes.
 */
export async function startPythonServer(module: string, env: NodeJS.ProcessEnv = {}): Promise<PythonServer> {
  const child = spawn(PYTHON, [join(__dirname, module)], {
    env: { ...process.env, PYTHONWARNINGS: 'ignore', PYTHONDONTWRITEBYTECODE: '1', ...env },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const output: string[] = [];
  child.stderr.on('data', (bytes: Buffer) => output.push(bytes.toString()));
  const url = `http://127.0.0.1:${await portOf(child, module, output)}`;
  return {
    url,
    async end() {
      const exited = once(child, 'exit');
      child.stdin.end();
      await exited;
    },
  };
}

async function portOf(child: ChildProcess, module: string, output: readonly string[]): Promise<number> {
  const first = await Promise.race([
    once(child.stdout!, 'data').then(([bytes]) => String(bytes)),
    once(child, 'exit').then(() => null),
  ]);
  if (first === null) throw new Error(`${module} exited before it listened: ${output.join('')}`);
  return Number(first);
}
