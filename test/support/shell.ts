/** Runs programs and command lines as a user does in a shell. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';

export interface Ran {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** Variables that npm and jest set for their children; a user's shell has none of them. */
const FROM_NPM_OR_JEST =
  /^(npm_(package|lifecycle|command|execpath|node_execpath|config_(local_prefix|noproxy))|INIT_CWD|JEST_|NODE_ENV$|NODE_OPTIONS$|(TEMPORAL|PARTWISE_TEST)_)/;

export function userEnvironment(extra: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv {
  const own = Object.entries(process.env).filter(([name]) => !FROM_NPM_OR_JEST.test(name));
  return { ...Object.fromEntries(own), NO_COLOR: '1', COLUMNS: '100', ...extra };
}

export async function run(
  program: string,
  args: readonly string[],
  cwd: string,
  env: NodeJS.ProcessEnv = userEnvironment(),
): Promise<Ran> {
  const child = spawn(program, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
  const output = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (text: string) => (output[name] += text));
  }
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, ...output };
}

/** Runs it, and fails with its output unless it exits with 0. */
export async function mustRun(...call: Parameters<typeof run>): Promise<string> {
  const { code, stdout, stderr } = await run(...call);
  if (code === 0) return stdout;
  const [program, args, cwd] = call;
  throw new Error(`\`${[program, ...args].join(' ')}\` in ${cwd} exited with ${code}: ${stderr}${stdout}`);
}
