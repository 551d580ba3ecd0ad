import type { ActivityDeps, ClosingRun } from './deps';
import { findNotifier, notify } from '../planning/notifiers';
import { isTrusted, starterOf } from '../planning/run-trust';

/** Tells whom the input names. A refused run tells too: a nightly run that found no table is worth a call. */
export async function notifyClosingRun(deps: ActivityDeps, { task, context }: ClosingRun): Promise<void> {
  const { runId, notify: wanted, closing } = task;
  if (wanted === null) return;
  const starter = await starterOf(deps, context);
  // Whoever started it could have the notifiers called as often as they like.
  if (starter === null) return;
  const notifier = findNotifier(wanted, await deps.project(), { trusted: isTrusted(starter) });
  // Refused for this, among other things: there is nobody to tell.
  if (typeof notifier === 'string') return;
  const { summary, error } = closing;
  await notify(notifier, {
    version: 1,
    runId,
    workflowRunId: context.info.workflowExecution!.runId,
    status: summary?.status ?? (closing.kind === 'cancelled' ? 'CANCELLED' : 'FAILURE'),
    summary,
    error: error === null ? null : { type: error.type, message: error.message },
  });
}
