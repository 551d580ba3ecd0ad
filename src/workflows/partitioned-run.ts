/**
 * The workflow of a run: open, plan, process every unit, commit.
 *
 * It depends only on its input, the plan, results and messages, so a release can change any default without
 * affecting runs in flight. A partition's failure is data here; the workflow itself fails only at the end,
 * with the counts (I8).
 */
import {
  ActivityFailure,
  allHandlersFinished,
  ApplicationFailure,
  CancellationScope,
  CancelledFailure,
  condition,
  isCancellation,
  proxyActivities,
  setWorkflowOptions,
  sleep,
  workflowInfo,
} from '@temporalio/workflow';
import type { Closing, OpenedRun } from '../core/opened-run';
import type { RunPlan } from '../core/plan';
import type { RunSummary } from '../core/tasks';
import { asOpenedRun, asRunPlan } from '../core/answers/step-results';
import type { RunStatus } from '../core/status';
import { resultOf } from './result-of';
import { closeWorkflow, closingAfter, describeEnd } from './closing';
import { Control } from './control';
import { commit, CONTROL_RETRY, runTimeout, settle, statusAfter } from './ending';
import { handleMessages, type LiveRun } from './messages';
import { Progress } from './progress';
import { skipPartitions } from './skips';
import { RunShards } from './shards';
import { Stopping } from './stopping';
import { RunUnits } from './units';
import type { RunActivities } from '../core/workflow';

// enforces I9: an error in this code fails the run with a message instead of leaving it with a workflow task
// that fails forever.
setWorkflowOptions({ failureExceptionTypes: [Error] }, partitionedRun);

/** The argument is a `RunInput`; it is passed on unchecked and validated by `openRun`. */
export async function partitionedRun(input?: unknown): Promise<RunSummary> {
  const run = new Run(input ?? null);
  // First of all: a message may have arrived before the first task.
  handleMessages(run);
  try {
    return await run.execute();
  } finally {
    // Every accepted update is answered.
    await CancellationScope.nonCancellable(() => condition(allHandlersFinished));
  }
}

class Run implements LiveRun {
  readonly progress = new Progress();
  readonly control = new Control();
  plan: RunPlan | null = null;
  skip: LiveRun['skip'] = null;
  /** Cancelled with the run, or by its timeout. */
  readonly #scope = new CancellationScope();
  #timedOut = false;
  #opened: OpenedRun | null = null;
  #stopping: Stopping | null = null;
  #settled = false;

  constructor(private readonly input: unknown) {}

  ending(): string | null {
    if (this.#scope.consideredCancelled) return 'The run is being stopped, so it can no longer be changed.';
    if (this.#stopping?.closed === true)
      return 'The run is stopping because of its failures, so it can no longer be changed.';
    return this.#settled ? 'The run is ending, so it can no longer be changed.' : null;
  }

  async execute(): Promise<RunSummary> {
    try {
      const summary = await this.#run();
      this.#end(summary.status);
      await this.#close({ kind: 'completed', summary, error: null });
      return summary;
    } catch (error) {
      this.#end(statusAfter(error));
      await this.#close(closingAfter(error, this.plan, this.progress));
      throw error;
    }
  }

  #end(status: RunStatus): void {
    this.#settled = true;
    this.progress.end(status);
  }

  async #close(closing: Closing): Promise<void> {
    await closeWorkflow(workflowInfo().workflowId, this.input, this.#opened, closing);
    describeEnd(closing, this.plan !== null);
  }

  async #run(): Promise<RunSummary> {
    const { openRun } = proxyActivities<RunActivities>({
      // A continuation waits for the heartbeat timeout of the previous execution, which may be an hour.
      startToCloseTimeout: '2 hours',
      heartbeatTimeout: '10s',
      retry: CONTROL_RETRY,
    });
    const opened = resultOf('openRun', await unwrapped(openRun(this.input)), asOpenedRun);
    this.#opened = opened;
    return this.#withinTime(opened.runTimeoutMs, () => this.#planAndProcess(opened));
  }

  async #planAndProcess(opened: OpenedRun): Promise<RunSummary> {
    const { planRun } = proxyActivities<RunActivities>({
      startToCloseTimeout: opened.planTimeoutMs,
      heartbeatTimeout: opened.heartbeatTimeoutMs,
      retry: CONTROL_RETRY,
    });
    const plan = resultOf('planRun', await unwrapped(planRun({ opened })), asRunPlan);
    const { control, progress } = this;
    this.plan = plan;
    progress.begin(plan.partitions, plan.carried);
    control.begin(plan);
    const stopping = new Stopping(plan, progress, control);
    this.#stopping = stopping;
    const { scope } = stopping;
    const consider = (): void => stopping.consider();
    const work =
      plan.sharding == null
        ? new RunUnits({ plan, run: opened, units: plan.units, progress, control, scope, consider })
        : new RunShards(plan, plan.sharding, opened, progress, control, stopping);
    this.skip = (selection) => skipPartitions(selection, plan, opened, work);
    await work.process();
    this.#settled = true;
    if (CancellationScope.current().consideredCancelled) throw new CancelledFailure('The run was cancelled.');
    return commit(plan, opened, settle(plan, progress, stopping));
  }

  /** A server-side timeout would leave functions running and record nothing about partitions. */
  async #withinTime(limitMs: number | null, body: () => Promise<RunSummary>): Promise<RunSummary> {
    const timer = new CancellationScope();
    if (limitMs !== null) {
      const spentMs = Date.now() - workflowInfo().runStartTime.getTime();
      timer
        .run(() => sleep(Math.max(1, limitMs - spentMs)))
        .then(
          () => {
            this.#timedOut = true;
            this.#scope.cancel();
          },
          () => {},
        );
    }
    try {
      return await this.#scope.run(body);
    } catch (error) {
      throw this.#timedOut && isCancellation(error) ? runTimeout(limitMs!, this.plan, this.progress) : error;
    } finally {
      timer.cancel();
    }
  }
}

/**
 * Makes a refusal fail the run with its own type (`RunExists`, `InvalidInput`, …), not as "Activity task
 * failed".
 */
async function unwrapped<T>(activity: Promise<T>): Promise<T> {
  try {
    return await activity;
  } catch (error) {
    throw error instanceof ActivityFailure && error.cause instanceof ApplicationFailure ? error.cause : error;
  }
}
