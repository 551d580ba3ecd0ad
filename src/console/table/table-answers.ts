/** Answers about a selection of partitions, in the console and in an exported file alike. */
import { partitionName } from '../../core/partition-name';
import { isFailure, PARTITION_STATUSES } from '../../core/status';
import type {
  Figures,
  PartitionFilter,
  PositionAnswer,
  PositionRequest,
  TableAnswer,
  TableQuery,
  TableRow,
} from '../wire/types';
import { figuresOf } from './figures';
import { countStatuses, select, sorted, type Table } from './partition-table';

/** The ids of a run's partitions. */
export interface Ids {
  /** In the order of the ordinals; null where an id is not known. */
  ids(ordinals: Int32Array): Promise<readonly (string | null)[]>;
  /** Ordinals of the partitions whose id contains the text, ascending. */
  search(text: string): Promise<Int32Array>;
}

/** Selected partitions in the order of the table. */
export interface SortedPartitions {
  ordinals: Int32Array;
  /** Of any status, in the order of `PARTITION_STATUSES`. */
  counts: number[];
}

/** `selected` returns the ordinals that a filter selects. */
export async function selectSorted(
  table: Table,
  { filter, sort }: Pick<TableQuery, 'filter' | 'sort'>,
  selected: (filter: PartitionFilter) => Promise<Int32Array>,
): Promise<SortedPartitions> {
  const { status: _, ...others } = filter;
  return {
    ordinals: sorted(table, await selected(filter), sort),
    counts: countStatuses(table, await selected(others)),
  };
}

export async function answerTable(
  table: Table,
  ids: Ids,
  { ordinals, counts }: SortedPartitions,
  { offset, limit }: Pick<TableQuery, 'offset' | 'limit'>,
): Promise<Omit<TableAnswer, 'version'>> {
  const page = ordinals.slice(offset, offset + limit);
  const idsOfPage = await ids.ids(page);
  const rows = Array.from(page, (ordinal, i) => tableRow(table, ordinal, idsOfPage[i] ?? null));
  return { total: table.columns.to, selected: ordinals.length, counts, rows };
}

/** Ids that are compared with a text one by one: a text that more contain is hardly a whole id. */
const MAX_COMPARED = 10_000;

/** Where in the table a row is; `rows`: the ordinals of all its rows, in its order. */
export async function answerPosition(
  table: Table,
  ids: Ids,
  rows: Int32Array,
  to: PositionRequest['to'],
): Promise<PositionAnswer> {
  if (to.by === 'failure') return { position: nextFailure(table, rows, to) };
  const found = await ids.search(to.id);
  const compared = found.subarray(0, MAX_COMPARED);
  const exact = (await ids.ids(compared)).findIndex(
    (id) => id !== null && (id === to.id || partitionName(id) === to.id),
  );
  const wanted = new Set(exact === -1 ? found : [compared[exact]!]);
  const position = rows.findIndex((ordinal) => wanted.has(ordinal));
  return { position: position === -1 ? null : position };
}

function nextFailure(
  { columns }: Table,
  rows: Int32Array,
  { from, step }: { from: number; step: 1 | -1 },
): number | null {
  const isFailed = PARTITION_STATUSES.map(isFailure);
  // The table may have become shorter.
  for (let at = Math.min(from, rows.length) + step; at >= 0 && at < rows.length; at += step)
    if (isFailed[columns.status[rows[at]!]!]) return at;
  return null;
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

/** Figures of the partitions with these ordinals. */
export async function answerFigures(
  table: Table,
  ids: Ids,
  ordinals: Int32Array,
): Promise<Omit<Figures, 'version'>> {
  const figures = figuresOf(table, ordinals);
  const idsOfOutliers = await ids.ids(Int32Array.from(figures.outliers, ({ ordinal }) => ordinal));
  return {
    ...figures,
    outliers: figures.outliers.map((outlier, i) => ({ ...outlier, id: idsOfOutliers[i] ?? null })),
  };
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
