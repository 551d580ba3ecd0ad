/**
 * What is done once when a run ends: small steps that know nothing of each other. One that fails keeps no
 * other from being done; the activity then fails, naming it, and its next attempt does only what is left. How
 * the run ends is not its business.
 */
import { ApplicationFailure, Context } from '@temporalio/activity';
import type { CloseTask } from '../core/opened-run';
import { listOf, text } from '../core/shape';
import { RunReader } from '../reader/run-reader';
import { ServerRun } from '../reader/run-source';
import { archiveClosingRun } from './archive-run';
import type { ActivityDeps, ClosingRun } from './deps';
import { notifyClosingRun } from './notify-closing-run';
import { recordSeries } from './record-series';

type ClosingStep = (deps: ActivityDeps, run: ClosingRun) => Promise<void>;

/**
 * In this order. A step may be done twice, for the worker may be lost in between: then a notice comes twice
 * too.
 */
const STEPS: Readonly<Record<string, ClosingStep>> = {
  archive: archiveClosingRun,
  series: recordSeries,
  notify: notifyClosingRun,
};

export async function closeRun(deps: ActivityDeps, task: CloseTask): Promise<void> {
  const context = Context.current();
  const { runId } = context.info.workflowExecution!;
  const run = { task, context, reader: new RunReader(new ServerRun(context.client, task.runId, runId)) };
  const before: unknown = context.info.heartbeatDetails;
  const done = new Set<string>(isNames(before) ? before : []);
  const beat = (): void => context.heartbeat([...done]);
  const timer = setInterval(beat, 1_000);
  const failed: string[] = [];
  try {
    for (const [name, step] of Object.entries(STEPS)) {
      if (done.has(name)) continue;
      try {
        await step(deps, run);
        done.add(name);
        beat();
      } catch (error) {
        const message = `${name}: ${error instanceof Error ? error.message : String(error)}`;
        context.log.warn(`The run "${task.runId}" has ended, but a closing step failed: ${message}`);
        failed.push(message);
      }
    }
  } finally {
    clearInterval(timer);
  }
  if (failed.length > 0) throw ApplicationFailure.create({ type: 'NotClosed', message: failed.join('\n') });
}

/** A heartbeat can come from anybody who may write to the namespace. */
function isNames(value: unknown): value is string[] {
  return listOf(text)(value);
}
