/** Which partitions the page shows: in the address, and the same for table, map and strip. */
import { computed } from '@preact/signals';
import { PARTITION_STATUSES, type PartitionStatus } from '../../core/status';
import { cellGroup, countByte, durationByte, REUSED, STATUS_BITS } from '../wire/cells';
import type { PartitionFilter, SortColumn, TableSort, ValueRange } from '../wire/types';
import { query, setQuery } from './address';
import type { Cells } from './run-cells';
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
 * Whether the pictures show a partition in full colour; null: all are. Times and rows are those of the cells,
 * within 5 %. Text in ids is left to the table.
 */
export function highlighter(filter: PartitionFilter, cells: Cells): ((n: number) => boolean) | null {
  const { status, group, ordinals, reused } = filter;
  const tests: ((n: number) => boolean)[] = [];
  if (ordinals !== undefined) tests.push((n) => n >= ordinals[0] && n < ordinals[1]);
  if (status !== undefined)
    tests.push((n) => status.includes(PARTITION_STATUSES[cells.status[n]! & STATUS_BITS]!));
  if (group !== undefined) tests.push((n) => cells.group[n] === cellGroup(group));
  if (reused !== undefined) tests.push((n) => ((cells.status[n]! & REUSED) !== 0) === reused);
  tests.push(
    // 0 is no time, which is not a short one.
    ...within(cells.duration, filter.took, durationByte, 1),
    ...within(cells.rows, filter.rows, countByte),
    ...within(cells.returned, filter.returned, countByte),
    ...within(cells.attempts, filter.attempts, (attempts) => Math.min(attempts, MAX_BYTE)),
  );
  if (tests.length < 2) return tests[0] ?? null;
  return (n) => tests.every((test) => test(n));
}

const MAX_BYTE = 255;

function within(
  plane: Uint8Array,
  range: ValueRange | undefined,
  byteOf: (value: number) => number,
  lowest = 0,
): ((n: number) => boolean)[] {
  if (range === undefined) return [];
  const [least, most] = range;
  const from = least === null ? lowest : Math.max(lowest, byteOf(least));
  const to = most === null ? MAX_BYTE : byteOf(most);
  return [(n) => plane[n]! >= from && plane[n]! <= to];
}
