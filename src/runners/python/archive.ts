/** Archives a functions file and the local modules that it imports, with Python's own parser. */
import { dirname, resolve } from 'node:path';
import { z } from 'zod';
import { type FunctionBundle, FunctionsBuildError } from '../language';
import type { RunnerProject } from '../runner';
import { askInterpreter, NoInterpreter, runtimeOf, type Interpreter } from './interpreter';

const archived = z.union([
  z.object({ digest: z.string(), path: z.string() }),
  z.object({ problems: z.array(z.string()) }),
]);

export async function archive(file: string, folder: string, project: RunnerProject): Promise<FunctionBundle> {
  const { interpreter, answer } = await asked(resolve(file), resolve(folder), project);
  const made = archived.parse(answer);
  if ('problems' in made) throw new FunctionsBuildError(made.problems);
  return {
    ...made,
    runtime: { ...runtimeOf(interpreter), executable: interpreter.executable, key: keyOf(interpreter) },
  };
}

async function asked(
  file: string,
  folder: string,
  project: RunnerProject,
): Promise<{ interpreter: Interpreter; answer: unknown }> {
  try {
    return await askInterpreter(dirname(file), project, 'archive.py', [file, folder]);
  } catch (error) {
    if (error instanceof NoInterpreter) throw new FunctionsBuildError([error.message]);
    throw error;
  }
}

/** Everything about the interpreter that can change which functions a file has. */
function keyOf({ executable, version, packages, site }: Interpreter): string {
  return JSON.stringify([executable, version, packages, site]);
}
