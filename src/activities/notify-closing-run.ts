import type { Closing } from '../core/opened-run';
import type { RunStatus } from '../core/status';
import type { ActivityDeps, ClosingRun } from './deps';
import { findNotifier, notify } from '../planning/notifiers';
import { isTrusted, starterOf } from '../planning/run-trust';

/**
 * Calls the notifier that the input names. Refused runs also notify: a nightly run that found no table is
 * worth a notification.
 */
export async function notifyClosingRun(deps: ActivityDeps, { task, context }: ClosingRun): Promise<void> {
  const { runId, notify: wanted, closing } = task;
  if (wanted === null) return;
  const starter = await starterOf(deps, context);
  // Otherwise anyone who can start a run could have the notifiers called as often as they like.
  if (starter === null) return;
  const notifier = findNotifier(wanted, await deps.project(), { trusted: isTrusted(starter) });
  // The run was refused for this, among other things, so there is no notifier to call.
  if (typeof notifier === 'string') return;
  const { summary, error } = closing;
  await notify(notifier, {
    version: 1,
    runId,
    workflowRunId: context.info.workflowExecution!.runId,
    status: statusOf(closing),
    summary,
    error: error === null ? null : { type: error.type, message: error.message },
  });
}

export function statusOf({ summary, kind }: Closing): RunStatus {
  return summary?.status ?? (kind === 'cancelled' ? 'CANCELLED' : 'FAILURE');
}
