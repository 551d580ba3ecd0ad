/** How a run ends: its status and counts (I8), its failure message, and the commit. */
import {
  ActivityFailure,
  ApplicationFailure,
  CancellationScope,
  CancelledFailure,
  isCancellation,
  proxyActivities,
} from '@temporalio/workflow';
import type { OpenedRun } from '../core/opened-run';
import type { RunPlan } from '../core/plan';
import type { CommitResult, RunSummary } from '../core/tasks';
import { asCommitResult, asRunSummary } from '../core/answers/step-results';
import { partitionName } from '../core/partition-name';
import { shellWord } from '../core/shell-word';
import { shardId } from '../core/units/shards';
import { failed, settledStatus, withinTolerance, type RunStatus } from '../core/status';
import { stopMessage } from '../core/failures/stop';
import { resultOf } from './result-of';
import type { Progress } from './progress';
import type { Stopping } from './stopping';
import type { RunActivities } from '../core/workflow';

/** Retries are limited, so a run never silently waits forever. */
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
 * The summary of a run whose units have ended. Throws the run's failure if more partitions failed than are
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
  return first === undefined ? '' : ` First error: ${partitionName(first.id)}: ${first.error.message}`;
}

/** The status of a run that ended with this error. */
export function statusAfter(error: unknown): RunStatus {
  return isCancellation(error) ? 'CANCELLED' : (summaryIn(error)?.status ?? 'FAILURE');
}

/** The summary in the details of a run's failure; null if it has none. */
export function summaryIn(error: unknown): RunSummary | null {
  const details = error instanceof ApplicationFailure ? error.details?.[0] : null;
  // Refusals have other details, and a workflow that was failed by hand may have any.
  return asRunSummary(details);
}

/** `plan` is null if the run was not planned in time. */
export function runTimeout(limitMs: number, plan: RunPlan | null, progress: Progress): ApplicationFailure {
  const { counts, total } = progress;
  const soFar =
    plan === null
      ? 'Nothing was started.'
      : `${counts.DONE} of ${total} partitions are done, and nothing was written. Finish it with partwise retry ${shellWord(plan.runId)}.`;
  return ApplicationFailure.create({
    message: `The run did not end within ${limitMs / 1000} s (its runTimeout), so it was stopped. ${soFar}`,
    type: 'RunTimeout',
    nonRetryable: true,
    details: plan === null ? [] : [summaryOf(plan, progress, 'FAILURE')],
  });
}

/**
 * The failure of a run that lost a shard. The outcomes of the shard's partitions are in the shard's own
 * history.
 */
export function shardLost(
  plan: RunPlan,
  progress: Progress,
  { shard, why }: { shard: number; why: string },
): ApplicationFailure {
  return ApplicationFailure.create({
    message:
      `Shard ${shard} of ${plan.sharding!.shards.length} (the workflow "${shardId(plan, shard)}") was lost: ${why}. The other shards were cancelled, and nothing was written. ` +
      `Finish the run with partwise retry ${shellWord(plan.runId)}.`,
    type: 'ShardLost',
    nonRetryable: true,
    details: [summaryOf(plan, progress, 'FAILURE')],
  });
}

/**
 * Writes the rows, if the run has an output and any partition is done. A run without partitions writes them
 * too: its table is to have none.
 */
export async function commit(plan: RunPlan, opened: OpenedRun, summary: RunSummary): Promise<RunSummary> {
  const { runId, generation, execution, stage, output, keyColumns, index } = plan;
  if (output === null) return summary;
  const { DONE, total } = summary.counts;
  if (DONE === 0 && (total > 0 || 'model' in output)) return summary;
  const { commit: last = null, committed = true } = opened.continues ?? {};
  // A continuation with nothing left to run, of a run whose rows have already been written.
  const target = 'table' in output ? output.table : 'model' in output ? output.model : output.file;
  const nothingRan = plan.units.length === 0 && plan.sharding == null;
  // enforces I10
  if (nothingRan && last?.target === target && committed) return { ...summary, commit: last };
  const { commitRun } = proxyActivities<RunActivities>({
    startToCloseTimeout: opened.planTimeoutMs,
    heartbeatTimeout: opened.heartbeatTimeoutMs,
    // A few minutes: long enough for someone to close a program that has the file open.
    retry: CONTROL_RETRY,
    // enforces I8: a cancel during the commit either stops it, or finds it done.
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
    result = resultOf('commitRun', answer, asCommitResult);
  } catch (error) {
    if (isCancellation(error)) throw error;
    // The commit failed for another reason at the same time, but the run was cancelled.
    if (CancellationScope.current().consideredCancelled) throw new CancelledFailure('The run was cancelled.');
    const cause = error instanceof ActivityFailure ? error.cause : error;
    // Anything may have been recorded instead of the commit's result.
    const outcome =
      error instanceof ActivityFailure
        ? 'their rows were not written'
        : 'it is unknown whether their rows were written';
    const reason = cause instanceof Error ? cause.message : String(error);
    // Several problems are a list, which begins on a line of its own.
    const separator = reason.startsWith('- ') ? '\n' : ' ';
    throw ApplicationFailure.create({
      message: `The partitions have ended, but ${outcome}:${separator}${reason}`,
      type: 'CommitFailed',
      nonRetryable: true,
      details: [{ ...summary, status: 'FAILURE' }],
    });
  }
  return { ...summary, commit: result };
}
