/** Finds the Python interpreter of a project, and asks it what it is and which packages it has. */
import { execFile, type ExecFileException } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { z } from 'zod';
import type { Runtime } from '../../core/runtime';
import { recordOf } from '../../input/explain-issues';
import { runnerEnvironment } from '../environment';
import type { RunnerProject } from '../runner';
import { findNamed, inEnvironment, onPath } from '../named-interpreter';

const run = promisify(execFile);

/** Where the Python part of this package is. */
export const PYTHON_FOLDER = join(__dirname, '../../../python');

const OLDEST = [3, 9] as const;
/** The newest version that was tried. The suite runs on 3.11. */
const NEWEST_TESTED = [3, 13] as const;
const OLDEST_PYARROW = 14;
const ANSWER_MS = 60_000;
/** Packages whose versions are recorded with a run: results may depend on them. */
const RECORDED = ['pyarrow', 'pandas', 'numpy'];

const probed = z.object({
  executable: z.string(),
  version: z.string(),
  implementation: z.string(),
  freeThreaded: z.boolean().default(false),
  packages: recordOf(z.string()),
  /** Changes when packages are installed or removed. */
  site: z.string().default(''),
});

/** An interpreter, and what it has. */
export interface Interpreter extends z.infer<typeof probed> {
  /** How it was found, for messages: `found as .venv`. */
  found: string;
}

/** There is no interpreter that can run functions. */
export class NoInterpreter extends Error {
  override name = 'NoInterpreter';
  readonly nonRetryable = true;
}

/** An interpreter that exists, and has not been asked anything. */
interface Candidate {
  path: string;
  /** Folder of the functions: which Python the shims of version managers run depends on it. */
  folder: string;
  found: string;
  /** The places that were looked at, as a sentence to add to a message; empty if it was named. */
  looked: string;
}

/**
 * Runs a script of `_code/` on the interpreter for functions in this folder. Its answer has the interpreter
 * next to its own fields. Throws `NoInterpreter`.
 */
export async function askInterpreter(
  folder: string,
  project: RunnerProject,
  script: string,
  args: readonly string[] = [],
): Promise<{ interpreter: Interpreter; answer: unknown }> {
  const candidate = findCandidate(folder, project);
  const answer = await ask(candidate, script, args);
  return { interpreter: checked(candidate, (answer as { interpreter?: unknown }).interpreter), answer };
}

export function runtimeOf({ version, packages }: Interpreter): Runtime {
  const recorded = RECORDED.flatMap((name) => (name in packages ? [[name, packages[name]!]] : []));
  return { python: version, packages: Object.fromEntries(recorded) as Record<string, string> };
}

/** Why functions may not work on it although it is accepted; null if it is among what the tests run on. */
export function untested({ version, implementation, freeThreaded }: Interpreter): string | null {
  if (implementation !== 'CPython') return `Partwise is tested on CPython, and this is ${implementation}.`;
  if (freeThreaded) return 'Partwise is not tested on free-threaded builds of Python.';
  const next = [NEWEST_TESTED[0], NEWEST_TESTED[1] + 1];
  return isAtLeast(version, next)
    ? `Partwise is tested on Python ${OLDEST.join('.')} to ${NEWEST_TESTED.join('.')}, and this is ${version}.`
    : null;
}

/** Throws `NoInterpreter` if there is none, with where it was looked for. */
function findCandidate(folder: string, { cwd = process.cwd(), python }: RunnerProject): Candidate {
  if (python !== undefined) {
    const path = findNamed(python);
    if (path !== null) return { path, folder, found: 'as named', looked: '' };
    throw new NoInterpreter(
      `"python" names the Python interpreter "${python}", which does not exist. Correct it, or leave it out.`,
    );
  }
  const places: string[] = [];
  const looked = (): string => ` Looked at, in this order: ${places.join(', ')}.`;
  for (const { name, path, found } of searched(folder, cwd)) {
    places.push(name);
    if (path !== null) return { path, folder, found: `found as ${found}`, looked: looked() };
  }
  throw new NoInterpreter(
    'Python functions need Python 3.9 or newer, and there is none: create a virtual environment with ' +
      `\`python3 -m venv .venv\`, or name an interpreter with --python or PARTWISE_PYTHON.${looked()}`,
  );
}

interface Place {
  /** As in the list of places. */
  name: string;
  /** Null if there is no interpreter. */
  path: string | null;
  /** As in the sentence about what is there. */
  found: string;
}

/** Where an interpreter is looked for, in order. */
function* searched(folder: string, cwd: string): Generator<Place> {
  yield activated('VIRTUAL_ENV');
  for (const parent of upwards(folder, cwd))
    for (const found of ['.venv', 'venv']) {
      const name = join(parent, found);
      yield { name, path: inEnvironment(name), found };
    }
  yield activated('CONDA_PREFIX');
  for (const command of ['python3', 'python']) {
    const found = `${command} on PATH`;
    yield { name: found, path: onPath(command), found };
  }
}

function activated(found: string): Place {
  const environment = process.env[found] ?? '';
  if (environment === '') return { name: found, path: null, found };
  return { name: `${found} (${environment})`, path: inEnvironment(environment), found };
}

/** The folder and those above it, up to the project's; outside the project, only itself and the project's. */
function upwards(folder: string, project: string): string[] {
  const end = resolve(project);
  const folders: string[] = [];
  for (let at = resolve(folder); ; at = dirname(at)) {
    folders.push(at);
    if (at === end) return folders;
    if (at === dirname(at)) return [folders[0]!, end];
  }
}

/** The JSON that a script prints last; what a site's own start prints comes before. */
async function ask(candidate: Candidate, script: string, args: readonly string[]): Promise<unknown> {
  const { path, folder, found, looked } = candidate;
  let stdout: string;
  try {
    ({ stdout } = await run(path, ['-X', 'utf8', join(PYTHON_FOLDER, 'partwise', '_code', script), ...args], {
      cwd: folder,
      // Start-up files of an environment (`sitecustomize`) are executed, and functions can write them.
      env: runnerEnvironment(process.env, []),
      timeout: ANSWER_MS,
      killSignal: 'SIGKILL',
      maxBuffer: 16 * 2 ** 20,
    }));
  } catch (error) {
    throw new NoInterpreter(
      `The Python interpreter ${path} (${found}) cannot be run: ${failure(path, error)}.${looked}`,
    );
  }
  try {
    return z.looseObject({}).parse(JSON.parse(stdout.trim().split('\n').at(-1)!));
  } catch {
    throw otherProgram(candidate);
  }
}

function otherProgram({ path, found, looked }: Candidate): NoInterpreter {
  return new NoInterpreter(
    `${path} (${found}) does not answer as a Python interpreter does, so it cannot run Python functions: use another.${looked}`,
  );
}

function failure(path: string, error: unknown): string {
  const { stderr = '', killed, signal, message, code } = error as ExecFileException;
  if (killed === true) return `it did not answer within ${ANSWER_MS / 1000} s`;
  if (typeof code === 'string') return SYSTEM_ERRORS[code] ?? message;
  // The system's shell has tried to read it as a script.
  if (stderr.startsWith(`${path}: `) && isBinary(path)) return SYSTEM_ERRORS['ENOEXEC']!;
  const last = stderr.trim().split('\n').at(-1);
  if (last) return last.replace(/\.$/, '');
  return signal == null ? `it exited with code ${code}` : `it was killed by ${signal}`;
}

function isBinary(path: string): boolean {
  return readFileSync(path).subarray(0, 64).includes(0);
}

/** By code. */
const SYSTEM_ERRORS: Record<string, string> = {
  EACCES: 'it is not executable',
  ENOEXEC: 'it is not a program for this machine',
  ENOENT: 'it, or the program that its first line names, does not exist',
  UNKNOWN: 'it is not a program for this machine',
};

function checked(candidate: Candidate, answer: unknown): Interpreter {
  const { path, found, looked } = candidate;
  const { success, data } = probed.safeParse(answer);
  if (!success) throw otherProgram(candidate);
  const interpreter = { ...data, executable: data.executable === '' ? path : data.executable, found };
  const problem = problemOf(interpreter);
  if (problem !== null) throw new NoInterpreter(`${problem}${looked}`);
  return interpreter;
}

function problemOf({ executable, version, packages, found }: Interpreter): string | null {
  const what = `${executable} (Python ${version}, ${found})`;
  if (!isAtLeast(version, OLDEST))
    return `Python functions need Python ${OLDEST.join('.')} or newer, and ${what} is older: use a newer one, or name it with --python or PARTWISE_PYTHON.`;
  const { pyarrow } = packages;
  // An interpreter of the system often refuses to install packages.
  const install = found.endsWith('on PATH')
    ? '`python3 -m venv .venv` and then `.venv/bin/pip install pyarrow pandas`'
    : `\`uv pip install --python ${executable} pyarrow\` or \`${executable} -m pip install pyarrow\``;
  if (pyarrow === undefined)
    return `Python functions need pyarrow, and ${what} does not have it: run ${install}.`;
  if (!isAtLeast(pyarrow, [OLDEST_PYARROW]))
    return `Python functions need pyarrow ${OLDEST_PYARROW} or newer, and ${what} has ${pyarrow}: run ${install}.`;
  return null;
}

function isAtLeast(version: string, wanted: readonly number[]): boolean {
  const parts = version.split('.').map((part) => Number.parseInt(part, 10));
  for (const [i, least] of wanted.entries()) {
    const part = parts[i] ?? 0;
    if (part !== least) return part > least;
  }
  return true;
}
