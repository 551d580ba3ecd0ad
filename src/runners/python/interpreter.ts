/** Finds the Python interpreter of a project: the activated one, then the one next to the project. */
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { z } from 'zod';
import type { RunnerProject } from '../runner';

/** Where the Python part of this package is. */
export const PYTHON_FOLDER = join(__dirname, '../../../python');

const OLDEST = [3, 9] as const;
const OLDEST_PYARROW = 14;
const PROBE_MS = 30_000;

const probed = z.object({
  executable: z.string(),
  version: z.string(),
  implementation: z.string(),
  packages: z.record(z.string(), z.string()),
});

/** An interpreter, and what it has. */
export interface Interpreter extends z.infer<typeof probed> {
  /** How it was found, for messages: `.venv`, `VIRTUAL_ENV`. */
  foundAs: string;
}

/** There is no interpreter that can run functions. */
export class NoInterpreter extends Error {
  override name = 'NoInterpreter';
  readonly nonRetryable = true;
}

interface Candidate {
  path: string;
  foundAs: string;
}

/** The places where an interpreter is looked for, in order. */
function candidates({ cwd = process.cwd(), python }: RunnerProject, env = process.env): Candidate[] {
  const inFolder = (folder: string): string =>
    process.platform === 'win32' ? join(folder, 'Scripts', 'python.exe') : join(folder, 'bin', 'python');
  const named = [
    { path: env['PARTWISE_PYTHON'], foundAs: 'PARTWISE_PYTHON' },
    { path: python, foundAs: '"python" of the configuration' },
  ].flatMap(({ path, foundAs }) => (path === undefined || path === '' ? [] : [{ path, foundAs }]));
  // A name that was given is not replaced by another if it is wrong.
  if (named.length > 0) return named.slice(0, 1);
  const found: Candidate[] = [];
  const add = (folder: string | undefined, foundAs: string): void => {
    if (folder !== undefined && folder !== '') found.push({ path: inFolder(folder), foundAs });
  };
  add(env['VIRTUAL_ENV'], 'VIRTUAL_ENV');
  add(join(cwd, '.venv'), '.venv');
  add(join(cwd, 'venv'), 'venv');
  add(env['CONDA_PREFIX'], 'CONDA_PREFIX');
  for (const name of ['python3', 'python'])
    for (const folder of (env['PATH'] ?? '').split(delimiter))
      if (folder !== '') found.push({ path: join(folder, name), foundAs: 'PATH' });
  return found;
}

/** By path: an interpreter does not change while a worker runs. */
const known = new Map<string, Interpreter | string>();

/** Throws `NoInterpreter` with what is missing and where it was looked for. */
export function findInterpreter(project: RunnerProject): Interpreter {
  const all = candidates(project);
  const first = all.find(({ path }) => existsSync(path));
  if (first === undefined) {
    const named = all.length === 1 ? all[0]! : null;
    throw new NoInterpreter(
      named === null
        ? 'Python functions need Python 3.9 or newer, and there is none: no .venv in the project, and no python3 on PATH. ' +
            'Create one with `python3 -m venv .venv`, or name one with PARTWISE_PYTHON.'
        : `${named.foundAs} names the Python interpreter "${named.path}", which does not exist. Correct it, or remove it.`,
    );
  }
  const found = known.get(first.path) ?? probe(first);
  known.set(first.path, found);
  if (typeof found === 'string') throw new NoInterpreter(found);
  return found;
}

/** Runs the interpreter once. Returns it, or a sentence about what is wrong with it. */
function probe({ path, foundAs }: Candidate): Interpreter | string {
  let interpreter: Interpreter;
  try {
    const text = execFileSync(path, [join(PYTHON_FOLDER, 'partwise', '_code', 'probe.py')], {
      encoding: 'utf8',
      timeout: PROBE_MS,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    // What a site's own start prints comes before.
    const last = text.trim().split('\n').at(-1)!;
    interpreter = { ...probed.parse(JSON.parse(last)), foundAs };
  } catch (error) {
    const { stderr = '', message } = error as Error & { stderr?: string };
    const why = stderr.trim().split('\n').at(-1) || message.split('\n')[0]!;
    return `The Python interpreter ${path} (found as ${foundAs}) cannot be run: ${why}`;
  }
  const { executable, version, packages } = interpreter;
  const what = `${executable} (Python ${version}, found as ${foundAs})`;
  if (!isAtLeast(version, OLDEST))
    return `Python functions need Python ${OLDEST.join('.')} or newer, but ${what} is older. Use a newer one, or name it with PARTWISE_PYTHON.`;
  const { pyarrow } = packages;
  const install = `${executable} -m pip install pyarrow`;
  if (pyarrow === undefined)
    return `Python functions need the package pyarrow, and ${what} has none: run \`${install}\`.`;
  if (!isAtLeast(pyarrow, [OLDEST_PYARROW]))
    return `Python functions need pyarrow ${OLDEST_PYARROW} or newer, but ${what} has ${pyarrow}: run \`${install} --upgrade\`.`;
  return interpreter;
}

function isAtLeast(version: string, wanted: readonly number[]): boolean {
  const parts = version.split('.').map((part) => Number.parseInt(part, 10));
  for (const [i, least] of wanted.entries()) {
    const part = parts[i] ?? 0;
    if (part !== least) return part > least;
  }
  return true;
}
