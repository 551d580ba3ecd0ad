/** Work that is done once when a run ends, whatever its status. It never changes how the run ends. */
import {
  ApplicationFailure,
  CancellationScope,
  isCancellation,
  patched,
  proxyActivities,
  upsertMemo,
} from '@temporalio/workflow';
import { executionEnd, type EndMemo } from '../core/end-memo';
import type { Closing, OpenedRun } from '../core/opened-run';
import type { RunPlan } from '../core/plan';
import { summaryIn, summaryOf } from './ending';
import type { Progress } from './progress';
import { END_MEMO, type RunActivities } from '../core/workflow';

/**
 * Maximum length of the run's error message that is passed on: the workflow's failure has the whole message.
 */
const MAX_MESSAGE = 4_000;

/** `plan` is null if the run was refused, or ended before it was planned. */
export function closingAfter(error: unknown, plan: RunPlan | null, progress: Progress): Closing {
  if (isCancellation(error)) {
    const summary = plan === null ? null : summaryOf(plan, progress, 'CANCELLED');
    const info = { type: 'Cancelled', message: 'The run was cancelled.', stack: null };
    return { kind: 'cancelled', summary, error: info };
  }
  const { name, message } = error instanceof Error ? error : { name: 'Error', message: String(error) };
  const type = (error instanceof ApplicationFailure && error.type) || name;
  const info = { type, message: message.slice(0, MAX_MESSAGE), stack: null };
  return { kind: 'failed', summary: summaryIn(error), error: info };
}

/** `opened` is null if the run was refused. */
export async function closeWorkflow(
  runId: string,
  input: unknown,
  opened: OpenedRun | null,
  closing: Closing,
): Promise<void> {
  const activities = proxyActivities<RunActivities>({
    startToCloseTimeout: '2 minutes',
    heartbeatTimeout: '10s',
    retry: { maximumAttempts: 3, initialInterval: '1s' },
  });
  const place =
    opened === null
      ? null
      : {
          stage: opened.stage,
          stageToken: opened.stageToken,
          generation: opened.generation,
          execution: opened.execution,
        };
  try {
    await CancellationScope.nonCancellable(() =>
      activities.closeRun({
        version: 1,
        runId,
        opened: place,
        notify: notifierIn(opened === null ? input : opened.input),
        closing,
      }),
    );
  } catch {
    // The activity's failure, which Temporal shows, says what was not done; it does not affect the run.
  }
}

/** Lets lists of runs show the end. Called with the last commands of the workflow. */
export function describeEnd({ kind, summary, error }: Closing, planned: boolean): void {
  // Histories of earlier releases end without it.
  if (!patched('describe-end')) return;
  const status = kind === 'cancelled' ? 'CANCELLED' : 'FAILURE';
  const memo: EndMemo = { version: 1, ...executionEnd(summary, error, { status, planned }) };
  upsertMemo({ [END_MEMO]: memo });
}

/** The input of a refused run may be anything. */
function notifierIn(input: unknown): string | null {
  if (typeof input !== 'object' || input === null || !('notify' in input)) return null;
  return typeof input.notify === 'string' ? input.notify : null;
}
