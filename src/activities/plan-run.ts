/** Pins the rows of a run, cuts them into units and puts its plan on the stage. */
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Context } from '@temporalio/activity';
import { carriedContent, carriedOrdinals, type CarriedContent } from '../core/carried';
import type { PlannedInput } from '../core/normalized-input';
import type { OpenedRun, PlanTask } from '../core/opened-run';
import type { RunPlan } from '../core/plan';
import type { PushDown } from '../core/push-down';
import { Refusal } from '../core/refusal';
import { scheduledFor } from '../input/scheduled-time';
import { planFolder } from '../stored/layout';
import { readWholeIndex } from '../rows/partition-index';
import { cutUnits, rangesOf } from '../core/units/cut-units';
import type { Stage } from '../stage';
import { openWarehouse, TABLES_READ_BACK } from '../warehouse';
import type { ProjectConfig } from '../config';
import type { Confinement } from '../duckdb/confinement';
import { makeFolders } from '../files/folders';
import { allowedFiles, confinementOf, sourceProblems } from '../planning/allowed-files';
import type { ActivityDeps } from './deps';
import { refusingEarly } from './failures';
import { plannedInput } from '../planning/opened-run';
import { runNumbers, runPlanOf, unitPlanOf, type PlannedRows } from '../planning/run-plan';
import { withHeartbeats } from './unit/heartbeat';
import { settledPlan, settlePlan } from '../stored/settled-plan';
import { checkFallback, modelUse, pinModels, skipping, withoutModel } from '../planning/plan-models';
import { openPlannedStage } from '../stored/stage-access';
import { putCarried, readCarried } from '../planning/continue-run';
import { reuseOutcomes } from '../planning/reuse';
import { putShards } from './load-shard';
import { loadUnitPlan } from '../stored/unit-plan';

export function planRun(deps: ActivityDeps, { opened }: PlanTask): Promise<RunPlan> {
  const context = Context.current();
  return withHeartbeats(context, () =>
    refusingEarly(async () => {
      const input = plannedInput(opened);
      const stage = await openPlannedStage(opened.stage, opened.stageToken);
      const settled = await settledPlan(stage, opened);
      if (settled !== null) return settled;
      // A repeated attempt must not collide with objects of an earlier one: objects are written once.
      const attempt = `e${opened.execution}a${context.info.attempt}-${randomUUID().slice(0, 8)}`;
      const place: PlanPlace = { stage, opened, folder: planFolder(opened, attempt) };
      // enforces I1: a continuation reads what the generation's first execution pinned, whatever the source
      // now contains.
      const rows =
        opened.continues === null
          ? await pinRows(deps, place, input, context)
          : await rowsPinnedBefore(place, input);
      const plan = await settlePlan(stage, await putPlan(place, input, rows, deps.projectDir));
      const { runId, partitions } = plan;
      deps.onEvent({ type: 'runStarted', runId, function: plan.function.name, partitions, rows: plan.rows });
      return plan;
    }),
  );
}

interface PlanPlace {
  stage: Stage;
  opened: OpenedRun;
  /** On the stage; ends in `/`. */
  folder: string;
}

/** Reads the source, once. */
async function pinRows(
  deps: ActivityDeps,
  { stage, opened, folder }: PlanPlace,
  input: PlannedInput,
  { cancellationSignal: signal, client, log }: Context,
): Promise<PlannedRows> {
  await makeFolders(deps.scratch);
  const scratch = await mkdtemp(join(deps.scratch, 'plan-'));
  try {
    const snapshotTime = new Date().toISOString();
    const request = {
      source: input.source,
      partitionBy: input.partitionBy,
      where: input.where,
      scheduled: scheduledFor(opened.scheduledTime, input.timeZone),
      only: input.only,
      maxPartitions: input.options.maxPartitions,
      allowEmpty: input.options.allowEmpty,
      scratch,
      fingerprints: input.series !== null,
      signal,
    };
    const options = input.options.warehouse;
    const project = await deps.project();
    const confinement = await confinementFor(project, opened, input);
    const warehouse = openWarehouse(opened.warehouse, deps.projectDir, { options, confinement, project });
    const models = await pinModels(client, { stage, warehouse, folder }, input.model);
    if (models !== null) await checkFallback(models, input.model!);
    return await warehouse.snapshot(request, async (source) => {
      const { keyColumns, columns, files, filesOn, ids, rows, fingerprints, pushDown } = source;
      if (input.snapshot === 'none') assertPinned(pushDown, input);
      const { params } = input;
      const shape = {
        params,
        ...(input.model !== null && { model: input.model }),
        ...(models !== null && { models }),
        keyColumns,
        columns,
        snapshotTime,
      };
      const reused =
        input.onUnchanged === 'reuse'
          ? await reuseOutcomes({
              stage,
              place: opened,
              series: input.series!,
              basis: { ...shape, files, warehouse: opened.warehouse, function: opened.function },
              ids,
              fingerprints: fingerprints!,
              scratch,
              warn: (message) => log.warn(message),
            })
          : null;
      const missing = models === null ? [] : await withoutModel(models, ids);
      const place = { ids, rows, execution: opened.execution };
      const content = input.model?.onMissing === 'skip' ? skipping(reused, missing, place) : reused;
      const cut = cutSelected(input, ids, rows, content);
      const ranges = input.snapshot === 'none' ? null : rangesOf(cut.units, rows.length);
      const { index, files: snapshot } = await source.put({ stage, folder, ranges });
      const carried =
        content === null ? null : { carried: await putCarried(stage, opened, content), content };
      const use = models === null ? null : modelUse(models, missing, ids);
      return {
        pinned: { ...shape, index, snapshot, files, filesOn, pushDown },
        ids,
        rows,
        use,
        carried,
        ...cut,
      };
    });
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

/** What the input's SQL may read on this worker; null: anything. */
async function confinementFor(
  project: ProjectConfig,
  { trusted = true }: OpenedRun,
  { source }: PlannedInput,
): Promise<Confinement | null> {
  if (trusted) return null;
  const allowed = await allowedFiles(project);
  const problems = await sourceProblems(source, project.projectDir, allowed);
  if (problems.length > 0) throw new Refusal('InvalidInput', problems);
  return confinementOf(allowed);
}

/** Without a snapshot, rows are read when they are needed, but must still be the pinned ones (I1). */
function assertPinned(pushDown: PushDown | null, { source }: PlannedInput): void {
  if (pushDown?.pinned === true) return;
  const name = 'table' in source ? `"${source.table}"` : 'The source';
  throw new Refusal('InvalidInput', [
    `${name} cannot be read as of an earlier time, which "snapshot": "none" needs (${TABLES_READ_BACK} can). Leave "snapshot" out.`,
  ]);
}

async function rowsPinnedBefore({ stage, opened }: PlanPlace, input: PlannedInput): Promise<PlannedRows> {
  const { plan, carried } = opened.continues!;
  const pinned = await loadUnitPlan(stage, plan.unitPlan);
  const { ids, rows } = await readWholeIndex(await stage.localFile(plan.index));
  const before = carriedContent(await readCarried(stage, carried));
  const { models, model } = pinned;
  const missing = models === undefined ? [] : await withoutModel(models, ids);
  const use = models === undefined ? null : modelUse(models, missing, ids);
  const skips = model?.onMissing === 'skip' && missing.length > 0;
  // Only DONE partitions are carried over: those skipped because they had no model still have none.
  const content = skips ? skipping(before, missing, { ids, rows, execution: opened.execution })! : before;
  const taken = skips ? await putCarried(stage, opened, content) : carried;
  return {
    pinned,
    ids,
    rows,
    use,
    carried: { carried: taken, content },
    ...cutSelected(input, ids, rows, content),
  };
}

/** Cuts the partitions to run into units. */
function cutSelected(
  { options }: PlannedInput,
  ids: readonly string[],
  rows: readonly number[],
  carried: CarriedContent | null,
): Pick<PlannedRows, 'selected' | 'units'> {
  const done = carried === null ? new Set<number>() : carriedOrdinals(carried);
  // enforces I4: partitions that are done are not cut into units.
  const selected = rows.map((_, ordinal) => ordinal).filter((ordinal) => !done.has(ordinal));
  const units = cutUnits({
    rows: selected.map((ordinal) => rows[ordinal]!),
    id: (position) => ids[selected[position]!]!,
    maxConcurrency: options.maxConcurrency,
    partitionsPerUnit: options.partitionsPerUnit,
  }).map((unit) => ({ ...unit, from: selected[unit.from]!, to: selected[unit.to]! }));
  return { selected, units };
}

async function putPlan(
  { stage, opened, folder }: PlanPlace,
  input: PlannedInput,
  rows: PlannedRows,
  projectDir: string,
): Promise<RunPlan> {
  const numbers = runNumbers(opened, input);
  const unitPlan = Buffer.from(JSON.stringify(unitPlanOf(opened, input, numbers, rows)));
  const sharding = await putShards(stage, folder, rows.units, input.options.maxConcurrency);
  const put = { unitPlan: await stage.put(`${folder}unit-plan.json`, unitPlan), sharding };
  return runPlanOf({ opened, input, numbers, rows, put, projectDir });
}
