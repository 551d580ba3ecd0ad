/** Parses days and times in a time zone. */

/**
 * A day, or a moment (then `from` and `to` are equal), in milliseconds since 1970. Both ends are inclusive.
 */
export interface Period {
  from: number;
  to: number;
}

const DAY_MS = 86_400_000;
const TIME = /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d(?:\.\d{1,3})?)?)(Z|[+-]\d\d:?\d\d)?)?$/i;

/** The IANA name of a time zone in its usual spelling, or null if the time zone does not exist. */
export function timeZoneName(name: string): string | null {
  // Newer releases of Node also accept offsets, but Temporal does not.
  if (/^[+-]/.test(name)) return null;
  try {
    const known = formatter(name).resolvedOptions().timeZone;
    // An alias of a zone (Asia/Kolkata for Asia/Calcutta) is returned as given.
    return known.toLowerCase() === name.toLowerCase() ? known : name;
  } catch {
    return null;
  }
}

/**
 * Parses `2026-11-01` (the whole day), `2026-11-01T06:00`, `2026-11-01T06:00:00Z` and `…+01:00`; returns null
 * for anything else. Without an offset, the time is local to `zone`: a time skipped in spring is shifted by
 * the skipped interval, and an ambiguous time in autumn means the first one.
 */
export function parsePeriod(text: string, zone: string): Period | null {
  const [, date, time = '00:00', offset] = TIME.exec(text.trim()) ?? [];
  if (date === undefined) return null;
  const wall = Date.parse(`${date}T${time}Z`);
  // Date.parse accepts 30 February.
  if (Number.isNaN(wall) || !new Date(wall).toISOString().startsWith(date)) return null;
  if (offset !== undefined) {
    const moment = Date.parse(`${date}T${time}${offset.toUpperCase()}`);
    return Number.isNaN(moment) ? null : { from: moment, to: moment };
  }
  const from = fromWallClock(wall, zone);
  const isDay = text.trim() === date;
  return { from, to: isDay ? fromWallClock(wall + DAY_MS, zone) - 1 : from };
}

/** The local date in a time zone at a moment: `2026-11-01`. */
export function dateIn(moment: number, zone: string): string {
  return new Date(wallClock(moment, zone)).toISOString().slice(0, 10);
}

/** The moment at which the local time is `wall` (a local time written as if it were UTC). */
function fromWallClock(wall: number, zone: string): number {
  // The offsets a day before and a day after: one of them applies, unless the clock skips this time.
  const [before, after] = [wall - DAY_MS, wall + DAY_MS].map((near) => wallClock(near, zone) - near);
  const moments = [wall - before!, wall - after!].filter((moment) => wallClock(moment, zone) === wall);
  return moments.length > 0 ? Math.min(...moments) : wall - before!;
}

/** The local time at a moment, written as if it were UTC. */
function wallClock(moment: number, zone: string): number {
  const parts = Object.fromEntries(
    formatter(zone)
      .formatToParts(moment)
      .map(({ type, value }) => [type, value]),
  );
  const { year, month, day, hour, minute, second } = parts as Record<string, string>;
  const milliseconds = ((moment % 1000) + 1000) % 1000;
  return Date.parse(`${year!.padStart(4, '0')}-${month}-${day}T${hour}:${minute}:${second}Z`) + milliseconds;
}

const formatters = new Map<string, Intl.DateTimeFormat>();

/** Throws a RangeError if the time zone does not exist. */
function formatter(zone: string): Intl.DateTimeFormat {
  const known = formatters.get(zone);
  if (known !== undefined) return known;
  const two = '2-digit';
  const options = { year: 'numeric', month: two, day: two, hour: two, minute: two, second: two } as const;
  const made = new Intl.DateTimeFormat('en', { ...options, timeZone: zone, hourCycle: 'h23' });
  formatters.set(zone, made);
  return made;
}
