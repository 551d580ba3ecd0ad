/**
 * Accepts or refuses a run (I9): checks everything that can be checked before rows are read, and reports all
 * problems together. An accepted execution writes its locator to the stage; from then on, the run id is
 * taken.
 */
import { shellWord } from '../core/shell-word';
import { Context } from '@temporalio/activity';
import { damagedLocators, lineageOf, putLocator, readLocators } from '../stored/locators';
import { asksToResume } from '../input/continue-input';
import type { Reading } from '../reader/run-reader';
import type { RunInput } from '../core/input';
import type { NormalizedInput } from '../core/normalized-input';
import { withFunctionsFile } from '../core/function-reference';
import { plannedFields } from '../input/normalize-input';
import { parseRunInput } from '../input/parse-input';
import { quote } from '../core/quote';
import { runIdProblem } from '../input/run-id';
import type { OpenedRun } from '../core/opened-run';
import { Refusal } from '../core/refusal';
import { openStage, type Stage } from '../stage';
import type { SourceShape } from '../warehouse/warehouse';
import type { ProjectConfig } from '../config';
import { archivePrevious } from './archive-run';
import { allowedFiles, confinementOf, outputProblems, sourceProblems } from '../planning/allowed-files';
import type { ActivityDeps } from './deps';
import { refused, refusingEarly } from './failures';
import { withHeartbeats } from './unit/heartbeat';
import { admit, isTrusted, NOT_VERIFIED, starterOfContinuation } from '../planning/run-trust';
import {
  findFunction,
  inspectSource,
  notifierProblems,
  queryProblems,
  resolvePlace,
  targetProblems,
} from '../planning/check-run';
import { openWarehouse, warehouseOptionProblems } from '../warehouse';
import { modelProblems, registryProblems } from '../planning/check-models';
import { gpusOf } from '../runners/gpus';
import { claimStage } from '../stored/stage-access';
import { scheduledTimeOf } from '../planning/run-time';
import { loadUnitPlan } from '../stored/unit-plan';
import { resumeUnplanned } from '../planning/unplanned-run';
import { entriesUpTo, takeOver, waitUntilStopped } from '../planning/continue-run';
import { findResumedRun, type ResumedRun } from '../planning/resumed-run';
import { EarlierExecutions, plannedElsewhere } from '../planning/earlier-executions';

/** Long, because planning and committing read and write whole tables. */
const PLAN_TIMEOUT_MS = 6 * 3_600_000;

export function openRun(deps: ActivityDeps, raw: unknown): Promise<OpenedRun> {
  const context = Context.current();
  return withHeartbeats(context, () => refusingEarly(() => open(deps, raw, context)));
}

async function open(deps: ActivityDeps, argument: unknown, context: Context): Promise<OpenedRun> {
  const admitted = await admit(deps, context, argument);
  // As the run's input, it is compared with those of later executions.
  const raw = withFunctionsFile(argument);
  const project = await deps.project();
  // A worker that reloads its configuration may have been given others.
  deps.pool.gpus.set(gpusOf(project.worker.gpus));
  const opening = { project, trusted: isTrusted(admitted), context };
  const { earlier: continued, resumed, given, conflicts, basis } = await resolveResume(raw, opening);
  const starter = basis === null ? admitted : starterOfContinuation(deps, admitted, basis);
  const trusted = isTrusted(starter);
  const input = acceptInput(context, given, conflicts);
  const problems: string[] = [];
  const warehouseUri = resolvePlace('warehouse', input.warehouse, project, problems, { trusted });
  const place = { trusted, warehouse: input.warehouse };
  // A continuation's stage is where its run was found, and was resolved for its starter; a stage from another
  // starter's input must be allowed for that starter.
  const isResolved = continued !== null && starter === admitted;
  const stageUri = isResolved
    ? continued.stage.uri
    : resolvePlace('stage', input.stage, project, problems, place);
  const earlier = continued ?? earlierOn(stageUri, context);
  const allowed = trusted ? null : await allowedFiles(project);
  const confinement = allowed === null ? null : await confinementOf(allowed);
  const unreadable = allowed === null ? [] : await sourceProblems(input.source, deps.projectDir, allowed);
  problems.push(...unreadable);
  if (allowed !== null) problems.push(...(await outputProblems(input.output, deps.projectDir, allowed)));
  if (warehouseUri !== null) problems.push(...warehouseOptionProblems(warehouseUri, input.options.warehouse));
  problems.push(...notifierProblems(input, project, { trusted }));
  const found = await findFunction(deps, project, { ...input, starter }, problems);
  if (found !== null) problems.push(...modelProblems(input, found.described));
  const scheduledTime =
    resumed === null
      ? await scheduledTimeOf(context, input, earlier)
      : resumed.reading.record.opened!.scheduledTime;
  const warehouse =
    warehouseUri === null ? null : openWarehouse(warehouseUri, deps.projectDir, { confinement, project });
  // A continuation reads the snapshot: its source may have changed or been removed since.
  const shape =
    resumed !== null
      ? await pinnedShape(resumed)
      : warehouse === null || unreadable.length > 0
        ? null
        : await inspectSource(warehouse, { ...input, scheduledTime }, problems);
  if (shape !== null) problems.push(...(await queryProblems(input, shape, confinement)));
  // For a continuation with the run's own output, this was checked before; only the commit waits for a locked
  // warehouse.
  const hasOwnOutput = resumed !== null && (raw as Partial<RunInput>).output == null;
  if (warehouse !== null && !hasOwnOutput) problems.push(...(await targetProblems(warehouse, input)));
  if (shape !== null && warehouse !== null && stageUri !== null && found !== null) {
    const view = {
      client: context.client,
      warehouse,
      stage: stageUri,
      continues: resumed !== null,
      confinement,
    };
    problems.push(...(await registryProblems(input, shape, found.described, view)));
  }
  if (problems.length > 0 && starter !== admitted) problems.push(NOT_VERIFIED);
  if (problems.length > 0) throw new Refusal('InvalidInput', problems);

  const stageToken = await claimStage(earlier!.stage);
  const stage = openStage(stageUri!, stageToken);
  const { generation, execution } = await takePlace(context, stage, earlier!, input);
  const { workflowId: runId } = context.info.workflowExecution!;
  const own = { runId, generation, execution };
  if (resumed !== null) await waitUntilStopped(resumed.reading.record, context);
  const before = resumed ?? (await earlier!.previous());
  if (before !== null) await archivePrevious(context, stage, before.reading);
  const entries = before === null ? [] : entriesUpTo(before.reading);
  const known = [{ execution, workflowRunId: context.info.workflowExecution!.runId }, ...entries];
  const { damage } = await earlier!.chain();
  if (input.output !== null && damage !== null) await assertLineage(stage, runId, known);
  return {
    version: 1,
    ...own,
    stage: stageUri!,
    stageToken,
    warehouse: warehouseUri!,
    function: found!.plan,
    functionSettings: found!.described,
    settings: found!.settings,
    scheduledTime,
    unitTaskQueue: deps.unitTaskQueue,
    planTimeoutMs: PLAN_TIMEOUT_MS,
    heartbeatTimeoutMs: input.options.heartbeatTimeoutMs,
    runTimeoutMs: input.options.runTimeoutMs,
    input: given as RunInput,
    normalized: plannedFields(input),
    earlier: entries,
    continues: resumed === null ? null : await takeOver({ ...resumed, stage, place: own }),
    trusted,
  };
}

/** Before the work, the same refusal as the commit's after it. */
async function assertLineage(
  stage: Stage,
  runId: string,
  known: Parameters<typeof lineageOf>[1],
): Promise<void> {
  const locators = await readLocators(stage, runId);
  if (lineageOf(locators, known) !== null) return;
  throw new Refusal('StageDamaged', [
    damagedLocators(stage, runId, locators.damaged, { overwritable: false }),
  ]);
}

/** Checks the input on its own, and the run id. */
function acceptInput(context: Context, given: unknown, problems: readonly string[]): NormalizedInput {
  const badId = runIdProblem(context.info.workflowExecution!.workflowId);
  const parsed = parseRunInput(given);
  const all = [...(badId === null ? [] : [badId]), ...problems, ...(parsed.ok ? [] : parsed.problems)];
  // A problem of a change is also found in the input that contains it.
  if (!parsed.ok || all.length > 0) throw new Refusal('InvalidInput', [...new Set(all)]);
  return parsed.input;
}

/** The columns of the run's snapshot. */
async function pinnedShape({ reader, reading }: ResumedRun): Promise<SourceShape> {
  const { record } = reading;
  return loadUnitPlan(reader.stage(record)!, record.plan!.unitPlan);
}

interface Resolved {
  /** For an input that continues a run: the earlier executions on the stage. */
  earlier: EarlierExecutions | null;
  /** The run to continue; null if this is a new run. */
  resumed: ResumedRun | null;
  /** The effective input. */
  given: unknown;
  /** Problems with changes that a continuation may not make. */
  conflicts: string[];
  /** The execution that the rest of the input comes from; null if there is none. */
  basis: Reading | null;
}

interface Opening {
  project: ProjectConfig;
  trusted: boolean;
  context: Context;
}

async function resolveResume(raw: unknown, { project, trusted, context }: Opening): Promise<Resolved> {
  if (!asksToResume(raw)) return { earlier: null, resumed: null, given: raw, conflicts: [], basis: null };
  const problems: string[] = [];
  const named = (value: unknown): string | null => (typeof value === 'string' ? value : null);
  const place = { trusted, warehouse: named(raw.warehouse) };
  const uri = resolvePlace('stage', named(raw.stage), project, problems, place);
  if (uri === null) throw new Refusal('InvalidInput', problems);
  const earlier = new EarlierExecutions(context, openStage(uri));
  const resumed = await findResumedRun(raw, earlier);
  const again = resumed === null ? await resumeUnplanned(raw, earlier) : null;
  const found = resumed ?? again;
  const basis = resumed?.reading ?? again?.basis ?? null;
  if (found === null && raw.function == null) {
    const runId = context.info.workflowExecution!.workflowId;
    const why = (await earlier.stage.exists())
      ? `no run "${runId}" has been accepted on the stage ${uri}. Start it`
      : `there is no stage ${uri}. Check its name and what is mounted there, or start the run "${runId}"`;
    throw new Refusal('InvalidInput', [
      `There is nothing to continue: ${why} with its complete input (partwise run).`,
    ]);
  }
  const conflicts = [
    ...(found?.problems ?? nothingToSelect(raw)),
    ...otherWarehouse(raw, resumed, { project, trusted }),
  ];
  return { earlier, resumed, given: found?.input ?? raw, conflicts, basis };
}

/** Problems of a complete input that selects partitions to retry, although there is no run yet. */
function nothingToSelect(raw: Partial<RunInput>): string[] {
  return (['failedWith', 'ordinals'] as const)
    .filter((name) => raw[name] != null)
    .map((name) => `"${name}" is ${quote(raw[name])}, but there is no run to retry yet. Leave it out.`);
}

/** `stageUri` is null if the input names no stage that it may use. */
function earlierOn(stageUri: string | null, context: Context): EarlierExecutions | null {
  return stageUri === null ? null : new EarlierExecutions(context, openStage(stageUri));
}

/** A continuation cannot use another warehouse: it reads the run's snapshot and writes where the run does. */
function otherWarehouse(
  raw: Partial<RunInput>,
  resumed: ResumedRun | null,
  { project, trusted }: Pick<Opening, 'project' | 'trusted'>,
): string[] {
  if (resumed === null || typeof raw.warehouse !== 'string') return [];
  const problems: string[] = [];
  const { warehouse } = resumed.reading.record.opened!;
  const named = resolvePlace('warehouse', raw.warehouse, project, problems, { trusted });
  if (named !== null && named !== warehouse) {
    problems.push(
      `"warehouse" is ${quote(raw.warehouse)}, but the run uses ${quote(warehouse)}, and a continuation cannot change it. ` +
        'Leave it out, or take a new snapshot with onExisting "overwrite".',
    );
  }
  return problems;
}

/**
 * Determines the execution's place among those of its run id and writes its locator: from then on, the run id
 * is taken.
 */
async function takePlace(
  { client, info }: Context,
  stage: Stage,
  earlier: EarlierExecutions,
  { onExisting, output }: NormalizedInput,
): Promise<{ generation: number; execution: number }> {
  const { workflowId: runId, runId: workflowRunId } = info.workflowExecution!;
  for (;;) {
    const { own, previous, last, damage } = await earlier.chain();
    if (own !== null) return own;
    const elsewhere = previous === null ? await plannedElsewhere(client, runId, workflowRunId) : null;
    const real = previous?.workflowRunId ?? elsewhere;
    const refusal = real === null ? null : refusalOver(runId, { onExisting, output, elsewhere });
    if (refusal !== null) throw refused(refusal, { workflowRunId: real });
    const before = previous?.generation ?? 0;
    // A damaged locator's generation is unknown, and at most its number.
    const generation =
      onExisting === 'retry' && previous !== null ? before : damage === null ? before + 1 : last + 1;
    const openedAt = new Date().toISOString();
    const mine = { version: 1, runId, generation, execution: last + 1, workflowRunId, openedAt } as const;
    if (await putLocator(stage, mine)) return mine;
    earlier.reread();
  }
}

/** Why a taken run id cannot be used again in this way; null if it can. */
function refusalOver(
  runId: string,
  asked: Pick<NormalizedInput, 'onExisting' | 'output'> & { elsewhere: string | null },
): Refusal | null {
  const { onExisting, output, elsewhere } = asked;
  if (onExisting === 'error') {
    return new Refusal('RunExists', [
      `The run "${runId}" already exists (see partwise status ${shellWord(runId)}). To run its unfinished partitions again, use partwise retry ${shellWord(runId)}; ` +
        'to run all of it on a new snapshot, --on-existing overwrite (onExisting "overwrite"); to start another run, --run-id.',
    ]);
  }
  if (onExisting === 'retry' && elsewhere !== null) {
    return new Refusal('StageUnreachable', [
      `The run "${runId}" was planned on a different stage from this worker's, so it cannot be continued here: ` +
        'pass its stage ("stage", --stage), or choose another id for a new run.',
    ]);
  }
  if (onExisting === 'overwrite' && output !== null && 'mode' in output && output.mode === 'append') {
    return new Refusal('InvalidInput', [
      `"output.mode" is "append", so overwriting the run "${runId}" would append its rows a second time: ` +
        'use the mode "partitions" or "replace", or start a run with another id.',
    ]);
  }
  return null;
}
