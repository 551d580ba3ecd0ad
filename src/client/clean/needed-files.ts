/** Which files on the stage a run cannot do without. */
import { loadUnitPlan } from '../../stored/unit-plan';
import type { RunRecord } from '../../history/fold';
import type { Outcomes } from '../../history/outcomes';
import { readBlock, readManifest } from '../../models/manifest';
import type { FileRef } from '../../core/files';
import { artifactPaths } from '../../core/done-block';
import { executionOfPath, planPath, unitFolder } from '../../stored/layout';
import type { Stage } from '../../stage';
import { orGone, type StageObject } from './stage-runs';

/** What tells the leftovers of a run that stays. */
export interface KeptRun {
  /** Numbers of the executions that could be read: files of the others stay, whatever they are. */
  readable: ReadonlySet<number>;
  /**
   * Folders of units that were cut off with the run's newest execution: a continuation takes over what is in
   * them.
   */
  open: readonly string[];
}

/**
 * Paths that an execution's history names, and that files named by it name: also of other runs, whose
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

/** A retry predicts with the models that the run began with. */
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

/** Folders of units that history has no result of. */
export function openUnits({ units }: RunRecord): string[] {
  return [...units.values()]
    .filter(({ end }) => end?.type !== 'result')
    .map(({ task, activityId }) => unitFolder(task, activityId));
}

/** The files of a closed run that nothing recorded names. Logs stay: they are read without being recorded. */
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
