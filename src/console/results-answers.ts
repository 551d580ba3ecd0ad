/** Combined rows and the figures of their columns, as the page shows them. */
import type { ResultFilter, ResultsPageOptions, RunHandle } from '..';
import { cellText, cellTexts, columnView } from './cell-text';
import type { ColumnFigures, ResultsAnswer } from './wire/types';

export async function resultsAnswer(run: RunHandle, options: ResultsPageOptions): Promise<ResultsAnswer> {
  const { columns, rows, total } = await run.resultsPage(options);
  return { columns: columns.map(columnView), rows: rows.map((row) => cellTexts(columns, row)), total };
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
    min: cellText(min, type),
    median: cellText(median, type),
    max: cellText(max, type),
    histogram,
  }));
}
