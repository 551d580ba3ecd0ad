/**
 * Loads the partition functions that a bundle exports. This runs the user's code, so it is only called in
 * runner processes.
 */
import { pathToFileURL } from 'node:url';
import { isPartitionFunction } from '../../functions/define';
import type { PartitionFunction } from '../../functions/types';
import { isPartitionModel, type ModelFunction } from '../../functions/model-hooks';

/** The functions file is invalid; the message says what to do. */
class FunctionsFileError extends Error {
  override name = 'FunctionsFileError';
  readonly nonRetryable = true;
}

export async function loadFunctions(
  bundle: string,
): Promise<Map<string, PartitionFunction & Partial<ModelFunction>>> {
  const exported = (await import(pathToFileURL(bundle).href)) as Record<string, unknown>;
  const functions = new Map<string, PartitionFunction & Partial<ModelFunction>>();
  for (const value of [...Object.values(exported), ...commonJsExports(exported.default)].flatMap(
    functionsIn,
  )) {
    if (!isPartitionFunction(value)) continue;
    const known = functions.get(value.name);
    if (known !== undefined && known !== value) {
      throw new FunctionsFileError(
        `Two exported partition functions are named "${value.name}". Give each a unique name.`,
      );
    }
    functions.set(value.name, value);
  }
  return functions;
}

/** The functions in an export: one function, an array of them, or those of a partition model. */
function functionsIn(value: unknown): unknown[] {
  if (isPartitionModel(value)) return [value.train, value.predict, value.fitPredict];
  return Array.isArray(value) ? value.flatMap(functionsIn) : [value];
}

/** The exports of a CommonJS file are the default export of its bundle. */
function commonJsExports(value: unknown): unknown[] {
  return typeof value === 'object' && value !== null && !isPartitionFunction(value)
    ? Object.values(value)
    : [];
}
