/** Partitions as a table. */
import type { PartitionView } from '../..';
import { partitionName } from '../../core/partition-name';
import { placeOf } from '../../display/failure-line';
import { durationText } from '../../display/measures';
import { type Paint, statusColour } from '../../display/paint';
import { renderTable } from './table';
import { clean } from '../../display/text';
import { nextAttemptText } from '../../display/waiting';

/** `now`: the time from which next attempts are counted. */
export function renderPartitions(
  partitions: readonly PartitionView[],
  now: number,
  width: number,
  paint: Paint,
): string {
  if (partitions.length === 0) return paint.dim('no partitions');
  const columns = [
    { name: 'partition' },
    { name: 'status' },
    { name: 'attempts', align: 'right' as const },
    { name: 'rows', align: 'right' as const },
    { name: 'duration', align: 'right' as const },
    { name: 'next' },
    { name: 'at' },
    { name: 'error' },
  ];
  const placed = partitions.some(({ error }) => placeOf(error?.stack ?? null) !== null);
  const retried = partitions.some(({ nextAttempt }) => nextAttempt !== null);
  const rows = partitions.map((partition) => [
    clean(partitionName(partition.id)),
    {
      text: partition.reused ? `${partition.status} (reused)` : partition.status,
      colour: statusColour(partition.status, paint),
    },
    String(partition.attempts),
    String(partition.rows),
    partition.durationMs === null ? '' : durationText(partition.durationMs),
    ...(retried ? [partition.nextAttempt === null ? '' : nextAttemptText(partition.nextAttempt, now)] : []),
    ...(placed ? [clean(placeOf(partition.error?.stack ?? null) ?? '')] : []),
    partition.error === null ? '' : clean(`${partition.error.type}: ${partition.error.message}`),
  ]);
  return renderTable(
    columns.filter(({ name }) => (placed || name !== 'at') && (retried || name !== 'next')),
    rows,
    width,
    paint,
  );
}
