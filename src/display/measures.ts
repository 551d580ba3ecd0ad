/** Human-readable times, durations and sizes. */

/** `2026-11-01 06:00` in a time zone; with seconds if they are not zero. */
export function timeText(iso: string, timeZone: string): string {
  const timeStyle = /:00(\.0+)?Z$/.test(iso) ? 'short' : 'medium';
  // The Swedish locale formats times like ISO 8601.
  return new Intl.DateTimeFormat('sv-SE', { dateStyle: 'short', timeStyle, timeZone }).format(new Date(iso));
}

/** `850 ms`, `3.2 s`, `1 m 05 s`, `2 h 03 m`. */
export function durationText(milliseconds: number): string {
  if (milliseconds < 999.5) return `${Math.round(milliseconds)} ms`;
  const seconds = milliseconds / 1000;
  if (seconds < 59.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor((whole % 3600) / 60)];
  if (hours > 0) return `${hours} h ${String(minutes).padStart(2, '0')} m`;
  return `${minutes} m ${String(whole % 60).padStart(2, '0')} s`;
}

/** Time from the start to the end, or to now if it has not ended. */
export function elapsed(startedAt: string, endedAt: string | null, now: string): string {
  return durationText(Math.max(0, Date.parse(endedAt ?? now) - Date.parse(startedAt)));
}

/** `812 B`, `4.2 KiB`, `1.0 MiB`. */
export function bytesText(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let value = bytes;
  let unit = 0;
  while (value >= 1023.95 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit]}`;
}
