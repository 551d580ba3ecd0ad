import type { Confinement } from '../duckdb/confinement';
import type { WarehouseOptions } from '../core/normalized-input';
import { requirePackages } from '../files/optional-packages';
import type { WarehouseKind } from './kind';
import { WAREHOUSE_KINDS } from './kinds';
import type { Warehouse } from './warehouse';

export { closeServices, packageProblems, refusalOfService, SERVICES, taggedForServices } from './services';
export type { Warehouse } from './warehouse';

/** The default warehouse. */
export const DEFAULT_WAREHOUSE = 'duckdb:./warehouse.duckdb';

/** Examples of warehouses, to complete "it takes …". */
export const WAREHOUSE_EXAMPLES = `a warehouse, such as ${WAREHOUSE_KINDS.map(({ example }) => `"${example}"`).join(' or ')}`;

/** Options of all kinds of warehouse, below `options.warehouse` of an input. */
export const WAREHOUSE_OPTIONS = WAREHOUSE_KINDS.flatMap(({ options }) => options);

/** The tables, of any kind of warehouse, that support reading an earlier state. */
export const TABLES_READ_BACK = WAREHOUSE_KINDS.flatMap(({ readsBack }) => readsBack ?? []).join(' and ');

/** Whether a URI is of a known kind. */
export function isWarehouse(uri: string): boolean {
  return kindOf(uri) !== undefined;
}

/** `duckdb:./w.duckdb` → `duckdb:/project/w.duckdb`. Throws if the URI is not of a known kind. */
export function resolveWarehouse(uri: string, projectDir: string): string {
  const kind = knownKindOf(uri);
  return kind.resolve(uri.slice(kind.scheme.length + 1), projectDir);
}

/**
 * Opens the warehouse at a URI, without reading anything yet. `projectDir` is where relative paths start.
 */
export function openWarehouse(
  uri: string,
  projectDir: string,
  {
    options = {},
    confinement = null,
    project,
  }: {
    /** Options of its kind. */
    options?: WarehouseOptions | null;
    /** The files that a run's SQL may read. Default: any. */
    confinement?: Confinement | null;
    /** Needed to read sources: its configuration prepares DuckDB. */
    project?: { duckdb: { setup?: readonly string[] } };
  } = {},
): Warehouse {
  const kind = knownKindOf(uri);
  const resolved = resolveWarehouse(uri, projectDir);
  if (kind.service !== null) requirePackages(kind.service.packages, `"${resolved}"`);
  const duckdbSetup = project?.duckdb.setup ?? [];
  return kind.open(resolved, { projectDir, options: options ?? {}, confinement, duckdbSetup });
}

/** A sentence for each option that does not apply to the warehouse. */
export function warehouseOptionProblems(uri: string, options: WarehouseOptions): string[] {
  const kind = knownKindOf(uri);
  return Object.keys(options)
    .filter((name) => !kind.options.some((option) => option.name === name))
    .map((name) => {
      const others = WAREHOUSE_KINDS.filter((other) => other.options.some((option) => option.name === name));
      const examples = others.map(({ example }) => example).join(' and ');
      return `"options.warehouse.${name}" is an option of ${examples}, but the run's warehouse is "${uri}": leave it out.`;
    });
}

function kindOf(uri: string): WarehouseKind | undefined {
  return WAREHOUSE_KINDS.find(({ scheme }) => uri.startsWith(`${scheme}:`));
}

function knownKindOf(uri: string): WarehouseKind {
  const kind = kindOf(uri);
  if (kind !== undefined) return kind;
  throw new Error(`The warehouse "${uri}" is not of a known kind: use ${WAREHOUSE_EXAMPLES}.`);
}
