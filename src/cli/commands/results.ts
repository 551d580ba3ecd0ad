import { Option, type Command } from 'commander';
import type { ResultRows, ResultsPageOptions, Row, RunHandle } from '../..';
import { withExamples } from '../help';
import { readingRun } from '../connect';
import { wholeNumber, withJson, withProject, withRun, type RunReadingOptions } from '../options';
import { csvOf, renderRows } from '../render/rows';
import { SEVERAL } from '../repeated';
import { conditionOf, sortOf } from '../result-conditions';
import { aside, paint, print, printJson, widthOfTerminal } from '../terminal';

interface ResultsOptions extends RunReadingOptions {
  csv?: boolean;
  limit?: number;
  offset?: number;
  sort?: string[];
  where?: string[];
}

/** As many rows as are readable in a table; JSON and CSV are for programs and contain all rows. */
const ROWS_ON_SCREEN = 100;
/** Most rows of a page of the library. */
const PAGE = 500;

export function define(command: Command): void {
  withExamples(command, [
    'results regional-2024 --csv > summary.csv',
    'results regional-2024 --where "orders >= 20" --sort=-total --limit 10',
  ]);
  withRun(command)
    .addOption(new Option('--csv', 'print CSV').conflicts('json'))
    .option(
      '--where <condition>',
      'only rows for which this holds: a column, = != < <= > >= or contains, and a value; or isNull, isNotNull (repeatable)',
      SEVERAL,
    )
    .option('--sort <column>', 'sort by this column; =-COLUMN: largest first (repeatable)', SEVERAL)
    .option('--offset <n>', 'skip so many rows', wholeNumber)
    .option(
      '--limit <n>',
      `maximum number of rows (default: ${ROWS_ON_SCREEN} as a table, otherwise all)`,
      wholeNumber,
    );
  withJson(withProject(command)).action(async (runId: string | undefined, options: ResultsOptions) => {
    const selection = selectionOf(options);
    await readingRun(runId, options, async (handle) => {
      const asTable = options.json !== true && options.csv !== true;
      const limit = options.limit ?? (asTable ? ROWS_ON_SCREEN : Infinity);
      const { rows, total } = await read(handle, selection, limit);
      if (options.json === true) return printJson(rows);
      if (options.csv === true) return void process.stdout.write(csvOf(rows));
      print(renderRows(rows, limit, widthOfTerminal(), paint, total));
      if (rows.length < total) aside('Use --limit to show more rows; --json and --csv print all.');
    });
  });
}

/** Null: all rows, in the order of their partitions. */
function selectionOf({ offset, sort, where }: ResultsOptions): ResultsPageOptions | null {
  if (offset === undefined && sort === undefined && where === undefined) return null;
  return { offset, sort: sort?.map(sortOf), where: where?.map(conditionOf) };
}

/** `total`: of the rows that are selected, without those before the offset. */
async function read(
  handle: RunHandle,
  selection: ResultsPageOptions | null,
  limit: number,
): Promise<{ rows: ResultRows; total: number }> {
  if (selection !== null) return readPages(handle, selection, limit);
  const rows = await handle.results(limit === Infinity ? {} : { limit });
  return { rows, total: rows.length < limit ? rows.length : await handle.countResults() };
}

async function readPages(
  handle: RunHandle,
  { offset = 0, ...selection }: ResultsPageOptions,
  limit: number,
): Promise<{ rows: ResultRows; total: number }> {
  const found: Row[] = [];
  for (;;) {
    const most = Math.max(1, Math.min(PAGE, limit - found.length));
    const page = await handle.resultsPage({ ...selection, offset: offset + found.length, limit: most });
    const names = page.columns.map(({ name }) => name);
    // Own properties, also for a column named __proto__.
    const rows = page.rows.map((row) => Object.fromEntries(names.map((name, i) => [name, row[i]])) as Row);
    found.push(...rows.slice(0, limit - found.length));
    if (found.length >= limit || rows.length < most) {
      const all = Object.assign(found, { columns: page.columns });
      return { rows: all, total: Math.max(0, page.total - offset) };
    }
  }
}
