/** `2026-11-01 06:00`, on the wall clock of a time zone; with seconds when they are not zero. */
export function timeText(iso: string, timeZone: string): string {
  const timeStyle = /:00(\.0+)?Z$/.test(iso) ? 'short' : 'medium';
  // Sweden writes times the way ISO does.
  return new Intl.DateTimeFormat('sv-SE', { dateStyle: 'short', timeStyle, timeZone }).format(new Date(iso));
}
