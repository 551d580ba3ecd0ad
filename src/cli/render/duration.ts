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

/** Time between two moments, the second one being now for what goes on. */
export function elapsed(startedAt: string, endedAt: string | null, now: string): string {
  return durationText(Math.max(0, Date.parse(endedAt ?? now) - Date.parse(startedAt)));
}
