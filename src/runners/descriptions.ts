/**
 * Describes bundles, and keeps the descriptions of those with an interpreter next to them: a worker that is
 * started again does not import pandas to list names.
 */
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { FunctionDescription } from '../core/function-description';
import { sha256Of } from '../files/digest';
import { replaceFile } from '../files/durable';
import { describeFunctions } from './functions-file';
import type { FunctionBundle } from './language';
import { describedFunctions } from './message-shapes';
import type { RunnerOptions, RunnerProject } from './runner';
import { encodeValue } from './tagged-values';

/** By path of the interpreter. */
type Kept = Record<string, { key: string; functions: unknown }>;

/** Throws `FunctionsUnusable`. */
export async function describeBundle(
  { digest, path, runtime }: FunctionBundle,
  options: Pick<RunnerOptions, 'passEnv'> & RunnerProject,
): Promise<FunctionDescription[]> {
  if (runtime === undefined) return describeFunctions(path, options);
  const { executable, key } = runtime;
  const file = join(dirname(path), `${digest}.json`);
  const kept = await readKept(file);
  const known = kept[executable];
  if (known?.key === key) {
    const described = describedFunctions({ type: 'functions', functions: known.functions, error: null });
    if (described !== null) return described.functions;
  }
  const functions = await describeFunctions(path, { ...options, python: executable });
  await writeKept(file, { ...kept, [executable]: { key, functions: functions.map(encodeValue) } });
  return functions;
}

/** Empty if the file is missing or damaged. */
async function readKept(file: string): Promise<Kept> {
  try {
    const { sha256, interpreters } = JSON.parse(await readFile(file, 'utf8')) as {
      sha256: string;
      interpreters: Kept;
    };
    return sha256 === sha256Of(JSON.stringify(interpreters)) ? interpreters : {};
  } catch {
    return {};
  }
}

/** If this fails, also because another run is being planned, the bundle is loaded again next time. */
async function writeKept(file: string, interpreters: Kept): Promise<void> {
  const content = { sha256: sha256Of(JSON.stringify(interpreters)), interpreters };
  await replaceFile(file, Buffer.from(`${JSON.stringify(content)}\n`)).catch(() => undefined);
}
