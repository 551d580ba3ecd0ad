/** Partitions as a table, and the failed ones as lines. */
import type { PartitionView } from '../..';
import { partitionName } from '../partition-argument';
import { durationText } from './measures';
import { type Paint, statusColour } from './paint';
import { placeOf } from './error';
import { renderTable } from './table';
import { clean, cut, widthOf } from './text';

export function renderPartitions(partitions: readonly PartitionView[], width: number, paint: Paint): string {
  if (partitions.length === 0) return paint.dim('no partitions');
  const columns = [
    { name: 'partition' },
    { name: 'status' },
    { name: 'attempts', align: 'right' as const },
    { name: 'rows', align: 'right' as const },
    { name: 'duration', align: 'right' as const },
    { name: 'at' },
    { name: 'error' },
  ];
  const placed = partitions.some(({ error }) => placeOf(error?.stack ?? null) !== null);
  const rows = partitions.map((partition) => [
    clean(partition.id),
    {
      text: partition.reused ? `${partition.status} (reused)` : partition.status,
      colour: statusColour(partition.status, paint),
    },
    String(partition.attempts),
    String(partition.rows),
    partition.durationMs === null ? '' : durationText(partition.durationMs),
    ...(placed ? [clean(placeOf(partition.error?.stack ?? null) ?? '')] : []),
    partition.error === null ? '' : clean(`${partition.error.type}: ${partition.error.message}`),
  ]);
  return renderTable(
    columns.filter(({ name }) => placed || name !== 'at'),
    rows,
    width,
    paint,
  );
}

/**
 * `✗ San Marcos  ExpectationFailed: 46 of 187 months … (functions.ts:31)`; the place is on its own
 * line if both do not fit.
 */
export function failureLine(
  { id, error }: Pick<PartitionView, 'id' | 'error'>,
  width: number,
  paint: Paint,
): string {
  const name = partitionName(id);
  const reason = error === null ? 'unknown reason' : clean(`${error.type}: ${error.message}`);
  const place = placeOf(error?.stack ?? null);
  const line = `${paint.red('✗')} ${paint.bold(name)}  ${cut(reason, Math.max(20, width - widthOf(name) - 4))}`;
  if (place === null) return line;
  const fits = widthOf(name) + widthOf(reason) + widthOf(place) + 7 <= width;
  return `${line}${fits ? ' ' : '\n    '}${paint.dim(fits ? `(${clean(place)})` : `at ${clean(place)}`)}`;
}
