import type { Scheduled } from '../warehouse/warehouse';
import { dateIn } from './zoned-time';

/** Null for a run without a scheduled time. */
export function scheduledFor(time: string | null, timeZone: string): Scheduled | null {
  return time === null ? null : { time, date: dateIn(Date.parse(time), timeZone) };
}
