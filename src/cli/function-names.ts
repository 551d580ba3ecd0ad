/** Names of the project's functions, read from its functions file. */
import { join } from 'node:path';
import type { ProjectConfig } from '../config';

/** Throws an error with an explanation if the file does not build or load. */
export async function functionNames({ functions, projectDir, worker }: ProjectConfig): Promise<string[]> {
  if (functions === null) return [];
  const {
    bundleFunctions,
    describeFunctions,
  }: typeof import('../runners/functions-file') = require('../runners/functions-file');
  const { path } = await bundleFunctions(functions, join(projectDir, '.partwise', 'functions'));
  return (await describeFunctions(path, worker.passEnv)).map(({ name }) => name);
}
