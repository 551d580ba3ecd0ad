/** Which partitions the page shows: in the address, and the same for table, map and strip. */
import { computed } from '@preact/signals';
import { PARTITION_STATUSES, type PartitionStatus } from '../../core/status';
import { LAST_CELL_GROUP, STATUS_BITS } from '../wire/cells';
import type { PartitionFilter, SortColumn, TableSort, ValueRange } from '../wire/types';
import { query, setQuery } from './address';
import type { Cells } from './run-store';
import { file } from './session';

const RANGES = ['took', 'rows', 'returned', 'attempts', 'execution'] as const;
const TEXTS = ['unit', 'worker'] as const;
/** Names of the parameters that select partitions. */
const CONDITIONS: readonly string[] = ['status', 'group', 'ordinals', 'q', 'reused', ...RANGES, ...TEXTS];

/** The address without what does not select partitions: pictures are not drawn again for the rest. */
const conditions = computed(() =>
  new URLSearchParams([...query.value].filter(([name]) => CONDITIONS.includes(name))).toString(),
);

export const filter = computed((): PartitionFilter => {
  const value = new URLSearchParams(conditions.value);
  const wanted = value.get('status')?.split(',') ?? [];
  const status = PARTITION_STATUSES.filter((each) => wanted.includes(each));
  const group = Number(value.get('group') ?? Number.NaN);
  const ordinals = /^(\d{1,9})-(\d{1,9})$/.exec(value.get('ordinals') ?? '');
  const text = value.get('q') ?? '';
  const result: PartitionFilter = {
    ...(status.length > 0 && { status }),
    ...(Number.isInteger(group) && { group }),
    ...(ordinals !== null && { ordinals: [Number(ordinals[1]), Number(ordinals[2])] as const }),
    ...(text !== '' && { text }),
    ...(value.has('reused') && { reused: value.get('reused') === 'true' }),
  };
  for (const name of RANGES) {
    const range = rangeOf(value.get(name));
    if (range !== null) result[name] = range;
  }
  // A file does not say which unit ran a partition.
  for (const name of file === null ? TEXTS : []) {
    const wanted = value.get(name) ?? '';
    if (wanted !== '') result[name] = wanted;
  }
  return result;
});

const sortText = computed(() => query.value.get('sort') ?? 'key');

export const sort = computed((): TableSort => {
  const text = sortText.value;
  const descending = text.startsWith('-');
  return { column: (descending ? text.slice(1) : text) as SortColumn, descending };
});

export const isFiltered = computed(() => Object.keys(filter.value).length > 0);

/** Removes every condition. */
export function clearFilter(): void {
  setQuery(Object.fromEntries(CONDITIONS.map((name) => [name, null])));
}

export function setStatuses(statuses: readonly PartitionStatus[]): void {
  setQuery({ status: statuses.length === 0 ? null : statuses.join(',') });
}

/** `2..`, `..5`, `2..5`. */
export function rangeText([least, most]: ValueRange): string {
  return `${least ?? ''}..${most ?? ''}`;
}

function rangeOf(text: string | null): ValueRange | null {
  const match = /^(-?[\d.]*?)\.\.(-?[\d.]*)$/.exec(text ?? '');
  if (match === null) return null;
  const side = (part: string | undefined): number | null =>
    part === '' || part === undefined ? null : Number(part);
  const range: ValueRange = [side(match[1]), side(match[2])];
  return range.some((each) => Number.isNaN(each)) ? null : range;
}

/**
 * Whether the pictures show a partition in full colour. Conditions that need exact values or ids are left to
 * the table.
 */
export function highlighter(
  { status, group, ordinals }: PartitionFilter,
  cells: Cells,
): ((n: number) => boolean) | null {
  if (status === undefined && group === undefined && ordinals === undefined) return null;
  const [from, to] = ordinals ?? [0, Infinity];
  return (n) =>
    n >= from &&
    n < to &&
    (status === undefined || status.includes(PARTITION_STATUSES[cells.status[n]! & STATUS_BITS]!)) &&
    (group === undefined || cells.group[n] === Math.min(group, LAST_CELL_GROUP));
}
