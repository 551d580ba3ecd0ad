/** Numbered segments of logs in attempts' folders: how they are found, ordered and read. */
import { attemptOf, compareAttempts, type AttemptPlace, type ExecutionPlace } from '../../stored/layout';
import type { LogLine } from '../../runners/protocol';
import type { Stage } from '../../stage';
import type { LogEntry } from '../log-types';

/** Captures the unit's activity id and retry round, the attempt's folder, and the segment's number. */
const SEGMENT = /\/u((?:r(\d+)\.)?[^/]+)\/(a[^/]+\/)logs\/seg-(\d+)\.jsonl$/;

export interface LogSegment {
  path: string;
  /** Stored size, see `Stage.list`. */
  bytes: number;
  unit: string;
  round: number;
  place: AttemptPlace;
  number: number;
}

/** The segments below a folder, in the order in which a unit wrote them. */
export async function segmentsIn(stage: Stage, folder: string): Promise<LogSegment[]> {
  const segments = (await stage.list(folder)).flatMap(({ path, bytes }) => {
    const [, unit, round = 0, place, number] = SEGMENT.exec(path) ?? [];
    if (unit === undefined) return [];
    return [{ path, bytes, unit, round: Number(round), place: attemptOf(place!)!, number: Number(number) }];
  });
  const order = new Intl.Collator('en', { numeric: true });
  return segments.sort(
    (a, b) => order.compare(a.unit, b.unit) || compareAttempts(a.place, b.place) || a.number - b.number,
  );
}

export function logEntry(
  line: LogLine,
  { round, place }: LogSegment,
  { execution }: Pick<ExecutionPlace, 'execution'>,
  partition: string | null,
): LogEntry {
  // Output of native code before the first call belongs to the attempt.
  const attempt = line.attempt ?? round + place.attempt;
  return { at: line.at, partition, execution, attempt, stream: line.stream, text: line.text };
}
