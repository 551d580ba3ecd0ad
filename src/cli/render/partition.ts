/** One partition, with all that is recorded about it. */
import type { PartitionView, SourceExcerpt } from '../..';
import { partitionName } from '../../core/partition-name';
import { bytesText, durationText } from '../../display/measures';
import { statusColour, type Paint } from '../../display/paint';
import { clean } from '../../display/text';
import { nextAttemptText } from '../../display/waiting';
import { renderError } from './error';
import { renderExcerpt } from './excerpt';

const INDENT = '    ';

/** `now`: the time from which the next attempt is counted. `excerpt`: of the code that threw. */
export function renderPartition(
  partition: PartitionView,
  now: number,
  width: number,
  paint: Paint,
  excerpt: SourceExcerpt | null = null,
): string {
  const { status, error, earlierErrors, nextAttempt } = partition;
  const head = `${paint.bold(clean(partitionName(partition.id)))}  ${statusColour(status, paint)(status)}`;
  const facts = factsOf(partition).map(([name, value]) => `  ${paint.dim(name.padEnd(13))} ${clean(value)}`);
  const lines = [head, ...facts];
  if (nextAttempt !== null) lines.push(`  ${paint.yellow(nextAttemptText(nextAttempt, now))}`);
  if (error !== null) lines.push(`  ${paint.dim('error')}`, renderError(error, paint));
  lines.push(...renderExcerpt(excerpt, INDENT, width, paint));
  if (earlierErrors.length > 0) lines.push(`  ${paint.dim('earlier errors')}`);
  for (const { attempt, type, message } of earlierErrors)
    lines.push(`${INDENT}attempt ${attempt}  ${clean(`${type}: ${message}`)}`);
  return lines.join('\n');
}

function factsOf(partition: PartitionView): [name: string, value: string][] {
  const { ordinal, attempts, rows, returnedRows, reused, artifacts } = partition;
  const { startedAt, durationMs, execution, unit, worker, functionDigest } = partition;
  const facts: [string, string | null][] = [
    ['ordinal', String(ordinal)],
    ['attempts', reused ? '0 (reused)' : String(attempts)],
    ['rows', String(rows)],
    ['returned rows', partition.status === 'DONE' ? String(returnedRows) : null],
    ['started', startedAt],
    ['duration', durationMs === null ? null : durationText(durationMs)],
    ['execution', execution === null ? null : String(execution)],
    ['unit', unit],
    ['worker', worker],
    ['functions', functionDigest],
    ...artifacts.map(({ name, bytes }): [string, string] => ['artifact', `${name} (${bytesText(bytes)})`]),
  ];
  return facts.filter((fact): fact is [string, string] => fact[1] !== null);
}
