/** Times in zones whose clocks change. Pure. */

/** The usual name of a time zone; null if there is none of this name. */
export function zoneNamed(name: string): string | null {
  try {
    return name === '' ? null : new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone;
  } catch {
    return null;
  }
}

/** `UTC+02:00`: the offset of a time zone at a time. */
export function offsetOf(iso: string, timeZone: string): string {
  const parts = new Intl.DateTimeFormat('en', { timeZone, timeZoneName: 'longOffset' }).formatToParts(
    new Date(iso),
  );
  const name = parts.find(({ type }) => type === 'timeZoneName')!.value;
  return name === 'GMT' ? 'UTC+00:00' : name.replace('GMT', 'UTC');
}

/** How a zone's clocks change between two times: `UTC+02:00 → UTC+01:00`; null if they do not. */
export function clockChange(before: string, after: string, timeZone: string): string | null {
  const [first, second] = [offsetOf(before, timeZone), offsetOf(after, timeZone)];
  return first === second ? null : `${first} → ${second}`;
}

/** When a day such as `2026-11-01` begins in a zone. */
export function startOfDay(day: string, timeZone: string): Date {
  const utc = Date.parse(`${day}T00:00Z`);
  // Twice: clocks may change between the day's beginning in UTC and in the zone.
  let at = utc;
  for (let i = 0; i < 2; i++) {
    const [sign, hours, minutes] = offsetOf(new Date(at).toISOString(), timeZone)
      .slice('UTC'.length)
      .split(/(?<=[+-])|:/);
    const offset = (Number(hours) * 60 + Number(minutes)) * 60_000;
    at = sign === '-' ? utc + offset : utc - offset;
  }
  return new Date(at);
}

/** The day after. */
export function nextDay(day: string): string {
  return new Date(Date.parse(`${day}T00:00Z`) + 86_400_000).toISOString().slice(0, 10);
}

/** The text if it is a day; null otherwise. */
export function dayOf(text: string | null): string | null {
  if (text === null || !/^\d{4}-\d\d-\d\d$/.test(text)) return null;
  return Number.isNaN(Date.parse(`${text}T00:00Z`)) ? null : text;
}
