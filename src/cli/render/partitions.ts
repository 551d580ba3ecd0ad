/** Partitions as a table, and the failed ones as lines. */
import type { PartitionView } from '../../client/types';
import { durationText } from './duration';
import { type Paint, statusColour } from './paint';
import { renderTable } from './table';
import { clean, cut, widthOf } from './text';
import { cellText } from './value';

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

/** `✗ San Marcos  ExpectationFailed: 46 of 187 months …` */
export function failureLine(
  { key, id, error }: Pick<PartitionView, 'key' | 'id' | 'error'>,
  width: number,
  paint: Paint,
): string {
  const name = keyText(key) || clean(id);
  const reason = error === null ? 'no reason is known' : clean(`${error.type}: ${error.message}`);
  return `${paint.red('✗')} ${paint.bold(name)}  ${cut(reason, Math.max(20, width - widthOf(name) - 4))}`;
}

/** The key as people say it: `San Marcos`, `2024 / UA`. Commands take the id. */
function keyText(key: PartitionView['key']): string {
  return Object.values(key)
    .map((value) => (value === null ? 'NULL' : cellText(value)))
    .join(' / ');
}
