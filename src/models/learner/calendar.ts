/** Calendar features of a time, as inputs for a learner on tabular data. */

export interface CalendarFeatures {
  year: number;
  /** 1 to 12. */
  month: number;
  /** Day of the month, 1 to 31. */
  day: number;
  /** 0 (Monday) to 6 (Sunday). */
  weekday: number;
  /** 0 to 23. */
  hour: number;
  /** Day of the year, 1 to 366. */
  day_of_year: number;
}

const formats = new Map<string, Intl.DateTimeFormat>();

/**
 * Calendar features of a time in a time zone. `timeZone` is an IANA name such as `'America/New_York'`; the
 * default is UTC, which is also how times without a zone are read. Throws a `RangeError` for an invalid time
 * or zone.
 *
 * ```ts
 * calendarFeatures(new Date('2013-01-01T05:00:00Z'), 'America/New_York').hour; // 0
 * ```
 */
export function calendarFeatures(at: Date, timeZone = 'UTC'): CalendarFeatures {
  if (Number.isNaN(at.getTime())) throw new RangeError('calendarFeatures was given an invalid Date.');
  const wall = timeZone === 'UTC' ? at : inZone(at, timeZone);
  const year = wall.getUTCFullYear();
  return {
    year,
    month: wall.getUTCMonth() + 1,
    day: wall.getUTCDate(),
    weekday: (wall.getUTCDay() + 6) % 7,
    hour: wall.getUTCHours(),
    day_of_year: Math.floor((wall.getTime() - Date.UTC(year, 0, 1)) / 86_400_000) + 1,
  };
}

/** A time whose UTC fields equal the local time in the zone. */
function inZone(at: Date, timeZone: string): Date {
  let format = formats.get(timeZone);
  if (format === undefined) {
    format = new Intl.DateTimeFormat('en-US', {
      timeZone,
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
    });
    formats.set(timeZone, format);
  }
  const parts = Object.fromEntries(format.formatToParts(at).map(({ type, value }) => [type, Number(value)]));
  return new Date(Date.UTC(parts.year!, parts.month! - 1, parts.day, parts.hour));
}
