/** Archives a functions file and the local modules that it imports, with Python's own parser. */
import { execFile } from 'node:child_process';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { z } from 'zod';
import { type FunctionBundle, FunctionsBuildError } from '../language';
import type { RunnerProject } from '../runner';
import { findInterpreter, NoInterpreter, PYTHON_FOLDER } from './interpreter';

const run = promisify(execFile);
const ARCHIVE_MS = 60_000;

const answer = z.union([
  z.strictObject({ digest: z.string(), path: z.string() }),
  z.strictObject({ problems: z.array(z.string()) }),
]);

export async function archive(file: string, folder: string, project: RunnerProject): Promise<FunctionBundle> {
  const { stdout } = await run(
    executable(project),
    ['-X', 'utf8', join(PYTHON_FOLDER, 'partwise', '_code', 'archive.py'), resolve(file), resolve(folder)],
    { timeout: ARCHIVE_MS, maxBuffer: 16 * 2 ** 20 },
  );
  const archived = answer.parse(JSON.parse(stdout.trim().split('\n').at(-1)!));
  if ('problems' in archived) throw new FunctionsBuildError(archived.problems);
  return archived;
}

function executable(project: RunnerProject): string {
  try {
    return findInterpreter(project).executable;
  } catch (error) {
    if (error instanceof NoInterpreter) throw new FunctionsBuildError([error.message]);
    throw error;
  }
}
