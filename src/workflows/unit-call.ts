/** One activity that processes a unit, from its turn in the queue to its end. */
import {
  ActivityFailure,
  ApplicationFailure,
  CancellationScope,
  isCancellation,
  proxyActivities,
  sleep,
} from '@temporalio/workflow';
import { rangeLabel } from '../core/units/labels';
import { decodeOrdinals, encodeOrdinals } from '../core/units/ordinals';
import type { ErrorInfo, UnitResult } from '../core/outcome';
import type { OpenedRun } from '../core/opened-run';
import type { UnitCallPlan, UnitTask } from '../core/tasks';
import { asUnitResult } from '../core/answers/unit-result';
import { endsWithoutResult, withoutResult } from '../core/answers/not-a-result';
import type { RunActivities } from '../core/workflow';

/** The run that units belong to. */
export type RunOfUnits = Pick<OpenedRun, 'runId' | 'stageToken'>;

type TaskField = 'unit' | 'from' | 'to' | 'only' | 'round' | 'partitions' | 'big';

export interface UnitOfCall extends Pick<UnitTask, TaskField> {
  activityId: string;
  label: string;
}

export type UnitEnd =
  | { type: 'result'; result: UnitResult }
  /** Reported by the server, or a failure without information about partitions. */
  | { type: 'lost'; error: ErrorInfo }
  /** Cancelled before anything was recorded. */
  | { type: 'cutOff' }
  /**
   * Cancelled before it was sent to the server, or between two tries: history has nothing about its
   * partitions.
   */
  | { type: 'notStarted' };

export class UnitCall {
  state: 'waiting' | 'running' | 'ended' = 'waiting';
  #of: UnitOfCall;
  readonly #skipped = new Set<number>();
  readonly #scope: CancellationScope;

  /** Cancelling `parent` cancels the call. */
  constructor(of: UnitOfCall, parent: CancellationScope) {
    this.#of = of;
    this.#scope = new CancellationScope({ cancellable: true, parent });
  }

  get of(): UnitOfCall {
    return this.#of;
  }

  /** Number of partitions left in the call. */
  get partitions(): number {
    return this.of.partitions - this.#skipped.size;
  }

  /** Ordinals that are being retried. */
  get retried(): number[] {
    return this.of.only === null ? [] : decodeOrdinals(this.of.only);
  }

  includes(ordinal: number): boolean {
    const { from, to, only } = this.of;
    if (ordinal < from || ordinal > to || this.#skipped.has(ordinal)) return false;
    return only === null || this.retried.includes(ordinal);
  }

  /** Removes a partition from a call that has not started. */
  takeOut(ordinal: number): void {
    this.#skipped.add(ordinal);
  }

  /**
   * Takes over the partitions of other calls that have not started; together they must be all of the run's
   * partitions between the first and the last.
   */
  takeOver(others: readonly UnitCall[]): void {
    const all = [this, ...others].map(({ of }) => of).sort((a, b) => a.from - b.from);
    const [first, last] = [all[0]!, all.at(-1)!];
    this.#of = {
      ...this.#of,
      from: first.from,
      to: last.to,
      partitions: all.reduce((sum, { partitions }) => sum + partitions, 0),
      label: rangeLabel(first.label, last.label),
    };
    for (const other of others) other.takeOut(other.of.from);
  }

  cancel(): void {
    this.#scope.cancel();
  }

  /**
   * Runs the activity, and repeats it if what was recorded as its result is not a result. Throws only errors
   * that an activity cannot end with. Nothing is awaited between the activity's end and the end of this call:
   * in recorded histories, the commands that follow are in the order in which activities ended.
   */
  async run(plan: UnitCallPlan, opened: RunOfUnits): Promise<UnitEnd> {
    this.state = 'running';
    let task = this.#task(plan, opened, 0);
    try {
      for (let lostBefore = 1; ; lostBefore++) {
        const answer: unknown = await this.#scope.run(() => this.#activity(plan, task));
        const result = asUnitResult(answer, task);
        if (result !== null) return { type: 'result', result };
        const times = endsWithoutResult(task, plan.retry);
        if (times !== null) return { type: 'lost', error: withoutResult(times) };
        // The worker that has the unit may continue it until a heartbeat is rejected.
        await this.#scope.run(() => sleep(plan.heartbeatTimeoutMs));
        task = this.#task(plan, opened, lostBefore);
      }
    } catch (error) {
      if (isCancellation(error)) return { type: isInHistory(error) ? 'cutOff' : 'notStarted' };
      if (!(error instanceof ActivityFailure)) throw error;
      return ended(error, task);
    } finally {
      this.state = 'ended';
    }
  }

  #activity(plan: UnitCallPlan, task: UnitTask): Promise<UnitResult> {
    const startToCloseTimeout = unitTimeoutMs(plan, this.partitions);
    const { processUnit } = proxyActivities<RunActivities>({ startToCloseTimeout });
    return processUnit.executeWithOptions(
      {
        activityId: this.of.activityId,
        summary: this.of.label,
        taskQueue: this.of.big ? plan.bigTaskQueue! : plan.taskQueue,
        startToCloseTimeout,
        heartbeatTimeout: plan.heartbeatTimeoutMs,
        // No maximum: the activity distinguishes throws from lost workers, and decides (see process-unit).
        retry: {
          initialInterval: plan.retry.initialIntervalMs,
          backoffCoefficient: plan.retry.backoffCoefficient,
          maximumInterval: plan.retry.maximumIntervalMs,
        },
        // enforces I12: the run closes only after the functions of its units have stopped.
        cancellationType: 'WAIT_CANCELLATION_COMPLETED',
      },
      [task],
    );
  }

  #task(plan: UnitCallPlan, opened: RunOfUnits, lostBefore: number): UnitTask {
    const { generation, execution, stage } = plan;
    const { unit, from, to, round, big } = this.of;
    return {
      version: 1,
      runId: opened.runId,
      generation,
      execution,
      stage,
      stageToken: opened.stageToken,
      plan: plan.unitPlan,
      unit,
      from,
      to,
      partitions: this.partitions,
      ...this.#selection(),
      round,
      big,
      ...(lostBefore > 0 && { lostBefore }),
    };
  }

  #selection(): Pick<UnitTask, 'only' | 'except'> {
    const { only } = this.of;
    const skipped = [...this.#skipped].sort((a, b) => a - b);
    if (only === null) return { only, except: skipped.length === 0 ? null : encodeOrdinals(skipped) };
    const left = this.retried.filter((ordinal) => !this.#skipped.has(ordinal));
    return { only: encodeOrdinals(left), except: null };
  }
}

/** Whether a cancelled activity was sent to the server. */
function isInHistory(error: unknown): boolean {
  // enforces I8: readers count what is in history, and an activity without an event there never started.
  const scheduled = error instanceof ActivityFailure && error.failure?.activityFailureInfo?.scheduledEventId;
  return Number(scheduled || 0) > 0;
}

function unitTimeoutMs(plan: UnitCallPlan, partitions: number): number {
  if (plan.partitionTimeoutMs === null) return plan.unitTimeoutMs;
  return Math.min(plan.unitTimeoutMs, plan.partitionTimeoutMs * partitions);
}

function ended({ message, cause, retryState }: ActivityFailure, task: UnitTask): UnitEnd {
  const failure = cause instanceof ApplicationFailure ? cause : null;
  const result = asUnitResult(failure?.details?.[0], task);
  if (result !== null) return { type: 'result', result };
  // It failed or was lost, and would have been retried.
  if (retryState === 'CANCEL_REQUESTED') return { type: 'cutOff' };
  const type = failure?.type ?? cause?.name ?? 'ActivityFailure';
  return { type: 'lost', error: { type, message: cause?.message ?? message, stack: null } };
}
