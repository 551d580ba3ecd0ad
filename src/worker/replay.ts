/**
 * Replays recorded histories with the installed workflow code, as a worker would when it takes over a run.
 */
import { join } from 'node:path';
import type { DataConverter } from '@temporalio/common';
import { Worker } from '@temporalio/worker';
import type { RunHistory } from '../reader/histories/histories';
import { divergenceOf, type Divergence } from './divergence';

/** Result of replaying one history. */
export interface ReplayReport {
  runId: string;
  /** Number of the shard whose history it is. Null: the run's own history. */
  shard: number | null;
  workflowRunId: string;
  /** Number of events. */
  events: number;
  /** Null if the code can replay the history. */
  divergence: Divergence | null;
}

export interface ReplayOptions {
  /**
   * Data converter of the project that the runs belong to, needed to read payloads that a custom codec
   * encoded.
   */
  dataConverter?: DataConverter;
  /** Path of a workflow bundle to use instead of the installed one. */
  bundle?: string;
}

/**
 * Replays histories, one after another, with the installed workflow code, to check whether a worker of this
 * release can take over their runs. Temporal's runtime also logs divergences; to silence it, call
 * `Runtime.install` with another logger first.
 *
 * ```ts
 * import { Partwise } from 'partwise';
 * import { replayRuns } from 'partwise/worker';
 * const partwise = await Partwise.connect({ needWorker: false });
 * for await (const { runId, divergence } of replayRuns(partwise.histories({ last: 20 })))
 *   console.log(runId, divergence?.message ?? 'ok');
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
      // Temporal's replay waits forever for the end of a history without a completed workflow task.
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
    yield reportOf(pushed!, error === undefined ? null : divergenceOf(error, pushed!.events));
  }
  yield* idle;
}

function reportOf(
  { runId, shard, workflowRunId, events }: RunHistory,
  divergence: Divergence | null,
): ReplayReport {
  return { runId, shard, workflowRunId, events: events.length, divergence };
}
