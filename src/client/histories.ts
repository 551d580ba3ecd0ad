/** Raw histories of runs, for checks of workflow code. */
import type { Client } from '@temporalio/client';
import type { HistoryEvent } from '../history/decode';
import { NoSuchRun } from './errors';
import type { ExecutionHistory } from './execution-history';
import { historyInFile } from './history-file';
import { listRuns } from './list';
import { RunReader } from './run-reader';
import { ServerRun } from './run-source';

/** The recorded history of one execution of a run. Its events are Temporal's own, payloads still encoded. */
export interface RunHistory {
  runId: string;
  workflowRunId: string;
  events: HistoryEvent[];
}

/** Which histories. */
export interface HistoriesOptions {
  /** Run ids. */
  runs?: readonly string[];
  /** The newest so many runs of the server. */
  last?: number;
}

/** All executions of the runs, those that the server or an archive still has; one history is in memory at a time. */
export async function* histories(
  client: Client,
  stage: string | null,
  { runs = [], last = 0 }: HistoriesOptions,
): AsyncGenerator<RunHistory> {
  for (const runId of runs) yield* executions(client, stage, runId);
  if (last === 0) return;
  for (const { runId } of await listRuns(client, last)) {
    if (runs.includes(runId)) continue;
    try {
      yield* executions(client, stage, runId);
    } catch (error) {
      // It expired after it was listed.
      if (!(error instanceof NoSuchRun)) throw error;
    }
  }
}

/** Throws `NoSuchRun`; older executions that have expired are passed over. */
async function* executions(client: Client, stage: string | null, runId: string): AsyncGenerator<RunHistory> {
  const { state } = await new RunReader(new ServerRun(client, runId, null, stage)).read();
  const newest = state.executions.at(-1)!;
  for (const { workflowRunId } of state.executions) {
    const execution = new ServerRun(client, runId, workflowRunId, stage);
    try {
      yield await wholeHistory(await execution.locate());
    } catch (error) {
      if (!(error instanceof NoSuchRun) || workflowRunId === newest.workflowRunId) throw error;
    }
  }
}

/** The history in a file: an archive, or what `temporal workflow show --output json` writes. Throws `UnreadableHistory`. */
export async function readHistory(file: string): Promise<RunHistory> {
  return wholeHistory(await historyInFile(file));
}

async function wholeHistory(history: ExecutionHistory): Promise<RunHistory> {
  const events: HistoryEvent[] = [];
  for await (const page of history.pages()) events.push(...page);
  const { workflowId, runId } = history.execution;
  return { runId: workflowId, workflowRunId: runId, events };
}
