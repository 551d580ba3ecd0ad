/** Partition counts by status, as text and as a coloured bar. */
import { PARTITION_STATUSES, type PartitionStatus, type StatusCounts } from '../core/status';
import { type Paint, statusColour } from './paint';

/** In the order in which the bar fills up. The shades distinguish the statuses when there are no colours. */
const SHADES: Readonly<Record<PartitionStatus, string>> = {
  DONE: '█',
  SKIPPED: '█',
  FAILED: '▓',
  INTERNAL_ERROR: '▓',
  CANCELLED: '▓',
  RUNNING: '▒',
  PENDING: '░',
};
const ORDER = Object.keys(SHADES) as PartitionStatus[];

/** `43 DONE, 3 FAILED`; zero counts are omitted. */
export function countsText(counts: StatusCounts, paint: Paint): string {
  const parts = ORDER.filter((status) => counts[status] > 0).map((status) =>
    statusColour(status, paint)(`${counts[status].toLocaleString('en')} ${status}`),
  );
  return parts.length === 0 ? 'no partitions' : parts.join(', ');
}

/** ` (993 reused)`, or nothing if there are none. */
export function reusedText(reused: number, paint: Paint): string {
  return reused === 0 ? '' : paint.dim(` (${reused.toLocaleString('en')} reused)`);
}

/**
 * `██████▒▒░░`: each status gets its share of the width; a status with any partitions gets at least one
 * column.
 */
export function countsBar(counts: StatusCounts, width: number, paint: Paint): string {
  const total = PARTITION_STATUSES.reduce((sum, status) => sum + counts[status], 0);
  if (total === 0) return paint.dim('░'.repeat(width));
  const present = ORDER.filter((status) => counts[status] > 0);
  const columns = present.map((status) => Math.max(1, Math.floor((counts[status] / total) * width)));
  const largest = columns.indexOf(Math.max(...columns));
  columns[largest] = Math.max(1, columns[largest]! + width - columns.reduce((sum, n) => sum + n, 0));
  return present.map((status, i) => statusColour(status, paint)(SHADES[status].repeat(columns[i]!))).join('');
}
