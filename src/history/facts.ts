/**
 * The contents of a run's history without Temporal's wire format: one fact per relevant event. `decode.ts`
 * creates them from events, `fold.ts` folds them into a run's record.
 */
import type { ErrorInfo, UnitResult } from '../core/outcome';
import type { OpenedRun } from '../core/opened-run';
import type { RunPlan } from '../core/plan';
import type { CommitResult, RunSummary, UnitTask } from '../core/tasks';
import type { Tolerance } from '../core/failures/tolerance';

/** Activities that occur once per run. */
export type Step = 'openRun' | 'planRun' | 'commitRun';

/** A shard, and the workflow execution that has its history. */
export interface ShardRef {
  number: number;
  execution: { workflowId: string; runId: string };
}

/** How a workflow execution can end. */
export type CloseKind = 'completed' | 'failed' | 'cancelled' | 'terminated' | 'timedOut';

/**
 * Times (`at`, `startedAt`) are ISO 8601 UTC. `unit` is the id of the event that scheduled the unit's
 * activity; for a shard's units, offset to the shard's own range of numbers.
 */
export type Fact =
  | { type: 'started'; at: string; input: unknown }
  | { type: 'opened'; opened: OpenedRun }
  | { type: 'planned'; plan: RunPlan }
  | {
      type: 'unitScheduled';
      unit: number;
      at: string;
      activityId: string;
      task: UnitTask;
      /** As shown in Temporal's UI; null if it has none. */
      label: string | null;
    }
  /** Reported by the unit: it completed, or failed with its result in the failure's details. */
  | {
      type: 'unitEnded';
      unit: number;
      at: string;
      startedAt: string | null;
      attempts: number;
      result: UnitResult;
    }
  /** Reported by the server: timed out, cancelled, or failed without a result. */
  | {
      type: 'unitLost';
      unit: number;
      at: string;
      startedAt: string | null;
      attempts: number;
      cancelled: boolean;
      error: ErrorInfo;
    }
  /**
   * Its activity was completed with something other than its result, for example by hand. It is retried while
   * its budget lasts.
   */
  | { type: 'unitWithoutResult'; unit: number; at: string; startedAt: string | null; attempts: number }
  /** A shard started: a workflow with its own history, whose units are units of the run. */
  | { type: 'shardStarted'; shard: number; workflowId: string; workflowRunId: string }
  | { type: 'shardEnded'; shard: number; at: string }
  /**
   * The run's workflow waits, or that of a shard, for example before a round of retries. `until`: ISO 8601
   * UTC.
   */
  | { type: 'waitStarted'; wait: number; shard: number | null; until: string }
  | { type: 'waitEnded'; wait: number }
  | { type: 'committed'; commit: CommitResult }
  | { type: 'stepFailed'; step: Step; error: ErrorInfo }
  | { type: 'cancelRequested'; at: string }
  /** The signal arrived. `by`: the client's identity; null if it gave none. */
  | { type: 'pauseAsked'; paused: boolean; by: string | null; at: string }
  /** The workflow applied it: from here on, nothing is started (or work is started again). */
  | { type: 'pauseTaken'; paused: boolean }
  | { type: 'concurrencySet'; maxConcurrency: number }
  | { type: 'toleranceSet'; toleratedFailures: Tolerance }
  /**
   * Skipped by hand. `cutOff`: how many of them were running, and have an outcome that records them as cut
   * off.
   */
  | { type: 'skipped'; ordinals: string; cutOff: number }
  | {
      type: 'closed';
      at: string;
      kind: CloseKind;
      error: ErrorInfo | null;
      summary: RunSummary | null;
      /**
       * For an execution that was refused because its run id exists: the execution that readers should use
       * instead.
       */
      realExecution: string | null;
    };
