/** Captured lines of partitions' consoles. */
import type { LogEntry } from '../../client/types';
import { partitionName } from '../partition-argument';
import { type Paint } from './paint';
import { clean, cut, padEnd } from './text';

const NAME_WIDTH = 20;

/** `Waco │ 187 months`; standard error in yellow, later attempts with their number. */
export function logLine(entry: LogEntry, paint: Paint): string {
  const attempt = entry.attempt > 1 ? ` #${entry.attempt}` : '';
  const who = entry.partition === null ? 'all' : partitionName(entry.partition);
  const name = padEnd(cut(`${who}${attempt}`, NAME_WIDTH), NAME_WIDTH);
  const text = clean(entry.text);
  return `${paint.dim(`${name} │`)} ${entry.stream === 'stderr' ? paint.yellow(text) : text}`;
}
