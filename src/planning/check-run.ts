/**
 * Checks an input before anything is started (I9), for `openRun` and for a trial. Problems are sentences.
 */
import { resolve } from 'node:path';
import type { ProjectConfig } from '../config';
import type { Confinement } from '../duckdb/confinement';
import { outputProblems } from '../functions/output-check';
import { sqlProblem } from '../functions/sql-check';
import { NO_SETTINGS, parseFunctionSettings } from '../input/function-settings';
import type { FunctionSettings, NormalizedInput } from '../core/normalized-input';
import type { FunctionPlan } from '../core/unit-plan';
import { Refusal } from '../core/refusal';
import { scheduledFor } from '../input/scheduled-time';
import { gpuProblem } from '../runners/gpus';
import { stageUri } from '../stage';
import { DEFAULT_WAREHOUSE, packageProblems, resolveWarehouse, type Warehouse } from '../warehouse';
import { WarehouseLocked } from '../duckdb/database-file';
import type { SourceShape } from '../warehouse/warehouse';
import { plannedFunction, sqlDigest, unknownFunction, type FunctionCatalog } from './function-catalog';
import { findNotifier } from './notifiers';
import { codeProblems, type Starter } from './run-trust';
import { namedInterpreter } from '../runners/named-interpreter';
import type { FunctionDescription } from '../core/function-description';

/**
 * The absolute URI of the warehouse or stage, if the worker's configuration allows the input to name it;
 * without a list in the configuration, trusted inputs may name any. `warehouse` is the warehouse that the
 * input names, whose connection a stage may use.
 */
export function resolvePlace(
  kind: 'warehouse' | 'stage',
  named: string | null,
  project: ProjectConfig,
  problems: string[],
  { trusted, warehouse = null }: { trusted: boolean; warehouse?: string | null },
): string | null {
  const configured = kind === 'warehouse' ? (project.warehouse ?? DEFAULT_WAREHOUSE) : project.stage;
  try {
    const absolute = (value: string, along: string | null = project.warehouse): string =>
      kind === 'warehouse'
        ? resolveWarehouse(value, project.projectDir)
        : stageUri(value, project.projectDir, along);
    const wanted = named === null ? absolute(configured) : absolute(named, warehouse ?? project.warehouse);
    const listed = kind === 'warehouse' ? project.allow.warehouses : project.allow.stages;
    const allowed = (trusted ? listed : (listed ?? []))?.map((value) => absolute(value));
    if (
      named !== null &&
      allowed !== undefined &&
      wanted !== absolute(configured) &&
      !allowed.includes(wanted)
    ) {
      problems.push(
        `This worker's configuration does not allow the ${kind} "${named}": ` +
          `leave it out, or add it to allow.${kind}s there.`,
      );
      return null;
    }
    const lacking = packageProblems([wanted]);
    problems.push(...lacking);
    return lacking.length === 0 ? wanted : null;
  } catch (error) {
    problems.push(error instanceof Error ? error.message : String(error));
    return null;
  }
}

/** A run's function. */
export interface FoundFunction {
  plan: FunctionPlan;
  /** Its settings, as declared. */
  described: FunctionDescription;
  settings: FunctionSettings;
}

/** Null if it was not found; the reason is added to `problems`. */
export async function findFunction(
  deps: { functions: FunctionCatalog },
  project: ProjectConfig,
  input: NormalizedInput & { starter: Starter },
  problems: string[],
): Promise<FoundFunction | null> {
  const name = input.function;
  if (name === 'sql' && input.sql !== null) {
    const plan = { name, digest: sqlDigest(input.sql), bundle: null, sql: input.sql };
    return { plan, described: { name }, settings: NO_SETTINGS };
  }
  const foreign = codeProblems(input.starter, input, project);
  if (foreign.length > 0) {
    problems.push(...foreign);
    return null;
  }
  const { projectDir, functions: own } = project;
  const files = input.functions?.map((file) => resolve(projectDir, file)) ?? own;
  const python = namedInterpreter(projectDir, input.python ?? undefined) ?? project.python ?? undefined;
  try {
    const loaded = await deps.functions.current({ files, python });
    const isNamed = (candidate: FunctionDescription): boolean => candidate.name === name;
    const bundle = loaded.bundles.find(({ functions }) => functions.some(isNamed));
    const described = bundle?.functions.find(isNamed);
    if (bundle !== undefined && described !== undefined) {
      const checked = parseFunctionSettings(described);
      if (!checked.ok) problems.push(...checked.problems);
      const lacking = checked.ok ? gpuProblem(name, checked.settings.gpus ?? 0, project.worker.gpus) : null;
      if (lacking !== null) problems.push(lacking);
      if (described.output !== undefined) problems.push(...(await outputProblems(name, described.output)));
      const plan = plannedFunction(name, bundle);
      return { plan, described, settings: checked.ok ? checked.settings : NO_SETTINGS };
    }
    problems.push(...unknownFunction(name, loaded));
  } catch (error) {
    // Two files have a function of the same name.
    problems.push(error instanceof Error ? error.message : String(error));
  }
  return null;
}

/** With `trusted`, the input may contain a URL or a command itself. */
export function notifierProblems(
  { notify }: NormalizedInput,
  project: ProjectConfig,
  options: { trusted: boolean },
): string[] {
  const notifier = notify === null ? null : findNotifier(notify, project, options);
  return typeof notifier === 'string' ? [notifier] : [];
}

/** For interactive operations: a locked warehouse is an error instead of a wait. */
export async function withoutWaiting<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw error instanceof WarehouseLocked ? new Refusal('WarehouseLocked', [error.message]) : error;
  }
}

export async function inspectSource(
  warehouse: Warehouse,
  input: NormalizedInput,
  problems: string[],
): Promise<SourceShape | null> {
  try {
    const { source, partitionBy, where, scheduledTime, timeZone } = input;
    const { allowEmpty } = input.options;
    const scheduled = scheduledFor(scheduledTime, timeZone);
    return await warehouse.inspect({ source, partitionBy, where, scheduled, allowEmpty });
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    problems.push(...error.problems);
    return null;
  }
}

/** Problems that would prevent the run's results from being written to the input's output. */
export async function targetProblems(warehouse: Warehouse, { output }: NormalizedInput): Promise<string[]> {
  return output === null ? [] : warehouse.inspectOutput(output);
}

export async function queryProblems(
  { sql }: NormalizedInput,
  shape: SourceShape,
  confinement: Confinement | null,
): Promise<string[]> {
  if (sql === null) return [];
  const problem = await sqlProblem(sql, shape.columns, confinement);
  return problem === null ? [] : [problem];
}
