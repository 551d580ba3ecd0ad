/** Times in zones whose clocks change. Pure. */

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
