/** When the outcome of a partition in one run of a series stands for that in the next. */
import { sha256Of } from '../files/digest';
import type { Column } from '../core/plan';
import type { UnitPlan } from '../core/unit-plan';

/** What can change an outcome, but for the partition's rows and the code. */
export type ReuseBasis = Pick<
  UnitPlan,
  'columns' | 'keyColumns' | 'params' | 'model' | 'models' | 'warehouse' | 'files' | 'function'
>;

/**
 * The reuse key of a partition: equal for equal rows, columns, key, parameters and code. `functionDigest` is
 * that of the code that ran, or that would.
 */
export function reuseKeys(basis: ReuseBasis): (fingerprint: string, functionDigest: string) => string {
  const { columns, keyColumns, params, model, models, warehouse, files } = basis;
  const common = canonicalJson({
    version: 1,
    // A file has columns of its own, and its fingerprint is of all of it.
    columns: files === null ? columns.map(typed) : null,
    key: keyColumns.map(typed),
    params,
    ...(model !== undefined && { model, models: models?.root.sha256 ?? null }),
    // Functions look things up there.
    warehouse,
    function: basis.function.name,
  });
  return (fingerprint, functionDigest) => sha256Of([common, functionDigest, fingerprint].join('\n'));
}

function typed({ name, type }: Column): [string, string] {
  return [name, type];
}

/** JSON with the keys of objects in one order. */
function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) =>
    typeof part === 'object' && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  );
}
