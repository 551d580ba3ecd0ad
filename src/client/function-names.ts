/** Names of the project's functions, read from its functions files. */
import { join } from 'node:path';
import type { ProjectConfig } from '../config';
import { FunctionCatalog } from '../planning/function-catalog';

/** Throws an explanation for a file that does not build or load. */
export function functionNames({ functions, python, projectDir, worker }: ProjectConfig): Promise<string[]> {
  const catalog = new FunctionCatalog({
    files: functions,
    folder: join(projectDir, '.partwise', 'functions'),
    reloads: false,
    passEnv: worker.passEnv,
    cwd: projectDir,
    python: python ?? undefined,
  });
  return catalog.names();
}
