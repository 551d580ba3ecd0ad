/** The time range of a backfill, and its checks. */
import type { ScheduleDescription } from '@temporalio/client';
import { quote } from '../../core/quote';
import { parsePeriod } from '../../input/zoned-time';
import { ScheduleRefused } from '../../reader/errors';
import { overlapProblem } from './schema';
import type { Overlap } from './types';

/** Throws `ScheduleRefused` if there are any problems. */
export function refuse(...problems: (string | null)[]): void {
  const found = problems.filter((problem) => problem !== null);
  // enforces I9
  if (found.length > 0) throw new ScheduleRefused(found);
}

/** The range that a backfill covers: after `start`, up to and including `end`. */
export function backfillRange(
  { scheduleId, spec }: ScheduleDescription,
  { from, to, overlap }: { from: string; to: string; overlap: Overlap },
): { start: Date; end: Date } {
  const zone = spec.timezone || 'UTC';
  const [first, last] = [parsePeriod(from, zone), parsePeriod(to, zone)];
  const now = Date.now();
  refuse(
    first === null ? timeProblem('from', from) : null,
    last === null ? timeProblem('to', to) : null,
    first !== null && last !== null && first.from > last.to
      ? `"from" is ${from}, which is after "to", ${to}: swap them.`
      : null,
    first !== null && first.from > now
      ? `"from" is ${from}, which is in the future: the schedule will start those runs itself.`
      : null,
    overlapProblem(overlap),
    spec.jitter
      ? `The schedule "${scheduleId}" uses jitter, so its run ids cannot be predicted: backfill it with Temporal's own tools.`
      : null,
  );
  // Not beyond now: a run started early would keep the schedule from starting it when it is due.
  return { start: new Date(first!.from - 1), end: new Date(Math.min(last!.to, now)) };
}

function timeProblem(name: string, text: string): string {
  return `"${name}" is ${quote(text)}; it takes a day such as "2026-11-01", or a time such as "2026-11-01T06:00:00Z".`;
}
