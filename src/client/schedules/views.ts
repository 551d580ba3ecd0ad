/** Converts Temporal's schedule descriptions to the public types. */
import type { ScheduleDescription, ScheduleSpecDescription, ScheduleSummary } from '@temporalio/client';
import { functionOfInput } from '../../history/run-state';
import { cronText, type Calendar } from '../../input/cron';
import { formatDuration } from '../../input/duration';
import { FUNCTION_MEMO } from '../../core/workflow';
import { OVERLAPS } from './schema';
import type {
  Overlap,
  ScheduledRun,
  ScheduleFiring,
  ScheduleListing,
  ScheduleSpecView,
  ScheduleView,
} from './types';

export function viewOf(description: ScheduleDescription, recent: ScheduledRun[]): ScheduleView {
  const { scheduleId, state, spec, policies, action, info, raw } = description;
  const input: unknown = (action.args as unknown[] | undefined)?.[0] ?? null;
  return {
    id: scheduleId,
    function: functionOfInput(input),
    paused: state.paused,
    note: state.note || null,
    spec: specView(spec),
    overlap: (Object.keys(OVERLAPS) as Overlap[]).find((name) => OVERLAPS[name] === policies.overlap)!,
    pauseOnFailure: policies.pauseOnFailure,
    catchupWindowMs: policies.catchupWindow,
    taskQueue: action.taskQueue,
    input,
    next: info.nextActionTimes.map((time) => time.toISOString()),
    recent,
    running: info.runningActions.map(({ workflow }) => workflow.workflowId),
    waiting: Number(raw.info?.bufferSize ?? 0),
    counts: {
      started: info.numActionsTaken,
      skipped: info.numActionsSkippedOverlap,
      missed: info.numActionsMissedCatchupWindow,
    },
    createdAt: info.createdAt.toISOString(),
    updatedAt: info.lastUpdatedAt?.toISOString() ?? null,
  };
}

export function listingOf({ scheduleId, memo, state, spec, info }: ScheduleSummary): ScheduleListing {
  const last = firingsOf(info.recentActions).at(-1);
  return {
    id: scheduleId,
    function: functionOf(memo),
    paused: state.paused,
    note: state.note || null,
    spec: specView(spec ?? {}),
    next: info.nextActionTimes[0]?.toISOString() ?? null,
    last: last === undefined ? null : { scheduledTime: last.scheduledTime, runId: last.runId },
  };
}

/** Runs that a schedule started recently, oldest first. */
export function firingsOf(actions: ScheduleDescription['info']['recentActions']): ScheduleFiring[] {
  return actions.map(({ scheduledAt, takenAt, action }) => {
    const runId = action.workflow.workflowId;
    return {
      scheduledTime: timeIn(runId) ?? scheduledAt.toISOString(),
      runId,
      startedAt: takenAt.toISOString(),
    };
  });
}

/**
 * The time in a run id such as `nightly-2026-11-01T06:00:00Z`: the time it was due, whereas the server's own
 * value includes jitter.
 */
function timeIn(runId: string): string | null {
  const text = /-(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ)$/.exec(runId)?.[1];
  return text === undefined ? null : new Date(text).toISOString();
}

function functionOf(memo: Record<string, unknown> | undefined): string | null {
  const name = memo?.[FUNCTION_MEMO];
  return typeof name === 'string' ? name : null;
}

function specView({ calendars, intervals, timezone }: ScheduleSpecDescription): ScheduleSpecView {
  return {
    cron: (calendars ?? []).map((calendar) => cronText(calendar as Calendar)),
    every: (intervals ?? []).map(({ every, offset }) =>
      offset ? `${formatDuration(every)} + ${formatDuration(offset)}` : formatDuration(every),
    ),
    timeZone: timezone || 'UTC',
  };
}
