/** The first rows that a run's functions returned, for an exported file. */
import type { RunHandle } from '../..';
import { columnFigures, resultsAnswer } from '../results-answers';
import type { ExportedResults } from '../wire/export';

const MAX_ROWS = 200;
/** Of the rows as JSON: fewer of wide ones are in the file. */
const MAX_LENGTH = 200_000;

/** Null if the functions returned nothing. */
export async function sampleOf(run: RunHandle): Promise<ExportedResults | null> {
  const page = await resultsAnswer(run, { limit: MAX_ROWS });
  if (page.total === 0) return null;
  let length = 0;
  const tooMany = page.rows.findIndex((row) => (length += JSON.stringify(row).length) > MAX_LENGTH);
  const rows = tooMany < 0 ? page.rows : page.rows.slice(0, tooMany);
  return { page: { ...page, rows }, figures: await columnFigures(run, []) };
}
