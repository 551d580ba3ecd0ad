/** Schedules that start runs, on Temporal Schedules. */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  encodeScheduleOverlapPolicy,
  ScheduleAlreadyRunning,
  ScheduleNotFoundError,
  type Client,
  type ScheduleDescription,
} from '@temporalio/client';
import { optionalDateToTs } from '@temporalio/common/lib/time';
import { isoTime } from '../../history/events';
import { withFunctionsFile } from '../../core/function-reference';
import { FUNCTION_MEMO, WORKFLOW_TYPE } from '../../core/workflow';
import type { RunInput } from '../../core/input';
import { didYouMean } from '../../core/nearest';
import { backfillRange, refuse } from './backfill-range';
import { NoSuchSchedule, ScheduleRefused } from '../../reader/errors';
import { HistorySource, isInvalidArgument, isNotFound } from '../../reader/histories/history-source';
import { RunList } from '../../reader/list';
import { ReplacingScheduleClient } from './replacing-client';
import { changedSchedule, OVERLAPS, overlapProblem, parseSchedule } from './schema';
import { firingsOf, listingOf, viewOf } from './views';
import type {
  Overlap,
  ScheduleChanges,
  ScheduledRun,
  ScheduleFiring,
  ScheduleInput,
  ScheduleListing,
  Schedules,
  ScheduleView,
} from './types';
import { workflowSummary } from '../start';
import { type ListedExecution } from '../../reader/visibility';

/** The server lists at most this many, so a longer list cannot be distinguished from one of this length. */
const MAX_FIRINGS = 1_000;
/** The server acts on a trigger within milliseconds. */
const STARTS_WITHIN_MS = 10_000;
const POLL_MS = 50;

export class TemporalSchedules implements Schedules {
  constructor(
    private readonly client: Client,
    private readonly taskQueue: string,
    private readonly project: {
      /** Adds the project's settings to the input of a run. */
      complete(input: RunInput): RunInput;
      /** Problems that the project's own files show, such as an unknown function. */
      check(input: RunInput): Promise<string[]>;
    },
  ) {}

  async create(id: string, wanted: ScheduleInput): Promise<ScheduleView> {
    const parsed = parseSchedule(id, wanted);
    if (!parsed.ok) throw new ScheduleRefused(parsed.problems);
    const { spec, policies, state } = parsed.schedule;
    const input = withFunctionsFile(this.project.complete(parsed.schedule.input));
    refuse(...(await this.project.check(input)));
    const memo = { [FUNCTION_MEMO]: input.function };
    try {
      await this.client.schedule.create({
        scheduleId: id,
        spec,
        policies,
        state,
        memo,
        action: {
          type: 'startWorkflow',
          workflowType: WORKFLOW_TYPE,
          taskQueue: this.taskQueue,
          // Temporal appends the time, and never starts a second run with the same id.
          workflowId: id,
          args: [input],
          memo,
          staticSummary: workflowSummary(input),
        },
      });
    } catch (error) {
      throw asRefused(id, error);
    }
    return this.describe(id);
  }

  async update(id: string, changes: ScheduleChanges): Promise<ScheduleView> {
    const current = await this.#describe(id);
    const parsed = changedSchedule(current, changes);
    if (!parsed.ok) throw new ScheduleRefused(parsed.problems);
    const { spec, policies, state } = parsed.schedule;
    const input = withFunctionsFile(this.project.complete(parsed.schedule.input));
    refuse(...(await this.project.check(input)));
    const { options } = this.client.schedule;
    const replacing = new ReplacingScheduleClient({ ...options, connection: this.client.connection });
    const action = { ...current.action, args: [input], staticSummary: workflowSummary(input) };
    try {
      await replacing.create({
        scheduleId: id,
        spec,
        policies: { ...current.policies, ...policies },
        state: { ...current.state, ...state },
        action,
      });
    } catch (error) {
      throw asRefused(id, error);
    }
    return this.describe(id);
  }

  async list(): Promise<ScheduleListing[]> {
    const found: ScheduleListing[] = [];
    for await (const summary of this.client.schedule.list()) {
      if (summary.action?.workflowType === WORKFLOW_TYPE) found.push(listingOf(summary));
    }
    return found.sort((a, b) => (a.id < b.id ? -1 : 1));
  }

  async describe(id: string): Promise<ScheduleView> {
    const description = await this.#describe(id);
    const runs = new RunList(this.client);
    const recent: ScheduledRun[] = [];
    for (const firing of firingsOf(description.info.recentActions)) {
      const info = await this.#execution(firing.runId);
      const outcome = info === null ? null : await runs.outcome(info);
      recent.push({ ...firing, status: outcome?.status ?? null, refused: outcome?.refused ?? null });
    }
    return viewOf(description, recent);
  }

  // Temporal does not record whose request it was.
  async pause(id: string, note = `Paused by ${this.#identity}.`): Promise<void> {
    await this.#ask(id, this.client.schedule.getHandle(id).pause(note));
  }

  // The server ignores the request if it has no note.
  async unpause(id: string, note = `Unpaused by ${this.#identity}.`): Promise<void> {
    await this.#ask(id, this.client.schedule.getHandle(id).unpause(note));
  }

  async trigger(id: string, { overlap }: { overlap?: Overlap } = {}): Promise<ScheduleFiring> {
    refuse(overlapProblem(overlap));
    const before = await this.#describe(id);
    let due = Math.floor(Date.now() / 1000) * 1000;
    // Run ids are precise to the second, and no run is started twice.
    while ((await this.#execution(runIdAt(before, due))) !== null) due += 1000;
    const firing = { scheduledTime: new Date(due).toISOString(), runId: runIdAt(before, due) };
    // Not the handle's own trigger: that cannot specify the scheduled time, and by default lets runs overlap.
    const triggering = this.client.workflowService.patchSchedule({
      namespace: this.client.options.namespace,
      scheduleId: id,
      requestId: randomUUID(),
      identity: this.#identity,
      patch: {
        triggerImmediately: {
          overlapPolicy: encodeScheduleOverlapPolicy(overlap && OVERLAPS[overlap]),
          scheduledTime: optionalDateToTs(new Date(due)),
        },
      },
    });
    await this.#ask(id, triggering);
    return this.#untilStarted(before, firing);
  }

  async backfill(
    id: string,
    { from, to, overlap = 'buffer-all' }: { from: string; to: string; overlap?: Overlap },
  ): Promise<ScheduleFiring[]> {
    const { start, end, firings } = await this.#backfillable(id, { from, to, overlap });
    const handle = this.client.schedule.getHandle(id);
    await this.#ask(id, handle.backfill({ start, end, overlap: OVERLAPS[overlap] }));
    return firings;
  }

  async previewBackfill(id: string, { from, to }: { from: string; to: string }): Promise<ScheduleFiring[]> {
    return (await this.#backfillable(id, { from, to, overlap: 'buffer-all' })).firings;
  }

  async #backfillable(
    id: string,
    { from, to, overlap }: { from: string; to: string; overlap: Overlap },
  ): Promise<{ start: Date; end: Date; firings: ScheduleFiring[] }> {
    const schedule = await this.#describe(id);
    const { start, end } = backfillRange(schedule, { from, to, overlap });
    const times = await this.#timesIn(id, start, end);
    refuse(
      times.length === 0 ? `The schedule "${id}" was not due between ${from} and ${to}.` : null,
      times.length >= MAX_FIRINGS
        ? `The schedule "${id}" was due ${MAX_FIRINGS.toLocaleString('en')} times or more between ${from} and ${to}: backfill a shorter period at a time.`
        : null,
    );
    const firings = await Promise.all(
      times.map(async (due): Promise<ScheduleFiring> => {
        const runId = runIdAt(schedule, due);
        const execution = await this.#execution(runId);
        const startedAt = execution === null ? null : isoTime(execution.startTime);
        return { scheduledTime: new Date(due).toISOString(), runId, startedAt };
      }),
    );
    return { start, end, firings };
  }

  async delete(id: string): Promise<void> {
    await this.#ask(id, this.client.schedule.getHandle(id).delete());
  }

  #describe(id: string): Promise<ScheduleDescription> {
    return this.#ask(id, this.client.schedule.getHandle(id).describe());
  }

  /** Awaits a request about a schedule; throws `NoSuchSchedule` if it does not exist. */
  async #ask<T>(id: string, request: Promise<T>): Promise<T> {
    try {
      return await request;
    } catch (error) {
      const isMissing =
        error instanceof ScheduleNotFoundError ||
        isNotFound(error) ||
        // No schedule can have an empty id.
        isInvalidArgument((error as Error).cause);
      throw isMissing ? await this.#notFound(id) : error;
    }
  }

  async #notFound(id: string): Promise<NoSuchSchedule> {
    const known = (await this.list()).map((schedule) => schedule.id);
    return new NoSuchSchedule(
      id,
      `There is no schedule "${id}" in the namespace "${this.client.options.namespace}" of this Temporal server.${didYouMean(id, known)} ` +
        'partwise schedule list shows all schedules.',
    );
  }

  get #identity(): string {
    return this.client.options.identity;
  }

  /** The latest execution of a run, or null if there is none. */
  async #execution(runId: string): Promise<ListedExecution | null> {
    try {
      return (await new HistorySource(this.client).describe(runId)).workflowExecutionInfo ?? null;
    } catch (error) {
      if (isNotFound(error)) return null;
      throw error;
    }
  }

  /**
   * Times at which the schedule was due, in milliseconds. The server calculates them, so they match what it
   * will do.
   */
  async #timesIn(id: string, start: Date, end: Date): Promise<number[]> {
    const request = this.client.workflowService.listScheduleMatchingTimes({
      namespace: this.client.options.namespace,
      scheduleId: id,
      startTime: optionalDateToTs(start),
      endTime: optionalDateToTs(end),
    });
    return (await this.#ask(id, request)).startTime.map((time) => Date.parse(isoTime(time)));
  }

  /** Resolves when the triggered run has started, or is waiting for another one. */
  async #untilStarted(
    before: ScheduleDescription,
    firing: Omit<ScheduleFiring, 'startedAt'>,
  ): Promise<ScheduleFiring> {
    const id = before.scheduleId;
    for (const giveUpAt = Date.now() + STARTS_WITHIN_MS; Date.now() < giveUpAt; await sleep(POLL_MS)) {
      const execution = await this.#execution(firing.runId);
      if (execution !== null) return { ...firing, startedAt: isoTime(execution.startTime) };
      const { info, raw } = await this.#describe(id);
      const running = info.runningActions.map(({ workflow }) => workflow.workflowId).join(', ');
      refuse(
        info.numActionsSkippedOverlap > before.info.numActionsSkippedOverlap
          ? `The schedule "${id}" did not start a run because one is in progress: ${running}. ` +
              'Wait until it ends, or use another overlap policy (--overlap), such as buffer-one or allow-all.'
          : null,
      );
      if (running !== '' && Number(raw.info?.bufferSize ?? 0) > 0) return { ...firing, startedAt: null };
    }
    throw new ScheduleRefused([
      `The server accepted the trigger of the schedule "${id}" but did not start a run within ${STARTS_WITHIN_MS / 1000} s: ` +
        `partwise schedule describe ${id} shows its state.`,
    ]);
  }
}

/** The run id that Temporal generates: schedule id and time, to the second, in UTC. */
function runIdAt({ action }: ScheduleDescription, due: number): string {
  return `${action.workflowId!}-${new Date(due).toISOString().slice(0, 19)}Z`;
}

function asRefused(id: string, error: unknown): unknown {
  if (error instanceof ScheduleAlreadyRunning) {
    return new ScheduleRefused([
      `The schedule "${id}" already exists: partwise schedule describe ${id} shows it. ` +
        `To change it: partwise schedule update ${id}.`,
    ]);
  }
  // The SDK's error for schedules that the server rejects, for example because of an unknown time zone.
  if (error instanceof TypeError)
    return new ScheduleRefused([`The server rejected the schedule "${id}": ${error.message}.`]);
  return error;
}
