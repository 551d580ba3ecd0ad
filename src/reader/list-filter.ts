/** Options of lists of runs, whether of a server or of a stage. */

export const DEFAULT_LIMIT = 20;
export const MAX_LIMIT = 1_000;

/** The number of runs of a page. Throws `RangeError`. */
export function limitOf(limit: number): number {
  if (Number.isInteger(limit) && limit >= 1) return Math.min(limit, MAX_LIMIT);
  throw new RangeError(`"limit" is ${limit}; it takes a whole number, 1 or more.`);
}

/** What Temporal appends to a schedule's name to make the id of a run: the time that it was due. */
const DUE = /^-\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/;

/** Runs of a schedule are found by their ids, which retries of a run share. */
export function isOfSchedule(runId: string, schedule: string): boolean {
  return runId.startsWith(schedule) && DUE.test(runId.slice(schedule.length));
}

/** Whether a run id contains a text, in upper or lower case. */
export function hasText(runId: string, text: string): boolean {
  return runId.toLowerCase().includes(text.toLowerCase());
}
