/** Partitions that were picked one by one, to retry them. */
import { useRef, useState } from 'preact/hooks';
import { ordinalRanges } from '../../../core/ordinal-ranges';
import type { RunNow, TableAnswer, TableRow } from '../../wire/types';
import { filter, sort } from '../filter';
import { problemOf } from '../parts/use-answer';
import { canChange } from '../project';
import type { RunStore } from '../run-store';
import { ask } from '../session';
import { plural, shown } from '../words';
import { RetryDialog } from './retry-dialog';

/** Rows that are picked with one click; a filter selects more. */
const MOST = 10_000;
/** Rows that the console answers at once. */
const PAGE = 500;

export interface Selection {
  has(row: TableRow): boolean;
  /** `isRange`: with all rows from the last picked one, as they are sorted now. */
  toggle(index: number, row: TableRow, isRange: boolean): void;
  clear(): void;
  readonly ordinals: ReadonlySet<number>;
  /** Why rows could not be picked. */
  readonly problem: string | null;
}

/** Null where nothing could be done with it: what is running is not retried. */
export function useSelection(store: RunStore, { state }: RunNow): Selection | null {
  const generation = state.executions.at(-1)?.generation ?? null;
  const [picked, setPicked] = useState<{ generation: number | null; ordinals: ReadonlySet<number> }>({
    generation,
    ordinals: new Set(),
  });
  const [problem, setProblem] = useState<string | null>(null);
  const last = useRef<number | null>(null);
  if (!canChange() || store.execution !== null || state.status === 'IN_PROGRESS') return null;
  // After an overwrite, the numbers are those of other partitions.
  const ordinals = picked.generation === generation ? picked.ordinals : new Set<number>();
  const set = (next: ReadonlySet<number>): void => setPicked({ generation, ordinals: next });

  const addRange = async (from: number, to: number): Promise<void> => {
    if (to - from > MOST)
      return setProblem(`At most ${plural(MOST, 'row')} are selected at once: filter them, and retry those.`);
    const all = new Set(ordinals);
    try {
      for (let offset = from; offset < to; offset += PAGE) {
        const body = { filter: filter.value, sort: sort.value, offset, limit: Math.min(PAGE, to - offset) };
        const { rows } = await ask<TableAnswer>(store.path('/table'), { body });
        for (const { ordinal } of rows) all.add(ordinal);
      }
      set(all);
    } catch (error) {
      setProblem(problemOf(error));
    }
  };

  return {
    ordinals,
    problem,
    has: ({ ordinal }) => ordinals.has(ordinal),
    clear: () => set(new Set()),
    toggle: (index, { ordinal }, isRange) => {
      setProblem(null);
      const first = last.current;
      last.current = index;
      if (isRange && first !== null) return void addRange(Math.min(first, index), Math.max(first, index) + 1);
      const next = new Set(ordinals);
      if (!next.delete(ordinal)) next.add(ordinal);
      set(next);
    },
  };
}

export function SelectionBar({ now: { state }, selection }: { now: RunNow; selection: Selection }) {
  const [isOpen, setOpen] = useState(false);
  const { ordinals, problem } = selection;
  const generation = state.executions.at(-1)?.generation ?? null;
  const close = (): void => setOpen(false);
  return (
    <>
      {problem !== null && <p class="refusal">{shown(problem)}</p>}
      <p class="actions" role="status">
        {ordinals.size > 0 && (
          <>
            <span>{plural(ordinals.size, 'partition')} selected</span>
            <button type="button" disabled={generation === null} onClick={() => setOpen(true)}>
              Retry selected …
            </button>
            <button type="button" class="quiet" onClick={selection.clear}>
              Select none
            </button>
          </>
        )}
      </p>
      {isOpen && generation !== null && (
        <RetryDialog
          runId={state.runId}
          which={{ by: 'ordinals', ordinals: ordinalRanges([...ordinals].sort((a, b) => a - b)), generation }}
          onClose={close}
        />
      )}
    </>
  );
}
