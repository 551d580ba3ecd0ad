/** Lines of a worker's log. */
import { showJson } from '../../core/json';
import { partitionName } from '../../core/partition-name';
import type { WorkerEvent } from '../../worker';
import { countsText } from '../../display/counts';
import { statusColour, type Paint } from '../../display/paint';
import { clean, plural } from '../../display/text';

/** `2026-11-01 06:00:00  regional-2024  ended  PARTIAL_FAILURE: 2 DONE, 1 FAILED` */
export function workerLine(event: WorkerEvent, at: string, paint: Paint): string {
  const time = paint.dim(at.slice(0, 19).replace('T', ' '));
  return `${time}  ${paint.bold(clean(event.runId))}  ${textOf(event, paint)}`;
}

/** What Temporal's SDK logs. */
export interface SdkLogEntry {
  level: string;
  message: string;
  meta?: object;
}

/** A message of the worker without colours, as a line with one JSON object. */
export function noteObject(text: string, level: string, at: string): string {
  return `${showJson({ at, level, message: text.trim() })}\n`;
}

export function sdkLogObject({ level, message, meta = {} }: SdkLogEntry, at: string): string {
  const details = Object.entries(meta).map(([name, value]: [string, unknown]) => [
    name,
    value instanceof Error ? value.stack : value,
  ]);
  return `${showJson({ at, level, message, details: Object.fromEntries(details) })}\n`;
}

function textOf(event: WorkerEvent, paint: Paint): string {
  switch (event.type) {
    case 'runStarted':
      return `started ${clean(event.function)}: ${plural(event.partitions, 'partition')} of ${plural(event.rows, 'row')}`;
    case 'partitionFailed': {
      const { partition, error, attempts } = event;
      const name = partition === null ? 'a partition' : clean(partitionName(partition));
      return `failed ${name} after ${plural(attempts, 'attempt')}: ${clean(`${error.type}: ${error.message}`)}`;
    }
    case 'runEnded': {
      const counts = event.counts === null ? '' : `: ${countsText(event.counts, paint)}`;
      const why = event.error === null ? '' : ` (${clean(`${event.error.type}: ${event.error.message}`)})`;
      return `ended ${statusColour(event.status, paint)(event.status)}${counts}${why}`;
    }
  }
}
