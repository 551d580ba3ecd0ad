/** Partitions as a table, and the failed ones as lines. */
import type { PartitionView } from '../../client/types';
import { durationText } from './duration';
import { type Paint, statusColour } from './paint';
import { renderTable } from './table';
import { clean, cleanLines, cut } from './text';

export function renderPartitions(partitions: readonly PartitionView[], width: number, paint: Paint): string {
  if (partitions.length === 0) return paint.dim('no partitions');
  const columns = [
    { name: 'partition' },
    { name: 'status' },
    { name: 'attempts', align: 'right' as const },
    { name: 'rows', align: 'right' as const },
    { name: 'duration', align: 'right' as const },
    { name: 'error' },
  ];
  const rows = partitions.map((partition) => [
    clean(partition.id),
    { text: partition.status, colour: statusColour(partition.status, paint) },
    String(partition.attempts),
    String(partition.rows),
    partition.durationMs === null ? '' : durationText(partition.durationMs),
    partition.error === null ? '' : clean(`${partition.error.type}: ${partition.error.message}`),
  ]);
  return renderTable(columns, rows, width, paint);
}

/** `✗ Waco  ExpectationFailed: 8 of 187 months …` */
export function failureLine(id: string, error: PartitionView['error'], width: number, paint: Paint): string {
  const name = clean(id);
  const reason = error === null ? 'no reason is known' : clean(`${error.type}: ${error.message}`);
  return `${paint.red('✗')} ${paint.bold(name)}  ${cut(reason, Math.max(20, width - name.length - 4))}`;
}

/** Everything about one partition. */
export function renderPartition(partition: PartitionView, paint: Paint): string {
  const lines = [
    `${paint.bold(clean(partition.id))}  ${statusColour(partition.status, paint)(partition.status)}`,
    `${partition.rows} rows, attempt ${partition.attempts}${partition.durationMs === null ? '' : `, ${durationText(partition.durationMs)}`}`,
  ];
  if (partition.error !== null)
    lines.push(cleanLines(partition.error.stack ?? `${partition.error.type}: ${partition.error.message}`));
  return lines.join('\n');
}
