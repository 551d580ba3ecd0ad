/**
 * An execution has one plan, which is final once it is on the stage: a server that lost its last seconds runs
 * planning again, when partitions of the plan may already be done.
 */
import type { RunPlan } from '../core/plan';
import { planPath, type ExecutionPlace } from './layout';
import { ObjectDamaged, ObjectExists, ObjectMissing, type Stage } from '../stage';
import { closeLines, readClosedLines } from './numbered-objects';

export async function settledPlan(stage: Stage, execution: ExecutionPlace): Promise<RunPlan | null> {
  let content: Uint8Array;
  try {
    content = await stage.get(planPath(execution));
  } catch (error) {
    if (error instanceof ObjectMissing) return null;
    throw error;
  }
  const [plan] = readClosedLines(content) ?? [];
  if (plan !== undefined) return plan as RunPlan;
  throw new ObjectDamaged({ path: planPath(execution), bytes: content.length }, stage.uri, content.length);
}

/** Returns the final plan: this one, or the plan of another attempt that was faster. */
export async function settlePlan(stage: Stage, plan: RunPlan): Promise<RunPlan> {
  try {
    await stage.put(planPath(plan), closeLines([plan]));
    return plan;
  } catch (error) {
    if (!(error instanceof ObjectExists)) throw error;
    // enforces I4: partitions are done under one plan, even if the server has lost the end of planning.
    return (await settledPlan(stage, plan))!;
  }
}
