import type { Scheduled } from '../warehouse/warehouse';
import { dateIn } from './zoned-time';

/** Null for a run that no schedule started and that was given no time. */
export function scheduledFor(time: string | null, timeZone: string): Scheduled | null {
  return time === null ? null : { time, date: dateIn(Date.parse(time), timeZone) };
}
