/** Raw history events → facts. Depends only on Temporal's types, so it works on any source of events. */
import type { UnitTask } from '../core/tasks';
import { notAResult } from '../core/answers/not-a-result';
import { asCommitResult, asOpenedRun, asRunPlan } from '../core/answers/step-results';
import { asUnitResult } from '../core/answers/unit-result';
import { handedOver } from '../core/handed-over';
import { isObject } from '../core/shape';
import { shardNumber } from '../core/units/shards';
import { decodeClose } from './decode-close';
import { decodeControl } from './decode-control';
import { CANCELLED, errorInfo } from './error-info';
import {
  isoTime,
  type HistoryEvent,
  type PayloadDecoder,
  type RecordedActivity,
  type RecordedFailure,
} from './events';
import type { Fact, ShardRef, Step } from './facts';
import { failureOf, ForgedPayload, valueOf } from './untrusted-payloads';

/**
 * Size of a shard's range of event numbers in a record: Temporal terminates a workflow with this many events.
 */
const MAX_EVENTS = 2 ** 16;

interface Activity {
  id: string;
  type: string;
  startedAt: string | null;
  attempt: number;
  /** The unit's task; null for other activities. */
  task: UnitTask | null;
}

/**
 * Decodes the events of one history, in order. Keeps track of activities, because later events refer to them
 * by number.
 */
export class HistoryDecoder {
  readonly #activities = new Map<number, Activity>();
  #workflowId = '';

  /** `shard` is the number of the shard whose history this is; null for the run's own history. */
  constructor(
    private readonly decoder: PayloadDecoder,
    private readonly shard: number | null = null,
  ) {}

  async decode(event: HistoryEvent): Promise<Fact | null> {
    const at = isoTime(event.eventTime);
    const { shard } = this;
    this.#workflowId = event.workflowExecutionStartedEventAttributes?.workflowId ?? this.#workflowId;
    if (shard !== null) {
      const ended =
        (await decodeClose(event, this.decoder)) === null
          ? null
          : ({ type: 'shardEnded', shard, at } as const);
      return ended ?? this.#wait(event) ?? this.#activity(event, at);
    }
    const started = event.workflowExecutionStartedEventAttributes;
    if (started) return { type: 'started', at, input: (await valueOf(this.decoder, started.input)) ?? null };
    if (event.workflowExecutionCancelRequestedEventAttributes) return { type: 'cancelRequested', at };
    return (
      (await decodeControl(event, this.decoder)) ??
      decodeShard(event) ??
      this.#wait(event) ??
      (await this.#activity(event, at)) ??
      (await decodeClose(event, this.decoder))
    );
  }

  async #activity(event: HistoryEvent, at: string): Promise<Fact | null> {
    const scheduled = event.activityTaskScheduledEventAttributes;
    if (scheduled) {
      const type = scheduled.activityType?.name ?? '';
      const unit = this.#number(event.eventId);
      const { activityId } = scheduled;
      const activity: Activity = { id: activityId ?? '', type, startedAt: null, attempt: 0, task: null };
      this.#activities.set(unit, activity);
      // Written by the run's own code: if it cannot be decoded, nothing after it can be.
      if (isStep(type)) await this.decoder.values(scheduled.input);
      if (type !== 'processUnit') return null;
      const task = recorded<UnitTask>((await this.decoder.values(scheduled.input))[0], 'unit');
      activity.task = task;
      const summary = event.userMetadata?.summary;
      const [label = null] = summary ? await this.decoder.values({ payloads: [summary] }) : [];
      return {
        type: 'unitScheduled',
        unit,
        at,
        activityId: scheduled.activityId ?? '',
        task,
        label: typeof label === 'string' ? label : null,
      };
    }
    const started = event.activityTaskStartedEventAttributes;
    if (started) {
      const activity = this.#activities.get(this.#number(started.scheduledEventId));
      if (activity) Object.assign(activity, { startedAt: at, attempt: started.attempt ?? 1 });
      return null;
    }
    const completed = event.activityTaskCompletedEventAttributes;
    if (completed) {
      const unit = this.#number(completed.scheduledEventId);
      return this.#orForged(unit, at, async (of) =>
        this.#completed(unit, at, await valueOf(this.decoder, completed.result, of)),
      );
    }
    const failed = event.activityTaskFailedEventAttributes ?? event.activityTaskTimedOutEventAttributes;
    if (failed) {
      const unit = this.#number(failed.scheduledEventId);
      return this.#orForged(unit, at, async (of) =>
        this.#failed(
          unit,
          at,
          await failureOf(this.decoder, failed.failure, of),
          failed.retryState === CANCEL_REQUESTED,
        ),
      );
    }
    const cancelled = event.activityTaskCanceledEventAttributes;
    if (cancelled) return this.#failed(this.#number(cancelled.scheduledEventId), at, null, true);
    return null;
  }

  /** A forged result does not count: the activity is treated as failed. */
  async #orForged(
    unit: number,
    at: string,
    decode: (of: RecordedActivity) => Promise<Fact | null>,
  ): Promise<Fact | null> {
    const activityId = this.#activities.get(unit)?.id ?? '';
    try {
      return await decode({ workflowId: this.#workflowId, activityId, at });
    } catch (error) {
      if (!(error instanceof ForgedPayload)) throw error;
      const { message } = error;
      const failure = { type: 'NotTrusted', message, stack: null, details: [], cause: null };
      return this.#failed(unit, at, failure, false);
    }
  }

  #number(eventId: unknown): number {
    return (this.shard === null ? 0 : (this.shard + 1) * MAX_EVENTS) + Number(eventId);
  }

  /** The fact of a timer; null for any other event. */
  #wait(event: HistoryEvent): Extract<Fact, { type: 'waitStarted' | 'waitEnded' }> | null {
    const started = event.timerStartedEventAttributes?.startToFireTimeout;
    if (started) {
      const waitMs = Date.parse(isoTime(started));
      const until = new Date(Date.parse(isoTime(event.eventTime)) + waitMs).toISOString();
      return { type: 'waitStarted', wait: this.#number(event.eventId), shard: this.shard, until };
    }
    const ended = event.timerFiredEventAttributes ?? event.timerCanceledEventAttributes;
    return ended ? { type: 'waitEnded', wait: this.#number(ended.startedEventId) } : null;
  }

  #completed(unit: number, at: string, answer: unknown): Fact | null {
    const activity = this.#activities.get(unit);
    if (activity === undefined) return null;
    const { type, startedAt, attempt: attempts, task } = activity;
    if (task !== null) {
      const result = asUnitResult(answer, task);
      return result === null
        ? { type: 'unitWithoutResult', unit, at, startedAt, attempts }
        : { type: 'unitEnded', unit, at, startedAt, attempts, result };
    }
    if (!isStep(type)) return null;
    return stepFact(type, answer) ?? { type: 'stepFailed', step: type, error: notAResult(type) };
  }

  #failed(unit: number, at: string, failure: RecordedFailure | null, cancelled: boolean): Fact | null {
    const activity = this.#activities.get(unit);
    if (activity === undefined) return null;
    const error = failure === null ? CANCELLED : errorInfo(failure);
    if (isStep(activity.type))
      return { type: 'stepFailed', step: activity.type, error: { ...error, stack: null } };
    const { startedAt, attempt: attempts, task } = activity;
    if (task === null) return null;
    const result = asUnitResult(failure?.details[0], task);
    if (result !== null) return { type: 'unitEnded', unit, at, startedAt, attempts, result };
    const own = attempts - handedOver(failure?.details[0], attempts);
    return { type: 'unitLost', unit, at, startedAt, attempts: own, cancelled, error };
  }
}

/** Null if it is not the step's result. */
function stepFact(step: Step, answer: unknown): Fact | null {
  switch (step) {
    case 'openRun': {
      const opened = asOpenedRun(answer);
      return opened && { type: 'opened', opened };
    }
    case 'planRun': {
      const plan = asRunPlan(answer);
      return plan && { type: 'planned', plan };
    }
    case 'commitRun': {
      const commit = asCommitResult(answer);
      return commit && { type: 'committed', commit };
    }
  }
}

/** The fact of a shard's start or end; null for any other event. */
function decodeShard(event: HistoryEvent): Extract<Fact, { type: 'shardStarted' | 'shardEnded' }> | null {
  const started = event.childWorkflowExecutionStartedEventAttributes?.workflowExecution;
  if (started) {
    const { workflowId, runId } = started;
    return {
      type: 'shardStarted',
      shard: shardNumber(workflowId!),
      workflowId: workflowId!,
      workflowRunId: runId!,
    };
  }
  const ended =
    event.childWorkflowExecutionCompletedEventAttributes ??
    event.childWorkflowExecutionFailedEventAttributes ??
    event.childWorkflowExecutionCanceledEventAttributes ??
    event.childWorkflowExecutionTimedOutEventAttributes ??
    event.childWorkflowExecutionTerminatedEventAttributes;
  if (!ended) return null;
  const shard = shardNumber(ended.workflowExecution!.workflowId!);
  return { type: 'shardEnded', shard, at: isoTime(event.eventTime) };
}

/** The shards that a run's events mention. */
export function shardsIn(events: readonly HistoryEvent[]): ShardRef[] {
  return events.flatMap((event) => {
    const fact = decodeShard(event);
    if (fact?.type !== 'shardStarted') return [];
    const { shard: number, workflowId, workflowRunId: runId } = fact;
    return [{ number, execution: { workflowId, runId } }];
  });
}

/** `RETRY_STATE_CANCEL_REQUESTED`: it would have been retried. */
const CANCEL_REQUESTED = 7;

export function isStep(activityType: string): activityType is Step {
  return activityType === 'openRun' || activityType === 'planRun' || activityType === 'commitRun';
}

/** Accepts a value written by the run's own code, based on its version. */
function recorded<T extends { version: 1 }>(value: unknown, what: string): T {
  if (isObject(value) && value.version === 1) return value as unknown as T;
  throw new Error(
    `The history contains a ${what} that this release of Partwise cannot read. Read the run with the release that wrote it, or a later one.`,
  );
}
