/**
 * Runs once when a run ends, as small independent steps. If a step fails, the others still run; the activity
 * then fails with the names of the failed steps, and its next attempt runs only those. It does not affect how
 * the run ends.
 */
import { ApplicationFailure, Context } from '@temporalio/activity';
import type { CloseTask } from '../core/opened-run';
import { listOf, text } from '../core/shape';
import { RunReader } from '../reader/run-reader';
import { ServerRun } from '../reader/run-source';
import { archiveClosingRun } from './archive-run';
import type { ActivityDeps, ClosingRun } from './deps';
import { notifyClosingRun, statusOf } from './notify-closing-run';
import { recordSeries } from './record-series';

type ClosingStep = (deps: ActivityDeps, run: ClosingRun) => Promise<void>;

/**
 * In this order. A step may run twice if the worker is lost in between, so a notification may also be sent
 * twice.
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
  if (context.info.attempt === 1) reportEnd(deps, task);
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

function reportEnd({ onEvent }: ActivityDeps, { runId, closing }: CloseTask): void {
  const { summary, error } = closing;
  onEvent({ type: 'runEnded', runId, status: statusOf(closing), counts: summary?.counts ?? null, error });
}

/** Heartbeat details can be written by anyone with write access to the namespace. */
function isNames(value: unknown): value is string[] {
  return listOf(text)(value);
}
