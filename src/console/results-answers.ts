/** Combined rows and the figures of their columns, as the page shows them. */
import type { ResultFilter, ResultsPageOptions, RunHandle } from '..';
import { cellText, columnView } from './cell-text';
import type { ColumnFigures, ResultsAnswer } from './wire/types';

export async function resultsAnswer(run: RunHandle, options: ResultsPageOptions): Promise<ResultsAnswer> {
  const { columns, rows, total } = await run.resultsPage(options);
  return { columns: columns.map(columnView), rows: rows.map((row) => row.map(cellText)), total };
}

export async function columnFigures(
  run: RunHandle,
  where: readonly ResultFilter[],
): Promise<ColumnFigures[]> {
  const columns = await run.resultsColumns({ where });
  return columns.map(({ name, type, count, nulls, distinct, min, median, max, histogram }) => ({
    ...columnView({ name, type }),
    count,
    nulls,
    distinct,
    min: cellText(min),
    median: cellText(median),
    max: cellText(max),
    histogram,
  }));
}
