import { dateIn } from './zoned-time';

/** What a run was scheduled for, as its source query sees it: `$scheduled_time` and `$scheduled_date`. */
export interface Scheduled {
  /** ISO 8601 UTC. */
  time: string;
  /** `2026-11-01`, in the schedule's time zone: half past midnight in Berlin is still the day before in UTC. */
  date: string;
}

/** Null for a run that no schedule started and that was given no time. */
export function scheduledFor(time: string | null, timeZone: string): Scheduled | null {
  return time === null ? null : { time, date: dateIn(Date.parse(time), timeZone) };
}
