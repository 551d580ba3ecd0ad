/** Raw histories of runs, for checking workflow code. */
import type { Client } from '@temporalio/client';
import { shardsIn } from '../../history/decode';
import { shardNumber } from '../../core/units/shards';
import { assertOfRun, parseEvents } from '../archive/content';
import { NoSuchRun, UnreadableHistory } from '../errors';
import { contentOf } from './history-file';
import { newestRuns } from '../list';
import { RunReader } from '../run-reader';
import { ServerRun } from '../run-source';
import { SHARD_TYPE } from '../visibility';
import type { HistoryEvent } from '../../history/events';
import { WORKFLOW_TYPE } from '../../core/workflow';

/**
 * The recorded history of one execution of a run, or of one of its shards. Events are Temporal's own, with
 * payloads still encoded.
 */
export interface RunHistory {
  runId: string;
  /** Number of the shard; null for the run's own history. */
  shard: number | null;
  workflowRunId: string;
  events: HistoryEvent[];
}

/** Selects histories. */
export interface HistoriesOptions {
  /** Run ids. */
  runs?: readonly string[];
  /** Number of the server's newest runs to include. */
  last?: number;
}

/**
 * All executions of the runs and their shards that the server or an archive still has; one history is in
 * memory at a time.
 */
export async function* histories(
  client: Client,
  stage: string | null,
  { runs = [], last = 0 }: HistoriesOptions,
): AsyncGenerator<RunHistory> {
  for (const runId of runs) yield* executions(client, stage, runId);
  if (last === 0) return;
  for (const { runId } of await newestRuns(client, last)) {
    if (runs.includes(runId)) continue;
    try {
      yield* executions(client, stage, runId);
    } catch (error) {
      // It expired after it was listed, or its shards expired before it.
      if (!(error instanceof NoSuchRun || error instanceof UnreadableHistory)) throw error;
    }
  }
}

/** Throws `NoSuchRun`; expired older executions are skipped. */
async function* executions(client: Client, stage: string | null, runId: string): AsyncGenerator<RunHistory> {
  const reader = new RunReader(new ServerRun(client, runId, null, stage));
  const { state, record } = await reader.read();
  const newest = state.executions.at(-1)!;
  for (const { workflowRunId, execution } of state.executions) {
    try {
      const history = await new ServerRun(client, runId, workflowRunId, stage).locate();
      const own = { runId, shard: null, workflowRunId, events: await eventsOf(history.pages()) };
      yield own;
      for (const { number, execution: ref } of shardsIn(own.events)) {
        const shard = history.shard({ number, execution: ref }, execution!, reader.stage(record)!);
        yield { runId, shard: number, workflowRunId: ref.runId, events: await eventsOf(shard.pages()) };
      }
    } catch (error) {
      if (!(error instanceof NoSuchRun) || workflowRunId === newest.workflowRunId) throw error;
    }
  }
}

/**
 * Reads the history of a run or a shard from a file: an archive, or the output of `temporal workflow show
 * --output json`. Throws `UnreadableHistory`.
 */
export async function readHistory(file: string): Promise<RunHistory> {
  const { events, archive, execution, type } = parseEvents(await contentOf(file), `"${file}"`);
  assertOfRun(type, `"${file}"`, [WORKFLOW_TYPE, SHARD_TYPE]);
  const { workflowId, runId: workflowRunId } = execution;
  const shard = type === SHARD_TYPE ? shardNumber(workflowId) : null;
  return { runId: archive.runId ?? workflowId, shard, workflowRunId, events };
}

async function eventsOf(pages: AsyncIterable<HistoryEvent[]>): Promise<HistoryEvent[]> {
  const events: HistoryEvent[] = [];
  for await (const page of pages) events.push(...page);
  return events;
}
