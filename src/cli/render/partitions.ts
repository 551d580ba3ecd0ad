/** Partitions as a table, and the failed ones as lines. */
import type { PartitionView } from '../..';
import { partitionName } from '../../core/partition-name';
import { durationText } from './measures';
import { type Paint, statusColour } from './paint';
import { placeOf } from './error';
import { renderTable } from './table';
import { clean, widthOf, wrapped } from './text';

const INDENT = '    ';

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
    clean(partitionName(partition.id)),
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
 * `✗ San Marcos  ExpectationFailed: 46 of 187 months … (functions.ts:31)`, on as many lines as it takes; the
 * place is on its own line if it does not fit.
 */
export function failureLine(
  { id, error }: Pick<PartitionView, 'id' | 'error'>,
  width: number,
  paint: Paint,
): string {
  const reason = error === null ? 'unknown reason' : `${error.type}: ${error.message}`;
  return causeLine(clean(partitionName(id)), reason, error?.stack ?? null, width, paint);
}

/** `✗ WHAT  CAUSE (PLACE)` */
export function causeLine(
  what: string,
  cause: string,
  stack: string | null,
  width: number,
  paint: Paint,
): string {
  const text = wrapped(`${what}  ${clean(cause)}`, width, '✗ ', INDENT);
  const head = `✗ ${what}`;
  const line = text.startsWith(head)
    ? `${paint.red('✗')} ${paint.bold(what)}${text.slice(head.length)}`
    : text.replace('✗', paint.red('✗'));
  const place = placeOf(stack);
  if (place === null) return line;
  const last = text.slice(text.lastIndexOf('\n') + 1);
  const fits = widthOf(last) + widthOf(place) + 3 <= width;
  return `${line}${fits ? ' ' : `\n${INDENT}`}${paint.dim(fits ? `(${clean(place)})` : `at ${clean(place)}`)}`;
}
