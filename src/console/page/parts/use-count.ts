import { useLayoutEffect, useMemo } from 'preact/hooks';
import type { Cells, Count, RunCells } from '../run-cells';

/**
 * Counts all cells of a run with what `make` returns, and then what changes of them. `of`: what it depends on
 * besides the cells.
 */
export function useCount<T extends { readonly count: Count }>(
  run: RunCells,
  make: (cells: Cells) => T,
  of: readonly unknown[] = [],
): T {
  const counted = useMemo(() => {
    const made = make(run.cells);
    made.count(0, run.total, 1);
    return made;
  }, [run.cells, ...of]);
  // Before any cell can change.
  useLayoutEffect(() => run.keep(counted.count), [counted]);
  return counted;
}
