/** Captured console output of partitions. */
import type { LogEntry } from '../..';
import { partitionName } from '../../core/partition-name';
import { type Paint } from '../../display/paint';
import { clean, cut, padEnd } from '../../display/text';

const NAME_WIDTH = 20;

/**
 * `Waco │ 187 months`. Standard error is yellow. The attempt number is shown from the second attempt on, and
 * the execution number before it from the second execution on.
 */
export function logLine(entry: LogEntry, paint: Paint): string {
  const { execution, attempt: number } = entry;
  const attempt = execution > 1 ? ` #${execution}.${number}` : number > 1 ? ` #${number}` : '';
  const source = entry.partition === null ? 'all' : clean(partitionName(entry.partition));
  const name = padEnd(cut(`${source}${attempt}`, NAME_WIDTH), NAME_WIDTH);
  const text = clean(entry.text);
  return `${paint.dim(`${name} │`)} ${entry.stream === 'stderr' ? paint.yellow(text) : text}`;
}
