/** Texts that name a time, read in a time zone: what people write for "that day" or "that moment". */

/**
 * A day, or a moment (`from` and `to` are then the same), in milliseconds since 1970. Both ends belong to it.
 */
export interface Period {
  from: number;
  to: number;
}

const DAY_MS = 86_400_000;
const TIME = /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d(?:\.\d{1,3})?)?)(Z|[+-]\d\d:?\d\d)?)?$/i;

/** The IANA name of a time zone in its usual spelling, or null when there is none of this name. */
export function timeZoneName(name: string): string | null {
  // Newer releases of Node take offsets too, and Temporal does not.
  if (/^[+-]/.test(name)) return null;
  try {
    const known = formatter(name).resolvedOptions().timeZone;
    // Another name for the same zone (Asia/Kolkata for Asia/Calcutta) stays as it was given.
    return known.toLowerCase() === name.toLowerCase() ? known : name;
  } catch {
    return null;
  }
}

/**
 * `2026-11-01` (the whole day), `2026-11-01T06:00`, `2026-11-01T06:00:00Z`, `…+01:00`, or null. Without an
 * offset it is the wall clock of `zone`: a time that the clock skips in spring is moved by what was skipped,
 * one that comes twice in autumn is the first.
 */
export function parsePeriod(text: string, zone: string): Period | null {
  const [, date, time = '00:00', offset] = TIME.exec(text.trim()) ?? [];
  if (date === undefined) return null;
  const wall = Date.parse(`${date}T${time}Z`);
  // Date.parse lets February have 30 days.
  if (Number.isNaN(wall) || !new Date(wall).toISOString().startsWith(date)) return null;
  if (offset !== undefined) {
    const moment = Date.parse(`${date}T${time}${offset.toUpperCase()}`);
    return Number.isNaN(moment) ? null : { from: moment, to: moment };
  }
  const from = fromWallClock(wall, zone);
  const isDay = text.trim() === date;
  return { from, to: isDay ? fromWallClock(wall + DAY_MS, zone) - 1 : from };
}

/** The date that a calendar shows there at that moment: `2026-11-01`. */
export function dateIn(moment: number, zone: string): string {
  return new Date(wallClock(moment, zone)).toISOString().slice(0, 10);
}

/** The moment at which a clock there shows `wall` (a wall-clock time as if it were UTC). */
function fromWallClock(wall: number, zone: string): number {
  // The offsets a day before and after: one of them holds, unless the clock skips this time.
  const [before, after] = [wall - DAY_MS, wall + DAY_MS].map((near) => wallClock(near, zone) - near);
  const moments = [wall - before!, wall - after!].filter((moment) => wallClock(moment, zone) === wall);
  return moments.length > 0 ? Math.min(...moments) : wall - before!;
}

/** What a clock there shows at that moment, as if it were UTC. */
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

/** Throws a RangeError for a zone that there is not. */
function formatter(zone: string): Intl.DateTimeFormat {
  const known = formatters.get(zone);
  if (known !== undefined) return known;
  const two = '2-digit';
  const options = { year: 'numeric', month: two, day: two, hour: two, minute: two, second: two } as const;
  const made = new Intl.DateTimeFormat('en', { ...options, timeZone: zone, hourCycle: 'h23' });
  formatters.set(zone, made);
  return made;
}
