/** Finds the files on the stage that a run needs. */
import { loadUnitPlan } from '../../stored/unit-plan';
import type { RunRecord } from '../../history/fold';
import type { Outcomes } from '../../history/outcomes';
import { readBlock, readManifest } from '../../models/manifest';
import type { FileRef } from '../../core/files';
import { artifactPaths } from '../../core/done-block';
import { executionOfPath, planPath, unitFolder } from '../../stored/layout';
import type { Stage } from '../../stage';
import { orGone, type StageObject } from './stage-runs';

/** What is needed to identify the leftovers of a run that is kept. */
export interface KeptRun {
  /** Numbers of the executions that could be read. All files of other executions are kept. */
  readable: ReadonlySet<number>;
  /**
   * Folders of units that were interrupted in the run's newest execution: a retry takes over their content.
   */
  open: readonly string[];
}

/**
 * Paths named by an execution's history and by the files it names, including files of other runs whose
 * outcomes it reused.
 */
export async function namedFiles(stage: Stage, record: RunRecord, outcomes: Outcomes): Promise<string[]> {
  const { plan, opened, units } = record;
  const named: string[] = [];
  for (const carried of [plan?.carried, opened?.continues?.carried])
    if (carried != null) named.push(carried.file.path);
  if (plan === null) return named;
  named.push(planPath(plan), plan.unitPlan.path, plan.index.path);
  if (plan.sharding != null) named.push(plan.sharding.lists.path);
  const unitPlan = await orGone(loadUnitPlan(stage, plan.unitPlan));
  named.push(...(unitPlan?.snapshot ?? []).map(({ path }) => path));
  if (unitPlan?.models !== undefined) named.push(...(await modelFiles(stage, unitPlan.models.root)));
  for (const { end } of units.values()) {
    if (end?.type !== 'result' || Array.isArray(end.result.outcomes)) continue;
    named.push(end.result.outcomes.path);
  }
  for (const { file } of outcomes.rowsFiles(record)) named.push(file.path);
  for (const ends of [outcomes.single, outcomes.thrown])
    for (const { outcome } of ends.values()) named.push(...outcome.artifacts.map(({ path }) => path));
  for (const { block } of outcomes.blocks) named.push(...artifactPaths(block));
  return named;
}

/** A retry predicts with the models that the run started with. */
async function modelFiles(stage: Stage, root: FileRef): Promise<string[]> {
  const manifest = await orGone(readManifest(stage, root));
  if (manifest === null) return [];
  const files = new Set([root.path]);
  for (const block of manifest.blocks) {
    files.add(block.path);
    for (const { path } of (await orGone(readBlock(stage, block))) ?? []) files.add(path);
  }
  return [...files];
}

/** Folders of units that have no result in history. */
export function openUnits({ units }: RunRecord): string[] {
  return [...units.values()]
    .filter(({ end }) => end?.type !== 'result')
    .map(({ task, activityId }) => unitFolder(task, activityId));
}

/** Files of a closed run that no record names. Logs are kept: they are read although no record names them. */
export function leftovers(
  objects: readonly StageObject[],
  { readable, open }: KeptRun,
  needed: ReadonlySet<string>,
): StageObject[] {
  return objects.filter(({ path }) => {
    if (needed.has(path) || path.includes('/logs/')) return false;
    const execution = executionOfPath(path);
    if (execution === null || !readable.has(execution)) return false;
    return !open.some((folder) => path.startsWith(folder));
  });
}
