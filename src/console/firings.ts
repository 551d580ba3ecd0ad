/** The latest firings of a schedule: from the list of runs, and the refused ones from the schedule. Pure. */
import type { RunListing, ScheduledRun } from '..';
import type { Firing } from './wire/schedules';

/** What Temporal appends to a schedule's name to make the id of a run. */
const DUE = /-(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ)$/;

/** At most `most`, oldest first. */
export function firingsOf(
  recent: readonly ScheduledRun[],
  runs: readonly RunListing[],
  most: number,
): Firing[] {
  const firings = new Map<string, Firing>();
  for (const { runId, scheduledTime, status, refused } of recent)
    firings.set(runId, {
      scheduledTime,
      runId,
      status,
      refused: refused?.message ?? null,
      took: null,
      counts: null,
    });
  for (const { runId, status, startedAt, endedAt, counts } of runs) {
    const due = DUE.exec(runId)?.[1];
    if (due === undefined) continue;
    const scheduledTime = new Date(due).toISOString();
    const took = endedAt === null ? null : Date.parse(endedAt) - Date.parse(startedAt);
    firings.set(runId, { scheduledTime, runId, status, refused: null, took, counts });
  }
  return [...firings.values()]
    .sort((a, b) => Date.parse(a.scheduledTime) - Date.parse(b.scheduledTime))
    .slice(-most);
}
