import { createHash } from 'node:crypto';
import type { UnitPlan, UnitTask } from '../run/plan';
import { openStage } from '../stage';

/** Plans read lately, by digest: every unit of a run asks for the same one. */
const cache = new Map<string, Promise<UnitPlan>>();
const MOST_CACHED = 16;

/** The unit plan that the task names, checked against the digest in history. */
export function loadUnitPlan(task: UnitTask): Promise<UnitPlan> {
  const { sha256 } = task.plan;
  const known = cache.get(sha256);
  if (known !== undefined) return known;
  const loading = read(task);
  cache.set(sha256, loading);
  loading.catch(() => cache.delete(sha256));
  if (cache.size > MOST_CACHED) cache.delete(cache.keys().next().value!);
  return loading;
}

async function read({ plan, stage }: UnitTask): Promise<UnitPlan> {
  const content = await openStage(stage).get(plan.path);
  if (createHash('sha256').update(content).digest('hex') !== plan.sha256) {
    throw new Error(
      `"${plan.path}" on the stage ${stage} is not what the run recorded: it was changed after planning.`,
    );
  }
  return JSON.parse(Buffer.from(content).toString('utf8')) as UnitPlan;
}
