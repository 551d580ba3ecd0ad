/**
 * Accepts or refuses a run (I9): everything that can be known before rows are read, all problems at once. An accepted
 * execution puts its locator on the stage; the run id is taken from then on.
 */
import { pathToFileURL } from 'node:url';
import { resolve } from 'node:path';
import { Context } from '@temporalio/activity';
import { parseRunInput, type NormalizedInput } from '../run/parse-input';
import { runIdProblem } from '../run/run-id';
import type { FunctionPlan, OpenedRun } from '../run/plan';
import { Refusal } from '../run/refusal';
import { scheduledFor } from '../run/scheduled-time';
import { openStage } from '../stage';
import { DEFAULT_WAREHOUSE, openWarehouse, resolveWarehouse } from '../warehouse';
import type { SourceShape } from '../warehouse/warehouse';
import type { ProjectConfig } from '../config';
import { sqlProblem } from '../functions/sql-check';
import type { ActivityDeps } from './deps';
import { refused, refusing } from './failures';
import { withHeartbeats } from './heartbeat';
import { claimStage } from './stage-access';
import { BUILT_IN_DIGEST, unknownFunction } from './function-catalog';
import { takeRunId } from './run-chain';
import { scheduledStart } from './scheduled-start';
import type { FunctionDescription } from '../runners/protocol';

/** Planning and committing read and write whole tables. */
const PLAN_TIMEOUT_MS = 6 * 3_600_000;

export function openRun(deps: ActivityDeps, raw: unknown): Promise<OpenedRun> {
  const context = Context.current();
  return withHeartbeats(context, () => refusing(() => open(deps, raw, context)));
}

async function open(deps: ActivityDeps, raw: unknown, context: Context): Promise<OpenedRun> {
  const { workflowExecution } = context.info;
  const { workflowId: runId, runId: workflowRunId } = workflowExecution!;
  const parsed = parseRunInput(raw);
  const badId = runIdProblem(runId);
  if (!parsed.ok) throw new Refusal('InvalidInput', [...(badId === null ? [] : [badId]), ...parsed.problems]);
  const { input } = parsed;
  const problems = badId === null ? [] : [badId];
  if (input.onExisting !== 'error') problems.push(notInThisRelease(input.onExisting));
  const project = await deps.project();
  const warehouse = resolvePlace('warehouse', input, project, problems);
  const stageUri = resolvePlace('stage', input, project, problems);
  const found = await findFunction(deps, project, input, problems);
  const scheduledTime = input.scheduledTime ?? (await scheduledStart(context));
  const wanted = { ...input, scheduledTime };
  const shape = warehouse === null ? null : await inspectSource(deps, wanted, warehouse, problems);
  if (shape !== null) problems.push(...(await queryProblems(input, shape)));
  if (problems.length > 0) throw new Refusal('InvalidInput', problems);

  const stage = openStage(stageUri!);
  const stageToken = await claimStage(stage);
  const place = await takeRunId(context.client, stage, { runId, workflowRunId });
  if ('refusal' in place) throw refused(place.refusal, { workflowRunId: place.workflowRunId });
  return {
    version: 1,
    runId,
    generation: place.generation,
    execution: place.execution,
    stage: stageUri!,
    stageToken,
    warehouse: warehouse!,
    function: found!.plan,
    functionSettings: found!.settings,
    scheduledTime,
    unitTaskQueue: deps.unitTaskQueue,
    planTimeoutMs: PLAN_TIMEOUT_MS,
    heartbeatTimeoutMs: input.options.heartbeatTimeoutMs,
    runTimeoutMs: input.options.runTimeoutMs,
  };
}

function notInThisRelease(onExisting: string): string {
  return `"onExisting" is "${onExisting}", which is not in this release: leave it out, and give a new run a new id.`;
}

/** The absolute URI of the warehouse or stage, if the worker's configuration allows an input to name it. */
export function resolvePlace(
  kind: 'warehouse' | 'stage',
  input: NormalizedInput,
  project: ProjectConfig,
  problems: string[],
): string | null {
  const named = input[kind];
  const configured = kind === 'warehouse' ? (project.warehouse ?? DEFAULT_WAREHOUSE) : project.stage;
  try {
    const absolute = (value: string): string =>
      kind === 'warehouse'
        ? resolveWarehouse(value, project.projectDir)
        : stageUri(value, project.projectDir);
    const wanted = absolute(named ?? configured);
    const allowed = (kind === 'warehouse' ? project.allow.warehouses : project.allow.stages)?.map(absolute);
    if (
      named !== null &&
      allowed !== undefined &&
      wanted !== absolute(configured) &&
      !allowed.includes(wanted)
    ) {
      problems.push(
        `The ${kind} "${named}" is not one that this worker's configuration allows: ` +
          `leave it out, or add it to allow.${kind}s there.`,
      );
      return null;
    }
    return wanted;
  } catch (error) {
    problems.push(error instanceof Error ? error.message : String(error));
    return null;
  }
}

function stageUri(value: string, projectDir: string): string {
  if (value.startsWith('file://')) return value;
  if (/^[a-z0-9]+:\/\//i.test(value) || value.startsWith('@')) {
    throw new Error(`The stage "${value}" is of no known kind: use a folder.`);
  }
  return pathToFileURL(resolve(projectDir, value)).href;
}

export async function findFunction(
  deps: Pick<ActivityDeps, 'functions'>,
  project: ProjectConfig,
  input: NormalizedInput,
  problems: string[],
): Promise<{ plan: FunctionPlan; settings: FunctionDescription } | null> {
  const name = input.function;
  if (name === 'sql' && input.sql !== null) {
    return { plan: { name, digest: BUILT_IN_DIGEST, bundle: null, sql: input.sql }, settings: { name } };
  }
  if (input.functions !== null && !deps.functions.reloads) {
    problems.push(
      `"functions" is "${input.functions}", and a deployed worker runs the code it was deployed with: leave it out.`,
    );
    return null;
  }
  const file = input.functions === null ? project.functions : resolve(project.projectDir, input.functions);
  try {
    const bundle = await deps.functions.current(file);
    const settings = bundle?.functions.find((candidate) => candidate.name === name);
    if (bundle !== null && settings !== undefined) {
      return { plan: { name, digest: bundle.digest, bundle: bundle.path, sql: null }, settings };
    }
    problems.push(unknownFunction(name, bundle, file));
  } catch (error) {
    // The functions file does not load: the user's to mend, with the file and line in the message.
    problems.push(error instanceof Error ? error.message : String(error));
  }
  return null;
}

export async function inspectSource(
  deps: Pick<ActivityDeps, 'projectDir'>,
  input: NormalizedInput,
  warehouse: string,
  problems: string[],
): Promise<SourceShape | null> {
  try {
    const { source, partitionBy, where, scheduledTime, timeZone } = input;
    const scheduled = scheduledFor(scheduledTime, timeZone);
    return await openWarehouse(warehouse, deps.projectDir).inspect({ source, partitionBy, where, scheduled });
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    problems.push(...error.problems);
    return null;
  }
}

export async function queryProblems(
  { sql, partitionBy }: NormalizedInput,
  shape: SourceShape,
): Promise<string[]> {
  if (sql === null) return [];
  const problem = await sqlProblem(sql, partitionBy.length === 0 ? null : shape.columns);
  return problem === null ? [] : [problem];
}
