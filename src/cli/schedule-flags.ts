/** The options of `schedule create`, and the same schedule of them that the library takes. */
import type { Command } from 'commander';
import type { Overlap, ScheduleInput } from '..';
import { SEVERAL, type RunFlags } from './run-flags';
import { toRunInput, type Folders } from './run-input';

export interface ScheduleFlags extends RunFlags {
  cron?: string[];
  calendar?: string[];
  every?: string;
  overlap?: string;
  pauseOnFailure?: boolean;
  catchupWindow?: string;
  note?: string;
  paused?: boolean;
}

/** When it is due, and what happens when that goes wrong. */
export function withScheduleFlags(command: Command): Command {
  return command
    .option('--cron <expression>', 'due by cron: minute hour day month weekday (repeatable)', SEVERAL)
    .option(
      '--calendar <json>',
      `due by calendar, such as '{"hour": 6, "dayOfWeek": "MONDAY"}' (repeatable)`,
      SEVERAL,
    )
    .option('--every <duration>', 'due at an interval, such as 1h')
    .option(
      '--overlap <policy>',
      'while a run is under way: skip (default), buffer-one, buffer-all, cancel-other, terminate-other or allow-all',
    )
    .option('--pause-on-failure', 'pause when a run fails')
    .option(
      '--catchup-window <duration>',
      'how late a run may start that was due while the server was down (default: 1d)',
    )
    .option('--note <text>', 'what it is for')
    .option('--paused', 'make it paused');
}

/** Unchecked: what is wrong with it, `parseSchedule` says. */
export function toSchedule(
  functionName: string | undefined,
  flags: ScheduleFlags,
  folders: Folders,
): ScheduleInput {
  const { cron, every, timeZone, overlap, pauseOnFailure, catchupWindow, note, paused } = flags;
  return {
    // The time zone is the schedule's, which gives it to its input.
    input: toRunInput(functionName, { ...flags, timeZone: undefined }, folders),
    ...(cron !== undefined && { cron }),
    ...(flags.calendar !== undefined && { calendar: flags.calendar.map(toCalendar) }),
    ...(every !== undefined && { every }),
    ...(timeZone !== undefined && { timeZone }),
    ...(overlap !== undefined && { overlap: overlap as Overlap }),
    ...(pauseOnFailure !== undefined && { pauseOnFailure }),
    ...(catchupWindow !== undefined && { catchupWindow }),
    ...(note !== undefined && { note }),
    ...(paused !== undefined && { paused }),
  };
}

/** Text that is no JSON stays as it is, and is then quoted in the problem. */
function toCalendar(text: string): object {
  try {
    return JSON.parse(text) as object;
  } catch {
    return text as unknown as object;
  }
}
