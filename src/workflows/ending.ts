/** How a run ends: its status and counts (I8), its failure's words, and the commit. */
import {
  ActivityFailure,
  ApplicationFailure,
  CancellationScope,
  CancelledFailure,
  isCancellation,
  proxyActivities,
} from '@temporalio/workflow';
import type { OpenedRun } from '../core/opened-run';
import type { CommitResult, RunPlan, RunSummary } from '../core/plan';
import { isCommitResult, isRunSummary } from '../core/recorded';
import { shardId } from '../core/units/shards';
import { failed, settledStatus, withinTolerance, type RunStatus } from '../core/status';
import { stopMessage } from '../core/failures/stop';
import { resultOf } from './result-of';
import type { Progress } from './progress';
import type { Stopping } from './stopping';
import type { RunActivities } from '../core/workflow';

/** What ends by itself in the end, so that a run never waits for ever without a word. */
export const CONTROL_RETRY = { maximumAttempts: 12, maximumInterval: '30s' } as const;

export function summaryOf(
  plan: RunPlan,
  { counts, total, firstErrors }: Progress,
  status: RunStatus,
): RunSummary {
  const { runId, rows, generation, execution } = plan;
  return {
    version: 1,
    runId,
    status,
    counts: { total, ...counts },
    rows,
    generation,
    execution,
    commit: null,
    firstErrors,
    stopped: null,
  };
}

/**
 * The summary of a run whose units have ended. Throws the run's failure when more of them failed than are
 * tolerated.
 */
export function settle(plan: RunPlan, progress: Progress, stopping: Stopping): RunSummary {
  const { reason: stopped } = stopping;
  const notStarted = stopped === null ? 0 : progress.stop();
  const { total, counts } = progress;
  const summary = summaryOf(plan, progress, settledStatus(counts));
  if (stopped !== null) {
    const facts = { runId: plan.runId, total, notStarted, example: exampleOf(summary.firstErrors) };
    const message = stopMessage(stopped, stopping.standing, facts);
    throw partialFailure(message, { ...summary, stopped: { reason: stopped, message } });
  }
  const { toleratedFailures } = stopping.standing;
  // enforces I8
  if (withinTolerance(counts, toleratedFailures)) return summary;
  throw partialFailure(describeFailure(summary, toleratedFailures), summary);
}

function partialFailure(message: string, summary: RunSummary): ApplicationFailure {
  return ApplicationFailure.nonRetryable(message, 'PartialFailure', summary);
}

function describeFailure({ runId, counts, firstErrors }: RunSummary, toleratedFailures: number): string {
  const count = failed(counts);
  const example = exampleOf(firstErrors);
  return count > toleratedFailures
    ? `${count} of ${counts.total} partitions of "${runId}" failed, and ${toleratedFailures} ${toleratedFailures === 1 ? 'is' : 'are'} tolerated.${example}`
    : `No partition of "${runId}" succeeded (${count} of ${counts.total} failed). A run needs at least one DONE partition, whatever toleratedFailures allows (${toleratedFailures}).${example}`;
}

function exampleOf([first]: RunSummary['firstErrors']): string {
  return first === undefined ? '' : ` First error: ${first.id}: ${first.error.message}`;
}

/** How a run stands that ended with this error. */
export function statusAfter(error: unknown): RunStatus {
  return isCancellation(error) ? 'CANCELLED' : (summaryIn(error)?.status ?? 'FAILURE');
}

/** The summary that a run's failure carries; null when it came to none. */
export function summaryIn(error: unknown): RunSummary | null {
  const details = error instanceof ApplicationFailure ? error.details?.[0] : null;
  // Refusals carry other details, and what was failed by hand carries anything.
  return isRunSummary(details) ? details : null;
}

/** `plan` null: the run was not planned in time. */
export function runTimeout(limitMs: number, plan: RunPlan | null, progress: Progress): ApplicationFailure {
  const { counts, total } = progress;
  const soFar =
    plan === null
      ? 'Nothing was started.'
      : `${counts.DONE} of ${total} partitions are done, and nothing was written. Finish it with partwise retry ${plan.runId}.`;
  return ApplicationFailure.create({
    message: `The run did not end within ${limitMs / 1000} s (its runTimeout), so it was stopped. ${soFar}`,
    type: 'RunTimeout',
    nonRetryable: true,
    details: plan === null ? [] : [summaryOf(plan, progress, 'FAILURE')],
  });
}

/** A shard did not come to its end by itself. What its partitions came to, its own history says. */
export function shardLost(
  plan: RunPlan,
  progress: Progress,
  { shard, why }: { shard: number; why: string },
): ApplicationFailure {
  return ApplicationFailure.create({
    message:
      `Shard ${shard} of ${plan.sharding!.shards.length} (the workflow "${shardId(plan, shard)}") was lost: ${why}. The other shards were cancelled, and nothing was written. ` +
      `Finish the run with partwise retry ${plan.runId}.`,
    type: 'ShardLost',
    nonRetryable: true,
    details: [summaryOf(plan, progress, 'FAILURE')],
  });
}

/** Writes the rows, if they are to be written and there are any to write. */
export async function commit(plan: RunPlan, opened: OpenedRun, summary: RunSummary): Promise<RunSummary> {
  const { runId, generation, execution, stage, output, keyColumns, index } = plan;
  if (output === null || summary.counts.DONE === 0) return summary;
  const { commit: last = null, committed = true } = opened.continues ?? {};
  // A continuation that found nothing left to run, of a run whose rows are where they belong.
  const target = 'table' in output ? output.table : 'model' in output ? output.model : output.file;
  const nothingRan = plan.units.length === 0 && plan.sharding == null;
  // enforces I10
  if (nothingRan && last?.target === target && committed) return { ...summary, commit: last };
  const { commitRun } = proxyActivities<RunActivities>({
    startToCloseTimeout: opened.planTimeoutMs,
    heartbeatTimeout: opened.heartbeatTimeoutMs,
    // Some minutes: long enough for a person to close a program that holds the file.
    retry: CONTROL_RETRY,
    // enforces I8: a cancel that comes during the commit either stops it, or finds it made.
    cancellationType: 'WAIT_CANCELLATION_COMPLETED',
  });
  let result: CommitResult;
  try {
    const answer = await commitRun({
      version: 1,
      runId,
      generation,
      execution,
      stage,
      stageToken: opened.stageToken,
      warehouse: opened.warehouse,
      output,
      keyColumns,
      index,
    });
    result = resultOf('commitRun', answer, isCommitResult);
  } catch (error) {
    if (isCancellation(error)) throw error;
    // It failed for another reason just then: the run was cancelled all the same.
    if (CancellationScope.current().consideredCancelled) throw new CancelledFailure('The run was cancelled.');
    const cause = error instanceof ActivityFailure ? error.cause : error;
    // Anything may have been recorded instead of what the commit came to.
    const outcome =
      error instanceof ActivityFailure
        ? 'their rows were not written'
        : 'it is unknown whether their rows were written';
    throw ApplicationFailure.create({
      message: `The partitions have ended, but ${outcome}: ${cause instanceof Error ? cause.message : String(error)}`,
      type: 'CommitFailed',
      nonRetryable: true,
      details: [{ ...summary, status: 'FAILURE' }],
    });
  }
  return { ...summary, commit: result };
}
