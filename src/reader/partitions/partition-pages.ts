/**
 * Pages of partitions in key order. Units outside a page are not read, so a page costs the same however large
 * the run is.
 */
import type { RunRecord, UnitRecord } from '../../history/fold';
import { wasStopped } from '../../history/run-state';
import { isFailure, type PartitionStatus } from '../../core/status';
import type { Reading, RunReader } from '../run-reader';
import type { PartitionPage, PartitionView } from '../partition-types';

/** Number of partitions searched together. */
const WINDOW = 4_096;

/** `last` is the ordinal after which the page begins. `status` null: any status. */
export async function partitionPage(
  reader: RunReader,
  reading: Reading,
  { status, limit, last }: { status: PartitionStatus | null; limit: number; last: number },
): Promise<PartitionPage> {
  const partitions: PartitionView[] = [];
  const { record } = reading;
  const total = record.plan?.partitions ?? 0;
  for (let from = last + 1; from < total; from += WINDOW) {
    const to = Math.min(from + WINDOW, total) - 1;
    const here = ({ task }: UnitRecord): boolean => task.from <= to && task.to >= from;
    if (status !== null && !mayHold(record, status, here)) continue;
    const views = (await reader.views(reading, here))!;
    for (let ordinal = from; ordinal <= to; ordinal++) {
      if (status !== null && views.status(ordinal) !== status) continue;
      if (partitions.length === limit) return { partitions, next: `${last}` };
      partitions.push(await views.view(ordinal));
      last = ordinal;
    }
  }
  return { partitions, next: null };
}

/** False if, according to the counts in history, none of these units' partitions has the status. */
function mayHold(record: RunRecord, status: PartitionStatus, here: (unit: UnitRecord) => boolean): boolean {
  if (status !== 'DONE' && !isFailure(status)) return true;
  if (wasStopped(record) || (record.plan?.carried?.counts[status] ?? 0) > 0) return true;
  for (const unit of record.units.values()) {
    if (here(unit) && (unit.end?.type !== 'result' || unit.end.result.counts[status] > 0)) return true;
  }
  return false;
}

/** The ordinal in a cursor. */
export function cursorOrdinal(after: string): number {
  if (/^\d{1,9}$/.test(after)) return Number(after);
  throw new RangeError(`"${after}" is not a cursor: pass the "next" of the previous page unchanged.`);
}
