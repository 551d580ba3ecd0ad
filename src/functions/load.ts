/** The partition functions that a bundle exports. Runs the user's code, so only ever called in a runner process. */
import { pathToFileURL } from 'node:url';
import { isPartitionFunction } from './define';
import type { PartitionFunction } from './types';

/** Something about the functions file is wrong; the sentence says what to do. */
export class FunctionsFileError extends Error {
  override name = 'FunctionsFileError';
  readonly nonRetryable = true;
}

export async function loadFunctions(bundle: string): Promise<Map<string, PartitionFunction>> {
  const exported = (await import(pathToFileURL(bundle).href)) as Record<string, unknown>;
  const functions = new Map<string, PartitionFunction>();
  for (const value of [...Object.values(exported), ...commonJsExports(exported.default)].flat()) {
    if (!isPartitionFunction(value)) continue;
    const known = functions.get(value.name);
    if (known !== undefined && known !== value) {
      throw new FunctionsFileError(
        `Two exported partition functions are named "${value.name}". Give each a name of its own.`,
      );
    }
    functions.set(value.name, value);
  }
  return functions;
}

/** A CommonJS file's exports are the default export of its bundle. */
function commonJsExports(value: unknown): unknown[] {
  return typeof value === 'object' && value !== null && !isPartitionFunction(value)
    ? Object.values(value)
    : [];
}
