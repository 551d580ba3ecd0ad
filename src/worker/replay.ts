/**
 * Runs recorded histories through the workflow code that is installed here, as a worker would that takes them
 * over.
 */
import { join } from 'node:path';
import type { DataConverter } from '@temporalio/common';
import { Worker } from '@temporalio/worker';
import type { RunHistory } from '../reader/histories/histories';
import { partingOf, type Parting } from './divergence';

/** What became of one history. */
export interface ReplayReport {
  runId: string;
  /** Whose history it is; null: the run's own. */
  shard: number | null;
  workflowRunId: string;
  /** Events that it has. */
  events: number;
  /** Null: the code takes the history as it is. */
  parting: Parting | null;
}

export interface ReplayOptions {
  /** Of the project whose runs they are: with a codec of its own its payloads can be read. */
  dataConverter?: DataConverter;
  /** A workflow bundle other than the installed one. */
  bundle?: string;
}

/**
 * Checks histories, one after the other, against the installed workflow code: whether a worker of this
 * release can take over the runs that they are of. What does not fit Temporal's runtime logs too, in its own
 * words; `Runtime.install` with another logger before this silences it.
 *
 * ```ts
 * import { Partwise } from 'partwise';
 * import { replayRuns } from 'partwise/worker';
 * const partwise = await Partwise.connect({ needWorker: false });
 * for await (const { runId, parting } of replayRuns(partwise.histories({ last: 20 })))
 *   console.log(runId, parting?.message ?? 'ok');
 * ```
 */
export async function* replayRuns(
  histories: AsyncIterable<RunHistory> | Iterable<RunHistory>,
  { dataConverter, bundle = join(__dirname, '..', 'workflow-bundle.js') }: ReplayOptions = {},
): AsyncGenerator<ReplayReport> {
  const idle: ReplayReport[] = [];
  let pushed: RunHistory;
  async function* replayable(): AsyncGenerator<{ workflowId: string; history: Pick<RunHistory, 'events'> }> {
    for await (const history of histories) {
      pushed = history;
      // Temporal's replay waits for ever for the end of a history in which no workflow task was done.
      if (history.events.some((event) => event.workflowTaskCompletedEventAttributes))
        yield { workflowId: history.runId, history: { events: history.events } };
      else idle.push(reportOf(history, null));
    }
  }
  const results = Worker.runReplayHistories(
    { workflowBundle: { codePath: bundle }, replayName: 'partwise-replay', dataConverter },
    replayable(),
  );
  for await (const { error } of results) {
    yield* idle.splice(0);
    yield reportOf(pushed!, error === undefined ? null : partingOf(error, pushed!.events));
  }
  yield* idle;
}

function reportOf(
  { runId, shard, workflowRunId, events }: RunHistory,
  parting: Parting | null,
): ReplayReport {
  return { runId, shard, workflowRunId, events: events.length, parting };
}
