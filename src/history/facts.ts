/**
 * What a run's history says, without Temporal's wire format: one fact per event that matters. `decode.ts`
 * makes them from events, `fold.ts` makes a run's record from them.
 */
import type { ErrorInfo, UnitResult } from '../core/outcome';
import type { OpenedRun } from '../core/opened-run';
import type { RunPlan } from '../core/plan';
import type { CommitResult, RunSummary, UnitTask } from '../core/tasks';
import type { Tolerance } from '../core/failures/tolerance';

/** Activities that a run has one of. */
export type Step = 'openRun' | 'planRun' | 'commitRun';

/** Which history of which shard. */
export interface ShardRef {
  number: number;
  execution: { workflowId: string; runId: string };
}

/** How a workflow execution can end. */
export type CloseKind = 'completed' | 'failed' | 'cancelled' | 'terminated' | 'timedOut';

/**
 * Times (`at`, `startedAt`) are ISO 8601 UTC. `unit` is the id of the event that scheduled the unit's
 * activity; of a shard's, added to the shard's own range of numbers.
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
      /** As Temporal's UI shows it; null: it has none. */
      label: string | null;
    }
  /** The unit's own word: it completed, or failed with its result in the failure's details. */
  | {
      type: 'unitEnded';
      unit: number;
      at: string;
      startedAt: string | null;
      attempts: number;
      result: UnitResult;
    }
  /** The server's word: timed out, cancelled, or failed without a result. */
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
   * Its activity was completed with something that is not its result: by hand, for example. It is tried again
   * while its budget lasts.
   */
  | { type: 'unitWithoutResult'; unit: number; at: string; startedAt: string | null; attempts: number }
  /** A shard began: a workflow with a history of its own, whose units are units of the run. */
  | { type: 'shardBegun'; shard: number; workflowId: string; workflowRunId: string }
  | { type: 'shardEnded'; shard: number; at: string }
  | { type: 'committed'; commit: CommitResult }
  | { type: 'stepFailed'; step: Step; error: ErrorInfo }
  | { type: 'cancelRequested'; at: string }
  /** The signal came. */
  | { type: 'pauseAsked'; paused: boolean }
  /** The workflow took it: nothing is started (or things are again) from here on. */
  | { type: 'pauseTaken'; paused: boolean }
  | { type: 'concurrencySet'; maxConcurrency: number }
  | { type: 'toleranceSet'; toleratedFailures: Tolerance }
  /** By hand. `cutOff`: how many of them ran, and have an outcome that says they were cut off. */
  | { type: 'skipped'; ordinals: string; cutOff: number }
  | {
      type: 'closed';
      at: string;
      kind: CloseKind;
      error: ErrorInfo | null;
      summary: RunSummary | null;
      /**
       * For an execution that was refused because its run id exists: the execution that readers should look
       * at.
       */
      realExecution: string | null;
    };
