/** The project's functions, as its functions files describe them. */
import { join } from 'node:path';
import type { ProjectConfig } from '../config';
import type { FunctionDescription } from '../core/function-description';
import { FunctionCatalog } from '../planning/function-catalog';

/** A function of the project, with the settings that its code declares. */
export interface ProjectFunction extends FunctionDescription {
  /** Absolute path of its functions file. */
  file: string;
}

/** In the order of the files. Throws an explanation for a file that does not build or load. */
export async function projectFunctions({
  functions,
  python,
  projectDir,
  worker,
}: ProjectConfig): Promise<ProjectFunction[]> {
  const catalog = new FunctionCatalog({
    files: functions,
    folder: join(projectDir, '.partwise', 'functions'),
    reloads: false,
    passEnv: worker.passEnv,
    cwd: projectDir,
    python: python ?? undefined,
  });
  const bundles = await catalog.bundles();
  return bundles.flatMap(({ file, functions: described }) => described.map((each) => ({ ...each, file })));
}
