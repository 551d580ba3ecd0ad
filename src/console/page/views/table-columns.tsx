/** Columns of the table: which are shown is in the address, if it is not what is shown at first. */
import { computed } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { durationText } from '../../../display/measures';
import type { SortColumn, TableRow } from '../../wire/types';
import { query, setQuery } from '../address';
import { sort } from '../filter';
import { Menu } from '../parts/menu';
import { StatusMark } from '../parts/status';
import { number, shown, time } from '../words';

interface TableColumn {
  column: Exclude<SortColumn, 'key'>;
  title: string;
  isNumber: boolean;
  width: string;
  /** Whether it is shown at first. */
  isUsual: boolean;
  cell: (row: TableRow, cause: string) => ComponentChildren;
}

/** Values of partitions that an exported file has only cells of are not exact. */
const about = (row: TableRow, text: string): string => (row.isExact ? text : `≈ ${text}`);

const COLUMNS: readonly TableColumn[] = [
  {
    column: 'status',
    title: 'Status',
    isNumber: false,
    width: '11em',
    isUsual: true,
    cell: ({ status }) => <StatusMark status={status} />,
  },
  {
    column: 'took',
    title: 'Took',
    isNumber: true,
    width: '6em',
    isUsual: true,
    cell: (row) => (row.took === null ? '' : about(row, durationText(row.took))),
  },
  {
    column: 'rows',
    title: 'Rows',
    isNumber: true,
    width: '7em',
    isUsual: true,
    cell: (row) => about(row, number(row.rows)),
  },
  {
    column: 'returned',
    title: 'Returned',
    isNumber: true,
    width: '7em',
    isUsual: true,
    cell: (row) => (row.status === 'DONE' ? about(row, number(row.returned)) : ''),
  },
  {
    column: 'attempts',
    title: 'Calls',
    isNumber: true,
    width: '5em',
    isUsual: true,
    cell: (row) => (row.reused ? 'reused' : number(row.attempts)),
  },
  {
    column: 'started',
    title: 'Started',
    isNumber: false,
    width: '12em',
    isUsual: true,
    cell: (row) => (row.startedAt === null ? '' : time(row.startedAt)),
  },
  {
    column: 'execution',
    title: 'Execution',
    isNumber: true,
    width: '6em',
    isUsual: false,
    cell: (row) => (row.execution === 0 ? '' : number(row.execution)),
  },
  {
    column: 'group',
    title: 'Cause',
    isNumber: false,
    width: 'minmax(8em, 3fr)',
    isUsual: true,
    cell: (_, cause) => <span title={shown(cause)}>{shown(cause)}</span>,
  },
];

const USUAL = COLUMNS.filter(({ isUsual }) => isUsual);

/** Those that are shown after the partition, in their order. */
export const chosenColumns = computed(() => {
  const names = query.value.get('columns')?.split(',') ?? null;
  return names === null ? USUAL : COLUMNS.filter(({ column }) => names.includes(column));
});

/** For `grid-template-columns`. */
export const columnWidths = computed(() =>
  ['minmax(9em, 2fr)', ...chosenColumns.value.map(({ width }) => width)].join(' '),
);

/** Chooses what is shown. */
export function ColumnsMenu() {
  const chosen = chosenColumns.value;
  const toggle = (column: TableColumn): void => {
    const next = COLUMNS.filter((each) => (each === column) !== chosen.includes(each));
    const isUsual = next.length === USUAL.length && next.every((each) => USUAL.includes(each));
    setQuery({ columns: isUsual ? null : next.map((each) => each.column).join(',') });
  };
  return (
    <Menu title="Columns">
      {COLUMNS.map((each) => (
        <label key={each.column}>
          <input type="checkbox" checked={chosen.includes(each)} onChange={() => toggle(each)} /> {each.title}
        </label>
      ))}
    </Menu>
  );
}

export function ColumnHeads() {
  return (
    <div class="grid-head" role="group" aria-label="Sort">
      <SortButton column="key" title="Partition" isNumber={false} />
      {chosenColumns.value.map(({ column, title, isNumber }) => (
        <SortButton key={column} column={column} title={title} isNumber={isNumber} />
      ))}
    </div>
  );
}

function SortButton({ column, title, isNumber }: { column: SortColumn; title: string; isNumber: boolean }) {
  const { value } = sort;
  const isChosen = value.column === column;
  const next =
    isChosen && value.descending ? null : isChosen ? `-${column}` : isNumber ? `-${column}` : column;
  const after = isChosen && value.descending && isNumber ? column : next;
  return (
    <button
      type="button"
      class={isNumber ? 'number' : ''}
      aria-pressed={isChosen}
      onClick={() => setQuery({ sort: after === 'key' ? null : after })}
    >
      {title} {isChosen ? (value.descending ? '↓' : '↑') : ''}
    </button>
  );
}
