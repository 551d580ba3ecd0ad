/** Answers about a selection of partitions, in the console and in an exported file alike. */
import { PARTITION_STATUSES } from '../../core/status';
import type { Figures, PartitionFilter, TableAnswer, TableQuery, TableRow } from '../wire/types';
import { figuresOf } from './figures';
import { countStatuses, select, sorted, type Table } from './partition-table';

/** The ids of a run's partitions. */
export interface Ids {
  /** In the order of the ordinals; null where an id is not known. */
  ids(ordinals: Int32Array): Promise<readonly (string | null)[]>;
  /** Ordinals of the partitions whose id contains the text, ascending. */
  search(text: string): Promise<Int32Array>;
}

export async function answerTable(
  table: Table,
  ids: Ids,
  { filter, sort, offset, limit }: TableQuery,
): Promise<Omit<TableAnswer, 'version'>> {
  const selected = await selection(table, ids, filter);
  const page = sorted(table, selected, sort).slice(offset, offset + limit);
  const idsOfPage = await ids.ids(page);
  const rows = Array.from(page, (ordinal, i) => tableRow(table, ordinal, idsOfPage[i] ?? null));
  return { total: table.columns.to, selected: selected.length, counts: countStatuses(table, selected), rows };
}

export function tableRow({ columns, groups, isExact }: Table, ordinal: number, id: string | null): TableRow {
  return {
    ordinal,
    id,
    status: PARTITION_STATUSES[columns.status[ordinal]!]!,
    attempts: columns.attempts[ordinal]!,
    rows: columns.rows[ordinal]!,
    returned: columns.returnedRows[ordinal]!,
    startedAt: timeOrNull(columns.startedAt[ordinal]!),
    took: numberOrNull(columns.durationMs[ordinal]!),
    execution: columns.execution[ordinal]!,
    reused: columns.reused[ordinal] === 1,
    group: groups[ordinal]!,
    isExact: isExact === null || isExact[ordinal] === 1,
  };
}

export async function answerFigures(table: Table, ids: Ids, filter: PartitionFilter): Promise<Figures> {
  return figuresOf(table, await selection(table, ids, filter));
}

/** Ordinals of the partitions that the filter selects, ascending. */
export async function selection(table: Table, ids: Ids, filter: PartitionFilter): Promise<Int32Array> {
  return select(table, filter, filter.text === undefined ? null : await ids.search(filter.text));
}

function numberOrNull(value: number): number | null {
  return Number.isNaN(value) ? null : value;
}

function timeOrNull(ms: number): string | null {
  return Number.isNaN(ms) ? null : new Date(ms).toISOString();
}
