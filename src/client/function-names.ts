/** Names of the project's functions, read from its functions file. */
import { join } from 'node:path';
import type { ProjectConfig } from '../config';
import { bundleFunctions, describeFunctions } from '../runners/functions-file';

/** Throws an explanation for a file that does not build or load. */
export async function functionNames({ functions, projectDir, worker }: ProjectConfig): Promise<string[]> {
  if (functions === null) return [];
  const { path } = await bundleFunctions(functions, join(projectDir, '.partwise', 'functions'), {
    cwd: projectDir,
  });
  return (await describeFunctions(path, { passEnv: worker.passEnv, cwd: projectDir })).map(
    ({ name }) => name,
  );
}
