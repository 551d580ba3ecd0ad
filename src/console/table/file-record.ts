/** A partition in a file of the table. Pure. */
import { partitionName } from '../../core/partition-name';
import type { GroupInfo } from '../wire/types';
import type { Table } from './partition-table';
import { tableRow } from './table-answers';

/** Of each partition, all that the page's table shows or filters by. */
export const FIELDS = [
  'ordinal',
  'id',
  'status',
  'attempts',
  'rows',
  'returned',
  'startedAt',
  'took',
  'execution',
  'reused',
  'partition',
  'cause',
  'unit',
  'worker',
] as const;

type Field = (typeof FIELDS)[number];

/** Makes the record of the partition with an ordinal and an id. */
export function fileRecords(
  table: Table & { groupInfos: readonly GroupInfo[] },
): (ordinal: number, id: string | null) => Record<Field, string | number | boolean | null> {
  const causes = new Map(table.groupInfos.map(({ number, pattern, type }) => [number, pattern ?? type]));
  return (ordinal, id) => {
    const row = tableRow(table, ordinal, id);
    const unit = table.units[table.columns.unit[ordinal]!];
    return {
      ...row,
      partition: id === null ? null : partitionName(id),
      cause: causes.get(row.group) ?? null,
      unit: unit?.activityId ?? null,
      worker: unit?.worker ?? null,
    };
  };
}
