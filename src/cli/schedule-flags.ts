/** The options of `schedule create`, and their conversion to the schedule of the library. */
import type { Command } from 'commander';
import type { Overlap, ScheduleInput } from '..';
import { CHOICES } from '../core/choices';
import { choiceOption } from './options';
import { SEVERAL } from './repeated';
import type { RunFlags } from './run-flags';
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

/** Options for when a schedule is due, and what to do about overlaps, failures and missed times. */
export function withScheduleFlags(command: Command): Command {
  return command
    .option('--cron <expression>', 'cron expression: minute hour day month weekday (repeatable)', SEVERAL)
    .option(
      '--calendar <json>',
      `calendar, such as '{"hour": 6, "dayOfWeek": "MONDAY"}' (repeatable)`,
      SEVERAL,
    )
    .option('--every <duration>', 'interval, such as 1h')
    .addOption(choiceOption('--overlap <policy>', 'what to do if a run is in progress', CHOICES.overlap))
    .option('--pause-on-failure', 'pause the schedule when a run fails')
    .option(
      '--catchup-window <duration>',
      'how late a run that was due while the server was down may still start (default: 1d)',
    )
    .option('--note <text>', 'purpose of the schedule');
}

/** Unchecked: `parseSchedule` reports the problems. */
export function toSchedule(
  functionName: string | undefined,
  flags: ScheduleFlags,
  folders: Folders,
): ScheduleInput {
  const { cron, every, timeZone, overlap, pauseOnFailure, catchupWindow, note, paused } = flags;
  return {
    // The time zone belongs to the schedule, which passes it on to the input.
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

/** The parsed JSON, or the text if it is not JSON, so that the problem can quote it. */
function toCalendar(text: string): object {
  try {
    return JSON.parse(text) as object;
  } catch {
    return text as unknown as object;
  }
}
