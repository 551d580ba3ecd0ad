/** The partitions that the filter selects, sorted, in a window that reaches all of them. */
import type { ReadonlySignal } from '@preact/signals';
import { useEffect, useRef, useState } from 'preact/hooks';
import { failed } from '../../../core/status';
import type { PositionAnswer, PositionRequest, TableRow, UnitsAnswer } from '../../wire/types';
import { filter, isFiltered, sort } from '../filter';
import { PartitionLink } from '../parts/partition-link';
import { nameOf } from '../parts/partition-name';
import { Save } from '../parts/save';
import { problemOf } from '../parts/use-answer';
import { Window } from '../parts/window';
import type { RunStore } from '../run-store';
import { ask, file, request } from '../session';
import { usePages } from '../table-pages';
import { number, shown } from '../words';
import { chosenColumns, ColumnHeads, ColumnsMenu, columnWidths } from './table-columns';
import { TableFilters } from './table-filters';
import { SelectionBar, useSelection } from './table-selection';

const ROW_HEIGHT = 26;
/** Behind the last row of any table. */
const END = Number.MAX_SAFE_INTEGER;

interface TableProps {
  store: RunStore;
  units: ReadonlySignal<UnitsAnswer | null>;
}

export function TablePanel({ store, units }: TableProps) {
  const now = store.now.value!;
  const { rowAt, show, answer, isCurrent, problem } = usePages(store, now.version);
  const selection = useSelection(store, now);
  const panel = useRef<HTMLElement>(null);
  const { goTo, go, find, onFocusIn, note } = useCursor(store, panel);
  const groups = new Map(now.groups.map((group) => [group.number, group]));
  const selected = answer?.selected ?? 0;

  return (
    <section
      ref={panel}
      class={selection === null ? 'table-panel' : 'table-panel is-selectable'}
      aria-label="Partitions"
      style={{ '--columns': columnWidths.value }}
      onFocusIn={onFocusIn}
    >
      <h2>
        Partitions{' '}
        <span class="faint" aria-live="polite" aria-busy={!isCurrent}>
          {isCurrent ? number(selected) : '…'} of {number(now.total)}
        </span>
      </h2>
      <div class="filters">
        <TableFilters now={now} units={units} answer={isCurrent ? answer : null} />
      </div>
      <div class="filters">
        <form
          onSubmit={(event) => {
            event.preventDefault();
            const typed = new FormData(event.currentTarget).get('row');
            // As the page writes it, too: 999,999.
            const row = typeof typed === 'string' ? Number(typed.replaceAll(',', '')) : Number.NaN;
            if (Number.isInteger(row) && row >= 1 && selected > 0) go(Math.min(row, selected) - 1);
          }}
        >
          <label>
            row <input name="row" inputMode="numeric" size={8} />
          </label>
        </form>
        {file?.isRedacted !== true && (
          <form
            onSubmit={(event) => {
              event.preventDefault();
              const id = new FormData(event.currentTarget).get('id');
              if (typeof id === 'string' && id !== '') find({ id });
            }}
          >
            <label>
              go to id <input name="id" size={12} />
            </label>
          </form>
        )}
        {failed(now.state.counts) > 0 && (
          <>
            <button type="button" class="quiet" data-key="[" onClick={() => find({ step: -1 })}>
              previous failure ( [ )
            </button>
            <button type="button" class="quiet" data-key="]" onClick={() => find({ step: 1 })}>
              next failure ( ] )
            </button>
          </>
        )}
        <span class="faint" role="status">
          {note}
        </span>
        <span class="push" />
        <ColumnsMenu />
        {(file === null ? (['csv', 'json'] as const) : []).map((format) => (
          <Save
            key={format}
            name={`${store.runId.replaceAll('/', '-')}.${format}`}
            label={`Save as ${format.toUpperCase()}`}
            load={() =>
              request(store.path('/download'), { body: { filter: filter.value, sort: sort.value, format } })
            }
          />
        ))}
      </div>
      {selection !== null && <SelectionBar now={now} selection={selection} />}
      {problem !== null && <p class="refusal">{problem}</p>}
      <ColumnHeads />
      <Window
        count={selected}
        rowHeight={ROW_HEIGHT}
        label={`${number(selected)} partitions`}
        goTo={goTo}
        onShow={show}
        row={(index) => {
          const row = rowAt(index);
          if (row === null) return <span class="faint">…</span>;
          const group = groups.get(row.group);
          return (
            <>
              {selection !== null && (
                <input
                  type="checkbox"
                  tabIndex={-1}
                  aria-label={`Select ${nameOf(row)}`}
                  checked={selection.has(row)}
                  onClick={(event) => {
                    selection.toggle(index, row, event.shiftKey);
                    // Keys go on from this row.
                    (event.currentTarget.nextElementSibling as HTMLElement | null)?.focus();
                  }}
                />
              )}
              <Row row={row} runId={store.runId} cause={group?.pattern ?? group?.type ?? ''} />
            </>
          );
        }}
      />
      {selected === 0 && isCurrent && <p class="empty">No partition matches the filter.</p>}
    </section>
  );
}

function Row({ row, runId, cause }: { row: TableRow; runId: string; cause: string }) {
  return (
    <PartitionLink runId={runId} partition={row} class="grid-row">
      <span title={row.id === null ? undefined : shown(row.id)}>{nameOf(row)}</span>
      {chosenColumns.value.map(({ column, isNumber, cell }) => (
        <span key={column} class={isNumber ? 'number' : ''}>
          {cell(row, cause)}
        </span>
      ))}
    </PartitionLink>
  );
}

type Target = { step: 1 | -1 } | { id: string };

interface Cursor {
  /** For the window. */
  goTo: { readonly index: number } | null;
  go: (index: number) => void;
  /** Goes to the next or previous failure after the row that had the focus last, or to a partition. */
  find: (what: Target) => void;
  /** Remembers the row that has the focus. */
  onFocusIn: (event: FocusEvent) => void;
  /** Why it did not go anywhere; empty if it did. */
  note: string;
}

/** Goes to rows: scrolls to them, and gives them the focus when they are there. */
function useCursor(store: RunStore, panel: { readonly current: HTMLElement | null }): Cursor {
  const [goTo, setGoTo] = useState<{ readonly index: number } | null>(null);
  const [note, setNote] = useState('');
  const wanted = useRef<number | null>(null);
  const last = useRef<number | null>(null);
  const searches = useRef(Promise.resolve());
  const go = (index: number): void => {
    wanted.current = index;
    last.current = index;
    setNote('');
    setGoTo({ index });
  };
  const search = async (what: Target): Promise<void> => {
    const to: PositionRequest['to'] =
      'id' in what
        ? { by: 'id', id: what.id }
        : { by: 'failure', step: what.step, from: last.current ?? (what.step === 1 ? -1 : END) };
    try {
      const body: PositionRequest = { filter: filter.value, sort: sort.value, to };
      const { position } = await ask<PositionAnswer>(store.path('/position'), { body });
      if (position === null) setNote(missing(to));
      else go(position);
    } catch (error) {
      setNote(problemOf(error));
    }
  };
  useEffect(() => {
    if (wanted.current === null) return;
    const row = panel.current?.querySelector<HTMLElement>(`[data-index="${wanted.current}"] .grid-row`);
    if (row == null) return;
    row.focus({ preventScroll: true });
    row.scrollIntoView({ block: 'nearest' });
    wanted.current = null;
  });
  // One after the other: each of two quick presses leads to another failure.
  const find = (what: Target): void => {
    searches.current = searches.current.then(() => search(what));
  };
  const onFocusIn = ({ target }: FocusEvent): void => {
    const row = (target as Element).closest<HTMLElement>('.window-row');
    if (row !== null) last.current = Number(row.dataset['index']);
  };
  return { goTo, go, find, onFocusIn, note };
}

function missing(to: PositionRequest['to']): string {
  if (to.by === 'failure') return to.step === 1 ? 'No further failure.' : 'No earlier failure.';
  return `No partition “${shown(to.id)}”${isFiltered.value ? ' among those that are shown' : ''}.`;
}
