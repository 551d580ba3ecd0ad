/** What a map says about the cells that are pointed at. */
import { useEffect, useState } from 'preact/hooks';
import type { PartitionView } from '../../..';
import { PARTITION_STATUSES, isFailure } from '../../../core/status';
import { durationText } from '../../../display/measures';
import { countOf, durationOf, REUSED, STATUS_BITS } from '../../wire/cells';
import type { GroupInfo, TableAnswer, TableRow } from '../../wire/types';
import { nameOf } from '../parts/partition-name';
import type { CellCursor } from '../pictures/use-cell-cursor';
import type { RunStore } from '../run-store';
import { ask, file, hasPartitionPage } from '../session';
import { GLYPHS, number, plural, shown, statusOf } from '../words';

/** Only a place where the pointer rests is asked about. */
const REST_MS = 60;

interface PointedProps {
  store: RunStore;
  cursor: CellCursor;
  perCell: number;
}

/** The line below a map: about what is selected, or pointed at. */
export function Pointed({ store, cursor: { at, selected }, perCell }: PointedProps) {
  return (
    <p class="hover" aria-live="polite">
      {selected !== null && selected[1] - selected[0] > perCell ? (
        `${number(selected[0])} to ${number(selected[1] - 1)}: ${plural(selected[1] - selected[0], 'partition')}; Enter shows them, Esc leaves`
      ) : at !== null ? (
        <MapCell store={store} ordinal={at} perCell={perCell} />
      ) : (
        <span class="faint">
          Point at a cell; a click {file === null ? 'opens' : 'selects'} it, dragging with Shift selects
          several.
        </span>
      )}
    </p>
  );
}

interface MapCellProps {
  store: RunStore;
  ordinal: number;
  perCell: number;
}

function MapCell({ store, ordinal, perCell }: MapCellProps) {
  const { total } = store;
  const { row, message } = useRow(store, perCell === 1 ? ordinal : null);
  if (perCell > 1) return <Bin store={store} from={ordinal} to={Math.min(ordinal + perCell, total)} />;
  const { status, took, rows, attempts, reused, group, about } = row ?? ofCells(store, ordinal);
  const cause = group === 0 ? null : (message ?? causeOf(store.now.value!.groups, group));
  return (
    <>
      <b>{nameOf({ ordinal, id: row?.id ?? null })}</b> {GLYPHS[status]} {status}
      {took === null ? '' : `, ${about}${durationText(took)}`}, {about}
      {plural(rows, 'row')}
      {reused ? ', reused' : attempts > 1 ? `, ${plural(attempts, 'call')}` : ''}
      {cause === null ? '' : `: ${shown(cause).split('\n')[0]}`}
    </>
  );
}

/** Several partitions in one cell: how many of which status. */
function Bin({ store, from, to }: { store: RunStore; from: number; to: number }) {
  void store.drawn.value;
  const { cells } = store;
  const counts = PARTITION_STATUSES.map(() => 0);
  for (let ordinal = from; ordinal < to; ordinal++) counts[cells.status[ordinal]! & STATUS_BITS]!++;
  const parts = PARTITION_STATUSES.flatMap((status, i) =>
    counts[i] === 0 ? [] : [`${number(counts[i]!)} ${status}`],
  );
  return (
    <>
      {number(from)} to {number(to - 1)}: {parts.join(', ')}; zoom in to see each
    </>
  );
}

type Known = Pick<TableRow, 'status' | 'took' | 'rows' | 'attempts' | 'reused' | 'group'> & { about: string };

/** Until the exact values are there. */
function ofCells({ cells }: RunStore, ordinal: number): Known {
  const took = durationOf(cells.duration[ordinal]!);
  return {
    status: statusOf(cells.status[ordinal]! & STATUS_BITS),
    took: Number.isNaN(took) ? null : took,
    rows: Math.round(countOf(cells.rows[ordinal]!)),
    attempts: cells.attempts[ordinal]!,
    reused: (cells.status[ordinal]! & REUSED) !== 0,
    group: cells.group[ordinal]!,
    about: 'about ',
  };
}

interface Answered {
  ordinal: number;
  row: (TableRow & Known) | null;
  message: string | null;
}

/** The partition's exact values, and its error's message, once they are known. */
function useRow(store: RunStore, ordinal: number | null): Pick<Answered, 'row' | 'message'> {
  const [answered, setAnswered] = useState<Answered | null>(null);
  const version = store.drawn.value;
  useEffect(() => {
    if (ordinal === null) return undefined;
    let isOver = false;
    const load = async (): Promise<void> => {
      const row = await rowOf(store, ordinal);
      if (isOver) return;
      setAnswered({ ordinal, row: { ...row, about: row.isExact ? '' : 'about ' }, message: null });
      if (row.id === null || !hasPartitionPage(row.id) || !isFailure(row.status)) return;
      const { error } = await ask<PartitionView>(store.path(`/partitions/${encodeURIComponent(row.id)}`));
      if (!isOver && error !== null)
        setAnswered((before) => before && { ...before, message: `${error.type}: ${error.message}` });
    };
    // What the page says already stands if there is no answer.
    const timer = setTimeout(() => void load().catch(() => {}), REST_MS);
    return () => {
      isOver = true;
      clearTimeout(timer);
    };
  }, [store, ordinal, version]);
  return answered !== null && answered.ordinal === ordinal ? answered : { row: null, message: null };
}

export async function rowOf(store: RunStore, ordinal: number): Promise<TableRow> {
  const body = {
    filter: { ordinals: [ordinal, ordinal + 1] },
    sort: { column: 'key', descending: false },
    offset: 0,
    limit: 1,
  };
  return (await ask<TableAnswer>(store.path('/table'), { body })).rows[0]!;
}

function causeOf(groups: readonly GroupInfo[], wanted: number): string | null {
  const group = groups.find(({ number: each }) => each === wanted);
  return group === undefined ? null : (group.pattern ?? group.type);
}
