/**
 * Which execution of a run id is the run. Temporal starts another execution of a closed id without a word; one that was refused
 * ran nothing, and must not hide the one before it.
 */
import { decodeClose, type PayloadDecoder } from '../history/decode';
import type { Description, HistorySource } from './history-source';
import type { Visibility } from './visibility';

/** Temporal's numbers for how an execution stands. */
export const STATUS = { running: 1, completed: 2, failed: 3, cancelled: 4 } as const;

/** The description of the run's latest execution that was not refused; if all were, of the latest. */
export async function findExecution(
  source: HistorySource,
  visibility: Visibility,
  decoder: PayloadDecoder,
  runId: string,
): Promise<Description> {
  const latest = await source.describe(runId);
  const refusal = await refusalOf(source, decoder, runId, latest);
  if (refusal === null) return latest;
  if (refusal.realExecution !== null) return source.describe(runId, refusal.realExecution);
  for await (const { execution } of visibility.runsOf(runId)) {
    const older = await source.describe(runId, execution!.runId!);
    if ((await refusalOf(source, decoder, runId, older)) === null) return older;
  }
  return latest;
}

/**
 * Why an execution ran nothing; null when it may have. A failed execution that came as far as its partitions carries their
 * counts, so one without them was refused.
 */
export async function refusalOf(
  source: HistorySource,
  decoder: PayloadDecoder,
  workflowId: string,
  { workflowExecutionInfo: info }: Description,
): Promise<{ realExecution: string | null } | null> {
  if (info?.status !== STATUS.failed) return null;
  const event = await source.closeEvent({ workflowId, runId: info.execution!.runId! });
  const close = event === null ? null : await decodeClose(event, decoder);
  return close === null || close.summary !== null ? null : { realExecution: close.realExecution };
}
