/**
 * The workflow of a run: open, plan, every unit through the lanes, commit.
 *
 * It reads only its input, the plan and results, so that a release may change any default without touching runs in
 * flight. A partition's failure is data here; the workflow itself fails only at the end, with the counts (I8).
 */
import {
  ActivityFailure,
  ApplicationFailure,
  CancellationScope,
  CancelledFailure,
  isCancellation,
  proxyActivities,
  setHandler,
  setWorkflowOptions,
  sleep,
  workflowInfo,
} from '@temporalio/workflow';
import type { UnitResult } from '../run/outcome';
import type { CommitResult, OpenedRun, RunPlan, RunSummary, Unit, UnitTask } from '../run/plan';
import { cutRetryUnits, retryWaitMs } from '../run/retry-units';
import { settledStatus, withinTolerance } from '../run/status';
import type { RunActivities } from '../activities';
import { throughLanes } from './lanes';
import { partitionsQuery, progressQuery } from './messages';
import { Progress } from './progress';

/** What ends by itself in the end, so that a run never waits for ever without a word. */
const CONTROL_RETRY = { maximumAttempts: 12, maximumInterval: '30s' } as const;

// enforces I9: an error in this code ends the run with a message instead of leaving it on a task that fails for ever.
setWorkflowOptions({ failureExceptionTypes: [Error] }, partitionedRun);

/** See `RunInput` for the argument; it is taken as it comes and validated by `openRun`. */
export async function partitionedRun(input?: unknown): Promise<RunSummary> {
  const { openRun } = proxyActivities<RunActivities>({
    startToCloseTimeout: '1 hour',
    heartbeatTimeout: '10s',
    retry: CONTROL_RETRY,
  });
  let progress = new Progress(0);
  let settled = false;
  setHandler(progressQuery, () => ({
    status: settled ? settledStatus(progress.counts) : 'IN_PROGRESS',
    counts: { total: progress.total, ...progress.counts, ...inFlight(progress) },
    running: [...progress.running],
  }));
  setHandler(partitionsQuery, () => ({
    running: [...progress.running],
    failed: progress.firstErrors.map(({ id, error: { type, message } }) => ({
      id,
      error: { type, message },
    })),
  }));

  const opened = await unwrapped(openRun(input ?? null));
  const { planRun } = proxyActivities<RunActivities>({
    startToCloseTimeout: opened.planTimeoutMs,
    heartbeatTimeout: opened.heartbeatTimeoutMs,
    retry: CONTROL_RETRY,
  });
  const plan = await unwrapped(planRun({ opened, input: input ?? null }));
  progress = new Progress(plan.partitions);
  await runUnits(plan, opened, progress);
  if (CancellationScope.current().consideredCancelled) throw new CancelledFailure('The run was cancelled.');
  settled = true;
  return finish(plan, opened, progress);
}

/** A refusal fails the run as itself (`RunExists`, `InvalidInput`, …), not as "Activity task failed". */
async function unwrapped<T>(activity: Promise<T>): Promise<T> {
  try {
    return await activity;
  } catch (error) {
    throw error instanceof ActivityFailure && error.cause instanceof ApplicationFailure ? error.cause : error;
  }
}

function inFlight(progress: Progress): { RUNNING: number; PENDING: number } {
  const running = Math.min(progress.running.size, progress.counts.PENDING);
  return { RUNNING: running, PENDING: progress.counts.PENDING - running };
}

/** Every unit once; then rounds of those partitions of batches that threw and may be tried again. */
async function runUnits(plan: RunPlan, opened: OpenedRun, progress: Progress): Promise<void> {
  await throughLanes(
    [...plan.units.entries()],
    plan.maxConcurrency,
    ([unit, { from, to, label, partitions }]) =>
      runUnit(plan, opened, progress, {
        activityId: `${unit}`,
        label,
        unit,
        from,
        to,
        only: null,
        round: 0,
        partitions,
      }),
  );
  for (let round = 1; progress.retry.length > 0; round++) {
    const units = cutRetryUnits(progress.retry, plan.retryUnitsPerRound);
    progress.retry = [];
    await sleep(retryWaitMs(plan.retry, round));
    await throughLanes([...units.entries()], plan.maxConcurrency, ([unit, { from, to, only, partitions }]) =>
      runUnit(plan, opened, progress, {
        activityId: `r${round}.${unit}`,
        label: `retry ${round} of ${only}`.slice(0, 200),
        unit,
        from,
        to,
        only,
        round,
        partitions,
      }),
    );
  }
}

type UnitCall = Unit & Pick<UnitTask, 'unit' | 'only' | 'round'> & { activityId: string };

async function runUnit(plan: RunPlan, opened: OpenedRun, progress: Progress, call: UnitCall): Promise<void> {
  if (CancellationScope.current().consideredCancelled) return;
  const startToCloseTimeout = unitTimeoutMs(plan, call.partitions);
  const { processUnit } = proxyActivities<RunActivities>({ startToCloseTimeout });
  const { runId } = opened;
  const { generation, execution, stage } = plan;
  const { activityId, label, unit, from, to, partitions, only, round } = call;
  const task: UnitTask = {
    version: 1,
    runId,
    generation,
    execution,
    stage,
    stageToken: opened.stageToken,
    plan: plan.unitPlan,
    unit,
    from,
    to,
    partitions,
    only,
    round,
  };
  progress.running.add(label);
  try {
    const result = await processUnit.executeWithOptions(
      {
        activityId,
        summary: label,
        taskQueue: plan.taskQueue,
        startToCloseTimeout,
        heartbeatTimeout: plan.heartbeatTimeoutMs,
        // No maximum: the activity tells throws from lost workers and decides (see process-unit).
        retry: {
          initialInterval: plan.retry.initialIntervalMs,
          backoffCoefficient: plan.retry.backoffCoefficient,
          maximumInterval: plan.retry.maximumIntervalMs,
        },
        // enforces I12: the run closes only when the functions of its units have stopped.
        cancellationType: 'WAIT_CANCELLATION_COMPLETED',
      },
      [task],
    );
    progress.record(result);
  } catch (error) {
    // Nothing began: the state shows these partitions as cut off.
    if (isCancellation(error) && CancellationScope.current().consideredCancelled) return;
    recordFailure(progress, call, error);
  } finally {
    progress.running.delete(label);
  }
}

function unitTimeoutMs(plan: RunPlan, partitions: number): number {
  if (plan.partitionTimeoutMs === null) return plan.unitTimeoutMs;
  return Math.min(plan.unitTimeoutMs, plan.partitionTimeoutMs * partitions);
}

function recordFailure(progress: Progress, call: UnitCall, error: unknown): void {
  if (!(error instanceof ActivityFailure)) throw error;
  const { cause } = error;
  const result =
    cause instanceof ApplicationFailure ? (cause.details?.[0] as UnitResult | undefined) : undefined;
  if (result !== undefined) progress.record(result);
  else {
    const type =
      cause instanceof ApplicationFailure ? (cause.type ?? cause.name) : (cause?.name ?? 'ActivityFailure');
    progress.recordLost(call.label, call.partitions, {
      type,
      message: cause?.message ?? error.message,
      stack: null,
    });
  }
}

async function finish(plan: RunPlan, opened: OpenedRun, progress: Progress): Promise<RunSummary> {
  const summary: RunSummary = {
    version: 1,
    runId: opened.runId,
    status: settledStatus(progress.counts),
    counts: { total: progress.total, ...progress.counts },
    rows: plan.rows,
    generation: plan.generation,
    execution: plan.execution,
    commit: null,
    firstErrors: progress.firstErrors,
  };
  // enforces I8
  if (!withinTolerance(progress.counts, plan.toleratedFailures)) {
    throw ApplicationFailure.nonRetryable(describeFailure(summary, plan), 'PartialFailure', summary);
  }
  if (plan.output === null) return summary;
  const { commitRun } = proxyActivities<RunActivities>({
    startToCloseTimeout: opened.planTimeoutMs,
    heartbeatTimeout: opened.heartbeatTimeoutMs,
    // Some minutes: long enough for a person to close a program that holds the file.
    retry: CONTROL_RETRY,
  });
  let commit: CommitResult;
  try {
    commit = await commitRun({
      version: 1,
      runId: opened.runId,
      generation: plan.generation,
      execution: plan.execution,
      stage: plan.stage,
      stageToken: opened.stageToken,
      warehouse: opened.warehouse,
      output: plan.output,
      keyColumns: plan.keyColumns,
      index: plan.index,
    });
  } catch (error) {
    if (isCancellation(error)) throw error;
    const cause = error instanceof ActivityFailure ? error.cause : undefined;
    throw ApplicationFailure.create({
      message: `The partitions have ended, but their rows were not written: ${cause?.message ?? String(error)}`,
      type: 'CommitFailed',
      nonRetryable: true,
      details: [{ ...summary, status: 'FAILURE' }],
    });
  }
  return { ...summary, commit };
}

function describeFailure({ counts, firstErrors }: RunSummary, plan: RunPlan): string {
  const failed = counts.FAILED + counts.INTERNAL_ERROR;
  const first = firstErrors[0];
  const example = first === undefined ? '' : ` First: ${first.id}: ${first.error.message}`;
  return `${failed} of ${counts.total} partitions failed, and ${plan.toleratedFailures} are tolerated in "${workflowInfo().workflowId}".${example}`;
}
