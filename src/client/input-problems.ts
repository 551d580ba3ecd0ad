/** Checks of input that need neither a server nor a project: for forms and flags, before anything starts. */
import type { RetryInput, RunInput } from '../core/input';
import type { ScheduleInput } from './schedules/types';

/**
 * Every problem that `Partwise.start` would find in an input and a run id before it asks the server, one
 * message each. Empty: none.
 */
export function inputProblems(input: RunInput, { runId }: { runId?: string } = {}): string[] {
  const { parseRunInput }: typeof import('../input/parse-input') = require('../input/parse-input');
  const { runIdProblem }: typeof import('../input/run-id') = require('../input/run-id');
  const badId = runId === undefined ? null : runIdProblem(runId);
  const report = parseRunInput(input);
  return [...(badId === null ? [] : [badId]), ...(report.ok ? [] : report.problems)];
}

/** The same for `RunHandle.retry`. */
export function retryProblems(changes: RetryInput): string[] {
  const { changeProblems }: typeof import('../input/continue-input') = require('../input/continue-input');
  return changeProblems(changes);
}

/** The same for `Schedules.create`. */
export function scheduleProblems(name: string, schedule: ScheduleInput): string[] {
  const { parseSchedule }: typeof import('./schedules/schema') = require('./schedules/schema');
  const report = parseSchedule(name, schedule);
  return report.ok ? [] : report.problems;
}
