/**
 * Determines which execution of a run id is the run. Temporal silently starts a new execution when a closed
 * workflow id is reused; a refused execution ran nothing, and must not hide the one before it.
 */
import { decodeClose } from '../history/decode-close';
import { valueOf } from '../history/untrusted-payloads';
import { asRunPlan } from '../core/answers/step-results';
import {
  isInvalidArgument,
  isNotFound,
  type Description,
  type ExecutionRef,
  type HistorySource,
} from './histories/history-source';
import type { Visibility } from './visibility';
import type { HistoryEvent, PayloadDecoder } from '../history/events';

/** Temporal's numbers for the status of an execution. */
export const STATUS = { running: 1, completed: 2, failed: 3, cancelled: 4 } as const;

/** The run's latest execution that was not refused; the latest if all were refused. */
export async function findExecution(
  source: HistorySource,
  visibility: Visibility,
  decoder: PayloadDecoder,
  runId: string,
): Promise<{ description: Description; refused: boolean }> {
  const latest = await source.describe(runId);
  const refusal = await findRefusal(source, decoder, runId, latest);
  if (refusal === null) return { description: latest, refused: false };
  const real = refusal.realExecution === null ? null : await described(source, runId, refusal.realExecution);
  if (real !== null) return { description: real, refused: false };
  for await (const { execution } of visibility.runsOf([runId])) {
    const older = await source.describe(runId, execution!.runId!);
    if ((await findRefusal(source, decoder, runId, older)) === null)
      return { description: older, refused: false };
  }
  return { description: latest, refused: true };
}

/**
 * Null if there is no such execution (anymore): the failure of a workflow that was failed by hand may name
 * anything.
 */
async function described(
  source: HistorySource,
  runId: string,
  execution: string,
): Promise<Description | null> {
  return source.describe(runId, execution).catch((error: unknown) => {
    if (isNotFound(error) || isInvalidArgument(error)) return null;
    throw error;
  });
}

/**
 * Not null if the execution ran nothing: it closed before it was planned, because it was refused, cancelled
 * or terminated. In that case, the run is the execution before it.
 */
async function findRefusal(
  source: HistorySource,
  decoder: PayloadDecoder,
  workflowId: string,
  { workflowExecutionInfo: info }: Description,
): Promise<{ realExecution: string | null } | null> {
  if (info?.status === STATUS.running || info?.status === STATUS.completed) return null;
  const execution = { workflowId, runId: info!.execution!.runId! };
  if (await hasPlanned(source, decoder, execution)) return null;
  const event = await source.closeEvent(execution);
  const close = event === null ? null : await decodeClose(event, decoder);
  return { realExecution: close?.realExecution ?? null };
}

/** Whether the execution was planned: this happens among its first events, or never. */
export async function hasPlanned(
  source: HistorySource,
  decoder: PayloadDecoder,
  execution: ExecutionRef,
): Promise<boolean> {
  const { value: events } = await source.pages(execution).next();
  return hasPlannedIn((events as HistoryEvent[] | undefined) ?? [], decoder);
}

export async function hasPlannedIn(
  events: readonly HistoryEvent[],
  decoder: PayloadDecoder,
): Promise<boolean> {
  const scheduled = events.find(
    (event) => event.activityTaskScheduledEventAttributes?.activityType?.name === 'planRun',
  );
  if (scheduled?.eventId == null) return false;
  const completed = events.find(
    (event) =>
      String(event.activityTaskCompletedEventAttributes?.scheduledEventId) === String(scheduled.eventId),
  )?.activityTaskCompletedEventAttributes;
  return completed != null && asRunPlan(await valueOf(decoder, completed.result)) !== null;
}
