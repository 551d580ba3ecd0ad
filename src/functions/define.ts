/** Creates partition functions, and recognizes them among other exports. */
import { types } from 'node:util';
import { isObject } from '../core/json';
import { nameProblem } from '../rows/rows';
import type { PartitionFunction } from './types';
import { SQL_FUNCTION } from '../core/function-description';

/** `Symbol.for`, so that another copy of the package recognizes the function. */
const BRAND = Symbol.for('partwise.partitionFunction');

/**
 * Defines a partition function: code that runs once for every partition of a table.
 *
 * ```ts
 * export const salesByRegion = definePartitionFunction({
 *   name: 'salesByRegion',
 *   async run(data, context) {
 *     const [summary] = await data.sql`SELECT count(*) AS orders, sum(amount) AS total FROM data`;
 *     await context.upload('summary.json', summary);
 *     return summary;
 *   },
 * });
 * ```
 *
 * Export it from the project's functions file; runs refer to it by `name`. What `run` returns (an object, an
 * array of objects, or nothing) becomes the partition's rows in the combined output. It is called again if it
 * throws or its process is lost, so it should be idempotent.
 */
export function definePartitionFunction<Params = Record<string, unknown>>(
  options: PartitionFunction<Params>,
): PartitionFunction<Params> {
  const problem = findProblem(options);
  if (problem !== null) throw new TypeError(`definePartitionFunction: ${problem}`);
  return Object.freeze({ ...options, [BRAND]: true });
}

export function isPartitionFunction(value: unknown): value is PartitionFunction {
  return typeof value === 'object' && value !== null && (value as Record<symbol, unknown>)[BRAND] === true;
}

const NAME = /^[A-Za-z_][A-Za-z0-9_.-]{0,99}$/;
const KNOWN = ['name', 'run', 'timeout', 'memory', 'retry', 'bigTaskQueue', 'output'];

function findProblem(options: unknown): string | null {
  if (typeof options !== 'object' || options === null) return 'pass an object with "name" and "run".';
  const { name, run, ...rest } = options as Record<string, unknown>;
  if (typeof name !== 'string' || !NAME.test(name)) {
    return `"name" is ${JSON.stringify(name) ?? 'missing'}; use at most 100 letters, digits, "_", "-" and ".", starting with a letter or "_".`;
  }
  if (name === SQL_FUNCTION) return `"${SQL_FUNCTION}" is the name of the built-in function. Choose another.`;
  if (typeof run !== 'function')
    return `"run" of "${name}" is missing; write async run(data, context) { … }.`;
  // Also one that was compiled to an older JavaScript returns a generator, which the run then refuses.
  if (types.isGeneratorFunction(run))
    return `"run" of "${name}" is a generator. Return an array of rows instead of yielding them.`;
  const unknown = Object.keys(rest).find((key) => !KNOWN.includes(key));
  if (unknown !== undefined)
    return `"${name}" has the unknown setting "${unknown}"; allowed are ${KNOWN.join(', ')}.`;
  return rest.output === undefined ? null : outputProblem(name, rest.output);
}

function outputProblem(name: string, output: unknown): string | null {
  const example = `write { day: 'DATE', total: 'DECIMAL(12,2)' }.`;
  if (!isObject(output)) return `"output" of "${name}" is not an object of columns and types; ${example}`;
  const seen = new Set<string>();
  for (const [column, type] of Object.entries(output)) {
    const problem = nameProblem(column);
    if (problem !== null) return `"output" of "${name}" has a column with ${problem}`;
    if (seen.has(column.toLowerCase()))
      return `"output" of "${name}" has two columns "${column}" that differ only in case. Rename one.`;
    seen.add(column.toLowerCase());
    if (typeof type !== 'string' || type.trim() === '')
      return `"output" of "${name}" has no type for "${column}"; ${example}`;
  }
  return seen.size === 0 ? `"output" of "${name}" declares no column; ${example}` : null;
}
