import { dirname, join, resolve } from 'node:path';
import type { PartitionFunction } from '../../functions/types';
import { bundle } from './bundle';
import { loadFunctions as loadBundle } from './load-functions';

/**
 * Loads a functions file in TypeScript or JavaScript as a runner does, for tests that Node runs without a
 * build step. Returns its functions by their names. Throws `FunctionsBuildError` with the file and line of
 * what does not compile.
 *
 * ```js
 * const { salesByRegion } = await loadFunctions('functions.ts');
 * ```
 *
 * @param file relative to the working directory
 */
export async function loadFunctions(file: string): Promise<Record<string, PartitionFunction>> {
  const entry = resolve(file);
  const { path } = await bundle(entry, join(dirname(entry), '.partwise', 'tests'));
  return Object.fromEntries(await loadBundle(path));
}
